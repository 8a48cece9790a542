from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
import pytest
from pydantic import ValidationError

from training.data.cleaning import text_key
from training.evaluation.behaviour import (
    HALVES,
    BehaviourPair,
    behaviour_suite,
    count_failures,
    failed_pairs,
)
from training.types import Probabilities

LABELS = ["negative", "neutral", "positive"]
CAPABILITIES = {
    "negation",
    "intensity",
    "emoji",
    "elongation",
    "case",
    "names",
    "identity",
    "statement",
    "question",
    "thanks",
}
PAIRS = list(chain.from_iterable(behaviour_suite().values()))


def test_there_are_enough_pairs_of_each_capability_in_each_half() -> None:
    assert behaviour_suite().keys() == CAPABILITIES
    assert len(PAIRS) >= 240
    counts = {(capability, half): 0 for capability in CAPABILITIES for half in HALVES}
    for capability, pairs in behaviour_suite().items():
        for pair in pairs:
            counts[capability, pair.half] += 1
    assert min(counts.values()) >= 8


def test_no_text_and_no_name_is_there_twice() -> None:
    assert max(Counter(pair.name for pair in PAIRS).values()) == 1
    assert max(Counter(text for pair in PAIRS for text in pair.texts).values()) == 1


def test_a_pair_differs_in_what_it_asks_for_alone() -> None:
    """Where case is asked for, preprocessing must make both texts alike."""
    assert [pair.name for pair in behaviour_suite()["case"] if len(set(map(text_key, pair.texts))) > 1] == []


def test_a_pair_stays_in_its_half() -> None:
    """The names are of the suite: a pair that moves has measured what it now chooses."""
    halves = {pair.name: pair.half for pair in PAIRS}
    assert [halves[f"negation-0{i}"] for i in (1, 2)] == ["measuring", "choosing"]


@pytest.mark.parametrize("expectation", [{}, {"same": True, "rises": "positive"}, {"labels": ["good", "bad"]}])
def test_a_pair_has_one_expectation(expectation: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BehaviourPair.model_validate({"name": "a", "texts": ["a", "b"], **expectation})


NEGATIVE, NEUTRAL, POSITIVE = ([0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8])


@pytest.mark.parametrize(
    ("expectation", "answers", "met"),
    [
        ({"labels": ("positive", "negative")}, [POSITIVE, NEGATIVE], True),
        ({"labels": ("positive", "negative")}, [POSITIVE, NEUTRAL], False),
        ({"labels": ("positive", "negative")}, [NEGATIVE, NEGATIVE], False),
        ({"same": True}, [NEUTRAL, NEUTRAL], True),
        ({"same": True}, [NEUTRAL, POSITIVE], False),
        ({"rises": "positive", "by": 0.5}, [NEUTRAL, POSITIVE], True),
        ({"rises": "positive", "by": 0.75}, [NEUTRAL, POSITIVE], False),
        ({"rises": "negative"}, [NEUTRAL, POSITIVE], True),
        ({"rises": "neutral"}, [NEUTRAL, POSITIVE], False),
    ],
)
def test_what_meets_an_expectation(expectation: dict[str, object], answers: list[list[float]], met: bool) -> None:
    pair = BehaviourPair.model_validate({"name": "a", "texts": ("a", "b"), **expectation})
    assert pair.is_met(np.array(answers), LABELS) is met


def always(label: int, labels: Sequence[str] = LABELS) -> Probabilities:
    return np.eye(len(labels))[[label]]


def test_who_has_one_answer_fails_all_but_pairs_that_it_suits() -> None:
    counts = count_failures(lambda texts: always(1).repeat(len(texts), axis=0), LABELS, "measuring")
    rates = {capability: count.rate for capability, count in counts.items()}
    assert (rates["negation"], rates["intensity"], rates["identity"], rates["names"]) == (1, 1, 0, 0)
    assert counts["over all"].pairs == sum(pair.half == "measuring" for pair in PAIRS)
    assert counts["over all"].failures == sum(
        count.failures for capability, count in counts.items() if capability != "over all"
    )


def test_the_order_and_case_of_labels_are_the_models() -> None:
    def classifier(texts: Sequence[str]) -> Probabilities:
        return always(0).repeat(len(texts), axis=0)

    failed = failed_pairs(classifier, ["Neutral", "Positive", "Negative"], "choosing")
    assert failed["statement"] == []
    assert {pair.half for pair in failed["negation"]} == {"choosing"}
