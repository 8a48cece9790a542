"""The files that Heroku, GitHub and packaging tools read."""

import json
import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

import serving
from benchmarks.slug_files import app_files, is_ignored, patterns
from benchmarks.slug_web import config_vars, web_command
from serving.server.config import KEEP_ALIVE
from serving.settings import GRACE, Settings
from tests.deploy.requirements import pinned, unpinned
from tests.deploy.services import ROOT

REQUIREMENTS = sorted(path.name for path in ROOT.glob("requirements*.txt"))
# Heroku's buildpack refuses two of these, or takes another than the one that is meant.
PACKAGE_MANAGERS = {"requirements.txt", "Pipfile", "Pipfile.lock", "poetry.lock", "uv.lock", "pdm.lock", "setup.py"}
OTHER_TOOLS = {"setup.cfg", "environment.yml", "environment.yaml", "conda.yml", ".python-version", ".tool-versions"}


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file; YAML 1.1 reads a workflow's key `on` as true, here it is "True"."""
    return {str(key): value for key, value in yaml.safe_load(path.read_text(encoding="utf-8")).items()}


def read_workflow(name: str) -> dict[str, Any]:
    return read_yaml(ROOT / ".github" / "workflows" / name)


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


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


def test_each_package_has_one_version_in_all_files() -> None:
    pins = {(name, version) for file in REQUIREMENTS for name, version in pinned(ROOT / file).items()}
    assert len(pins) == len({name for name, _ in pins})


def test_what_serving_needs_is_pinned_in_its_own_file_alone() -> None:
    others = {name for file in REQUIREMENTS if file != "requirements.txt" for name in pinned(ROOT / file)}
    assert others & set(pinned(ROOT / "requirements.txt")) == set()


def test_the_quick_checks_need_no_tensorflow_and_no_pandas() -> None:
    assert not {"tensorflow", "tensorflow-cpu", "keras", "pandas"} & set(pinned(ROOT / "requirements-check.txt"))


def test_the_version_stands_in_one_place() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert content["project"]["dynamic"] == ["version"]
    assert content["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "serving.__version__"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", serving.__version__)


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
    assert not top & {"training", "tests", "benchmarks", "data", "docs", "Makefile", "pyproject.toml"}
    assert {name for name in top if name.startswith((".", "requirements-"))} == {".gitignore", ".slugignore"}
    assert {path.name for path in kept if path.parent.name == "templates"} >= {"base.html", "predict.html"}


@pytest.mark.parametrize("name", ["sentiment.h5", "tokenizer.json", "metadata.json"])
def test_the_default_bundle_is_neither_ignored_by_git_nor_by_heroku(name: str) -> None:
    path = PurePosixPath("artifacts") / name
    ignored = [*patterns(ROOT / ".gitignore"), *patterns(ROOT / ".slugignore")]
    assert not any(is_ignored(part, ignored) for part in (path, path.parent))


@pytest.mark.parametrize(
    "folder", [".venv", ".venv-serve", ".venv-check", "build", "serving/__pycache__", ".pytest_cache"]
)
def test_git_ignores_what_is_made_here(folder: str) -> None:
    assert is_ignored(PurePosixPath(folder), patterns(ROOT / ".gitignore"))


def test_the_workflow_runs_what_developers_run(workflow: dict[str, Any]) -> None:
    check, test = workflow["jobs"]["check"], workflow["jobs"]["test"]
    assert commands(check) == ["make check"]
    assert test["needs"] == "check", "the quick one comes first"
    assert test["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert commands(test) == ["make test"]


def test_the_workflow_runs_on_every_push_to_main_and_pull_request(workflow: dict[str, Any]) -> None:
    triggers = workflow["True"]
    assert triggers["push"] == {"branches": ["main"]}
    assert "pull_request" in triggers


def test_a_new_vulnerability_holds_up_no_push_that_leaves_the_requirements_alone(workflow: dict[str, Any]) -> None:
    assert not [command for job in workflow["jobs"].values() for command in commands(job) if "audit" in command]
    audit = read_workflow("audit.yml")
    for job in ("audit", "training"):
        assert any("pip-audit" in command for command in commands(audit["jobs"][job]))
    assert "schedule" in audit["jobs"]["training"]["if"], "and not at a push, which a deployment waits for"
    assert audit["True"]["schedule"]
    for event in ("push", "pull_request"):
        assert audit["True"][event]["paths"] == ["requirements.txt", ".github/workflows/audit.yml"]


def test_updates_come_weekly_in_one_pull_request_of_each_kind() -> None:
    updates = read_yaml(ROOT / ".github" / "dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"pip", "github-actions"}
    for update in updates:
        assert update["schedule"] == {"interval": "weekly"}
        assert [group["patterns"] for group in update["groups"].values()] == [["*"]]


@pytest.mark.parametrize("form", ["bug.yml", "idea.yml"])
def test_issue_forms_are_what_github_accepts(form: str) -> None:
    content = read_yaml(ROOT / ".github" / "ISSUE_TEMPLATE" / form)
    assert {"name", "description", "body"} <= set(content)
    fields = [item for item in content["body"] if item["type"] != "markdown"]
    assert {field["type"] for field in fields} <= {"input", "textarea", "dropdown", "checkboxes"}
    assert all(field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields)
