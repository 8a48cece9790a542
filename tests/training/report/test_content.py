import numpy as np

from tests.training.report.examples import evidence
from training.report.content import content_of, key_figures


def test_mistakes_are_there_only_where_texts_are_wanted() -> None:
    assert content_of(evidence(), texts=False)["mistakes"] is None
    assert len(content_of(evidence(), texts=True)["mistakes"].rows) == 20


def test_without_a_mistake_there_is_nothing_to_quote() -> None:
    right = evidence(probabilities=np.eye(3)[evidence().truth])
    assert content_of(right, texts=True)["mistakes"] is None


def test_the_key_figures() -> None:
    found = key_figures(evidence().figures)
    assert list(found) == ["macro recall", "macro F1", "accuracy", "expected calibration error"]
    assert found["accuracy"] == "0.723"
