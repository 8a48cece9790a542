"""What Heroku would run: its environment, its files and its process."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from benchmarks.slug_files import app_files
from benchmarks.slug_web import config_vars, web_command
from tests.deploy.services import ROOT, Service, environment, free_port, running

RunWeb = Callable[..., AbstractContextManager[Service]]


@pytest.fixture(scope="session")
def lean_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment made from requirements.txt: LEAN_PYTHON's, else `make test`'s, else a new one."""
    if python := os.environ.get("LEAN_PYTHON"):
        return Path(python).absolute()
    served_by = ROOT / ".venv-serve" / "bin" / "python"
    if served_by.exists():
        return served_by
    folder = tmp_path_factory.mktemp("environments") / "lean"
    subprocess.run([sys.executable, ".ci/make_environment.py", folder, "requirements.txt"], cwd=ROOT, check=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="session")
def slug(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with those of the repository's files that Heroku would keep."""
    folder = tmp_path_factory.mktemp("slug")
    for file in app_files(ROOT):
        copy = folder / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return folder


@pytest.fixture(scope="session")
def run_web(lean_python: Path, slug: Path, tmp_path_factory: pytest.TempPathFactory) -> RunWeb:
    """Runs the Procfile's `web` in the slug with the given config vars, as a dyno would."""
    return partial(_run_web, lean_python, slug, tmp_path_factory.mktemp("web"))


@pytest.fixture
def web(run_web: RunWeb, pristine_bundle: Path) -> Iterator[Service]:
    """One dyno, with a small bundle."""
    with run_web(MODEL_DIR=str(pristine_bundle)) as service:
        yield service


@contextmanager
def _run_web(python: Path, slug: Path, logs: Path, **config: str) -> Iterator[Service]:
    port = free_port()
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    # The buildpack sets WEB_CONCURRENCY by the dyno's cores and memory, whatever the app needs.
    dyno = {"PORT": str(port), "PATH": path, "WEB_CONCURRENCY": "2", "FORWARDED_ALLOW_IPS": "*"}
    env = environment(**config_vars(slug / "app.json"), **dyno, **config)
    command = ["bash", "-c", web_command(slug / "Procfile")]
    with running(command, port=port, log=logs / f"{port}.log", cwd=slug, env=env) as service:
        yield service
