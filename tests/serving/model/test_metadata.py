import pytest

from tests.serving.fakes import fake_metadata


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["negative", "neutral", "positive"], True),
        (["Positive", "Negative"], True),
        (["negative", "neutral"], False),
        (["negative", "positive", "mixed"], False),
        (["ham", "spam"], False),
    ],
)
def test_which_labels_are_of_sentiment(labels: list[str], expected: bool) -> None:
    assert fake_metadata().model_copy(update={"labels": labels}).is_sentiment is expected
