from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.api_docs import Operation, operations
from tests.serving.curl import as_request


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
