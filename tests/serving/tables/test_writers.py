import csv
import io
import json
from datetime import date

from serving.model.types import Prediction
from serving.tables.base import Row
from serving.tables.delimited import DelimitedReader
from serving.tables.writers import (
    AddedCells,
    AddedKeys,
    Answer,
    NewDelimited,
    NewJsonLines,
    SameDelimited,
    added_columns,
    with_surplus,
)

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


LABELS_writers = ["no", "yes"]
PREDICTIONS = Answer(Prediction("yes", 0.75, {"no": 0.25, "yes": 0.75}, truncated=False))


def test_the_same_csv_keeps_bytes_and_mark() -> None:
    reader = DelimitedReader(io.BytesIO(b'\xef\xbb\xbf"text";n\r\ncaf\xe9;=1\r\n'))
    ((row,),) = reader.chunks()
    writer = SameDelimited(reader, LABELS_writers, mark=True)
    assert writer.header() == b'\xef\xbb\xbf"text";n;label;probability;p_no;p_yes;error\r\n'
    assert writer.page([(row, PREDICTIONS)]) == b"caf\xe9;=1;yes;0.75;0.25;0.75;\r\n"
    assert writer.added_size([(row, PREDICTIONS)]) == len(";yes;0.75;0.25;0.75;")
    assert not SameDelimited(reader, LABELS_writers).header().startswith(b"\xef\xbb\xbf")


def test_a_new_csv_keeps_surplus_cells_at_the_end() -> None:
    writer = NewDelimited([("a", "string"), ("b", "string")], LABELS_writers, ",")
    assert writer.header() == b"a,b,label,probability,p_no,p_yes,error\n"
    assert writer.page([(Row(["1,5", None, "more"]), Answer(None, "why"))]) == b'"1,5",,,,,,why,more\n'


def test_new_objects_hold_what_json_can() -> None:
    writer = NewJsonLines([("day", "date32"), ("x", "double")], LABELS_writers)
    line = json.loads(writer.page([(Row([date(2026, 1, 2), float("nan")]), PREDICTIONS)]))
    assert (line["day"], line["x"], line["label"], line["error"]) == ("2026-01-02", None, "yes", None)


def test_surplus_cells_are_told_where_there_is_no_place_for_them() -> None:
    assert with_surplus(Row(["a", "b"]), Answer(None, "why"), 1).error == "why; beyond the last: 'b'"
    assert with_surplus(Row(["a"]), PREDICTIONS, 1) == PREDICTIONS
