import logging
import os
import signal
from multiprocessing import Pipe
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.config import STARTUP_FAILURE

from serving.server import supervisor
from serving.server.config import ServerConfig
from serving.server.supervisor import PAUSE, Supervisor, Worker
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
def two(monkeypatch: pytest.MonkeyPatch, clock: SimpleNamespace) -> Supervisor:  # noqa: ARG001
    """A supervisor of two living workers, the first with pid 100."""
    monkeypatch.setattr(FakeWorker, "made", [], raising=False)
    monkeypatch.setattr(supervisor, "Worker", FakeWorker)
    monkeypatch.setattr(Supervisor, "_forget", lambda *_: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    two = Supervisor(ServerConfig(Settings(workers=2)), [])
    workers: list[Any] = [FakeWorker(), FakeWorker()]
    two.processes = workers
    return two


def pids(of: Supervisor) -> list[int | None]:
    return [process.pid for process in of.processes]


def end(pid: int, status: int) -> None:
    FakeWorker.made[pid - 100].exitcode = status


@pytest.mark.parametrize("answers", [True, False])
def test_a_death_is_noticed_while_an_answer_is_awaited(answers: bool) -> None:
    worker = Worker(ServerConfig(Settings(workers=2)), [])
    ended, ending = Pipe()
    worker.process = SimpleNamespace(is_alive=lambda: True, sentinel=ended)  # type: ignore[assignment]
    if answers:
        worker.child_conn.send(True)
    else:
        ending.close()
    assert worker.is_alive(30) == answers


def test_a_dead_worker_is_replaced_at_once(two: Supervisor) -> None:
    end(100, -signal.SIGKILL)
    two.keep_subprocess_alive()
    assert pids(two) == [102, 101]
    two.keep_subprocess_alive()
    assert pids(two) == [102, 101]


def test_one_that_cannot_start_is_tried_again_after_a_pause(
    two: Supervisor, clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    end(100, STARTUP_FAILURE)
    for _ in range(3):
        two.keep_subprocess_alive()
    assert pids(two) == [100, 101]
    clock.now += PAUSE
    two.keep_subprocess_alive()
    assert pids(two) == [102, 101]
    end(102, STARTUP_FAILURE)
    two.keep_subprocess_alive()
    assert pids(two) == [102, 101], "it rests again"
    assert len(caplog.records) == 2
    assert not two.should_exit.is_set()


def test_one_more_is_started_as_the_others_were(two: Supervisor) -> None:
    two.handle_ttin()
    assert pids(two) == [100, 101, 102]


def test_sighup_ends_the_pause(two: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "kill", lambda *_: None)
    end(100, STARTUP_FAILURE)
    two.keep_subprocess_alive()
    two.handle_hup()
    two.keep_subprocess_alive()
    assert pids(two) == [102, 101]


def test_one_that_lives_is_kept_going_while_another_rests(two: Supervisor) -> None:
    end(100, STARTUP_FAILURE)
    two.keep_subprocess_alive()
    end(101, -signal.SIGKILL)
    two.keep_subprocess_alive()
    assert pids(two) == [100, 102]


def test_where_none_can_start_all_of_it_ends(two: Supervisor) -> None:
    end(100, STARTUP_FAILURE)
    end(101, STARTUP_FAILURE)
    two.keep_subprocess_alive()
    assert two.should_exit.is_set()
    assert two.failed
    assert pids(two) == [100, 101]


def test_sighup_goes_to_each_living_worker(two: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    end(100, 1)
    two.handle_hup()
    assert sent == [(101, signal.SIGHUP)]
