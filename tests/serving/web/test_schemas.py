import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import InvalidText
from serving.model.types import Prediction, WeighedWord
from serving.web.schemas import (
    PredictedText,
    PredictionAnswer,
    PredictionsAnswer,
    json_answer,
    predicted_texts,
    refused_text,
    with_refused,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SHARE = st.floats(0, 1)
WORD = st.builds(WeighedWord, word=TEXT, start=st.integers(0, 9), end=st.integers(0, 9), weight=st.none() | SHARE)
PREDICTION = st.builds(
    Prediction,
    label=TEXT,
    probability=SHARE,
    probabilities=st.dictionaries(TEXT, SHARE),
    truncated=st.booleans(),
    in_vocabulary=SHARE,
    explanation=st.none() | st.lists(WORD).map(tuple),
)


MIN_PROBABILITY = st.none() | SHARE


@given(TEXT, PREDICTION, MIN_PROBABILITY)
def test_one_is_what_is_documented(text: str, prediction: Prediction, min_probability: float | None) -> None:
    (answer,) = predicted_texts([text], [prediction], min_probability)
    body = bytes(json_answer([answer], "é", several=False).body)
    documented = PredictionAnswer.model_validate_json(body)
    assert documented.model_dump_json(exclude_unset=True).encode() == body
    assert documented.model_fields_set == {*PredictionAnswer.model_fields} - missing(prediction, min_probability)
    assert [documented.text, documented.label, documented.model_version] == [text, prediction.label, "é"]


def missing(prediction: Prediction, min_probability: float | None) -> set[str]:
    no_explanation = {"explanation"} if prediction.explanation is None else set()
    return no_explanation | ({"uncertain"} if min_probability is None else set())


@given(st.lists(st.tuples(TEXT, PREDICTION), min_size=1), MIN_PROBABILITY)
def test_several_are_what_is_documented(pairs: list[tuple[str, Prediction]], min_probability: float | None) -> None:
    texts, predictions = [text for text, _ in pairs], [prediction for _, prediction in pairs]
    body = bytes(json_answer(predicted_texts(texts, predictions, min_probability), "v", several=True).body)
    documented = PredictionsAnswer.model_validate_json(body)
    assert documented.model_dump_json(exclude_unset=True).encode() == body
    for answer, text, prediction in zip(documented.predictions, texts, predictions, strict=True):
        assert isinstance(answer, PredictedText)
        assert answer.model_fields_set == {*PredictedText.model_fields} - missing(prediction, min_probability)
        assert answer.text == text
        assert answer.probabilities == pytest.approx(prediction.probabilities, abs=1e-6)


def test_figures_have_six_digits() -> None:
    word = WeighedWord("a", 0, 1, -0.000000123)
    prediction = Prediction("b", 2 / 3, {"a": 1 / 3, "b": 2 / 3}, False, 4 / 7, (word,))
    (answer,) = predicted_texts(["a"], [prediction])
    assert bytes(json_answer([answer], "v", several=False).body).decode() == (
        '{"text":"a","label":"b","probability":0.666667,"probabilities":{"a":0.333333,"b":0.666667},"truncated":false,'
        '"in_vocabulary":0.571429,"explanation":[{"word":"a","start":0,"end":1,"weight":0.0}],"model_version":"v"}'
    )


def test_what_is_uncertain_is_what_is_shown_to_be() -> None:
    prediction = Prediction("b", 0.6999999, {"a": 0.3000001, "b": 0.6999999}, False)
    (answer,) = predicted_texts(["a"], [prediction], 0.7)
    assert (answer["probability"], answer["uncertain"]) == (0.7, False)


def test_refused_texts_are_in_their_places() -> None:
    answers = [{"text": "b"}, {"text": "d"}]
    refused = {
        3: InvalidText("Long.", row="x"),
        0: InvalidText("Blank.", code="text_blank", row=""),
        2: InvalidText("7"),
    }
    assert with_refused(answers, {place: refused_text(error) for place, error in refused.items()}) == [
        {"text": "", "error": {"detail": "Blank.", "code": "text_blank"}},
        {"text": "b"},
        {"error": {"detail": "7", "code": "invalid_text"}},
        {"text": "x", "error": {"detail": "Long.", "code": "invalid_text"}},
        {"text": "d"},
    ]
    assert len(answers) == 2


def test_an_answer_for_each_text() -> None:
    with pytest.raises(ValueError, match="shorter"):
        predicted_texts(["a", "b"], [])
