"""The files that Heroku and GitHub read."""

import json
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from benchmarks.slug_files import app_files, is_ignored, patterns
from benchmarks.slug_web import config_vars, web_command
from serving.server.config import KEEP_ALIVE
from serving.settings import GRACE, Settings
from tests.deploy.requirements import pinned, unpinned
from tests.deploy.services import ROOT

REQUIREMENTS = ["requirements.txt", "requirements-train.txt", "requirements-dev.txt"]
# Heroku's buildpack refuses two of these, or takes another than the one that is meant.
PACKAGE_MANAGERS = {"requirements.txt", "Pipfile", "Pipfile.lock", "poetry.lock", "uv.lock", "pdm.lock", "setup.py"}
OTHER_TOOLS = {"setup.cfg", "environment.yml", "environment.yaml", "conda.yml", ".python-version", ".tool-versions"}


def read_workflow(name: str) -> dict[str, Any]:
    """A workflow; YAML 1.1 reads its key `on` as true, here it is "True"."""
    text = (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")
    return {str(key): value for key, value in yaml.safe_load(text).items()}


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    return read_workflow("test.yml")


def test_the_python_of_the_runtime() -> None:
    assert (ROOT / "runtime.txt").read_text(encoding="utf-8") == "python-3.13\n"


def test_there_is_one_package_manager() -> None:
    at_root = {path.name for path in ROOT.iterdir()}
    assert at_root & (PACKAGE_MANAGERS | OTHER_TOOLS) == {"requirements.txt"}


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_is_pinned_and_from_the_usual_index(name: str) -> None:
    assert unpinned(ROOT / name) == []
    assert pinned(ROOT / name)


def test_no_requirement_is_pinned_twice() -> None:
    names = [name for file in REQUIREMENTS for name in pinned(ROOT / file)]
    assert len(names) == len(set(names))


def test_the_web_process() -> None:
    assert web_command(ROOT / "Procfile") == "env HOST=0.0.0.0 python -m serving.server"
    # The router keeps an idle connection for 90 seconds: were the service first to close it, a request could meet that.
    assert KEEP_ALIVE > 90
    # A dyno is killed 30 seconds after SIGTERM.
    assert 0 < GRACE < 30


def test_app_json() -> None:
    content = json.loads((ROOT / "app.json").read_text(encoding="utf-8"))
    assert list(content["formation"]) == ["web"]
    assert content["buildpacks"] == [{"url": "heroku/python"}]
    settings = {name.upper() for name in Settings.model_fields}
    assert set(content["env"]) <= settings | {"WORKERS", "MALLOC_ARENA_MAX"}
    assert set(config_vars(ROOT / "app.json")) <= set(content["env"])


def test_what_reaches_the_slug() -> None:
    kept = {path.relative_to(ROOT) for path in app_files(ROOT)}
    top = {path.parts[0] for path in kept}
    assert {"Procfile", "app.json", "requirements.txt", "runtime.txt", "serving"} <= top
    assert not top & {"training", "tests", "benchmarks", "data", "docs", "Makefile", ".github", ".ci"}
    assert {path.name for path in kept if path.parent.name == "templates"} >= {"base.html", "predict.html"}


@pytest.mark.parametrize("name", ["sentiment.h5", "tokenizer.json", "metadata.json"])
def test_the_default_bundle_is_neither_ignored_by_git_nor_by_heroku(name: str) -> None:
    path = PurePosixPath("artifacts") / name
    ignored = [*patterns(ROOT / ".gitignore"), *patterns(ROOT / ".slugignore")]
    assert not any(is_ignored(part, ignored) for part in (path, path.parent))


@pytest.mark.parametrize("folder", [".venv", ".venv-serve", "build", "serving/__pycache__", ".pytest_cache"])
def test_git_ignores_what_is_made_here(folder: str) -> None:
    assert is_ignored(PurePosixPath(folder), patterns(ROOT / ".gitignore"))


def test_the_workflow_runs_what_developers_run(workflow: dict[str, Any]) -> None:
    job = workflow["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert "make test" in [step.get("run") for step in job["steps"]]


def test_the_workflow_runs_on_every_push_to_main_and_pull_request(workflow: dict[str, Any]) -> None:
    triggers = workflow["True"]
    assert triggers["push"] == {"branches": ["main"]}
    assert "pull_request" in triggers


def test_a_new_vulnerability_holds_up_no_push_that_leaves_the_requirements_alone(workflow: dict[str, Any]) -> None:
    assert list(workflow["jobs"]) == ["test"]
    audit = read_workflow("audit.yml")
    assert any("pip-audit" in step.get("run", "") for step in audit["jobs"]["audit"]["steps"])
    assert any("pip-audit" in step.get("run", "") for step in audit["jobs"]["training"]["steps"])
    assert "schedule" in audit["jobs"]["training"]["if"], "and not at a push, which a deployment waits for"
    assert audit["True"]["schedule"]
    for event in ("push", "pull_request"):
        assert audit["True"][event]["paths"] == ["requirements.txt", ".github/workflows/audit.yml"]
