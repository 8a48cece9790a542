import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from serving.logs import JsonFormatter, RequestLog, TextFormatter, configure


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    for name in ("serving", "uvicorn"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
        monkeypatch.setattr(logging.getLogger(name), "level", logging.NOTSET)
    return logging.getLogger("serving")


def test_a_lone_process_gets_one_handler(logger: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger, "propagate", False)
    configure("warning")
    configure("error")
    assert logger.level == logging.ERROR
    assert len(logger.handlers) == 1


def test_a_process_with_its_own_keeps_them(logger: logging.Logger) -> None:
    configure("debug")
    assert logger.level == logging.DEBUG
    assert logger.handlers == [], "pytest's are on the root"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("log_format", "stream", "is_text"),
    [
        ("auto", Terminal(), True),
        ("auto", io.StringIO(), False),
        ("text", io.StringIO(), True),
        ("json", Terminal(), False),
    ],
)
def test_the_format_is_as_the_setting_says_or_the_terminal(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, log_format: str, stream: io.StringIO, is_text: bool
) -> None:
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(sys, "stderr", stream)
    configure("info", log_format)
    logger.info("ready")
    written = stream.getvalue()
    assert written.endswith(" ready\n" if is_text else '"ready"}\n')
    assert logging.getLogger("uvicorn").isEnabledFor(logging.INFO) is not is_text


def test_a_message_for_people_is_a_short_line() -> None:
    info = logging.LogRecord("serving.x", logging.INFO, "x.py", 1, "it's %s", ("so",), None)
    warning = logging.LogRecord("serving.x", logging.WARNING, "x.py", 1, "late", (), None)
    lines = [TextFormatter().format(record) for record in (info, warning)]
    assert [line[8:] for line in lines] == [" it's so", " warning: late"]
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)


def test_a_fault_for_people_keeps_its_traceback() -> None:
    try:
        raise ValueError("inner")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", (), sys.exc_info())
    first, *others = TextFormatter().format(record).splitlines()
    assert first.endswith(" error: failed")
    assert others[-1] == "ValueError: inner"


def formatted(record: logging.LogRecord) -> dict[str, object]:
    line = JsonFormatter().format(record)
    assert "\n" not in line
    content: dict[str, object] = json.loads(line)
    return content


def test_a_message_is_one_line_of_json() -> None:
    record = logging.LogRecord("serving.x", logging.INFO, "x.py", 1, "it's %s", ("so\n“quoted”",), None)
    entry = formatted(record)
    assert (entry["level"], entry["logger"], entry["message"]) == ("info", "serving.x", "it's so\n“quoted”")
    assert str(entry["time"]).endswith("Z")


def test_a_fault_keeps_its_traceback() -> None:
    try:
        raise ValueError("inner")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", (), sys.exc_info())
    assert "ValueError: inner" in str(formatted(record)["fault"])


def test_each_request_has_a_line_without_its_text(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="serving")
    client.post("/predict", data={"text": "my secret is good"}, headers={"X-Request-ID": "mine"})
    client.post("/predict?key=hidden", data={"text": "", "other": "secret"}, headers={"X-Request-ID": "refused"})
    client.get("/healthz")  # what came before it is written by then
    records = [record for record in caplog.records if record.name == "serving.requests"]
    lines = [line for record in records for line in JsonFormatter().format(record).splitlines()]
    entries = [json.loads(line) for line in lines][:2]
    assert [(entry["request_id"], entry["route"], entry["status"]) for entry in entries] == [
        ("mine", "/predict", 200),
        ("refused", "/predict", 422),
    ]
    assert all(isinstance(entry["milliseconds"], float) for entry in entries)
    assert "secret" not in caplog.text
    assert "hidden" not in caplog.text


def test_requests_of_one_turn_are_one_record(caplog: pytest.LogCaptureFixture) -> None:
    async def answer_three() -> None:
        requests = RequestLog()
        for number in range(3):
            requests.add(f"id-{number}", "GET", "/model", 200, 0.0123)
        await asyncio.sleep(0)

    with caplog.at_level(logging.INFO, "serving.requests"):
        asyncio.run(answer_three())
    (record,) = caplog.records
    entries = [json.loads(line) for line in JsonFormatter().format(record).splitlines()]
    assert [entry["request_id"] for entry in entries] == ["id-0", "id-1", "id-2"]
    assert {entry["milliseconds"] for entry in entries} == {12.3}
    assert {(entry["level"], entry["logger"]) for entry in entries} == {("info", "serving.requests")}
    lines = TextFormatter().format(record).splitlines()
    assert [line[9:] for line in lines] == ["GET /model 200 12.3 ms"] * 3, "each a line for people, after its time"


def test_a_line_that_nobody_reads_is_not_made(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "serving.requests"):
        RequestLog().add("mine", "GET", "/model", 200, 0.0123)  # it would need an event loop
    assert caplog.records == []


def test_keys_are_never_logged(make_client: Callable[..., TestClient], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = make_client(api_keys="first-key-of-sixteen")
    for key in ("first-key-of-sixteen", "a-wrong-key-of-many"):
        client.get("/model", headers={"Authorization": f"Bearer {key}"})
    assert caplog.records
    assert "key-of" not in "".join(str(vars(record)) for record in caplog.records if record.name.startswith("serving"))
