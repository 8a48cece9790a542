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


class TestBlind:
    """No teacher has seen what is validation or test for its student."""

    FILES = (("d.csv", "abc"),)

    @staticmethod
    def teacher(bundle: Path, seed: int, sha: str = "abc", **data: object) -> Teachers:
        def change(content: dict[str, Any]) -> None:
            content["recipe"] = Recipe.model_validate({"name": "t", "seed": seed, "data": data}).model_dump(mode="json")
            content["data"] = [{"file": "d.csv", "rows": 3, "sha256": sha}]

        edit_metadata(bundle, change)
        return Teachers([str(bundle)], LABELS)

    def test_one_of_the_same_split_teaches(self, bundle: Path) -> None:
        self.teacher(bundle, 4).check_blind(Recipe(name="s", seed=4), self.FILES)

    def test_one_of_other_files_teaches(self, bundle: Path) -> None:
        self.teacher(bundle, 4, sha="other").check_blind(Recipe(name="s", seed=5), self.FILES)

    @pytest.mark.parametrize(
        ("seed", "data", "fault"),
        [
            (5, {}, "its split seed differ"),
            (4, {"test": 0.3}, "its test differ"),
            (4, {"label": "x"}, "its label differ"),
        ],
    )
    def test_one_of_another_split_is_refused(self, bundle: Path, seed: int, data: Any, fault: str) -> None:
        with pytest.raises(DataError, match=fault):
            self.teacher(bundle, seed, **data).check_blind(Recipe(name="s", seed=4), self.FILES)
