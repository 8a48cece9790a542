import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.model.types import Prediction, WeighedWord
from serving.web.schemas import PredictedText, PredictionAnswer, PredictionsAnswer, json_answer, predicted_texts

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SHARE = st.floats(0, 1)
WORD = st.builds(WeighedWord, word=TEXT, start=st.integers(0, 9), end=st.integers(0, 9), weight=st.none() | SHARE)
PREDICTION = st.builds(
    Prediction,
    label=TEXT,
    probability=SHARE,
    probabilities=st.dictionaries(TEXT, SHARE),
    truncated=st.booleans(),
    explanation=st.none() | st.lists(WORD).map(tuple),
)


@given(TEXT, PREDICTION)
def test_one_is_what_is_documented(text: str, prediction: Prediction) -> None:
    (answer,) = predicted_texts([text], [prediction])
    body = bytes(json_answer([answer], "é", several=False).body)
    documented = PredictionAnswer.model_validate_json(body)
    assert documented.model_dump_json(exclude_unset=True).encode() == body
    assert documented.model_fields_set == {*PredictionAnswer.model_fields} - missing(prediction)
    assert [documented.text, documented.label, documented.model_version] == [text, prediction.label, "é"]


def missing(prediction: Prediction) -> set[str]:
    return {"explanation"} if prediction.explanation is None else set()


@given(st.lists(st.tuples(TEXT, PREDICTION), min_size=1))
def test_several_are_what_is_documented(pairs: list[tuple[str, Prediction]]) -> None:
    texts, predictions = [text for text, _ in pairs], [prediction for _, prediction in pairs]
    body = bytes(json_answer(predicted_texts(texts, predictions), "v", several=True).body)
    documented = PredictionsAnswer.model_validate_json(body)
    assert documented.model_dump_json(exclude_unset=True).encode() == body
    for answer, text, prediction in zip(documented.predictions, texts, predictions, strict=True):
        assert answer.model_fields_set == {*PredictedText.model_fields} - missing(prediction)
        assert (answer.text, answer.probabilities) == (text, prediction.probabilities)


def test_an_answer_for_each_text() -> None:
    with pytest.raises(ValueError, match="shorter"):
        predicted_texts(["a", "b"], [])
