"""What the Dockerfile makes, without Docker: `image.py` says how far that goes. GitHub builds the image itself."""

import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from serving.model.bundle import Bundle
from tests.deploy.image import Stage, build, context, instructions
from tests.deploy.services import ROOT, Service, free_port, http_client, running

REQUIREMENTS = {"requirements.txt", "requirements-traces.txt", "requirements-feedback.txt"}
STOPPED = {0, -signal.SIGTERM}


def values(instruction: str) -> list[str]:
    return [value for name, value in instructions(ROOT / "Dockerfile") if name == instruction]


def test_its_python_is_the_one_of_the_runtime() -> None:
    version = (ROOT / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    assert values("FROM") == [f"python:{version}-slim AS base", "base AS build", "base"]


def test_its_user_is_not_root_and_is_the_one_of_the_manifest() -> None:
    (user,) = values("USER")
    deployment, *_ = yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8"))
    security = deployment["spec"]["template"]["spec"]["securityContext"]
    assert user == f"{security['runAsUser']}:{security['runAsGroup']}"
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user), "a number, or Kubernetes could not tell that it is not root"


def test_what_is_installed_can_be_chosen() -> None:
    assert values("ARG") == ["REQUIREMENTS=requirements.txt"]
    (copied,) = (value.split() for value in values("COPY") if "requirements.txt" in value)
    assert {"requirements-traces.txt", "requirements-feedback.txt"} <= set(copied)


def test_what_docker_is_sent(tmp_path: Path) -> None:
    wanted = {*REQUIREMENTS, "serving/web/app.py", "artifacts/report/plots/a.svg"}
    others = {
        ".env",
        ".git/config",
        "artifacts/__pycache__/a.pyc",
        "serving/web/app.pyc",
        "data/raw/a.csv",
        "README.md",
    }
    for name in wanted | others | {"deploy/.env", "tests/a.py", "serving/__pycache__/app.cpython-313.pyc"}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    shutil.copyfile(ROOT / ".dockerignore", tmp_path / ".dockerignore")
    assert {path.as_posix() for path in context(tmp_path)} == wanted


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The finished image, as folders."""
    return build(ROOT, tmp_path_factory.mktemp("image"))


@contextmanager
def container(image: Stage, folder: Path, **variables: str) -> Iterator[Service]:
    """The image's command, with its own environment and nothing else but these variables."""
    port = free_port()
    temporary = folder / "temporary"
    temporary.mkdir()
    env = {**image.env, **variables, "PORT": str(port), "TMPDIR": str(temporary)}
    with running(image.command, port=port, log=folder / "log", cwd=image.folder, env=env) as service:
        yield service


def check_health(image: Stage, service: Service) -> int:
    env = {**image.env, "PORT": str(service.port)}
    return subprocess.run(image.health_check, env=env, cwd=image.folder, capture_output=True, check=False).returncode


@pytest.mark.slow
def test_it_holds_the_service_and_its_model_and_no_more(image: Stage) -> None:
    names = {path.name for path in image.folder.iterdir()}
    assert names == {".venv", "serving", "artifacts", *REQUIREMENTS}
    assert [path for path in image.root.iterdir() if path != image.folder] == []
    assert image.env["PORT"] in image.ports


@pytest.mark.slow
def test_its_user_can_read_everything_and_write_nothing(image: Stage) -> None:
    modes = {path: path.lstat().st_mode for path in image.folder.rglob("*") if not path.is_symlink()}
    assert len(modes) > 1000
    assert [path for path, mode in modes.items() if not mode & stat.S_IROTH] == []
    assert [path for path, mode in modes.items() if stat.S_ISDIR(mode) and not mode & stat.S_IXOTH] == []
    assert [path for path, mode in modes.items() if mode & (stat.S_IWOTH | stat.S_IWGRP)] == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on the PATH")
def test_it_answers_and_writes_nothing_into_the_image(image: Stage, tmp_path: Path) -> None:
    before = state(image)
    with container(image, tmp_path) as service:
        done = subprocess.run([ROOT / ".ci" / "smoke.sh", service.url], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert Bundle.read(ROOT / "artifacts").metadata.model_version in done.stdout
        assert check_health(image, service) == 0
    assert state(image) == before
    assert (image.folder / "serving" / "__pycache__").is_dir(), "it was compiled when the image was built"


def state(image: Stage) -> dict[Path, tuple[int, int]]:
    """All files and folders, with when they were changed."""
    return {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in image.root.rglob("*")}


@pytest.mark.slow
def test_sigterm_reaches_the_server_and_the_health_check_tells_that_it_is_gone(image: Stage, tmp_path: Path) -> None:
    with container(image, tmp_path) as service:
        os.kill(service.process.pid, signal.SIGTERM)  # as Docker: the first process alone
        assert service.process.wait(timeout=30) in STOPPED
        assert "Finished server process" in service.output
        assert check_health(image, service) != 0


@pytest.mark.slow
def test_another_model_takes_the_place_of_its_own(image: Stage, pristine_bundle: Path, tmp_path: Path) -> None:
    mount, kept = image.folder / "artifacts", image.folder / "kept"
    mount.rename(kept)
    shutil.copytree(pristine_bundle, mount)
    try:
        with container(image, tmp_path) as service, http_client(service) as client:
            version = client.get("/readyz").headers["X-Model-Version"]
    finally:
        shutil.rmtree(mount)
        kept.rename(mount)
    assert version == Bundle.read(pristine_bundle).metadata.model_version
