import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.commands import json_command
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
