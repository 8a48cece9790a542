import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from serving.errors import BundleError, InvalidFields
from serving.model.inputs.fields import CategoryField, FieldsFile, FieldsInput, NumberField
from serving.model.metadata import FieldValue, KnownRow
from serving.model.network import Network
from serving.model.predictor import Predictor, text_input
from serving.model.tokenizer import Ids
from serving.model.types import Numbers, Probabilities
from tests.serving.fakes import fake_metadata

AGE = NumberField(name="age", unit="years", minimum=17, maximum=90, step=1, mean=40, scale=10, missing=37)
GAIN = NumberField(name="capital gain", minimum=0, mean=0, scale=1, missing=0)
WORK = CategoryField(name="work", values=["private", "state", "none"])
SEX = CategoryField(name="sex", values=["female", "male"], missing="female")


@pytest.fixture
def fields() -> FieldsInput:
    return FieldsInput(FieldsFile(fields=[WORK, AGE, SEX, GAIN]))


def test_a_row_is_read_as_it_is_sent_by_json_and_by_forms(fields: FieldsInput) -> None:
    expected = {"work": "state", "age": 50.0, "sex": None, "capital gain": None}
    assert fields.parse({"work": "state", "age": 50}) == expected
    assert fields.parse({"work": " state ", "age": "50", "sex": "", "capital gain": "?"}) == expected


def test_what_the_network_reads(fields: FieldsInput) -> None:
    rows: list[dict[str, FieldValue]] = [{"work": "state", "age": 50, "sex": "male", "capital gain": 2}, {}]
    encoded, facts = fields.encode(rows)
    ids, numbers = fields.arrays(encoded)
    # Ids of work are 0 to 3, the first of which is missing; then those of sex, whose missing one is "female".
    assert ids.tolist() == [[2, 6], [0, 5]]
    assert [array.dtype.name for array in (ids, numbers)] == ["int32", "float32"]
    np.testing.assert_allclose(numbers, np.array([[1, 2], [-0.3, 0]]), rtol=1e-6)
    assert fields.vocabulary_size == 4 + 3
    assert len(facts) == 2


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("old", "'old'"),
        (16, "16"),
        (91.0, "91.0"),
        ("nan", "'nan'"),
        (True, "True"),
        ("1_0", "'1_0'"),
        (10**400, r"10+\.\.\.0+"),
    ],
)
def test_a_number_that_is_none(fields: FieldsInput, value: Any, found: str) -> None:
    with pytest.raises(InvalidFields, match=f"`age` is {found}; accepted is a number from 17 to 90 years."):
        fields.parse({"age": value})


def test_every_fault_is_told_at_once(fields: FieldsInput) -> None:
    with pytest.raises(InvalidFields) as raised:
        fields.parse({"age": "x", "work": "circus", "capital gain": -1, "size": 3})
    assert [fault.name for fault in raised.value.faults] == ["size", "work", "age", "capital gain"]
    assert "`work` is 'circus'; accepted is one of 'private', 'state', 'none'." in raised.value.detail
    assert "`capital gain` is -1; accepted is a number from 0 on." in raised.value.detail
    assert "accepted is one of the names age, capital gain, sex, work." in raised.value.detail


def test_categories_that_are_numbers() -> None:
    values = ["1", "2", "1234567", "?"]
    fields = FieldsInput(FieldsFile(fields=[CategoryField(name="class", values=values)]))
    sent: list[FieldValue] = [1, 2.0, 1234567.0, "1", "?", ""]
    found = [fields.parse({"class": value})["class"] for value in sent]
    assert found == ["1", "2", "1234567", "1", "?", None]


def test_what_else_stands_for_a_missing_value_is_one_unless_it_is_a_value() -> None:
    fields = FieldsInput(FieldsFile(fields=[AGE, CategoryField(name="country", values=["NA", "DE"]), SEX]))
    row: dict[str, FieldValue] = {"age": " NA", "country": "NA", "sex": "null"}
    assert fields.parse(row, missing=("NA", "null")) == {"age": None, "country": "NA", "sex": None}
    with pytest.raises(InvalidFields) as raised:
        fields.parse(row)
    assert [fault.name for fault in raised.value.faults] == ["age", "sex"]


def test_a_parsed_row_is_not_parsed_again(fields: FieldsInput) -> None:
    parsed = fields.parse({"work": "state", "age": "50"})
    assert fields.parse(parsed) is parsed
    assert fields.encode([parsed]) == fields.encode([{"work": "state", "age": 50}])


