"""The service as `make serve` and the Procfile run it, for tests that load, stop and harm it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.deploy.services import ROOT, Service, environment, free_port, running

Run = Callable[..., AbstractContextManager[Service]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def run(pristine_bundle: Path, tmp_path: Path) -> Run:
    """Starts the service with the given settings."""
    return partial(_run, pristine_bundle, tmp_path)


@pytest.fixture
def service(run: Run) -> Iterator[Service]:
    with run() as service:
        yield service


@contextmanager
def _run(bundle: Path, logs: Path, **settings: str) -> Iterator[Service]:
    port = int(settings.get("PORT") or free_port())
    env = environment(**({"MODEL_DIR": str(bundle), "PORT": str(port)} | settings))
    command = [sys.executable, "-m", "serving.server"]
    with running(command, port=port, log=logs / f"{port}.log", cwd=ROOT, env=env) as service:
        yield service
