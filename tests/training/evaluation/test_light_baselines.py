import subprocess
import sys

import numpy as np
import pytest

from training.evaluation.light_baselines import Majority, Vader, polarity, vader_scores


def test_the_majority_is_the_same_whatever_is_asked() -> None:
    majority = Majority()
    majority.fit(["a", "b", "c", "d"], np.array([2, 1, 2, 0]))
    assert majority.predict(["a", "x"]).tolist() == [2, 2]
    assert majority.predict_proba(["a", "x"]).tolist() == [[0, 0, 1], [0, 0, 1]]


def test_they_need_neither_scikit_learn_nor_scipy() -> None:
    code = """
import sys
from training.evaluation.light_baselines import Vader
assert Vader(["negative", "neutral", "positive"]).predict(["great"]).tolist() == [2]
print(sorted({"sklearn", "scipy", "pandas", "keras", "pydantic"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_its_answers_are_indices_of_the_labels() -> None:
    vader = Vader(["Positive", "Neutral", "Negative"])
    assert vader.predict(["awful", "great", "the train leaves at nine"]).tolist() == [2, 0, 1]


def test_scores_are_shares_a_compound_and_its_size() -> None:
    bad, good, neither, nothing = vader_scores(["awful", "great", "the train leaves at nine", ""])
    assert bad[:2].tolist() == [1, 0]
    assert good[:2].tolist() == [0, 1]
    assert bad[2] < -0.4 < 0.4 < good[2]
    assert [bad[3], good[3]] == pytest.approx([-bad[2], good[2]])
    assert np.abs(neither).sum() == np.abs(nothing).sum() == 0


def test_its_greatest_score_is_of_what_it_predicts() -> None:
    vader = Vader(["Positive", "Neutral", "Negative"])
    texts = ["awful", "great", "the train leaves at nine", "okay", "not so bad"]
    scores = vader.predict_proba(texts)
    assert scores.argmax(1).tolist() == vader.predict(texts).tolist()
    assert scores.sum(1).tolist() == pytest.approx([1] * len(texts))


def test_no_text_has_four_scores_too() -> None:
    assert vader_scores([]).shape == (0, 4)


@pytest.mark.parametrize(
    ("compound", "label"),
    [(0.05, "positive"), (0.0499, "neutral"), (0, "neutral"), (-0.0499, "neutral"), (-0.05, "negative")],
)
def test_it_is_cut_at_its_authors_thresholds(compound: float, label: str) -> None:
    assert polarity(compound) == label
