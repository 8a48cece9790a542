import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import FieldFault, InvalidFields, RequestError
from serving.model.inputs.fields import CategoryField, FieldsFile, FieldsInput, NumberField
from serving.settings import Settings
from serving.web.requests.fields_request import FieldsReader, RowsAsked

AGE = NumberField(name="age", unit="years", minimum=17, maximum=90, step=1, mean=40, scale=12, missing=38)
WORK = CategoryField(name="work class", values=["Private", "State-gov", "R&D"])
READER = FieldsReader(FieldsInput(FieldsFile(fields=[AGE, WORK])))
SETTINGS = Settings.model_construct(max_texts=3, max_explained=2)
AGED = {"age": 38.0, "work class": None}
NO_AGE = "a number from 17 to 90 years"
NO_WORK = "one of 'Private', 'State-gov', 'R&D'"


def from_json(document: object) -> RowsAsked:
    return READER.from_json(json.dumps(document).encode(), SETTINGS)


def refused(document: object) -> RequestError:
    with pytest.raises(RequestError) as caught:
        from_json(document)
    return caught.value


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"fields": {"age": 38}}, RowsAsked([AGED], False, False, None)),
        ({"fields": {"age": "38.0"}}, RowsAsked([AGED], False, False, None)),
        ({"fields": {"work class": "", "age": " 38"}}, RowsAsked([AGED], False, False, None)),
        (
            {"fields": {"work class": "R&D", "age": None}, "explain": True, "min_probability": 0},
            RowsAsked([{"age": None, "work class": "R&D"}], False, True, 0.0),
        ),
        ({"rows": [{"age": 38}], "min_probability": 1}, RowsAsked([AGED], True, False, 1.0)),
        ({"rows": [{"age": 38}] * 3, "explain": False}, RowsAsked([AGED] * 3, True, False, None)),
        ({"rows": [{"age": 38}] * 2, "explain": True, "partial": True}, RowsAsked([AGED] * 2, True, True, None)),
    ],
)
def test_json(document: object, expected: RowsAsked) -> None:
    assert from_json(document) == expected


def test_fields_are_in_the_models_order() -> None:
    (row,) = from_json({"fields": {"work class": "Private", "age": 20}}).rows
    assert list(row) == ["age", "work class"]


@pytest.mark.parametrize(
    ("document", "code", "sentence"),
    [
        ([], "not_an_object", 'The JSON is an array; accepted is an object with "fields" or "rows".'),
        ({}, "fields_missing", "The JSON has neither `fields` nor `rows`; accepted is one of them."),
        ({"age": 38}, "unknown_key", "The JSON has the unknown key 'age'; accepted are 'fields', 'rows', 'explain', "),
        ({str(n): n for n in range(9)} | {"rows": []}, "unknown_key", "unknown key '0'"),
        ({"fields": {}, "rows": []}, "fields_and_rows", "The JSON has both `fields` and `rows`"),
        ({"text": "good"}, "fields_wanted", "The request has a text; this model takes fields: age, work class."),
        ({"texts": ["good"]}, "fields_wanted", "The request has a text; this model takes fields: age, work class."),
        ({"fields": "age=38"}, "fields_not_object", "`fields` is a string; accepted is an object with values by name."),
        ({"fields": {}}, "fields_empty", "No field has a value; accepted is at least one."),
        ({"fields": {"age": "?", "work class": ""}}, "fields_empty", "No field has a value"),
        ({"rows": {"age": 38}}, "rows_not_array", "`rows` is an object; accepted is an array of objects."),
        ({"rows": []}, "rows_empty", "`rows` is empty; accepted is at least one row."),
        ({"rows": [{}] * 4}, "too_many_rows", "`rows` has 4 rows; at most 3 are accepted."),
        (
            {"rows": [{"age": 38}] * 3, "explain": True},
            "too_many_to_explain",
            "`rows` has 3 rows to be explained; at most 2 are accepted.",
        ),
        ({"fields": {}, "explain": 1}, "explain_not_boolean", "`explain` is a number; accepted is true or false."),
        ({"fields": {}, "min_probability": 2}, "min_probability_invalid", "`min_probability` is 2; accepted is a num"),
        ({"rows": [{}], "partial": "yes"}, "partial_not_boolean", "`partial` is a string; accepted is true or false."),
        (
            {"fields": {"age": 38}, "partial": True},
            "partial_without_rows",
            "`partial` goes with `rows`; a request with `fields` is answered or refused as a whole.",
        ),
        ({"rows": [{"age": 38}, 5]}, "row_not_object", "In `rows[1]`: The row is a number; accepted is an object with"),
        (
            {"rows": [{"age": 38}, {"age": 3}]},
            "fields_invalid",
            f'In `rows[1]`: `age` is 3; accepted is {NO_AGE}. With "partial": true the others are answered.',
        ),
    ],
)
def test_refused_json(document: object, code: str, sentence: str) -> None:
    error = refused(document)
    assert (error.status, error.error_code) == (422, code)
    assert sentence in error.detail


@pytest.mark.parametrize("value", [True, "1_0", "NaN", "ten", [38], {"is": 38}, 1e999, 10**400, 16.9, 91])
def test_no_number(value: object) -> None:
    body = json.dumps({"fields": {"age": value}}).replace("Infinity", "1e999").encode()
    with pytest.raises(InvalidFields) as caught:
        READER.from_json(body, SETTINGS)
    (fault,) = caught.value.faults
    assert (fault.name, fault.accepted) == ("age", NO_AGE)


