"""What keeps several workers going."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from socket import socket, socketpair

from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from serving.process import waiting

PAUSE = 10.0
"""Seconds until a worker that could not start is tried again: loading takes from what the others answer with."""

_ROUND = 0.5  # seconds between two looks at the workers

_log = logging.getLogger(__name__)


class Worker(Process):
    """A worker and its supervisor, each of which notices when the other dies.

    uvicorn's supervisor waits out the whole timeout where one dies while it is asked whether it lives: for that long
    nothing would be done for the others, nor any signal heeded. And uvicorn's worker goes on without a supervisor,
    where it would keep the address from the next one.
    """

    def target(self, sockets: list[socket] | None = None) -> None:
        self.parent_conn.close()  # came along, and would keep the pipe open when the supervisor's own end is gone
        server = self.server
        threading.Thread(target=self.always_pong, daemon=True).start()
        server.run(sockets)

    def always_pong(self) -> None:
        try:
            super().always_pong()
        except (OSError, EOFError):
            os.kill(os.getpid(), signal.SIGTERM)  # what is in work is finished, as at any other end

    def is_alive(self, timeout: float = 5) -> bool:
        if not self.process.is_alive():
            return False
        try:
            self.parent_conn.send(b"ping")
            if self.parent_conn not in wait([self.parent_conn, self.process.sentinel], timeout):
                return False
            self.parent_conn.recv()
        except (OSError, EOFError):
            return False
        return True


class Supervisor(Multiprocess):
    """Starts the workers, and again those that end.

    A worker that dies while what it would load cannot be served, as a bundle that is half copied, does not end the
    others: it is tried again after a pause, and at once on SIGHUP. Where no other worker lives, as when the service
    first starts, there is nothing to keep: all of it ends and `failed` is set, so that whoever started it can learn of
    it.

    SIGHUP is handed to the workers, rather than ending them: none of their connections closes. On SIGTERM it closes its
    own hold on the address before it waits for them: otherwise the system would go on taking connections that nobody
    answers.
    """

    def __init__(self, config: Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self.failed = False
        self._not_before: dict[int, float] = {}  # by the pid of a worker that could not start

    def run(self) -> None:
        """Keep the workers going until a signal ends them. Each is heeded at once, not by the half second."""
        _log.info("Started parent process [%d]", os.getpid())
        self.init_processes()
        with _signalled() as signalled:
            while not self.should_exit.is_set():
                if wait([signalled], _ROUND):
                    signalled.recv(4096)
                self.handle_signals()
                self.keep_subprocess_alive()
        self.terminate_all()
        self.join_all()
        _log.info("Stopping parent process [%d]", os.getpid())

    def terminate_all(self) -> None:
        for listening in self.sockets:
            listening.close()
        super().terminate_all()

    def init_processes(self) -> None:
        self.processes = [self._started() for _ in range(self.processes_num)]

    def handle_ttin(self) -> None:
        self.processes_num += 1
        self.processes.append(self._started())

    def handle_hup(self) -> None:
        self._not_before = dict.fromkeys(self._not_before, 0.0)
        for process in self.processes:
            if process.pid is not None and process.process.is_alive():
                os.kill(process.pid, signal.SIGHUP)

    def keep_subprocess_alive(self) -> None:
        for place, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if process.pid in self._not_before or not process.is_alive(self.config.timeout_worker_healthcheck):
                self._replace(place, process)

    def _replace(self, place: int, process: Process) -> None:
        if process.pid not in self._not_before:
            self._bury(process)
        if self.should_exit.is_set() or time.monotonic() < self._not_before.get(process.pid or 0, 0.0):
            return
        self._not_before.pop(process.pid or 0, None)
        self.processes[place] = self._started()

    def _started(self) -> Process:
        worker = Worker(self.config, self.sockets)
        with waiting():
            worker.start()
        return worker

    def _bury(self, process: Process) -> None:
        """End what is left of a worker, and decide when, if at all, there will be another in its place."""
        process.kill()  # it may hang rather than be dead
        process.join()
        self._forget(process.pid)
        if process.exitcode != STARTUP_FAILURE:
            _log.warning("Worker [%s] died; another takes its place", process.pid)
        elif any(other.process.is_alive() for other in self.processes):
            _log.error("Worker [%s] could not start; the others go on and it is tried again", process.pid)
            self._not_before[process.pid or 0] = time.monotonic() + PAUSE
        else:
            _log.error("Worker [%s] could not start and no other lives; the service ends", process.pid)
            self.failed = True
            self.should_exit.set()

    def _forget(self, pid: int | None) -> None:
        """What a dead worker counted stays; what it held at the moment of its death goes."""
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid)  # type: ignore[no-untyped-call]


@contextmanager
def _signalled() -> Iterator[socket]:
    """A socket that has something to read once a signal has come."""
    told, telling = socketpair()
    with told, telling:
        telling.setblocking(False)
        before = signal.set_wakeup_fd(telling.fileno(), warn_on_full_buffer=False)
        try:
            yield told
        finally:
            signal.set_wakeup_fd(before)
