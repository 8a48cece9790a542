from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.predictor import Predictor
from tests.bundles import LABELS, TEXTS, edit_metadata, write_bundle
from training.errors import DataError
from training.network_knobs import NetworkKnobs
from training.recipe import Recipe
from training.teachers import Teachers


def test_each_answers_for_itself(pristine_bundle: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "other", NetworkKnobs(embedding=5, lstm=[4], pooling=["average"]))
    folders = [pristine_bundle, tmp_path / "other"]
    each = [
        [[p.probabilities[label] for label in LABELS] for p in Predictor.load(folder).predict(TEXTS)]
        for folder in folders
    ]
    found = Teachers([str(folder) for folder in folders], LABELS).all_answers(TEXTS)
    assert all(answers.dtype == np.float32 for answers in found)
    assert np.array(found) == pytest.approx(np.array(each), abs=1e-6)


def test_a_teacher_has_the_same_labels(pristine_bundle: Path) -> None:
    with pytest.raises(
        DataError, match=r"has labels \['negative', 'neutral', 'positive'\]; accepted: \['ham', 'spam'\]"
    ):
        Teachers([str(pristine_bundle)], ["ham", "spam"])


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"stages\.teachers: .*is no folder"):
        Teachers([str(tmp_path / "none")], LABELS)


def test_one_that_has_seen_the_test_part_is_refused(bundle: Path) -> None:
    """It was given the same file, split by another seed."""

    def change(content: dict[str, Any]) -> None:
        content["recipe"] = {"name": "t", "seed": 5}
        content["data"] = [{"file": "d.csv", "rows": 3, "sha256": "abc"}]

    edit_metadata(bundle, change)
    teachers = Teachers([str(bundle)], LABELS)
    teachers.check_blind(Recipe(name="s", seed=5), [("d.csv", "abc")], {})
    with pytest.raises(DataError, match=r"stages\.teachers: tiny .* its split seed differ"):
        teachers.check_blind(Recipe(name="s", seed=4), [("d.csv", "abc")], {})
