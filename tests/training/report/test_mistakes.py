import numpy as np

from tests.training.report.examples import evidence
from training.report.mistakes import mistake_table


def test_the_surest_mistake_is_first() -> None:
    example = evidence(
        truth=np.array([0, 1, 2, 1]),
        probabilities=np.array([[0.9, 0.05, 0.05], [0.8, 0.1, 0.1], [0.3, 0.4, 0.3], [0.05, 0.05, 0.9]]),
        texts=["right", "second", "third", "first"],
        groups=["a", "b", "c", "d"],
        lengths=np.ones(4),
    )
    assert mistake_table(example).rows == [
        ("first", "neutral", "positive", "d", "0.900"),
        ("second", "neutral", "negative", "b", "0.800"),
        ("third", "positive", "neutral", "c", "0.400"),
    ]


def test_there_are_at_most_twenty() -> None:
    assert len(mistake_table(evidence()).rows) == 20
