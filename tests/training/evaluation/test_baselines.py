import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from training.evaluation.baselines import baselines, reads_sentiment, size
from training.recipe.model import TokenizerConfig


def test_it_is_for_sentiment_only() -> None:
    assert reads_sentiment(["Positive", "Neutral", "Negative"])
    assert not reads_sentiment(["positive", "negative"])
    assert not reads_sentiment(["ham", "spam"])


LABELS = ["negative", "neutral", "positive"]
TEXTS = ["I hate it, awful", "the train leaves at nine", "I love it, great"] * 20
TRUTH = np.array([0, 1, 2] * 20)


@pytest.mark.parametrize("name", [name for name in baselines(TokenizerConfig(), LABELS, 1) if name != "majority"])
def test_each_learns_what_is_plain(name: str) -> None:
    baseline = baselines(TokenizerConfig(), LABELS, 1)[name]
    baseline.fit(TEXTS, TRUTH)
    assert (baseline.predict(TEXTS) == TRUTH).mean() > 0.9
    assert size(baseline) > 100


def test_majority_is_the_floor() -> None:
    majority = baselines(TokenizerConfig(), LABELS, 1)["majority"]
    majority.fit([*TEXTS, "once more"], np.array([*TRUTH, 1]))
    assert set(majority.predict(TEXTS).tolist()) == {1}


def test_vader_is_for_sentiment_only() -> None:
    others = set(baselines(TokenizerConfig(), ["ham", "spam"], 1))
    with_vader = set(baselines(TokenizerConfig(), ["Positive", "Neutral", "Negative"], 1))
    assert with_vader - others == {"VADER", "TF-IDF and VADER + logistic regression"}
    assert others < with_vader


def test_what_no_row_says_is_read_by_vaders_lexicon() -> None:
    found = baselines(TokenizerConfig(), LABELS, 1)["TF-IDF and VADER + logistic regression"]
    found.fit(TEXTS, TRUTH)
    assert found.predict(["horrible", "fantastic"]).tolist() == [0, 2]


def test_the_same_seed_gives_the_same_forest() -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(["a", "b", "c", "d", "e"], 5)) for _ in range(100)]
    labels = rng.integers(0, 2, 100)

    def predicted() -> list[int]:
        forest = baselines(TokenizerConfig(), ["x", "y"], 3)["random forest"]
        forest.fit(texts, labels)
        return [int(label) for label in forest.predict(texts)]

    assert predicted() == predicted()


def test_a_forests_threads_leave_the_warnings_of_the_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What two of them do to each other, seldom, is done here each time."""
    fit, predict = RandomForestClassifier.fit, RandomForestClassifier.predict_proba

    def overtaking(method: Callable[..., Any]) -> Callable[..., Any]:
        def method_then_loss(*given: Any) -> Any:
            found = method(*given)
            warnings.resetwarnings()
            return found

        return method_then_loss

    monkeypatch.setattr(RandomForestClassifier, "fit", overtaking(fit))
    monkeypatch.setattr(RandomForestClassifier, "predict_proba", overtaking(predict))
    before, forest = list(warnings.filters), baselines(TokenizerConfig(), ["x", "y"], 1)["random forest"]
    forest.fit(["good day", "bad day"] * 9, np.array([0, 1] * 9))
    assert list(warnings.filters) == before != []
    assert forest.predict(["good day", "bad day"]).tolist() == [0, 1]
    assert list(warnings.filters) == before


LEARNING = [name for name in baselines(TokenizerConfig(), ["x", "y"], 1) if name != "majority"]


@pytest.mark.parametrize("name", LEARNING)
def test_a_rare_class_counts_like_another(name: str) -> None:
    """Odd days are more of the frequent class, which has a smaller share of them."""
    texts = ["odd day"] * 9 + ["plain day"] * 81 + ["odd day"] * 4 + ["plain day"] * 6
    baseline = baselines(TokenizerConfig(), ["x", "y"], 1)[name]
    baseline.fit(texts, np.array([0] * 90 + [1] * 10))
    assert baseline.predict(["odd day", "plain day"]).tolist() == [1, 0]


@pytest.mark.parametrize("name", LEARNING)
def test_what_stands_beside_a_word_is_read(name: str) -> None:
    baseline = baselines(TokenizerConfig(), ["x", "y"], 1)[name]
    baseline.fit(["good not bad", "bad not good"] * 20, np.array([0, 1] * 20))
    assert baseline.predict(["good not bad", "bad not good"]).tolist() == [0, 1]


def test_texts_are_read_by_the_preprocessings_own_rules() -> None:
    texts = ["a soooo dull :-(", "a loooovely day :-)"] * 20
    linear = baselines(TokenizerConfig(), ["x", "y"], 1)["TF-IDF + logistic regression"]
    linear.fit([*texts, "another"], np.array([0, 1] * 20 + [0]))
    assert linear.predict([":(", ":)", "SOO", "LOOVELY"]).tolist() == [0, 1, 0, 1]
