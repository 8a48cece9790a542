import logging
import os
import signal
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import multiprocess
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import SIGNALS

from serving.server import supervisor
from serving.server.config import ServerConfig
from serving.server.supervisor import RETRY_AFTER, Supervisor, Worker
from serving.settings import Settings


class FakeWorker:
    """A worker that lives until a test ends it."""

    made: list["FakeWorker"]

    def __init__(self, *_: object) -> None:
        self.exitcode: int | None = None
        self.process = SimpleNamespace(is_alive=lambda: self.exitcode is None)
        self.pid = 100 + len(self.made)
        self.made.append(self)

    def start(self) -> None: ...

    def join(self) -> None: ...

    def is_alive(self, _: float) -> bool:
        return self.exitcode is None

    def kill(self) -> None:
        self.exitcode = -signal.SIGKILL if self.exitcode is None else self.exitcode


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: clock.now)  # type: ignore[attr-defined]
    return clock


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch, clock: SimpleNamespace) -> Iterator[Supervisor]:  # noqa: ARG001
    """A supervisor of two living workers, the first with pid 100."""
    monkeypatch.setattr(FakeWorker, "made", [], raising=False)
    monkeypatch.setattr(supervisor, "Worker", FakeWorker)
    monkeypatch.setattr(multiprocess, "mark_process_dead", lambda _: None)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    two = Supervisor(ServerConfig(Settings(workers=2)), [])
    two.init_processes()
    yield two
    for number, handler in before.items():
        signal.signal(number, handler)


def pids(of: Supervisor) -> list[int | None]:
    return [process.pid for process in of.processes]


def end(pid: int, status: int) -> None:
    FakeWorker.made[pid - 100].exitcode = status


@pytest.mark.parametrize("ended", [lambda worker: worker.child_conn.close(), lambda worker: worker.child_conn.send(1)])
def test_a_death_is_noticed_while_an_answer_is_awaited(ended: Callable[[Worker], None]) -> None:
    worker = Worker(ServerConfig(Settings(workers=2)), [])
    process: Any = SimpleNamespace(is_alive=lambda: True)
    worker.process = process
    ended(worker)
    assert worker.is_alive(30) != worker.child_conn.closed


def test_a_dead_worker_is_replaced_at_once(two: Supervisor) -> None:
    end(100, -signal.SIGKILL)
    two.keep_subprocess_alive()
    assert pids(two) == [101, 102]
    two.keep_subprocess_alive()
    assert pids(two) == [101, 102]


def test_one_that_cannot_start_is_tried_again_after_a_while(
    two: Supervisor, clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    end(100, STARTUP_FAILURE)
    for _ in range(3):
        two.keep_subprocess_alive()
    assert pids(two) == [101]
    clock.now += RETRY_AFTER
    two.keep_subprocess_alive()
    assert pids(two) == [101, 102]
    end(102, STARTUP_FAILURE)
    two.keep_subprocess_alive()
    assert pids(two) == [101], "again after a while"
    assert len(caplog.records) == 2
    assert not two.should_exit.is_set()


def test_one_more_is_started_as_the_others_were(two: Supervisor) -> None:
    two.handle_ttin()
    two.keep_subprocess_alive()
    assert pids(two) == [100, 101, 102]


def test_sighup_tries_again_at_once(two: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "kill", lambda *_: None)
    end(100, STARTUP_FAILURE)
    two.keep_subprocess_alive()
    two.handle_hup()
    two.keep_subprocess_alive()
    assert pids(two) == [101, 102]


def test_where_none_can_start_all_of_it_ends(two: Supervisor) -> None:
    end(100, STARTUP_FAILURE)
    end(101, STARTUP_FAILURE)
    two.keep_subprocess_alive()
    assert two.should_exit.is_set()
    assert two.failed
    assert len(FakeWorker.made) == 2


def test_sighup_goes_to_each_living_worker(two: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    end(100, 1)
    two.handle_hup()
    assert sent == [(101, signal.SIGHUP)]
