import csv
import json

from serving.predictor import Prediction
from serving.rows.added import AddedCells, AddedKeys, Answer, added_columns

LABELS = ["=1+1", "so, so"]
FOUND = Answer(Prediction("=1+1", 0.75, {"=1+1": 0.75, "so, so": 0.25}, truncated=False))
NAMES = [name for name, _ in added_columns(LABELS, [])]


def test_the_columns() -> None:
    assert NAMES == ["label", "probability", "p_=1+1", "p_so, so", "error"]
    assert added_columns(LABELS, ["error"])[0] == ("predicted_label", "string")
    assert added_columns(LABELS, ["error", "predicted_label"])[-1] == ("predicted_predicted_error", "string")


def test_added_cells_are_safe_in_a_spreadsheet() -> None:
    added = AddedCells(LABELS, NAMES, ",")
    assert added.header == ',label,probability,p_=1+1,"p_so, so",error'
    assert added.cells(FOUND) == ",'=1+1,0.75,0.75,0.25,"
    assert next(csv.reader([added.cells(Answer(None, "-x"))])) == ["", "", "", "", "", "'-x"]


def test_added_keys_fit_into_an_object() -> None:
    keys = AddedKeys(LABELS, NAMES)
    expected = {"label": "=1+1", "probability": 0.75, "p_=1+1": 0.75, "p_so, so": 0.25, "error": None}
    assert json.loads('{"a": 1' + keys.keys(FOUND, {"a": 1}) + "}") == {"a": 1} | expected
    assert json.loads("{" + keys.keys(FOUND, {}) + "}") == expected


def test_an_object_that_has_such_a_key_keeps_it() -> None:
    own = {"label": "gold"}
    added = json.loads('{"label": "gold"' + AddedKeys(LABELS, NAMES).keys(Answer(None, "no text"), own) + "}")
    assert added["label"] == "gold"
    assert added["predicted_error"] == "no text"
    assert added["predicted_label"] is None
