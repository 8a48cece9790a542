"""The examples of an OpenAPI document."""

import json
from collections.abc import Iterator
from typing import Any

CSV = b"id,text\n1,good\n"


def request_examples(schema: dict[str, Any]) -> Iterator[tuple[str, str, str, str, dict[str, Any]]]:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                assert content["examples"], (path, media_type)
                yield from ((path, method, media_type, name, value) for name, value in content["examples"].items())


def as_sent(media_type: str, value: dict[str, Any]) -> dict[str, Any]:
    """An example as the arguments of a test client's `request`; `@name` stands for a file."""
    if media_type == "application/json":
        return {"json": value}
    fields = {name: field if isinstance(field, str) else json.dumps(field) for name, field in value.items()}
    if media_type == "application/x-www-form-urlencoded":
        return {"data": fields}
    return {
        "files": {name: ("a.csv", CSV) if field.startswith("@") else (None, field) for name, field in fields.items()}
    }


def check_errors(schema: dict[str, Any]) -> None:
    """Every error of every operation has an example of each of its codes, which its description names."""
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    examples = response["content"]["application/json"]["examples"]
                    assert examples, (path, status)
                    for code, example in examples.items():
                        assert example["value"]["code"] == code
                        assert f"`{code}`" in response["description"]
