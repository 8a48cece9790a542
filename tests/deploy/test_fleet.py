"""Several copies with different models behind one address, as while a new one is rolled out."""

import socketserver
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import cycle
from shutil import which
from socket import SHUT_WR, create_connection, socket
from threading import Thread

import pytest

from serving.model.bundle import Bundle
from tests.bundles import TINY, UNMASKED
from tests.deploy.conftest import RunWeb
from tests.deploy.documents import shell_lines
from tests.deploy.services import HOST, ROOT, environment

PAGE = ROOT / "docs" / "deploy.md"


@contextmanager
def balancer(ports: Sequence[int]) -> Iterator[int]:
    """The port of a balancer that hands each connection to the next copy."""
    targets = cycle(ports)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with create_connection((HOST, next(targets)), timeout=30) as copy:
                answers = Thread(target=pass_on, args=(copy, self.request))
                answers.start()
                pass_on(self.request, copy)
                answers.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server((HOST, 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def pass_on(source: socket, target: socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(SHUT_WR)


@pytest.mark.skipif(which("curl") is None, reason="no curl on the PATH")
def test_the_versions_of_a_mixed_fleet_are_counted_by_one_line(run_web: RunWeb) -> None:
    (line,) = shell_lines(PAGE, "for i in")
    with ExitStack() as stack:
        copies = [stack.enter_context(run_web(MODEL_DIR=str(bundle))) for bundle in (TINY, UNMASKED)]
        port = stack.enter_context(balancer([copy.port for copy in copies]))
        command = ["bash", "-c", line.replace("localhost:8000", f"{HOST}:{port}")]
        env = environment(NO_PROXY="*", no_proxy="*")
        output = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout
    counts = {words[2]: int(words[0]) for words in map(str.split, output.splitlines())}
    assert counts == {Bundle.read(bundle).metadata.model_version: 20 for bundle in (TINY, UNMASKED)}
