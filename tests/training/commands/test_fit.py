"""The whole way for real: from a file to a served answer, and through a kill -9."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from serving.model.bundle import METADATA, NETWORK, TOKENIZER, Bundle
from serving.model.predictor import Predictor
from tests.bundles import LABELS, TEXTS
from training.commands.fit import Pipeline, _measured
from training.console import Display
from training.data.dataset import Dataset
from training.errors import PublishError
from training.recipe.recipe import Recipe, read_recipe

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data" / "sample.csv"
RECIPE = """
name = "quick"
[tokenizer]
model = "word"
min_frequency = 1
[network]
embedding = 16
lstm = [12]
pooling = ["max"]
[fit]
epochs = 4
batch_size = 32
learning_rate = 1e-2
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "quick.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def pipeline(recipe: Recipe, out: Path) -> Pipeline:
    return Pipeline(recipe, [SAMPLE], out, Display(Console(file=io.StringIO(), width=200)))


@pytest.fixture(scope="module")
def trained(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "bundle"
    pipeline(read_recipe(recipe), out).run()
    return out


def test_the_bundle_is_whole_and_holds_nothing_else(trained: Path) -> None:
    assert sorted(str(p.relative_to(trained)) for p in trained.rglob("*") if p.is_file()) == sorted(
        [METADATA, NETWORK, TOKENIZER, "report/MODEL_CARD.md", "report/metrics.json", "report/report.html"]
    )
    assert [path.name for path in trained.parent.iterdir()] == ["bundle"]


def test_the_metadata_tells_how_it_was_made(trained: Path) -> None:
    metadata = Bundle.read(trained).metadata
    assert metadata.labels == ["negative", "neutral", "positive"]
    assert metadata.recipe["fit"]["epochs"] == 4
    assert metadata.data[0].file == "sample.csv"
    assert sum(metadata.split["train"].values()) + sum(metadata.split["test"].values()) < metadata.data[0].rows
    assert {"macro_recall", "macro_f1", "accuracy", "confusion", "expected_calibration_error"} <= metadata.metrics[
        "test"
    ].keys()
    assert metadata.metrics == json.loads((trained / "report" / "metrics.json").read_text(encoding="utf-8"))


def test_the_network_stands_beside_the_baselines_with_its_time_size_and_speed(trained: Path) -> None:
    card = (trained / "report" / "MODEL_CARD.md").read_text(encoding="utf-8")
    (line,) = [line for line in card.splitlines() if "quick (network, served)" in line]
    *_, seconds, size, speed, _ = line.replace("*", "").split("|")
    assert float(seconds.removesuffix(" s ")) > 0
    stored = sum((trained / name).stat().st_size for name in (METADATA, NETWORK, TOKENIZER))
    assert float(size.removesuffix(" MB ")) == pytest.approx(stored / 1e6, abs=0.11)
    assert float(speed.replace(",", "")) > 100


@pytest.mark.parametrize("name", [METADATA, "report/report.html", "report/MODEL_CARD.md", "report/metrics.json"])
def test_no_text_of_the_data_is_in_the_bundle(trained: Path, name: str) -> None:
    texts = [line.split(",")[0].strip('"') for line in SAMPLE.read_text(encoding="utf-8").splitlines()[1:]]
    content = (trained / name).read_text(encoding="utf-8")
    known = {answer.text for answer in Bundle.read(trained).metadata.known_answers}
    assert not [text for text in texts if len(text) > 20 and text not in known and text in content]


def test_the_bundle_answers(trained: Path) -> None:
    (found,) = Predictor.load(trained).predict(["I love this"])
    assert set(found.probabilities) == {"negative", "neutral", "positive"}


def test_a_bundle_that_serving_answers_differently_replaces_nothing(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = pipeline(read_recipe(recipe), tmp_path / "bundle")
    old.run()
    before = {path: path.read_bytes() for path in (tmp_path / "bundle").rglob("*") if path.is_file()}
    predict = Predictor.probabilities
    monkeypatch.setattr(Predictor, "probabilities", lambda self, encoded: predict(self, encoded) + 5e-5)
    with pytest.raises(PublishError, match="serving and Keras differ by"):
        pipeline(read_recipe(recipe, seed=2), tmp_path / "bundle").run()
    assert {path: path.read_bytes() for path in (tmp_path / "bundle").rglob("*") if path.is_file()} == before


def test_a_folder_that_may_not_be_replaced_is_refused_before_training(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    run = pipeline(read_recipe(recipe), tmp_path)
    with pytest.raises(PublishError, match=r"holds mine\.txt"):
        run.run()
    assert not run.work.exists()


def start(recipe: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "training", "fit", str(recipe), "--data", str(SAMPLE), "--out", str(out), *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def figures(metrics: Path) -> Any:
    return json.loads((metrics / "report" / "metrics.json").read_text(encoding="utf-8"))


def test_a_run_killed_by_force_resumes_to_the_same_figures(recipe: Path, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    with start(recipe, out) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 2/4"):
                with pytest.raises(PublishError, match="another training writes it"):
                    pipeline(read_recipe(recipe), out).run()
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    with start(recipe, out, "--resume") as process:
        shown, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "Resuming after epoch 2" in shown or "Resuming after epoch 3" in shown
    assert figures(out) == figures(trained)
    assert Bundle.read(out).metadata.model_version == Bundle.read(trained).metadata.model_version


def test_the_figures_that_are_told_are_of_the_test_part(pristine_bundle: Path) -> None:
    frame = pd.DataFrame({"text": TEXTS, "label": [0, 1, 2] * 2, "group": ["one"] * 4 + ["other"] * 2})
    dataset = Dataset(LABELS, train=frame, validation=frame[:5], test=frame[:3], held_out=frame)
    told, found = _measured(Predictor.load(pristine_bundle), dataset)
    assert told.rows == 3
    assert found["test"] == told.as_json()
    assert found["validation"]["rows"] == 5
    assert {group: figures["rows"] for group, figures in found["held_out"].items()} == {"one": 4, "other": 2}
