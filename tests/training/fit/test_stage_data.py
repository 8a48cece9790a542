from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.keras_bundles import write_bundle
from tests.training.helpers import WEAK_SOURCES, distinct_rows, write_weak_files
from training.data.dataset import load_dataset
from training.data.teacher_file import TeacherFile, TeacherInfo, text_hashes
from training.data.weak_labels import load_weak_labels
from training.errors import DataError
from training.evaluation.evaluate import served_probabilities
from training.fit.distillation import load_teachers
from training.fit.stage_data import StageData
from training.inputs.text import TextEncoding
from training.model.multitask import MultiTaskModel
from training.model.network import build_network
from training.recipe.data import DataConfig
from training.recipe.model import NetworkConfig, TokenizerConfig
from training.recipe.recipe import Recipe
from training.recipe.stages import Stage
from training.text.tokenizer import build_tokenizer

LINEAR: Final = "TF-IDF + logistic regression"


@pytest.fixture
def rows(tmp_path: Path) -> StageData:
    paths = write_weak_files(tmp_path, [*distinct_rows(60, "a"), *distinct_rows(20, "b")])
    recipe = Recipe(name="x", data=DataConfig(sources=WEAK_SOURCES))
    dataset = load_dataset(paths, recipe.data, 1)
    weak = load_weak_labels(paths, recipe.data, dataset, 1)
    encoding = TextEncoding(build_tokenizer(dataset.train.row, TokenizerConfig(model="word", min_frequency=1)).to_str())
    config = NetworkConfig(embedding=4, lstm=[3], pooling=["max"])
    network = build_network(config, vocabulary=encoding.vocabulary_size, classes=2)
    return StageData(recipe, dataset, weak, MultiTaskModel(network, weak.tasks), encoding)


def test_a_stage_without_sources_reads_the_labelled_rows(rows: StageData) -> None:
    train, validation = rows.batches(Stage(name="s"))
    assert train.targets.shape == (64, 6)
    assert (train.targets[:, 2:] == 0).all()
    assert validation is not None
    assert validation.targets.shape == (8, 2)


def test_balance_makes_the_classes_of_each_task_equal(rows: StageData) -> None:
    train, _ = rows.batches(Stage(name="s", sources=["main", "smileys.csv"]))
    for columns in ((0, 1), (4, 5)):
        sums = [train.weights[train.targets[:, column] == 1].sum() for column in columns]
        assert sums[0] == pytest.approx(sums[1])
    plain, _ = rows.batches(Stage(name="s", sources=["main", "smileys.csv"], class_balance=0.0))
    assert set(plain.weights.tolist()) == {1.0, 0.5}


def test_groups_are_balanced_where_a_stage_says_so(rows: StageData) -> None:
    frame = rows.dataset.train
    frame.loc[frame.index[::2], "group"] = "other"
    stage = Stage(name="s", sources=["main", "smileys.csv"], class_balance=0.0, group_balances={"main": 1.0})
    train, _ = rows.batches(stage)
    main = train.targets[:, :2].sum(1) == 1
    for group in ("main", "other"):
        members = np.flatnonzero(main)[(frame.group == group).to_numpy()]
        sums = [train.weights[members][train.targets[members, column] == 1].sum() for column in (0, 1)]
        assert sums[0] == pytest.approx(sums[1])
        assert train.weights[members].mean() == pytest.approx(1.0)
    assert set(train.weights[~main].tolist()) == {0.5}


def test_a_stages_own_weights_replace_those_of_the_sources(rows: StageData) -> None:
    stage = Stage(name="s", sources=["main", "smileys.csv"], class_balance=0.0, weights={"smileys.csv": 3.0})
    train, _ = rows.batches(stage)
    assert set(train.weights[train.targets[:, 4:].sum(1) == 1].tolist()) == {3.0}


def test_the_loss_counts_a_class_by_its_weight_be_the_target_a_label_or_what_a_teacher_says(rows: StageData) -> None:
    taught = Stage(name="s", sources=["main", "emoji.csv"], teacher_baselines=[LINEAR])
    for stage in (Stage(name="s"), Stage(name="s", label_smoothing=0.2), taught):
        even, _ = rows.batches(stage)
        weighed, _ = rows.batches(stage.model_copy(update={"class_weights": {"b": 3.0}}))
        losses = even.weights[:, None] * even.targets * np.array([1, 3, 1, 1, 1, 1], np.float32)
        np.testing.assert_allclose(weighed.weights[:, None] * weighed.targets, losses, rtol=1e-5)
        np.testing.assert_allclose(weighed.targets.sum(1), 1, rtol=1e-5)


