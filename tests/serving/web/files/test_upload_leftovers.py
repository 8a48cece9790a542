"""Where an upload is kept: in the temporary folder, never where its client says, and no longer than its request."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are read from /proc")

LARGE = b"text\n" + b"good".ljust(99) + b"\n"
LARGE += LARGE[5:] * 1_999
NAMES = [
    b"../../x",
    b"../../../../../../../../tmp/x",
    b"%(folder)s/absolute",
    b"x\0y",
    b"\0",
    b"C:\\Windows\\x",
    b"..\\..\\x",
    b"~/x",
    b"|touch x",
    b"x" * 3000,
    "\u202egpj.csv".encode(),
    b".",
]
HEADERS = {"Content-Type": "multipart/form-data; boundary=b"}

_opened: list[str] = []
_watching: list[bool] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        _opened.append(os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else str(arguments[0]))


@pytest.fixture(scope="module", autouse=True)
def _hook() -> None:
    sys.addaudithook(_note)  # it cannot be taken away again


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder; the process works in another one."""
    folder, work = tmp_path / "a" / "b" / "temporary", tmp_path / "a" / "b" / "work"
    folder.mkdir(parents=True)
    work.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(work)
    return folder


@pytest.fixture
def opened(folder: Path) -> Iterator[list[str]]:
    """Every path that is opened for writing during the test."""
    _opened.clear()
    _watching.append(True)
    yield _opened
    _watching.clear()
    assert left_in(folder) == []
    assert {path.name for path in folder.parents[2].rglob("*")} == {"a", "b", "temporary", "work"}


def left_in(folder: Path) -> list[str]:
    """Files that this process still has open there, also those without a name."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(descriptor.readlink()))
        except OSError:  # the listing's own
            continue
    return [link for link in links if link.startswith(str(folder))]


def body_of(name: bytes, content: bytes = LARGE, after: bytes = b"\r\n--b--\r\n") -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n' + content + after


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_no_path(client: TestClient, folder: Path, opened: list[str], name: bytes) -> None:
    name = name.replace(b"%(folder)s", os.fsencode(folder.parent))
    answer = client.post("/predict/file", content=body_of(name), headers=HEADERS)
    assert answer.status_code == 200
    assert answer.text.count("\n") == 2_001
    assert answer.headers["content-disposition"] == 'attachment; filename="predictions.csv"'
    assert {Path(path) for path in opened} <= {folder, *folder.glob("*")}
    assert opened, "a file of this size is on disk"


FIELD = b'\r\n--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n--b--\r\n'
SECOND = b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="b"\r\n\r\nx\r\n--b--\r\n'
REFUSED = {
    "file_too_large": (413, body_of(b"a", LARGE * 6)),
    "much too large": (413, body_of(b"a", LARGE * 8)),
    "broken off": (400, body_of(b"a", after=b"")),
    "malformed_form": (400, body_of(b"a", after=b"\r\n--bogus")),
    "no form": (400, body_of(b"a", after=b"\r\n--b\r\nno header\r\n\r\n\r\n--b--\r\n")),
    "file_repeated": (422, body_of(b"a", after=SECOND)),
    "long field": (400, body_of(b"a", after=FIELD % (b"text_column", b"x" * 9_000))),
    "not_utf8": (400, body_of(b"a", after=FIELD % (b"text_column", b"\xff"))),
    "unknown_encoding": (422, body_of(b"a", after=FIELD % (b"encoding", b"klingon"))),
    "unknown_delimiter": (422, body_of(b"a", after=FIELD % (b"delimiter", b"colon"))),
    "text_column_unknown": (422, body_of(b"a", after=FIELD % (b"text_column", b"other"))),
    "unknown_header": (422, body_of(b"a", after=FIELD % (b"header", b"perhaps"))),
    "file_kind": (422, body_of(b"a", b"%PDF" + b"x" * 100_000)),
    "not_utf8 in the file": (422, body_of(b"a", b"caf\xe9,\n" * 20_000)),
    "file_unreadable": (422, body_of(b"a", b"\n" * 100_000)),
}


@pytest.mark.parametrize(("status", "body"), REFUSED.values(), ids=REFUSED)
def test_nothing_is_left_of_what_is_refused(
    make_client: Callable[..., TestClient], folder: Path, opened: list[str], status: int, body: bytes
) -> None:
    client = make_client(max_file_bytes=1_150_000)
    for content in (body, iter([body[start : start + 70_000] for start in range(0, len(body), 70_000)])):
        assert client.post("/predict/file", content=content, headers=HEADERS).status_code == status
    assert {Path(path) for path in opened} <= {folder, *folder.glob("*")}


@pytest.mark.anyio
async def test_nothing_is_left_of_what_breaks_off(
    make_app: Callable[..., FastAPI], folder: Path, opened: list[str]
) -> None:
    messages: list[dict[str, object]] = [
        {"type": "http.request", "body": body_of(b"a", after=b""), "more_body": True},
        {"type": "http.disconnect"},
    ]
    held = []

    async def receive() -> dict[str, object]:
        held.append(len(left_in(folder)))
        return messages.pop(0)

    async def send(_: object) -> None:
        raise AssertionError("nobody is there")

    headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
    scope = {"type": "http", "method": "POST", "path": "/predict/file", "query_string": b"", "headers": headers}
    app = make_app()
    await app(scope, receive, send)
    await app.state.service.batcher.aclose()
    assert held == [0, 1]
    assert opened
