"""Supervisor of several workers: uvicorn's, for workers that share metrics and exchange their model on SIGHUP."""

import logging
import os
import signal
import time
from socket import socket

from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from serving import process

# Seconds until a worker that could not start is tried again: loading takes from what the others answer with.
RETRY_AFTER = 10.0

_log = logging.getLogger(__name__)


class Worker(Process):
    """A worker and its supervisor, each of which notices at once when the other dies.

    Each closes the other's end of the pipe between them, which then ends with that process. With uvicorn's, a
    supervisor waits out the whole timeout for the answer of a worker that dies while it is asked, and a worker without
    a supervisor goes on, and keeps the address from the next one.
    """

    def start(self) -> None:
        """Start the process, in which SIGHUP waits until the model is loaded."""
        with process.sighup_blocked():
            super().start()
        self.child_conn.close()

    def target(self, sockets: list[socket] | None = None) -> None:
        """Serve, in the worker's process."""
        self.parent_conn.close()
        super().target(sockets)

    def always_pong(self) -> None:
        """Answer the supervisor for as long as it lives, then finish what is in work and end."""
        try:
            super().always_pong()
        except (OSError, EOFError):
            os.kill(os.getpid(), signal.SIGTERM)


class Supervisor(Multiprocess):
    """Starts the workers, and again those that end, with three differences from uvicorn's.

    SIGHUP is handed on to the workers, none of whose connections closes. On SIGTERM the address is closed before the
    workers are waited for: otherwise the system would go on taking connections that nobody answers. A worker that
    cannot start, as while a bundle is half copied, ends the service only where no other lives: else it is tried again
    after a while, and at once on SIGHUP.

    Attributes:
        failed: whether the service ended because no worker could start.
    """

    def __init__(self, config: Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self.failed = False
        self._not_before = 0.0

    def terminate_all(self) -> None:
        for listening in self.sockets:
            listening.close()
        super().terminate_all()

    def init_processes(self) -> None:
        """Start as many workers as are missing."""
        while len(self.processes) < self.processes_num:
            worker = Worker(self.config, self.sockets)
            worker.start()
            self.processes.append(worker)

    def handle_ttin(self) -> None:
        self.processes_num += 1  # which `keep_subprocess_alive` starts

    def handle_hup(self) -> None:
        self._not_before = 0.0
        for worker in self.processes:
            if worker.pid is not None and worker.process.is_alive():
                os.kill(worker.pid, signal.SIGHUP)

    def keep_subprocess_alive(self) -> None:
        for worker in list(self.processes):
            if not self.should_exit.is_set() and not worker.is_alive(self.config.timeout_worker_healthcheck):
                self._remove(worker)
        if not self.should_exit.is_set() and time.monotonic() >= self._not_before:
            self.init_processes()

    def _remove(self, worker: Process) -> None:
        """End what is left of a worker, and decide what that means for the service."""
        from prometheus_client.multiprocess import mark_process_dead

        worker.kill()  # it may hang rather than be dead
        worker.join()
        self.processes.remove(worker)
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
        if worker.exitcode != STARTUP_FAILURE:
            _log.warning("Worker [%s] died; another takes its place", worker.pid)
        elif any(other.process.is_alive() for other in self.processes):
            _log.error("Worker [%s] could not start; the others go on and it is tried again", worker.pid)
            self._not_before = time.monotonic() + RETRY_AFTER
        else:
            _log.error("Worker [%s] could not start and no other lives; the service ends", worker.pid)
            self.failed = True
            self.should_exit.set()
