import numpy as np
import pytest

from training.vader import Vader, _polarity, reads_sentiment, vader_scores


def test_it_is_for_sentiment_only() -> None:
    assert reads_sentiment(["Positive", "Neutral", "Negative"])
    assert not reads_sentiment(["positive", "negative"])
    assert not reads_sentiment(["ham", "spam"])


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


def test_no_text_has_four_scores_too() -> None:
    assert vader_scores([]).shape == (0, 4)


@pytest.mark.parametrize(
    ("compound", "label"),
    [(0.05, "positive"), (0.0499, "neutral"), (0, "neutral"), (-0.0499, "neutral"), (-0.05, "negative")],
)
def test_it_is_cut_at_its_authors_thresholds(compound: float, label: str) -> None:
    assert _polarity(compound) == label
