import logging

import pytest

from serving.logs import configure


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    logger = logging.getLogger("serving")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    return logger


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
