import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.errors import RowsError
from serving.model.inputs.fields import NO_VALUE, CategoryField, FieldsFile, FieldsInput, NumberField
from serving.model.predictor import Predictor
from serving.tables.base import Reader, ReadOptions
from serving.tables.chunk import MISSING, Chunk
from serving.tables.formats import open_reader, open_table, table_input
from serving.tables.inputs.fields import FieldColumns, field_columns
from serving.tables.parquet import PARQUET
from tests.serving.tables.readers import any_text

NAMES = ["age", "workclass", "hours-per-week", "sex"]
HEADER = b"age,workclass,hours-per-week,sex\n"


def extracted(content: bytes, predictor: Predictor) -> list[tuple[Any, str]]:
    model_input = table_input(predictor)
    table = open_table(any_text(content, names=model_input.names), model_input)
    chunks = [Chunk([row], table.extract) for row in table.rows]
    return [(chunk.inputs[0] if chunk.inputs else None, "".join(chunk.faults)) for chunk in chunks]


def refused(content: bytes, predictor: Predictor, column_name: str = "", **options: Any) -> RowsError:
    model_input = table_input(predictor)
    with pytest.raises(RowsError) as raised:
        open_table(any_text(content, names=model_input.names, **options), model_input, column_name)
    return raised.value


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (NAMES, [0, 1, 2, 3]),
        (["id", " sex ", "hours-per-week", "workclass", "age"], [4, 3, 2, 1]),
        (["AGE", "WorkClass", "Hours per_week", "Sex"], [0, 1, 2, 3]),
        (["Age", "age", *NAMES[1:]], [1, 2, 3, 4]),
    ],
)
def test_columns_are_found_by_the_fields_names(names: list[str], expected: list[int]) -> None:
    assert field_columns(dict.fromkeys(NAMES, ""), table_of(names)) == expected


def table_of(names: list[str]) -> Reader:
    content = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * len(names), names=names), content)
    return open_reader(io.BytesIO(content.getvalue().to_pybytes()), ReadOptions(), PARQUET)


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["age", "Sex"], "it has no column for 'workclass', 'hours-per-week'; found: 'age', 'Sex'; accepted: a header"),
        (["Age", "AGE", *NAMES[1:]], "it is not clear which column is that of 'age'; found: 'Age', 'AGE'"),
        (["age", "age", *NAMES[1:]], "it is not clear which column is that of 'age'; found: 'age', 'age'"),
        (["sex", "sex"], "no column for 'age', 'workclass', 'hours-per-week'; it is not clear .* that of 'sex'; found"),
    ],
)
def test_all_fields_without_a_column_are_named(names: list[str], fault: str) -> None:
    with pytest.raises(RowsError, match=fault) as raised:
        field_columns(dict.fromkeys(NAMES, ""), table_of(names))
    assert (raised.value.code, raised.value.columns) == ("columns_missing", ())


def test_one_column_is_not_taken_for_two_fields() -> None:
    assert field_columns({"a b": "", "a-b": ""}, table_of(["a-b", "a b"])) == [1, 0]
    assert field_columns({"a b": "", "a-b": ""}, table_of(["a-b", "a_b"])) == [1, 0], (
        "the other is taken by its very name"
    )
    with pytest.raises(RowsError, match="not clear which column is that of 'a b', 'a-b'"):
        field_columns({"a b": "", "a-b": ""}, table_of(["a_b"]))


def test_a_field_may_stand_under_the_name_that_its_column_had_in_training() -> None:
    assert field_columns({"mileage": "mileage (km)"}, table_of(["id", "mileage (km)"])) == [1]
    assert field_columns({"mileage": "mileage (km)"}, table_of(["mileage (km)", "Mileage"])) == [1], "its own first"


def test_where_there_is_no_header_one_is_asked_for(form_predictor: Predictor) -> None:
    error = refused(b"39, State-gov, 40, Male\n50, Private, 13, Male\n", form_predictor)
    assert error.code == "columns_missing"
    assert "no column for 'age', 'workclass', 'hours-per-week', 'sex'; found: 'column_1', 'column_2'" in str(error)
    assert "accepted: a header with the name of each field" in str(error)
    assert "The file is read as one without a header" in str(error)
    assert "column_1" in str(refused(HEADER + b"39,Private,40,Male\n", form_predictor, header="false"))


def test_values_are_not_shown_where_they_may_stand_in_the_first_row(form_predictor: Predictor) -> None:
    assert "Ada" not in str(refused(b"Ada,Private\nBob,State-gov\nEve,Private\n", form_predictor))


@pytest.mark.parametrize(
    "content",
    [
        HEADER + b"52,Private,45.5,Male\n",
        b"id,sex,workclass,age,hours-per-week\n1, Male, Private, 52, 45.5\n",
        b" Age ; Sex;Hours per week;WORKCLASS\n 52 ; Male;45,5;Private \n",
        b"age\tsex\thours-per-week\tworkclass\n52.0\tMale\t45.50\tPrivate\n",
        b'{"hours-per-week": 45.5, "age": "52", "sex": "Male", "workclass": "Private"}\n',
    ],
)
def test_a_row_is_read_in_every_format(content: bytes, form_predictor: Predictor) -> None:
    (row, fault), *others = extracted(content, form_predictor)
    assert (row, fault) == ({"age": 52.0, "workclass": "Private", "hours-per-week": 45.5, "sex": "Male"}, "")
    assert others == []


