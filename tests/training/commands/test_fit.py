"""The whole way for real: from a file to a served answer, and through a kill -9."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serving.model.bundle import METADATA, NETWORK, TOKENIZER, Bundle
from serving.model.predictor import Predictor
from serving.model.types import Prediction
from training.commands.fit import fit
from training.console import Display
from training.errors import PublishError
from training.recipe.recipe import read_recipe
from training.report.report_data import TrainingRecord

ROOT = Path(__file__).parents[3]


def test_the_bundle_is_whole_and_holds_nothing_else(sample_bundle: Path) -> None:
    report = ["MODEL_CARD.md", "history.json", "metrics.json", "plots", "plots.json", "report.html"]
    assert sorted(path.name for path in sample_bundle.iterdir()) == sorted([METADATA, NETWORK, TOKENIZER, "report"])
    assert sorted(path.name for path in (sample_bundle / "report").iterdir()) == report
    assert [path.name for path in sample_bundle.parent.iterdir()] == ["bundle"]


def test_the_metadata_tells_how_it_was_made(sample_bundle: Path) -> None:
    metadata = Bundle.read(sample_bundle).metadata
    assert metadata.labels == ["negative", "neutral", "positive"]
    assert metadata.recipe["fit"]["epochs"] == 4
    assert metadata.data[0].file == "sample.csv"
    assert sum(metadata.split["train"].values()) + sum(metadata.split["test"].values()) < metadata.data[0].rows
    assert {"macro_recall", "macro_f1", "accuracy", "confusion", "expected_calibration_error"} <= metadata.metrics[
        "test"
    ].keys()
    assert metadata.metrics == json.loads((sample_bundle / "report" / "metrics.json").read_text(encoding="utf-8"))


def test_the_network_stands_beside_the_baselines_with_its_time_size_and_speed(sample_bundle: Path) -> None:
    card = (sample_bundle / "report" / "MODEL_CARD.md").read_text(encoding="utf-8")
    (line,) = [line for line in card.splitlines() if "quick (network, served)" in line]
    *_, seconds, size, speed, _ = line.replace("*", "").split("|")
    assert float(seconds.removesuffix(" s ")) > 0
    stored = sum((sample_bundle / name).stat().st_size for name in (METADATA, NETWORK, TOKENIZER))
    assert float(size.removesuffix(" MB ")) == pytest.approx(stored / 1e6, abs=0.11)
    assert float(speed.replace(",", "")) > 100


def test_so_it_does_on_the_behaviour_suite(sample_bundle: Path) -> None:
    rates = {row.name: row.behaviour for row in TrainingRecord.read(sample_bundle).baselines if row.behaviour}
    assert rates.keys() == {
        "majority",
        "TF-IDF + logistic regression",
        "TF-IDF and VADER + logistic regression",
        "VADER",
    }
    assert rates["VADER"]["over all"] < rates["majority"]["over all"]
    assert Bundle.read(sample_bundle).metadata.metrics["behaviour"].keys() == {"choosing", "measuring"}


def test_no_text_of_the_data_is_in_the_bundle(sample_bundle: Path, sample: Path) -> None:
    texts = [line.split(",")[0].strip('"') for line in sample.read_text(encoding="utf-8").splitlines()[1:]]
    known = {answer.row for answer in Bundle.read(sample_bundle).metadata.known_answers}
    for path in sample_bundle.rglob("*"):
        if path.is_file() and path.suffix != ".h5" and path.name != TOKENIZER:
            content = path.read_text(encoding="utf-8")
            assert not [text for text in texts if len(text) > 20 and text not in known and text in content]


def test_the_bundle_answers(sample_bundle: Path) -> None:
    (found,) = Predictor.load(sample_bundle).predict(["I love this"])
    assert set(found.probabilities) == {"negative", "neutral", "positive"}


def test_a_bundle_that_serving_answers_differently_replaces_nothing(
    quick_recipe: Path,
    sample: Path,
    sample_bundle: Path,
    tmp_path: Path,
    display: Display,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(sample_bundle, tmp_path / "bundle")
    predict = Predictor.predict

    def shifted(self: Predictor, texts: Sequence[str]) -> list[Prediction]:
        return [
            replace(answer, probabilities={label: p + 5e-5 for label, p in answer.probabilities.items()})
            for answer in predict(self, texts)
        ]

    monkeypatch.setattr(Predictor, "predict", shifted)
    with pytest.raises(PublishError, match="serving and Keras differ by"):
        fit(read_recipe(quick_recipe, seed=2), [sample], tmp_path / "bundle", display)
    assert contents(tmp_path / "bundle") == contents(sample_bundle)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_may_not_be_replaced_is_refused_before_training(
    quick_recipe: Path, sample: Path, tmp_path: Path, display: Display
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").touch()
    with pytest.raises(PublishError, match=r"holds mine\.txt"):
        fit(read_recipe(quick_recipe), [sample], out, display)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def start(recipe: Path, sample: Path, out: Path) -> subprocess.Popen[str]:
    arguments = [str(recipe), "--data", str(sample), "--out", str(out), "--no-baselines"]
    command = [sys.executable, "-m", "training", "fit", *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def figures(metrics: Path) -> Any:
    return json.loads((metrics / "report" / "metrics.json").read_text(encoding="utf-8"))


def test_a_run_killed_by_force_resumes_to_the_same_figures(
    quick_recipe: Path, sample: Path, sample_bundle: Path, tmp_path: Path, display: Display
) -> None:
    out = tmp_path / "bundle"
    with start(quick_recipe, sample, out) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 2/4"):
                with pytest.raises(PublishError, match="another command is writing it"):
                    fit(read_recipe(quick_recipe), [sample], out, display)
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    fit(read_recipe(quick_recipe), [sample], out, display, resume=True, baselines=False)
    assert isinstance(display.console.file, io.StringIO)
    assert re.search("Resuming after epoch [23]", display.console.file.getvalue())
    assert figures(out) == figures(sample_bundle)
    assert Bundle.read(out).metadata.model_version == Bundle.read(sample_bundle).metadata.model_version
