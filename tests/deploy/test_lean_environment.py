"""What is installed on Heroku is enough to serve, and has nothing of training in it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from serving.model.predictor import Predictor
from tests.bundles import TEXTS
from tests.deploy.requirements import pinned
from tests.deploy.services import ROOT, environment

HEAVY = ["tensorflow", "keras", "pandas", "pyarrow", "sklearn", "scipy", "matplotlib", "training"]
INSTALLERS = {"pip", "setuptools", "wheel"}
SCRIPT = """
import importlib.metadata, importlib.util, json, sys
from pathlib import Path
import serving.web.app
from serving.model.predictor import Predictor
bundle, text, *names = sys.argv[1:]
(prediction,) = Predictor.load(Path(bundle)).predict([text])
report = {
    "probabilities": prediction.probabilities,
    "loaded": [name for name in names if name in sys.modules],
    "installed": [name for name in names if importlib.util.find_spec(name)],
    "distributions": [distribution.name for distribution in importlib.metadata.distributions()],
}
sys.stdout.write(json.dumps(report))
"""


@pytest.fixture(scope="module")
def report(lean_python: Path, slug: Path, pristine_bundle: Path) -> dict[str, Any]:
    """What one prediction in the lean environment gave, loaded and could have loaded."""
    command: list[str | Path] = [lean_python, "-W", "error", "-c", SCRIPT, pristine_bundle, TEXTS[0], *HEAVY]
    result = subprocess.run(command, cwd=slug, env=environment(), stdout=subprocess.PIPE, check=True)
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def test_it_predicts_as_the_environment_of_training_does(report: dict[str, Any], pristine_bundle: Path) -> None:
    (here,) = Predictor.load(pristine_bundle).predict([TEXTS[0]])
    assert report["probabilities"] == pytest.approx(here.probabilities, abs=1e-5)


def test_serving_loads_nothing_of_training(report: dict[str, Any]) -> None:
    assert report["loaded"] == []


def test_nothing_of_training_is_there_to_be_loaded(report: dict[str, Any]) -> None:
    assert report["installed"] == []


def test_all_that_is_installed_is_named_in_the_requirements(report: dict[str, Any]) -> None:
    installed = {re.sub(r"[-_.]+", "-", name).lower() for name in report["distributions"]}
    assert installed - INSTALLERS <= set(pinned(ROOT / "requirements.txt"))


def test_the_commands_of_serving_run_there(lean_python: Path, slug: Path) -> None:
    command: list[str | Path] = [lean_python, "-W", "error", "-m", "serving", "--help"]
    result = subprocess.run(command, cwd=slug, env=environment(), stdout=subprocess.PIPE, text=True, check=True)
    assert "openapi" in result.stdout
