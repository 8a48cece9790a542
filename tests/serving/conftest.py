"""A service around a fake predictor, and a client that speaks to it."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.model.predictor import Predictor
from serving.settings import Settings
from serving.web.app import create_app
from tests.bundles import FORM
from tests.serving.fakes import FakePredictor, FakeStore, fake_feedback

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def interpreter_as_before() -> Iterator[None]:
    """For tests of what sets the interpreter of a process that serves: the other tests keep theirs."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)
    gc.unfreeze()


@pytest.fixture
def small_bundle(pristine_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What settings that name no bundle serve."""
    monkeypatch.setenv("MODEL_DIR", str(pristine_bundle))


@pytest.fixture
def predictor() -> FakePredictor:
    return FakePredictor()


@pytest.fixture
def make_app(predictor: FakePredictor) -> Callable[..., FastAPI]:
    return lambda **settings: create_app(Settings(**settings), predictor)


@pytest.fixture
def store() -> FakeStore:
    """Where `make_corrected` keeps corrections."""
    return FakeStore()


@pytest.fixture
def make_corrected(predictor: FakePredictor, store: FakeStore) -> Iterator[Callable[..., TestClient]]:
    """Clients of a service that users may correct, with the given settings."""
    with ExitStack() as clients:

        def make(**settings: Any) -> TestClient:
            app = create_app(Settings(feedback=True, **settings), predictor, feedback=fake_feedback(store))
            return clients.enter_context(TestClient(app, follow_redirects=False))

        yield make


@pytest.fixture
def make_client(make_app: Callable[..., FastAPI]) -> Iterator[Callable[..., TestClient]]:
    """Clients of a service with the given settings, each with its lifespan around the test."""
    clients = []

    def make(**settings: Any) -> TestClient:
        client = TestClient(make_app(**settings), follow_redirects=False)
        clients.append(client.__enter__())
        return client

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client: Callable[..., TestClient]) -> TestClient:
    return make_client()


@pytest.fixture
def browser(client: TestClient) -> TestClient:
    client.headers["accept"] = BROWSER
    return client


@pytest.fixture(scope="session")
def form_predictor() -> Predictor:
    """A real one, of fields."""
    return Predictor.load(FORM)


@pytest.fixture
def form(form_predictor: Predictor) -> Iterator[TestClient]:
    """A client of a service of fields."""
    with TestClient(create_app(Settings(), form_predictor), follow_redirects=False) as client:
        yield client


@pytest.fixture(scope="session")
def tiny_predictor(pristine_bundle: Path) -> Predictor:
    """A real one, of the small bundle."""
    return Predictor.load(pristine_bundle)
