import math
import shutil
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.model.metadata import Row
from serving.model.predictor import Predictor
from tests.bundles import FORM, LABELS, TEXTS, TINY, edit_metadata, rehash, relabel
from training.evaluation.paired import CHUNK, Difference, RecallDifferences, answers_in_turns, compare_paired
from training.evaluation.paired import recall_differences as differences
from training.types import Labels


def answered(truth: Labels, won: float, lost: float, rng: np.random.Generator) -> tuple[Labels, Labels]:
    """What two models answer that are both right, but for shares of the rows which only one of them knows."""
    draw, wrong = rng.random(truth.size), (truth + 1) % 3
    return np.where(draw < lost, wrong, truth), np.where((draw >= lost) & (draw < lost + won), wrong, truth)


def drawn(rows_of_class: int, won: float, lost: float, seed: int = 0, resamples: int = 10_000) -> RecallDifferences:
    truth = np.repeat(np.arange(3), rows_of_class)
    return differences(truth, *answered(truth, won, lost, np.random.default_rng(seed)), 3, resamples=resamples)


def test_differences_count_each_class_the_same() -> None:
    truth = np.array([0] * 8 + [1] * 2)
    candidate, old = np.array([0] * 6 + [1] * 2 + [1, 0]), np.array([0] * 4 + [1] * 4 + [1, 1])
    found = differences(truth, candidate, old, 2)
    assert [each.value for each in found.classes if each] == [0.25, -0.5]
    assert found.macro.value == -0.125
    assert all(each.low < each.value < each.high for each in (found.macro, *found.classes) if each)


def test_the_interval_is_that_of_rows_which_are_drawn_again_and_again() -> None:
    """Koehn's own way: indices of rows, in each class by itself, and both models' answers to them."""
    rng = np.random.default_rng(2)
    truth = rng.choice(3, 2000, p=[0.6, 0.3, 0.1])
    candidate, old = answered(truth, 0.12, 0.08, rng)
    gained = (candidate == truth).astype(float) - (old == truth)
    of_classes = [gained[truth == label] for label in range(3)]
    macro = np.mean([[rng.choice(of, of.size).mean() for _ in range(4000)] for of in of_classes], axis=0)
    found = differences(truth, candidate, old, 3).macro
    width = found.high - found.low
    assert [found.low, found.high] == pytest.approx(np.quantile(macro, [0.025, 0.975]), abs=0.04 * width)


def test_the_pairs_make_it_narrow() -> None:
    """Two models that err alike are told apart by fewer rows than two of the same recall that err apart."""
    alike, apart = drawn(200, 0.03, 0), drawn(200, 0.18, 0.15)
    assert alike.macro.high - alike.macro.low < 0.5 * (apart.macro.high - apart.macro.low)


def test_equal_answers_to_few_rows_show_little() -> None:
    assert drawn(10, 0, 0).macro.low < -0.05
    assert drawn(400, 0, 0).macro.low > -0.01
    assert drawn(10, 0, 0).macro.value == 0


@pytest.mark.parametrize("rows", [15, 60, 300])
@pytest.mark.parametrize(("won", "lost"), [(0.0, 0.02), (0.02, 0.05), (0.1, 0.1)])
def test_the_lower_end_is_rarely_above_the_truth(rows: int, won: float, lost: float) -> None:
    """In one of forty cases, were it exact: in 10 of 400, and then in more than 20 once in a thousand times."""
    assert sum(drawn(rows, won, lost, seed, 500).macro.low > won - lost for seed in range(400)) <= 20


def test_a_seed_gives_the_same_and_the_order_of_rows_counts_nothing() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 300)
    candidate, old = answered(truth, 0.2, 0.1, rng)
    order = rng.permutation(300)
    found = differences(truth, candidate, old, 3)
    assert found == differences(truth[order], candidate[order], old[order], 3)
    assert found != differences(truth, candidate, old, 3, seed=2)


