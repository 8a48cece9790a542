import io
import json
from datetime import date

from serving.predictor import Prediction
from serving.rows.added import Answer
from serving.rows.delimited import DelimitedReader
from serving.rows.table import Row
from serving.rows.writers import NewDelimited, NewJsonLines, SameDelimited, with_surplus

LABELS = ["no", "yes"]
FOUND = Answer(Prediction("yes", 0.75, {"no": 0.25, "yes": 0.75}, truncated=False))


def test_the_same_csv_keeps_bytes_and_mark() -> None:
    reader = DelimitedReader(io.BytesIO(b'\xef\xbb\xbf"text";n\r\ncaf\xe9;=1\r\n'))
    ((row,),) = reader.chunks()
    writer = SameDelimited(reader, LABELS, mark=True)
    assert writer.header() == b'\xef\xbb\xbf"text";n;label;probability;p_no;p_yes;error\r\n'
    assert writer.page([(row, FOUND)]) == b"caf\xe9;=1;yes;0.75;0.25;0.75;\r\n"
    assert writer.added_size([(row, FOUND)]) == len(";yes;0.75;0.25;0.75;")
    assert not SameDelimited(reader, LABELS).header().startswith(b"\xef\xbb\xbf")


def test_a_new_csv_keeps_surplus_cells_at_the_end() -> None:
    writer = NewDelimited([("a", "string"), ("b", "string")], LABELS, ",")
    assert writer.header() == b"a,b,label,probability,p_no,p_yes,error\n"
    assert writer.page([(Row(["1,5", None, "more"]), Answer(None, "why"))]) == b'"1,5",,,,,,why,more\n'


def test_new_objects_hold_what_json_can() -> None:
    writer = NewJsonLines([("day", "date32"), ("x", "double")], LABELS)
    line = json.loads(writer.page([(Row([date(2026, 1, 2), float("nan")]), FOUND)]))
    assert (line["day"], line["x"], line["label"], line["error"]) == ("2026-01-02", None, "yes", None)


def test_surplus_cells_are_told_where_there_is_no_place_for_them() -> None:
    assert with_surplus(Row(["a", "b"]), Answer(None, "why"), 1).error == "why; beyond the last: 'b'"
    assert with_surplus(Row(["a"]), FOUND, 1) == FOUND