def test_a_weight_is_of_a_class_that_there_is(rows: StageData) -> None:
    recipe = rows.recipe.model_copy(update={"stages": [Stage(name="s", class_weights={"c": 2.0})]})
    with pytest.raises(DataError, match=r"stages.s.class_weights: found \['c'\]; accepted: a, b"):
        StageData(recipe, rows.dataset, rows.weak, rows.multitask, rows.encoding)


def test_only_other_tasks_means_no_validation(rows: StageData) -> None:
    train, validation = rows.batches(Stage(name="s", sources=["emoji.csv"], label_smoothing=0.2))
    assert validation is None
    assert train.targets[:, :2].sum() == train.targets[:, 4:].sum() == 0
    assert np.sort(train.targets[0])[-2:] == pytest.approx([0.1, 0.9])


def test_teachers_share_the_target_and_teach_rows_of_other_tasks_alone(rows: StageData, tmp_path: Path) -> None:
    write_bundle(tmp_path / "teacher", labels=["a", "b"])
    stage = Stage(name="s", sources=["main", "emoji.csv"], teachers=[str(tmp_path / "teacher")], teacher_share=0.25)
    train, validation = rows.batches(stage)
    assert validation is not None
    assert train.targets[:, 2:].sum() == 0
    assert train.targets.sum(1) == pytest.approx(np.ones(len(train.targets)))
    own, taught = train.targets[:-2, :2], train.targets[-2:, :2]
    assert (own.max(1) > 0.74).all()
    (teacher,) = load_teachers(stage.teachers, ["a", "b"])
    (expected,) = served_probabilities(teacher, ["hot today"])
    assert taught[0] == pytest.approx(expected)


def test_a_baseline_teaches_beside_the_label_and_rows_of_other_tasks_alone(rows: StageData) -> None:
    taught = Stage(name="s", sources=["main", "emoji.csv"], teacher_baselines=[LINEAR])
    stage = taught.model_copy(update={"teacher_share": 0.5})
    train, validation = rows.batches(stage)
    assert validation is not None
    assert train.targets[:, :2].sum(1) == pytest.approx(1)
    assert train.targets[:, 2:].sum() == 0
    own, _ = rows.batches(Stage(name="s", sources=["main"]))
    truth = own.targets[:, :2].argmax(1)
    # Half of the target is the label; what it is said beside is no certainty.
    assert (train.targets[: len(truth), :2].argmax(1) == truth).all()
    assert 0.5 < train.targets[: len(truth), :2].max(1).mean() < 0.999