def test_a_class_without_rows_has_no_difference() -> None:
    found = differences(np.array([0, 0, 2]), np.array([0, 1, 2]), np.array([0, 0, 0]), 3)
    assert [each and each.value for each in found.classes] == [-0.5, None, 1]
    assert found.macro.value == 0.25


def test_memory_is_that_of_the_resamples() -> None:
    truth = np.arange(100_000) % 3
    tracemalloc.start()
    try:
        differences(truth, truth, truth, 3)
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


def test_the_rows_that_are_missing_would_be_enough() -> None:
    rng = np.random.default_rng(1)
    truth = np.arange(600) % 3
    candidate, old = answered(truth, 0.08, 0.08, rng)
    few = differences(truth, candidate, old, 3).macro
    missing = few.rows_missing(600, -0.01)
    assert few.low < -0.01 < few.value
    assert missing
    times = math.ceil((600 + missing) / 600)
    many = differences(np.tile(truth, times), np.tile(candidate, times), np.tile(old, times), 3).macro
    assert many.value == pytest.approx(few.value)
    assert many.low == pytest.approx(-0.01, abs=0.003)


def test_no_rows_are_missing_or_none_would_help() -> None:
    assert Difference(0.02, -0.04, 0.08).rows_missing(100, -0.01) == 301
    assert Difference(0.02, 0.0, 0.04).rows_missing(100, -0.01) == 0
    assert Difference(-0.01, -0.02, 0.0).rows_missing(100, -0.01) is None
    assert Difference(-0.2, -0.3, -0.1).rows_missing(100, -0.01) is None


def test_both_answer_all_rows_as_served_whatever_the_order_of_their_labels(tmp_path: Path) -> None:
    relabel(Path(shutil.copytree(TINY, tmp_path / "other")), LABELS[::-1])
    predictors = [Predictor.load(folder) for folder in (TINY, tmp_path / "other")]
    texts = TEXTS * (CHUNK // len(TEXTS) + 1)
    found = answers_in_turns(predictors, texts, LABELS)
    for predictor, answers in zip(predictors, found, strict=True):
        served = predictor.predict(texts)
        assert [LABELS[place] for place in answers.predicted] == [each.label for each in served]
        expected = [[each.probabilities[label] for label in LABELS] for each in served]
        assert answers.probabilities == pytest.approx(np.array(expected), abs=1e-6)
        assert answers.rows_per_second > 0


def test_some_hundred_rows_are_asked_in_turns_so_that_neither_is_always_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    predictors = [Predictor.load(TINY) for _ in range(2)]
    for which, predictor in enumerate(predictors):
        predict = predictor.predict

        def noted(rows: Sequence[Row], which: int = which, predict: Any = predict) -> Any:
            asked.append(which)
            return predict(rows)

        monkeypatch.setattr(predictor, "predict", noted)
    answers_in_turns(predictors, (TEXTS * 50)[:200], LABELS)
    assert asked == [0, 1, 1, 0, 0, 1, 1, 0]


def test_the_figures_are_those_of_the_decisions(tmp_path: Path) -> None:
    """A bundle of two labels may decide otherwise than by the greater probability."""
    strict = Path(shutil.copytree(FORM, tmp_path / "strict"))
    edit_metadata(strict, lambda content: content.update(decision_threshold=0.999))
    rehash(strict)
    candidate, old = Predictor.load(strict), Predictor.load(FORM)
    rows: list[Row] = [
        {"age": age, "workclass": "Private", "hours-per-week": 40, "sex": "Male"} for age in range(20, 80)
    ]
    served = [[each.label for each in predictor.predict(rows)] for predictor in (candidate, old)]
    assert served[0] != served[1]
    truth = np.array([candidate.metadata.labels.index(label) for label in served[0]])
    comparison = compare_paired(candidate, old, rows, truth)
    assert (comparison.rows, comparison.candidate.accuracy, comparison.candidate.macro_recall) == (60, 1, 1)
    right = np.mean([one == other for one, other in zip(*served, strict=True)])
    assert comparison.old.accuracy == pytest.approx(right)
    assert comparison.counts == {label: served[0].count(label) for label in candidate.metadata.labels}