def test_a_sentence_does_not_quote_all_of_what_is_long(fields: FieldsInput) -> None:
    with pytest.raises(InvalidFields) as raised:
        fields.parse({"work": "x" * 10_000, "y" * 10_000: 1})
    assert len(raised.value.detail) < 300


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "Invalid JSON"),
        ({"fields": []}, "at least 1 item"),
        ({"fields": [{"kind": "text", "name": "a"}]}, "'number', 'category'"),
        ({"fields": [{"kind": "category", "name": "explain", "values": ["a"]}]}, "a field's name is 'explain'"),
        ({"fields": [{"kind": "category", "name": "a", "values": ["a"]}] * 2}, "two fields have the same name"),
        ({"fields": [{"kind": "category", "name": "a", "values": ["a", "a"]}]}, "a value twice"),
        ({"fields": [{"kind": "category", "name": "a", "values": ["a"], "missing": "b"}]}, "one of its values"),
        ({"fields": [{"kind": "number", "name": "a", "mean": 0, "scale": 0, "missing": 0}]}, "greater than 0"),
        ({"fields": [{"kind": "category", "name": "a", "values": ["a"]}], "more": 1}, "Extra inputs"),
    ],
)
def test_a_file_that_is_none_of_ours(tmp_path: Path, content: Any, fault: str) -> None:
    path = tmp_path / "fields.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    with pytest.raises(BundleError, match=rf"fields\.json: .*{fault}"):
        FieldsInput.read(path)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"fields\.json: cannot be read \(No such file"):
        FieldsInput.read(tmp_path / "fields.json")


class TwoClasses:
    """A network that answers the second label the older somebody is, and more so with the value of id 2."""

    vocabulary, classes, numbers, steps = 7, 2, 2, 2

    def run_fields(self, ids: Ids, numbers: Numbers) -> Probabilities:
        second = 0.5 + numbers[:, 0] / 10 + (ids[:, 0] == 2) * 0.25
        return np.stack([1 - second, second], axis=1).astype(np.float32)


KNOWN = KnownRow(fields={"age": 50, "work": "state"}, probabilities=[0.15, 0.85])


@pytest.fixture
def predictor(fields: FieldsInput) -> Predictor:
    metadata = fake_metadata().model_copy(
        update={"labels": ["<=50K", ">50K"], "known_answers": [KNOWN], "inputs": "fields"}
    )
    return Predictor(cast(Network, TwoClasses()), fields, metadata)


def test_a_predictor_of_rows(predictor: Predictor) -> None:
    old, young = predictor.predict([{"age": 80, "work": "none"}, {"age": 20}])
    assert (old.label, young.label) == (">50K", "<=50K")
    assert old.probabilities[">50K"] == pytest.approx(0.9)
    assert predictor.predict([]) == []


def test_a_field_weighs_what_the_answer_loses_where_it_is_missing(predictor: Predictor) -> None:
    prediction = predictor.explain({"age": "50", "work": "state"})
    assert (prediction.label, prediction.explanation) == (">50K", None)
    weighed = prediction.weighed_fields or ()
    assert [(field.name, field.value) for field in weighed] == [
        ("work", "state"),
        ("age", 50.0),
        ("sex", None),
        ("capital gain", None),
    ]
    assert [field.weight for field in weighed] == pytest.approx([0.25, 0.13, 0, 0], abs=1e-6)


def test_many_rows_are_answered_as_one(predictor: Predictor) -> None:
    rows: list[dict[str, FieldValue]] = [{"age": 17 + number % 70} for number in range(1000)]
    alone = [predictor.predict([row])[0].probability for row in rows[:70]]
    assert [prediction.probability for prediction in predictor.predict(rows)][:70] == alone


def test_a_known_answer_that_is_off_is_refused(predictor: Predictor, fields: FieldsInput) -> None:
    off = predictor.metadata.model_copy(
        update={"known_answers": [KNOWN.model_copy(update={"probabilities": [0.5, 0.5]})]}
    )
    with pytest.raises(BundleError, match=r"the known answer for .* is off by 0\.35"):
        Predictor(cast(Network, TwoClasses()), fields, off)