def test_a_baseline_teaches_what_the_stages_own_rows_say(rows: StageData) -> None:
    train = rows.dataset.train
    places = train.index[: len(train) // 2]
    train.loc[places, "source"] = "other"
    stage = Stage(name="s", sources=["main"], teacher_baselines=[LINEAR], teacher_share=1.0)
    before, _ = rows.batches(stage)
    train.loc[places, "label"] = 1 - train.loc[places, "label"]
    after, _ = rows.batches(stage)
    assert after.targets == pytest.approx(before.targets)
    both, _ = rows.batches(stage.model_copy(update={"sources": ["main", "other"]}))
    assert np.abs(both.targets[-len(after.targets) :] - after.targets).max() > 0.01


def test_a_baseline_learns_from_all_rows_where_a_stage_has_no_labels(rows: StageData) -> None:
    stage = Stage(name="s", sources=["emoji.csv"], teacher_baselines=[LINEAR])
    train, _ = rows.batches(stage)
    assert train.targets[:, :2].sum(1) == pytest.approx(1)


def test_a_baseline_learns_from_all_rows_where_its_stage_lacks_a_class(rows: StageData) -> None:
    train = rows.dataset.train
    train.loc[train.index[train.label == 1][3:], "source"] = "other"
    stage = Stage(name="s", sources=["main"], teacher_baselines=[LINEAR], teacher_share=1.0)
    of_all, _ = rows.batches(stage.model_copy(update={"sources": ["main", "other"]}))
    taught, _ = rows.batches(stage)
    assert taught.targets[:, :2].sum(1) == pytest.approx(1)
    assert taught.targets == pytest.approx(of_all.targets[(train.source == "main").to_numpy()])


def test_a_baseline_is_not_asked_to_teach_classes_that_its_folds_would_lack(rows: StageData) -> None:
    train = rows.dataset.train
    few = replace(rows.dataset, train=train.drop(train.index[train.label == 1][4:]))
    recipe = Recipe.model_validate(
        {"name": "x", "stages": [{"name": "s", "teacher_baselines": ["multinomial naive Bayes"]}]}
    )
    with pytest.raises(DataError, match="class 'b' has 4 rows in the training part; accepted: at least 5"):
        StageData(recipe, few, rows.weak, rows.multitask, rows.encoding)
    StageData(rows.recipe, few, rows.weak, rows.multitask, rows.encoding)


def test_a_baseline_that_finds_no_word_twice_is_named(rows: StageData) -> None:
    train = rows.dataset.train
    train["row"] = [f"x{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(len(train))]
    with pytest.raises(DataError, match=r"stages\.s\.teacher_baselines: multinomial naive Bayes cannot learn: After"):
        rows.batches(Stage(name="s", teacher_baselines=["multinomial naive Bayes"]))


def test_a_baseline_that_knows_other_labels_cannot_teach(rows: StageData) -> None:
    stage = Stage(name="s", sources=["main"], teacher_baselines=["TF-IDF and VADER + logistic regression"])
    recipe = rows.recipe.model_copy(update={"stages": [stage]})
    refused = r"found \['TF-IDF and VADER \+ logistic regression'\] for labels \['a', 'b'\]; accepted: labels negative"
    with pytest.raises(DataError, match=refused):
        StageData(recipe, rows.dataset, rows.weak, rows.multitask, rows.encoding)


def test_the_epoch_to_keep_is_chosen_on_the_validation_part(rows: StageData) -> None:
    frame, validation = rows.dataset.validation, rows.validation
    expected = rows.encoding.encode(frame.row.tolist())
    assert [item.ids.tolist() for item in validation.encoded] == [item.ids.tolist() for item in expected]
    assert validation.targets.argmax(1).tolist() == frame.label.tolist()
    assert set(validation.targets.ravel()) == {0, 1}
    assert set(validation.weights) == {1}


def test_a_stage_has_a_batch_size_of_its_own(rows: StageData) -> None:
    train, _ = rows.batches(Stage(name="s", batch_size=5))
    assert train.size == 5


def test_a_stage_that_is_taught_without_labels_is_validated(rows: StageData) -> None:
    taught = Stage(name="s", sources=["emoji.csv"], teacher_baselines=[LINEAR])
    assert rows.batches(taught)[1] is rows.validation


def test_bundles_and_baselines_teach_by_their_mean(rows: StageData, tmp_path: Path) -> None:
    write_bundle(tmp_path / "one", labels=["a", "b"])
    write_bundle(tmp_path / "other", NetworkConfig(embedding=5, lstm=[4]), labels=["a", "b"])
    bundles = [str(tmp_path / "one"), str(tmp_path / "other")]

    def targets(teachers: list[str], baselines: list[str]) -> np.ndarray:
        content = {"name": "s", "teachers": teachers, "teacher_baselines": baselines, "teacher_share": 1.0}
        train, _ = rows.batches(Stage.model_validate(content))
        return train.targets[:, :2]

    each = [targets(bundles[:1], []), targets(bundles[1:], []), targets([], [LINEAR])]
    assert targets(bundles, [LINEAR]) == pytest.approx(np.mean(each, axis=0), abs=1e-6)
    assert np.abs(each[0] - each[1]).max() > 0.01


def test_a_baseline_that_teaches_weighs_sources(rows: StageData) -> None:
    stage = Stage(name="s", sources=["main"], teacher_baselines=[LINEAR], teacher_share=1.0)
    even, _ = rows.batches(stage)
    rows.dataset.train["weight"] = np.where(rows.dataset.train.label == 1, 1.0, 0.01)
    weighed, _ = StageData(rows.recipe, rows.dataset, rows.weak, rows.multitask, rows.encoding).batches(stage)
    assert weighed.targets[:, 1].mean() > even.targets[:, 1].mean() + 0.05


def test_each_group_is_balanced_by_its_own_classes(rows: StageData) -> None:
    frame = rows.dataset.train
    places = [*np.flatnonzero(frame.label == 0)[:4], *np.flatnonzero(frame.label == 1)[:12]]
    frame.loc[frame.index[places], "group"] = "of few"
    train, _ = rows.batches(Stage(name="s", sources=["main"], class_balance=0.0, group_balances={"main": 1.0}))
    for group, counts in (("of few", [4, 12]), ("main", [44, 4])):
        members = [train.weights[((frame.group == group) & (frame.label == label)).to_numpy()] for label in (0, 1)]
        assert [len(weights) for weights in members] == counts
        assert members[0].sum() == pytest.approx(members[1].sum()) == pytest.approx(sum(counts) / 2)


def test_groups_of_a_source_that_a_stage_does_not_read_are_not_looked_for(rows: StageData) -> None:
    stage = Stage(name="s", sources=["emoji.csv"], class_balance=0.0, group_balances={"main": 1.0})
    train, _ = rows.batches(stage)
    assert set(train.weights) == {1}


def write_answers(path: Path, texts: list[str], answer: tuple[float, float]) -> str:
    """A file of one answer to all of these texts; returns its path."""
    file = TeacherFile.empty(TeacherInfo(labels=["a", "b"]))
    file.with_answers(text_hashes(texts), np.array([answer] * len(texts), np.float32)).write(path)
    return str(path)


def test_a_text_without_an_answer_keeps_its_label(rows: StageData, tmp_path: Path) -> None:
    texts = rows.dataset.train.row.tolist()
    answers = write_answers(tmp_path / "t.npz", [*texts[:40], "hot today"], (0.25, 0.75))
    plain = Stage(name="s", sources=["main", "emoji.csv"])
    train, validation = rows.batches(plain.model_copy(update={"teacher_files": [answers], "teacher_share": 0.6}))
    labels, _ = rows.batches(plain)
    assert validation is not None
    taught = labels.targets[:40] * 0.4
    taught[:, :2] += np.array([0.15, 0.45])
    assert train.targets[:40] == pytest.approx(taught, abs=1e-3)
    assert (train.targets[40 : len(texts)] == labels.targets[40 : len(texts)]).all()
    hot, loved = train.targets[len(texts) :]
    assert hot[:2] == pytest.approx([0.25, 0.75], abs=1e-3)
    assert hot[2:].sum() == 0
    assert (loved == labels.targets[-1]).all()


def test_a_text_without_an_answer_is_taught_by_the_others(rows: StageData, tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", labels=["a", "b"])
    texts = rows.dataset.train.row.tolist()
    files = [write_answers(tmp_path / f"{n}.npz", texts[:n], (0.5, 0.5)) for n in (40, 50)]
    stage = Stage(name="s", sources=["main"], teachers=[str(tmp_path / "bundle")], teacher_share=1.0)
    alone, _ = rows.batches(stage)
    beside, _ = rows.batches(stage.model_copy(update={"teacher_files": files}))
    bundle, mean = alone.targets[:, :2], beside.targets[:, :2]
    assert mean[:40] == pytest.approx((bundle[:40] + 1) / 3, abs=1e-6)
    assert mean[40:50] == pytest.approx((bundle[40:50] + 0.5) / 2, abs=1e-6)
    assert mean[50:] == pytest.approx(bundle[50:])


def test_a_baseline_is_silent_on_a_text_without_a_label_that_a_file_knows(rows: StageData, tmp_path: Path) -> None:
    stage = Stage(name="s", sources=["main", "emoji.csv"], teacher_baselines=[LINEAR], teacher_share=1.0)
    alone, _ = rows.batches(stage)
    answers = write_answers(tmp_path / "t.npz", [rows.dataset.train.row[0], "hot today"], (0.25, 0.75))
    beside, _ = rows.batches(stage.model_copy(update={"teacher_files": [answers]}))
    mean = (alone.targets[0, :2] + np.array([0.25, 0.75])) / 2
    assert beside.targets[0, :2] == pytest.approx(mean, abs=1e-3)
    assert beside.targets[-2, :2] == pytest.approx([0.25, 0.75], abs=1e-3)
    assert (beside.targets[-1] == alone.targets[-1]).all()


def test_the_share_of_teachers_can_be_the_sources_own(rows: StageData, tmp_path: Path) -> None:
    rows.dataset.train.loc[[0, 1], "source"] = "other"
    answers = write_answers(tmp_path / "t.npz", rows.dataset.train.row.tolist(), (0.5, 0.5))
    stage = Stage(name="s", sources=["main", "other"], teacher_files=[answers], teacher_share=0.8)
    train, _ = rows.batches(stage.model_copy(update={"teacher_shares": {"other": 0.2}}))
    assert train.targets[:2].max(1) == pytest.approx(0.9)
    assert train.targets[2:].max(1) == pytest.approx(0.6)


def test_a_file_that_knows_too_few_of_a_stages_rows_is_refused(rows: StageData, tmp_path: Path) -> None:
    texts = rows.dataset.train.row.tolist()
    few, enough = (write_answers(tmp_path / f"{n}.npz", texts[:n], (0.5, 0.5)) for n in (15, 16))
    rows.check_teacher_files([Stage(name="s", sources=["main"], teacher_files=[enough]), Stage(name="t")])
    refused = r"stages\.s\.teacher_files: .*15\.npz has answers for 15 of the 64 rows; accepted: for at least 25%"
    with pytest.raises(DataError, match=refused):
        rows.check_teacher_files([Stage(name="s", sources=["main"], teacher_files=[enough, few])])
