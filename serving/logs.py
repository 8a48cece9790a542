"""Logs on stderr: JSON, one object a line, or short lines for people. No text of a user is in them."""

import asyncio
import json
import logging
import sys
from functools import lru_cache
from time import gmtime, localtime, strftime, time

REQUESTS = logging.getLogger("serving.requests")


class JsonFormatter(logging.Formatter):
    """A record as one line: time (UTC), level, logger, message; a fault's traceback.

    What RequestLog writes are such lines already.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, without its end."""
        if record.name == REQUESTS.name:
            return record.getMessage()
        entry = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["fault"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """A record as a short line for people: local time, level from warning on, message; a fault's traceback.

    What RequestLog writes becomes a line for each request: time, method, route, status, milliseconds.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as lines, without the end of the last one."""
        clock = strftime("%H:%M:%S", localtime(record.created))
        if record.name == REQUESTS.name:
            return "\n".join(f"{clock} {_request_text(line)}" for line in record.getMessage().splitlines())
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        text = f"{clock} {level}{record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _request_text(line: str) -> str:
    request = json.loads(line)
    return f"{request['method']} {request['route']} {request['status']} {request['milliseconds']:.1f} ms"


def _time(seconds: float) -> str:
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))


def configure(level: str, log_format: str = "auto") -> None:
    """Set the level of the service's and the server's messages, and give them a handler where the process has none.

    Args:
        level: the least severe one that is written, such as "info".
        log_format: "json", "text", or "auto" for text where stderr is a terminal and JSON elsewhere.
    """
    is_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    for name in ("serving", "uvicorn"):
        logger = logging.getLogger(name)
        # What uvicorn tells of its own steps is of use to machines, or to who looks for a fault.
        logger.setLevel("WARNING" if is_text and (name, level) == ("uvicorn", "info") else level.upper())
        if not logger.hasHandlers():
            handler = logging.StreamHandler()
            handler.setFormatter(TextFormatter() if is_text else JsonFormatter())
            logger.addHandler(handler)


class RequestLog:
    """Access log: one line of JSON for each request, those of one turn of the event loop in one record.

    A record for each would take a tenth of the loop's time. Only to be used in a running event loop.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, request_id: str, method: str, route: str, status: int, seconds: float) -> None:
        """Log a request that was answered, or left by its client.

        Args:
            request_id: letters, digits, dots, underscores and hyphens.
            method: of HTTP, or "other".
            route: the template of its path.
            status: of the answer.
            seconds: until the answer's end.
        """
        if not REQUESTS.isEnabledFor(logging.INFO):
            return
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(request_line("info", request_id, method, route, status, seconds))

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        # Not by `info`, which looks through the stack for its caller: that takes as long as all the rest.
        REQUESTS.handle(REQUESTS.makeRecord(REQUESTS.name, logging.INFO, "", 0, "\n".join(lines), (), None))


def request_line(level: str, request_id: str, method: str, route: str, status: int, seconds: float) -> str:
    """The line of one request, as JsonFormatter would write it. Nothing in it needs to be escaped."""
    return (
        f'{{"time": "{_time(time())}", "level": "{level}", "logger": "{REQUESTS.name}", '
        f'"message": "{method} {route} {status}", "request_id": "{request_id}", "method": "{method}", '
        f'"route": "{route}", "status": {status}, "milliseconds": {seconds * 1000:.2f}}}'
    )
