"""The service's log: one JSON object a line, on stderr. No text of a user is in it."""

import json
import logging
from time import gmtime, strftime

REQUESTS = logging.getLogger("serving.requests")

_FIELDS = ("request_id", "method", "route", "status", "milliseconds")


class JsonFormatter(logging.Formatter):
    """A record as one line: time (UTC), level, logger, message; a request's fields; a fault's traceback."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {name: record.__dict__[name] for name in _FIELDS if name in record.__dict__}
        if record.exc_info:
            entry["fault"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def configure(level: str) -> None:
    """Set the level of the service's and the server's messages, and give them a handler where the process has none."""
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
    """One line for a request that was answered, or left by its client."""
    if REQUESTS.isEnabledFor(level):
        values = (request_id, method, route, status, round(seconds * 1000, 2))
        REQUESTS.log(level, "%s %s %d", method, route, status, extra=dict(zip(_FIELDS, values, strict=True)))