def test_every_wrong_field_is_named_at_once() -> None:
    error = refused({"fields": {"age": "x", "work class": "Public"}})
    assert isinstance(error, InvalidFields)
    assert error.faults == (FieldFault("age", "'x'", NO_AGE), FieldFault("work class", "'Public'", NO_WORK))
    assert error.detail == f"`age` is 'x'; accepted is {NO_AGE}. `work class` is 'Public'; accepted is {NO_WORK}."
    assert error.row == {"age": "x", "work class": "Public"}


def test_an_unknown_name_is_named_however_long_it_is_and_whatever_is_in_it() -> None:
    error = refused({"fields": {"\ud83d" + "a" * 100: 1, "age": 1}})
    assert isinstance(error, InvalidFields)
    assert [fault.name for fault in error.faults] == ["?" + "a" * 59, "age"]
    assert error.detail.encode()


def test_of_very_many_names_only_the_first_are_looked_at() -> None:
    error = refused({"fields": {f"name {n}": n for n in range(100_000)}})
    assert isinstance(error, InvalidFields)
    assert [fault.name for fault in error.faults] == ["name 0", "name 1", "name 2"]


def test_others_are_answered_where_that_is_asked_for() -> None:
    asked = from_json({"rows": [{"age": 1}, {"age": 38}, {}], "partial": True, "explain": True})
    assert (asked.rows, asked.several, asked.explain) == ([AGED], True, True)
    assert {place: error.error_code for place, error in asked.refused.items()} == {
        0: "fields_invalid",
        2: "fields_empty",
    }


def test_only_what_is_accepted_counts_as_explained() -> None:
    asked = from_json({"rows": [{}, {"age": 38}, {"age": 38}], "partial": True, "explain": True})
    assert len(asked.rows) == 2


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"fields": {"age": NaN}}'])
def test_no_json(body: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        READER.from_json(body, SETTINGS)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("age", "38")], RowsAsked([AGED], False, False, None)),
        ([("age", "38"), ("work class", ""), ("explain", ""), ("min_probability", "")],
         RowsAsked([AGED], False, False, None)),
        ([("explain", "on"), ("work class", "R&D"), ("min_probability", "0.5")],
         RowsAsked([{"age": None, "work class": "R&D"}], False, True, 0.5)),
    ],
)  # fmt: skip
def test_a_form(pairs: list[tuple[str, str | None]], expected: RowsAsked) -> None:
    assert READER.from_form(pairs, SETTINGS) == expected


@pytest.mark.parametrize(
    ("pairs", "code", "sentence"),
    [
        ([], "fields_empty", "No field has a value"),
        ([("age", "")], "fields_empty", "No field has a value"),
        ([("text", "good")], "fields_wanted", "The request has a text; this model takes fields: age, work class."),
        ([('{"fields": {"age": 38}}', "")], "fields_missing", "It looks like JSON: send that as Content-Type: applic"),
        ([("age", "38"), ("explain", "maybe")], "explain_not_boolean", "`explain` is 'maybe'; accepted is true, on, "),
        ([("age", "38"), ("min_probability", "x")], "min_probability_invalid", "`min_probability` is 'x'"),
        ([("age", "38"), ("fields", "1")], "fields_invalid", "`fields` is no field of this model"),
        ([("age", "38"), ("explain", None)], "fields_invalid", "`explain` is a file; accepted is a plain field."),
        ([("age", "38"), ("explain", "1"), ("explain", "1")], "fields_invalid", "`explain` is sent twice; accepted is"),
    ],
)
def test_a_refused_form(pairs: list[tuple[str, str | None]], code: str, sentence: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        READER.from_form(pairs, SETTINGS)
    assert caught.value.error_code == code
    assert sentence in caught.value.detail


def test_every_wrong_field_of_a_form_is_named_and_what_was_entered_is_kept() -> None:
    pairs: list[tuple[str, str | None]] = [("age", "3"), ("agee", "4"), ("age", "5"), ("work class", None)]
    with pytest.raises(InvalidFields) as caught:
        READER.from_form([*pairs, ("explain", "true")], SETTINGS)
    assert [(fault.name, fault.found) for fault in caught.value.faults] == [
        ("age", "sent twice"),
        ("work class", "a file"),
        ("agee", "no field of this model"),
        ("age", "'5'"),
    ]
    assert caught.value.row == {"age": "5", "agee": "4"}


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["age"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(["fields", "rows", "explain", "partial", "min_probability", "age"])


@given(document=ANY_JSON | st.dictionaries(KEYS, ANY_JSON))
def test_whatever_is_sent_is_read_or_refused_in_words(document: Any) -> None:
    rows, error = read(document)
    assert all(list(row) == ["age", "work class"] for row in rows)
    assert all(any(value is not None for value in row.values()) for row in rows)
    assert error is None or (error.status in (400, 422) and error.detail.encode())


def read(document: object) -> tuple[Sequence[Any], RequestError | None]:
    try:
        asked = from_json(document)
        return asked.rows, None
    except RequestError as error:
        return [], error
