import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.model.types import Prediction, WeighedWord
from serving.web.schemas import PredictedText, PredictionAnswer, PredictionsAnswer, answers, one_answer

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
def test_one_is_what_its_model_is(text: str, prediction: Prediction) -> None:
    model = PredictedText.of(text, prediction).model_dump(exclude_unset=True)
    written = PredictionAnswer(**model, model_version="é").model_dump_json(exclude_unset=True)
    assert one_answer(text, prediction, "é").decode() == written


@given(st.lists(st.tuples(TEXT, PREDICTION)))
def test_several_are_what_their_model_is(pairs: list[tuple[str, Prediction]]) -> None:
    model = PredictionsAnswer(predictions=[PredictedText.of(*pair) for pair in pairs], model_version="v")
    texts, predictions = [text for text, _ in pairs], [prediction for _, prediction in pairs]
    assert answers(texts, predictions, "v").decode() == model.model_dump_json(exclude_unset=True)


def test_an_answer_for_each_text() -> None:
    with pytest.raises(ValueError, match="shorter"):
        answers(["a", "b"], [], "v")