def test_a_first_row_with_all_names_is_a_header_though_words_are_below(form_predictor: Predictor) -> None:
    assert extracted(b"workclass,sex,age,hours-per-week\nPrivate,Male,,\n", form_predictor)[0][1] == ""
    later = b"Private,Male,50,40\n" * 9
    rows = extracted(b"workclass,sex,age,hours-per-week\nPrivate,Male,,\n" + later, form_predictor)
    assert [fault for _, fault in rows] == [""] * 10


@pytest.mark.parametrize("cell", ["", "?", " ? ", *MISSING])
def test_what_stands_for_a_missing_value_is_missing(cell: str, form_predictor: Predictor) -> None:
    (row, fault), (_, empty) = extracted(HEADER + f"{cell},{cell},40,{cell}\n{cell},?,?,?\n".encode(), form_predictor)
    assert (row, fault) == ({"age": None, "workclass": None, "hours-per-week": 40.0, "sex": None}, "")
    assert empty == NO_VALUE


def test_a_category_keeps_a_value_that_looks_like_a_missing_one() -> None:
    fields = FieldsInput(
        FieldsFile(
            fields=[
                CategoryField(name="country", values=["NA", "?", "DE"]),
                NumberField(name="age", mean=0, scale=1, missing=0),
            ]
        )
    )
    reader = any_text(b"country,age\nNA,NA\n?,1\nNULL,2\n", names=frozenset(["country", "age"]))
    extract = FieldColumns(["a", "b"], fields).find(reader, [], "", 10)
    assert [extract(row)[0] for row in reader.rows()] == [
        {"country": "NA", "age": None},
        {"country": "?", "age": 1.0},
        {"country": None, "age": 2.0},
    ]


def test_objects_may_lack_keys_and_hold_what_is_no_value(form_predictor: Predictor) -> None:
    lines = [
        b'{"age": 39, "workclass": null, "sex": "Male", "hours-per-week": NaN}',
        b'{"age": 39}',
        b'{"other": 1}',
        b'{"age": [1], "workclass": true, "sex": {"a": 1}}',
        b"broken",
    ]
    first, second, other, wrong, broken = extracted(b"\n".join(lines), form_predictor)
    assert first == ({"age": 39.0, "workclass": None, "hours-per-week": None, "sex": "Male"}, "")
    assert second[0] == {**first[0], "sex": None}
    assert (other[1], broken[1]) == (NO_VALUE, "not a JSON object")
    for part in ("`age` is [1]; accepted is", "`workclass` is True; accepted is", "`sex` is {'a': 1}; accepted is"):
        assert part in wrong[1]


def test_numbers_of_parquet_have_types(form_predictor: Predictor) -> None:
    model_input, content = table_input(form_predictor), pa.BufferOutputStream()
    columns = {
        "age": pa.array([39, None], pa.int8()),
        "workclass": pa.array([b"Private", b"\xff"]),
        "hours-per-week": [float("nan"), 40.0],
        "sex": pa.array(["Male", None]).dictionary_encode(),
    }
    pq.write_table(pa.table(columns), content)
    reader = open_reader(io.BytesIO(content.getvalue().to_pybytes()), ReadOptions(), PARQUET)
    table = open_table(reader, model_input)
    (row, fault), (_, wrong) = map(table.extract, table.rows)
    assert (row, fault) == ({"age": 39.0, "workclass": "Private", "hours-per-week": None, "sex": "Male"}, "")
    assert wrong.startswith("`workclass` is '\ufffd'; accepted is one of")


def test_every_wrong_field_is_told(form_predictor: Predictor) -> None:
    (_, wrong), (_, short) = extracted(HEADER + b"5,circus,x,Male\n39,Private\n", form_predictor)
    assert wrong == (
        "`age` is '5'; accepted is a number from 17 to 90 years. "
        "`workclass` is 'circus'; accepted is one of 'Private', 'State-gov', 'Self-emp-not-inc'. "
        "`hours-per-week` is 'x'; accepted is a number from 1 to 99 hours."
    )
    assert short == "2 cells where the header has 4"


def test_a_column_of_texts_is_refused(form_predictor: Predictor) -> None:
    error = refused(HEADER + b"39,Private,40,Male\n", form_predictor, "age")
    assert error.code == "text_column_unused"
    assert str(error).startswith("text_column, or --text-column, is 'age', and this model reads no texts; accepted")


def test_the_columns_are_told(form_predictor: Predictor) -> None:
    model_input = table_input(form_predictor)
    extract = open_table(any_text(b"Sex,AGE,workclass,hours_per_week\nMale,39,?,40\n"), model_input).extract
    assert (extract.shown, extract.text_name) == ("fields: columns 'AGE', 'workclass', 'hours_per_week', 'Sex'", "")
