"""An OpenAPI document as a page can show it: operation by operation, with commands that work."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from serving.web.requests.headers import JSON, MULTIPART


def json_command(url: str, body: object, *, keyed: bool = False) -> str:
    """The curl command, in one line for any POSIX shell, that posts a JSON body.

    Args:
        keyed: the service wants an API key; the command then takes it from the variable API_KEY.

    Every character that a terminal might act on or not show is escaped as JSON does it.
    """
    text = json.dumps(body, ensure_ascii=False)
    visible = "".join(character if character.isprintable() else _escaped(character) for character in text)
    key = ' -H "X-API-Key: $API_KEY"' if keyed else ""
    # Not --json, which is only in curl 7.82 and later.
    return f"curl {shlex.quote(url)}{key} -H 'Content-Type: application/json' -d {shlex.quote(visible)}"


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]


@dataclass(frozen=True, slots=True)
class Example:
    """A name and what is shown under it: a shell command, or a body. `sentence`: an error's, where it is one."""

    name: str
    content: str
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One status that an operation answers with."""

    status: str
    description: str
    examples: list[Example]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `requests`: a command for each example of its body, or the one that a GET needs."""

    method: str
    path: str
    summary: str
    requests: list[Example]
    answers: list[Answer]

    @property
    def anchor(self) -> str:
        return f"{self.method}{self.path.replace('/', '-')}".rstrip("-").lower()


def operations(document: Mapping[str, Any], origin: str) -> list[Operation]:
    """The document's operations in its order. `origin`: where the service is, such as https://example.org."""
    return [
        Operation(
            method=method.upper(),
            path=path,
            summary=operation.get("summary", ""),
            requests=list(_requests(f"{origin}{path}", operation)),
            answers=[_answer(status, response) for status, response in operation["responses"].items()],
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _requests(url: str, operation: Mapping[str, Any]) -> Iterator[Example]:
    if "requestBody" not in operation:
        yield Example("", f"curl {shlex.quote(url)}")
    for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
        for name, example in body.get("examples", {}).items():
            title = f"{example.get('summary', name)}, as {media_type}"
            yield Example(title, _command(url, media_type, example["value"]))


def _command(url: str, media_type: str, value: Any) -> str:
    if media_type == JSON:
        return json_command(url, value)
    flag = "-F" if media_type == MULTIPART else "--data-urlencode"
    fields = [f"{flag} {shlex.quote(f'{name}={_written(field)}')}" for name, field in value.items()]
    return " ".join([f"curl {shlex.quote(url)}", *fields])


def _written(field: object) -> str:
    return field if isinstance(field, str) else json.dumps(field)


def _answer(status: str, response: Mapping[str, Any]) -> Answer:
    examples = [
        Example(example.get("summary", name), _shown(example["value"]), _sentence(example["value"]))
        for body in response.get("content", {}).values()
        for name, example in body.get("examples", {}).items()
    ]
    return Answer(status, response.get("description", ""), examples)


def _sentence(value: object) -> str:
    return str(value.get("detail", "")) if isinstance(value, dict) else ""


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