def test_fields_that_the_network_does_not_have_are_refused(predictor: Predictor) -> None:
    fewer = FieldsInput(FieldsFile(fields=[WORK, AGE]))
    sentence = "has 1 fields of 4 ids and 1 numbers, .* takes 2 of 7 and 2; they must be equal"
    with pytest.raises(BundleError, match=sentence):
        Predictor(cast(Network, TwoClasses()), fewer, predictor.metadata)


def test_what_takes_texts_alone_refuses_it(predictor: Predictor) -> None:
    with pytest.raises(BundleError, match="has inputs 'fields'; accepted here: 'text'"):
        text_input(predictor)


BINNED = AGE.model_copy(update={"bins": [25.0, 40.0]})


def test_a_number_with_bins_is_an_id_too() -> None:
    fields = FieldsInput(FieldsFile(fields=[BINNED, WORK, GAIN]))
    rows: list[dict[str, FieldValue]] = [{"age": age} for age in (24.5, 25, 39.5, 40, 90, None)]
    ids, numbers = fields.arrays(fields.encode(rows)[0])
    # Ids of work are 0 to 3; then those of age: a missing one, and three intervals, each with its lower edge.
    assert ids.tolist() == [[0, 4 + interval] for interval in (1, 2, 2, 3, 3, 0)]
    assert fields.vocabulary_size == 4 + 4
    assert numbers[:, 0].tolist() == pytest.approx([-1.55, -1.5, -0.05, 0, 5, -0.3])


def test_categories_come_before_bins_wherever_they_stand() -> None:
    fields = FieldsInput(FieldsFile(fields=[BINNED, WORK, SEX]))
    assert [field.name for field in fields.with_ids] == ["work", "sex", "age"]
    (row,), _ = fields.encode([{"age": 30, "work": "none", "sex": "male"}])
    assert row.ids == [3, 4 + 2, 7 + 2]


@pytest.mark.parametrize("bins", [[2.0, 2.0], [3.0, 1.0]])
def test_bins_that_do_not_rise_are_refused(bins: list[float]) -> None:
    content = {"name": "a", "kind": "number", "mean": 0, "scale": 1, "missing": 0, "bins": bins}
    with pytest.raises(ValueError, match="bins do not rise; accepted: each edge above the one before"):
        FieldsFile.model_validate({"fields": [content]})


def test_great_limits_are_told_digit_by_digit() -> None:
    field = NumberField(name="weight", minimum=1234567, maximum=2e6, mean=0, scale=1, missing=0)
    assert field.accepted == "a number from 1234567 to 2000000"


def test_what_training_took_for_missing_is_missing() -> None:
    work = CategoryField(name="work", values=["state", "NA"])
    age = NumberField(name="age", mean=0, scale=1, missing=0)
    fields = FieldsInput(FieldsFile(missing=["n/k", "NA"], fields=[work, age]))
    assert fields.parse({"work": " n/k ", "age": "NA"}) == {"work": None, "age": None}
    assert fields.parse({"work": "NA", "age": "n/k"}) == {"work": "NA", "age": None}, "a field's own value is none"


@pytest.mark.parametrize("value", [2, 2.0, "2", "2.0", " 2.00 "])
def test_a_category_of_whole_numbers_is_read_as_pandas_writes_it(value: FieldValue) -> None:
    doors = FieldsInput(FieldsFile(fields=[CategoryField(name="doors", values=["2", "4"])]))
    assert doors.parse({"doors": value}) == {"doors": "2"}


@pytest.mark.parametrize("value", ["-999", " -999.0 ", -999, -999.0])
def test_a_number_that_training_took_for_missing_is_missing(value: FieldValue) -> None:
    age = NumberField(name="age", mean=0, scale=1, missing=0)
    assert FieldsInput(FieldsFile(missing=["-999"], fields=[age])).parse({"age": value}) == {"age": None}
    assert FieldsInput(FieldsFile(fields=[age])).parse({"age": value}) == {"age": -999}


@pytest.mark.parametrize(("count", "weights", "is_light"), [(40, 200_000, True), (41, 1, False), (1, 200_001, False)])
def test_whether_a_row_is_little_work(count: int, weights: int, is_light: bool) -> None:
    numbers = [NumberField(name=f"n{number}", mean=0, scale=1, missing=0) for number in range(count)]
    network = cast(Network, SimpleNamespace(weights=weights))
    assert FieldsInput(FieldsFile(fields=numbers)).is_light(network) == is_light
