import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.errors import BundleError, SettingsError
from serving.model.predictor import Predictor
from serving.settings import Settings
from serving.web.app import create_app
from tests.serving.fakes import FakePredictor

ROOT = Path(__file__).parents[3]


def refuse(folder: Path, *, threads: int = 1) -> Predictor:
    raise BundleError(f"{folder}/sentiment.h5 is missing ({threads} threads).")


def test_the_bundle_is_the_settings_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Predictor, "load", refuse)
    with pytest.raises(BundleError, match=r"^mine/sentiment\.h5 is missing \(2 threads\)\.$"):
        create_app(Settings(model_dir=Path("mine"), inference_threads=2))


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"MODEL_DIR": "nowhere"}, "nowhere/sentiment.h5 is missing (1 threads).\n"),
        ({"MAX_TEXTS": "x"}, "MAX_TEXTS is 'x'; accepted is a whole number of 1 or more.\n"),
    ],
)
def test_without_settings_a_fault_ends_the_process_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environment: dict[str, str], sentence: str
) -> None:
    monkeypatch.setattr(Predictor, "load", refuse)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as caught:
        create_app()
    assert caught.value.code not in (0, None)
    assert capsys.readouterr().err == sentence


def test_settings_fail_as_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCS", "x")
    with pytest.raises(SettingsError):
        create_app(Settings.load(), FakePredictor())


def uvicorn(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    return subprocess.run(
        [sys.executable, "-m", "uvicorn", "serving.web.app:create_app", "--factory", "--port", port, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_uvicorn_does_not_start_on_a_bad_setting(loop: str) -> None:
    result = uvicorn("--loop", loop, MAX_TEXTS="x")
    assert result.returncode != 0
    assert result.stderr == "MAX_TEXTS is 'x'; accepted is a whole number of 1 or more.\n"


@pytest.mark.slow
def test_uvicorns_supervisor_gives_up_on_a_bad_setting() -> None:
    result = uvicorn("--workers", "2", MAX_TEXTS="x")
    assert "MAX_TEXTS is 'x'; accepted is a whole number of 1 or more.\n" in result.stderr
    assert "failed to start, stopping the parent process" in result.stderr
    assert "Traceback" not in result.stderr


def test_docs_can_be_switched_off(make_client: Callable[..., TestClient]) -> None:
    client = make_client(docs=False)
    assert client.get("/docs").status_code == client.get("/openapi.json").status_code == 404
    assert "docs" not in client.get("/").json()["links"]


def test_stopping_closes_the_batcher(make_app: Callable[..., FastAPI]) -> None:
    with TestClient(make_app()) as client:
        assert client.post("/predict", json={"text": "good"}).status_code == 200
    assert client.post("/predict", json={"text": "good"}).status_code == 503


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"text": "so good", "explain": "on"}},
        {"json": {"texts": ["good", "bad"]}},
        {"data": {"text": ""}},
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
    ],
)
def test_the_route_in_front_answers_as_the_one_that_documents_it(
    make_app: Callable[..., FastAPI], sent: dict[str, Any]
) -> None:
    answers = []
    for app in (make_app(), behind(make_app())):
        answer = TestClient(app).post("/predict", **sent, params={"a": "b"})
        answers.append((answer.status_code, answer.headers["content-type"], answer.json() | {"request_id": ""}))
    assert answers[0] == answers[1]


def behind(app: FastAPI) -> FastAPI:
    """The app without the route in front, which is the innermost of its middleware."""
    app.user_middleware.pop()
    return app


def test_below_a_prefix_it_answers_too(make_app: Callable[..., FastAPI]) -> None:
    client = TestClient(make_app(), root_path="/below")
    assert client.post("/below/predict", data={"text": "good"}).status_code == 200
