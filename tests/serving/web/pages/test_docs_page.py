import json
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from serving.web.pages.docs_page import Operation, json_command, operations
from tests.serving.curl import as_request
from tests.serving.generated import TEXTS


def test_a_command() -> None:
    assert json_command("http://127.0.0.1:8000/predict", {"text": 'it\'s "good"'}) == (
        "curl http://127.0.0.1:8000/predict -H 'Content-Type: application/json' "
        """-d '{"text": "it'"'"'s \\"good\\""}'"""
    )


def test_the_key_stays_out_of_it() -> None:
    command = json_command("http://host/predict", {"text": "a"}, keyed=True)
    assert command.startswith('curl http://host/predict -H "X-API-Key: $API_KEY" ')


@settings(max_examples=500, deadline=None)
@given(text=TEXTS | st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_quoted(text: str) -> None:
    command = json_command("http://host/predict", {"text": text})
    assert command.isprintable()
    assert json.loads(as_request(command)["content"]) == {"text": text}


@pytest.mark.parametrize("text", ["it's", '$HOME `id` $(id) \\ !! "', "two\nlines\x00\x1b[31m", "😀 \u202e"])
def test_a_shell_reads_it_the_same(text: str) -> None:
    command = json_command("http://host/predict", {"text": text})
    script = f"""curl() {{ for argument; do printf '%s\\0' "$argument"; done; }}; {command}"""
    output = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True).stdout
    url, _, header, _, body, _ = output.split("\0")
    assert (url, header) == ("http://host/predict", "Content-Type: application/json")
    assert json.loads(body) == {"text": text}


@pytest.fixture
def found(client: TestClient) -> list[Operation]:
    return operations(client.get("/openapi.json").json(), "http://testserver")


def test_every_operation_of_the_document(client: TestClient, found: list[Operation]) -> None:
    paths: dict[str, Any] = client.get("/openapi.json").json()["paths"]
    assert [(operation.method.lower(), operation.path) for operation in found] == [
        (method, path) for path, methods in paths.items() for method in methods
    ]
    assert len({operation.anchor for operation in found}) == len(found)


def test_every_command_works(client: TestClient, found: list[Operation]) -> None:
    for operation in found:
        assert operation.requests
        for example in operation.requests:
            sent = as_request(example.content)
            assert sent["method"] == operation.method
            assert client.request(**sent).status_code in {200, 307}, example.content


def test_both_shapes_by_every_way(found: list[Operation]) -> None:
    (predict,) = [operation for operation in found if (operation.method, operation.path) == ("POST", "/predict")]
    assert [example.name for example in predict.requests] == [
        "One text, as application/json",
        "One text, explained, as application/json",
        "Several texts, as application/json",
        "Several texts, explained, as application/json",
        "One text, as application/x-www-form-urlencoded",
        "One text, explained, as application/x-www-form-urlencoded",
        "One text, as multipart/form-data",
        "One text, explained, as multipart/form-data",
    ]


def test_every_error_has_an_example(found: list[Operation]) -> None:
    for operation in found:
        for answer in operation.answers:
            if answer.status[0] in "45":
                assert answer.examples, (operation, answer.status)
                assert all(example.sentence for example in answer.examples)
                assert all(f"`{example.name}`" in answer.description for example in answer.examples)
