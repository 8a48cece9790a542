"""What `test_pipeline` shows of a whole run is not repeated here."""

from pathlib import Path

import numpy as np
import pytest

from serving.model.bundle import Bundle
from tests.training.helpers import STAGED
from training.evaluation.calibration import best_temperature
from training.evaluation.metrics import rescaled
from training.export.bundle import SENTENCES, Bundling
from training.fit.loop import predict
from training.fit.trainer import Trained
from training.recipe.recipe import Recipe


def test_a_bundle_is_written_and_held_to_keras(staged_run: Trained, tmp_path: Path) -> None:
    bundling = Bundling(Recipe.model_validate(STAGED), staged_run, tmp_path)
    predictor, rows, difference = bundling.write()
    assert rows == len(staged_run.dataset.validation)
    assert difference <= 1e-5
    answers = predictor.metadata.known_answers
    assert [answer.text for answer in answers] == list(SENTENCES)
    served = [list(p.probabilities.values()) for p in predictor.predict(list(SENTENCES))]
    assert np.array([answer.probabilities for answer in answers]) == pytest.approx(np.array(served), abs=1e-5)


def test_figures_are_added_to_the_metadata_on_disk(staged_run: Trained, tmp_path: Path) -> None:
    bundling = Bundling(Recipe.model_validate(STAGED), staged_run, tmp_path)
    bundling.write()
    assert bundling.add_figures({"test": {"rows": 3}}).metrics == {"test": {"rows": 3}}
    assert Bundle.read(tmp_path).metadata.metrics == {"test": {"rows": 3}}


def test_the_validation_part_calibrates_it(staged_run: Trained, tmp_path: Path) -> None:
    truth, before = staged_run.dataset.validation.label.to_numpy(), predict(staged_run.network, staged_run.validation)
    recipe = Recipe.model_validate({**STAGED, "seed": 3, "data": {**STAGED["data"], "split_seed": 1}})
    predictor, _, _ = Bundling(recipe, staged_run, tmp_path).write()
    metadata = predictor.metadata
    assert metadata.seed == 3
    assert metadata.temperature == best_temperature(truth, before) != 1
    served = [list(p.probabilities.values()) for p in predictor.predict(staged_run.dataset.validation.text.tolist())]
    assert np.array(served) == pytest.approx(rescaled(before, metadata.temperature), abs=1e-5)
