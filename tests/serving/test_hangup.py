import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from serving import hangup


@pytest.fixture
def come() -> Iterator[list[int]]:
    """The signals that have come."""
    come: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _: come.append(number))
    yield come
    hangup.heed()
    signal.signal(signal.SIGHUP, before)


def test_it_waits_until_it_is_heeded(come: list[int]) -> None:
    hangup.put_off()
    signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
    assert come == []
    hangup.heed()
    assert come == [signal.SIGHUP]


def test_it_waits_meanwhile(come: list[int]) -> None:
    with hangup.waiting():
        signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
        assert come == []
    assert come == [signal.SIGHUP]


@pytest.mark.parametrize("change", [hangup.put_off, hangup.heed])
def test_where_there_is_no_such_signal(monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]) -> None:
    monkeypatch.setattr(hangup, "_KNOWN", False)
    monkeypatch.delattr(signal, "pthread_sigmask")
    change()
