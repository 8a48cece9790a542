"""JSON logs: one object a line, on stderr. No text of a user is in it."""

import json
import logging
from functools import lru_cache
from time import gmtime, strftime

REQUESTS = logging.getLogger("serving.requests")


class JsonFormatter(logging.Formatter):
    """A record as one line: time (UTC), level, logger, message; a request's fields; a fault's traceback."""

    def format(self, record: logging.LogRecord) -> str:
        head = f'{{"time": "{_second(int(record.created))}.{int(record.msecs):03d}Z", '
        if "request_fields" in record.__dict__:
            # A line for each request: nothing in it needs to be escaped, and json.dumps takes longer than all else.
            return f'{head}"level": "{record.levelname.lower()}", {record.__dict__["request_fields"]}}}'
        entry = {"level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            entry["fault"] = self.formatException(record.exc_info)
        return head + json.dumps(entry, ensure_ascii=False)[1:]


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))


def configure(level: str) -> None:
    """Set the level of the service's and the server's messages, and give them a handler where the process has none."""
    # What no line holds is not looked up for each (Python's logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for name in ("serving", "uvicorn"):
        logger = logging.getLogger(name)
        logger.setLevel(level.upper())
        if not logger.hasHandlers():
            handler = logging.StreamHandler()
            handler.setFormatter(JsonFormatter())
            logger.addHandler(handler)


def log_request(
    request_id: str, method: str, route: str, status: int, seconds: float, level: int = logging.INFO
) -> None:
    """One line for a request that was answered, or left by its client.

    Args:
        request_id: letters, digits, dots, underscores and hyphens.
        method: of HTTP, or "other".
        route: the template of its path.
        status: of the answer.
        seconds: until the answer's end.
        level: of the line.
    """
    if not REQUESTS.isEnabledFor(level):
        return
    # Not by Logger.log, which looks for the caller in the stack: that takes as long as all the rest.
    record = logging.LogRecord(REQUESTS.name, level, "", 0, "%s %s %d", (method, route, status), None)
    record.request_fields = (
        f'"logger": "{REQUESTS.name}", "message": "{method} {route} {status}", "request_id": "{request_id}", '
        f'"method": "{method}", "route": "{route}", "status": {status}, "milliseconds": {seconds * 1000:.2f}'
    )
    REQUESTS.handle(record)
