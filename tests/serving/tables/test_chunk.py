from serving.model.types import Prediction
from serving.tables.base import Row
from serving.tables.chunk import Chunk
from serving.tables.inputs.text import TextExtractor
from tests.serving.tables.readers import delimited

PREDICTION = Prediction("a", 1.0, {"a": 1.0, "b": 0.0}, truncated=False)


def test_predictions_go_to_their_rows() -> None:
    rows = [Row(["good"]), Row([""]), Row(["bad"]), Row(["cut"], fault="1 cell where the header has 2")]
    chunk = Chunk(rows, TextExtractor(delimited(b"text\n"), 0))
    assert chunk.inputs == ["good", "bad"]
    other = Prediction("b", 0.9, {"a": 0.1, "b": 0.9}, truncated=False)
    scored = chunk.scored([PREDICTION, other])
    assert [row for row, _ in scored] == rows
    assert [result.prediction for _, result in scored] == [PREDICTION, None, other, None]
    assert [result.error for _, result in scored] == ["", "no text", "", "1 cell where the header has 2"]


def test_a_row_whose_prediction_failed() -> None:
    chunk = Chunk([Row(["good"]), Row([""]), Row(["bad"])], TextExtractor(delimited(b"text\n"), 0))
    assert [result.error for _, result in chunk.scored([None, PREDICTION])] == ["the prediction failed", "no text", ""]
