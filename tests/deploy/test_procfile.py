"""The web process as a dyno runs it: what it answers, and how it stops."""

import http.client
import json
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.bundles import TEXTS
from tests.deploy.conftest import RunWeb
from tests.deploy.services import Service, http_client

EXIT_LIMIT = 5.0
STOPPED = {0, -signal.SIGTERM, 128 + signal.SIGTERM}
BODY = json.dumps({"text": TEXTS[0]}).encode()


def test_it_is_ready_and_answers_form_and_json_alike(web: Service) -> None:
    with http_client(web) as client:
        assert client.get("/readyz").json() == {"status": "ready"}
        for text in TEXTS:
            by_form = client.post("/predict", data={"text": text}).raise_for_status().json()
            by_json = client.post("/predict", json={"text": text}).raise_for_status().json()
            assert by_form == by_json
            assert by_form["label"] in by_form["probabilities"]


def test_it_is_one_process_whatever_the_buildpack_recommends(web: Service) -> None:
    assert web.output.count("Started server process") == 1


def test_the_form_is_there_with_its_style(web: Service) -> None:
    with http_client(web) as client:
        page = client.get("/predict", headers={"Accept": "text/html"}).raise_for_status().text
        assert "<form" in page
        assert client.get("/static/style.css").raise_for_status().headers["content-type"].startswith("text/css")


def test_sigterm_lets_the_request_in_flight_finish(web: Service) -> None:
    with half_sent_request(web) as request:
        web.stop()
        wait_until(lambda: refuses(web))
        assert web.process.poll() is None
        request.sendall(BODY[len(BODY) // 2 :])
        status, answer = response(request)
    assert status == 200
    assert json.loads(answer)["text"] == TEXTS[0]
    assert web.process.wait(timeout=EXIT_LIMIT) in STOPPED
    assert "Traceback" not in web.output


def test_idle_connections_do_not_delay_the_exit(web: Service) -> None:
    with ExitStack() as stack:
        never_used, used, headers_half_sent = (stack.enter_context(web.connect()) for _ in range(3))
        used.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert response(used)[0] == 200
        headers_half_sent.sendall(b"POST /predict HTTP/1.1\r\nHost: local")
        web.stop()
        assert web.process.wait(timeout=EXIT_LIMIT) in STOPPED
        assert [closed.recv(1) for closed in (never_used, used)] == [b"", b""]


def test_several_workers_stop_as_gracefully(run_web: RunWeb, pristine_bundle: Path) -> None:
    with run_web(MODEL_DIR=str(pristine_bundle), WORKERS="2") as web:
        wait_until(lambda: web.output.count("Application startup complete") == 2)
        with half_sent_request(web) as request:
            web.stop()
            request.sendall(BODY[len(BODY) // 2 :])
            assert response(request)[0] == 200
        assert web.process.wait(timeout=EXIT_LIMIT) in STOPPED
        assert "Traceback" not in web.output


def half_sent_request(web: Service) -> socket.socket:
    """A connection with half of a request's body sent, once the service has begun to read it."""
    connection = web.connect()
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}"
    # By asking for "100 Continue" the client learns when the service's handler reads the body.
    connection.sendall(f"{head}\r\nExpect: 100-continue\r\n\r\n".encode())
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        received += connection.recv(1000)
    assert received.startswith(b"HTTP/1.1 100 ")
    connection.sendall(BODY[: len(BODY) // 2])
    return connection


def refuses(web: Service) -> bool:
    """Whether a new connection is turned away."""
    try:
        web.connect().close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # it came while the listening socket was being closed
    return False


def wait_until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def response(connection: socket.socket) -> tuple[int, bytes]:
    answer = http.client.HTTPResponse(connection)
    try:
        answer.begin()
        return answer.status, answer.read()
    finally:
        answer.close()
