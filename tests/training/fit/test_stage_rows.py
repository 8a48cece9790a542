from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.keras_bundles import write_bundle
from tests.training.fit.test_stage_data import rows
from training.fit.stage_data import StageData
from training.recipe.model import NetworkConfig
from training.recipe.stages import Stage

__all__ = ["rows"]  # a fixture

LINEAR: Final = "TF-IDF + logistic regression"


def test_the_epoch_to_keep_is_chosen_on_the_validation_part(rows: StageData) -> None:
    frame, validation = rows.dataset.validation, rows.validation
    expected = rows.encoder.encode(frame.text.tolist())
    assert [item.ids.tolist() for item in validation.encoded] == [item.ids.tolist() for item in expected]
    assert validation.targets.argmax(1).tolist() == frame.label.tolist()
    assert set(validation.targets.ravel()) == {0, 1}
    assert set(validation.weights) == {1}


def test_a_stage_has_a_batch_size_of_its_own(rows: StageData) -> None:
    train, _ = rows.of_stage(Stage(name="s", batch_size=5))
    assert train.size == 5


def test_a_stage_that_is_taught_without_labels_is_validated(rows: StageData) -> None:
    taught = Stage(name="s", sources=["emoji.csv"], teacher_baselines=[LINEAR])
    assert rows.of_stage(taught)[1] is rows.validation


def test_bundles_and_baselines_teach_by_their_mean(rows: StageData, tmp_path: Path) -> None:
    write_bundle(tmp_path / "one", labels=["a", "b"])
    write_bundle(tmp_path / "other", NetworkConfig(embedding=5, lstm=[4]), labels=["a", "b"])
    bundles = [str(tmp_path / "one"), str(tmp_path / "other")]

    def targets(teachers: list[str], baselines: list[str]) -> np.ndarray:
        content = {"name": "s", "teachers": teachers, "teacher_baselines": baselines, "teacher_share": 1.0}
        train, _ = rows.of_stage(Stage.model_validate(content))
        return train.targets[:, :2]

    each = [targets(bundles[:1], []), targets(bundles[1:], []), targets([], [LINEAR])]
    assert targets(bundles, [LINEAR]) == pytest.approx(np.mean(each, axis=0), abs=1e-6)
    assert np.abs(each[0] - each[1]).max() > 0.01


def test_a_baseline_that_teaches_weighs_sources(rows: StageData) -> None:
    stage = Stage(name="s", sources=["main"], teacher_baselines=[LINEAR], teacher_share=1.0)
    even, _ = rows.of_stage(stage)
    rows.dataset.train["weight"] = np.where(rows.dataset.train.label == 1, 1.0, 0.01)
    rows._baselines.clear()
    weighed, _ = rows.of_stage(stage)
    assert weighed.targets[:, 1].mean() > even.targets[:, 1].mean() + 0.05


def test_each_group_is_balanced_by_its_own_classes(rows: StageData) -> None:
    frame = rows.dataset.train
    places = [*np.flatnonzero(frame.label == 0)[:4], *np.flatnonzero(frame.label == 1)[:12]]
    frame.loc[frame.index[places], "group"] = "of few"
    train, _ = rows.of_stage(Stage(name="s", sources=["main"], class_balance=0.0, group_balances={"main": 1.0}))
    for group, counts in (("of few", [4, 12]), ("main", [44, 4])):
        members = [train.weights[((frame.group == group) & (frame.label == label)).to_numpy()] for label in (0, 1)]
        assert [len(weights) for weights in members] == counts
        assert members[0].sum() == pytest.approx(members[1].sum()) == pytest.approx(sum(counts) / 2)


def test_groups_of_a_source_that_a_stage_does_not_read_are_not_looked_for(rows: StageData) -> None:
    stage = Stage(name="s", sources=["emoji.csv"], class_balance=0.0, group_balances={"main": 1.0})
    train, _ = rows.of_stage(stage)
    assert set(train.weights) == {1}
