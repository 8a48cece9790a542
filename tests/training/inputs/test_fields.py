"""What training learns of fields, and the arrays that it makes of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.model.inputs.fields import CategoryField, FieldsFile, FieldsInput, NumberField
from serving.model.metadata import FieldValue
from training.data.dataset import Dataset
from training.inputs.fields import FieldsEncoding, learn_bins, learn_fields, revealing_fields
from training.recipe.fields import FieldConfig
from training.recipe.model import NetworkConfig
from training.recipe.recipe import Recipe

AGE = FieldConfig(name="age", kind="number", unit="years", minimum=0, maximum=120, step=1)
GAIN = FieldConfig(name="gain", kind="number", missing=0.0)
WORK = FieldConfig(name="work", kind="category", values=["a", "b", "c"])
SEX = FieldConfig(name="sex", kind="category", values=["f", "m"], missing="m")
FIELDS = [AGE, WORK, GAIN, SEX]


def frame(rows: Sequence[tuple[FieldValue, ...]], labels: Sequence[int] | None = None) -> pd.DataFrame:
    names = [field.name for field in FIELDS]
    content = [dict(zip(names, row, strict=True)) for row in rows]
    return pd.DataFrame({"row": content, "label": labels or [i % 2 for i in range(len(rows))]})


TRAIN = frame([(20.0, "a", 5.0, "f"), (30.0, "b", None, "m"), (None, None, 1.0, None), (70.0, "c", None, "f")])


def learned(train: pd.DataFrame = TRAIN, bins: int = 0) -> FieldsFile:
    return FieldsFile.model_validate_json(learn_fields(FIELDS, NetworkConfig(bins=bins), train))


def number(file: FieldsFile, name: str) -> NumberField:
    (field,) = (field for field in file.fields if field.name == name)
    assert isinstance(field, NumberField)
    return field


def test_means_scales_and_medians_are_of_the_training_rows_with_missing_ones_filled() -> None:
    file = learned()
    age, gain = number(file, "age"), number(file, "gain")
    assert (age.missing, age.mean) == (30, 37.5)
    assert age.scale == pytest.approx(np.std([20, 30, 30, 70]))
    assert (gain.missing, gain.mean) == (0, 1.5)
    assert gain.scale == pytest.approx(np.std([5, 0, 1, 0]))


def test_what_is_declared_stands_in_the_file() -> None:
    file = learned()
    assert [field.name for field in file.fields] == ["age", "work", "gain", "sex"]
    age = number(file, "age")
    assert (age.unit, age.minimum, age.maximum, age.step, age.bins) == ("years", 0, 120, 1, [])
    assert file.fields[1] == CategoryField(name="work", values=["a", "b", "c"])
    assert file.fields[3] == CategoryField(name="sex", values=["f", "m"], missing="m")


def test_a_number_that_is_missing_or_the_same_in_every_training_row_can_be_served() -> None:
    file = learned(frame([(None, "a", 7.0, "f"), (None, "b", 7.0, "m")]))
    age, gain = number(file, "age"), number(file, "gain")
    assert (age.mean, age.scale, age.missing) == (0, 1, 0)
    assert (gain.mean, gain.scale) == (7, 1)
    ((_, numbers), _) = FieldsInput(file).encode([{"age": 3, "gain": 9}])[0][0], None
    assert numbers == [3, 2]


def test_bins_are_cut_where_labels_differ() -> None:
    numbers = np.repeat(np.arange(10.0), 30)
    labels = ((numbers >= 4) & (numbers < 7)).astype(np.int64)
    assert learn_bins(numbers, labels, 8) == [3.5, 6.5]
    assert learn_bins(numbers, labels, 2) in ([3.5], [6.5])
    assert learn_bins(numbers, labels, 1) == learn_bins(numbers, labels, 0) == []
    assert learn_bins(numbers[:39], labels[:39], 8) == []  # too few rows
    assert learn_bins(numbers, np.zeros(300, np.int64), 8) == []  # nothing to tell apart


def test_a_missing_number_has_no_part_in_bins() -> None:
    rows = [(age, "a", None, "f") for age in [*np.repeat([20.0, 60.0], 40), *[None] * 40]]
    labels = [0] * 40 + [1] * 40 + [0, 1] * 20
    file = learned(frame(rows, labels), bins=4)
    assert number(file, "age").bins == [40]
    assert number(file, "gain").bins == []


@pytest.fixture
def encoding() -> FieldsEncoding:
    rows = [(age, "abc"[i % 3], 2.0, "fm"[i % 2]) for i, age in enumerate(np.repeat([20.0, 60.0], 40))]
    return FieldsEncoding(learn_fields(FIELDS, NetworkConfig(bins=4), frame(rows, [0] * 40 + [1] * 40)))


def encoded(encoding: FieldsEncoding, rows: Sequence[dict[str, FieldValue]]) -> list[list[list[float]]]:
    return [array.tolist() for array in encoding.batch(encoding.encode(rows))]


def test_a_batch_is_what_serving_reads(encoding: FieldsEncoding) -> None:
    """Ids of work are 0 to 3, of sex 4 to 6, of the intervals of age 7 to 9; the first of each is a missing one."""
    rows: list[dict[str, FieldValue]] = [{"age": 60, "work": "c", "gain": 3, "sex": "f"}, {}]
    ids, numbers = encoded(encoding, rows)
    assert ids == [[3, 5, 9], [0, 6, 7]]
    assert encoding.vocabulary_size == 10
    np.testing.assert_allclose(numbers, [[1, 1], [0, -2]], atol=1e-6)
    served = FieldsInput(FieldsFile.model_validate_json(encoding.content))
    for found, expected in zip((ids, numbers), served.arrays(served.encode(rows)[0]), strict=True):
        assert found == expected.tolist()


def test_inputs_that_no_field_needs_are_left_out() -> None:
    rows = frame([(20.0, "a", 5.0, "f"), (30.0, "b", 0.0, "m")])
    for fields, dtype in (([AGE, GAIN], np.float32), ([WORK, SEX], np.int32)):
        one_kind = FieldsEncoding(learn_fields(fields, NetworkConfig(), rows))
        batch = one_kind.batch(one_kind.encode([{}, {}, {}]))
        assert (batch.shape, batch.dtype) == ((3, 2), dtype)
        hidden, _ = one_kind.hide(batch, 0.5, np.random.default_rng(1))
        assert (hidden.shape, hidden.dtype) == ((3, 2), dtype)


def test_hidden_values_are_missing_ones_of_a_whole_field(encoding: FieldsEncoding) -> None:
    rows: list[dict[str, FieldValue]] = [{"age": 60, "work": "c", "gain": 2, "sex": "f"}] * 4000
    plain, missing = encoding.batch(encoding.encode(rows)), encoded(encoding, [{}])
    varied, masked = encoding.hide(plain, 0.3, np.random.default_rng(1), name_below=9)
    again, _ = encoding.hide(plain, 0.3, np.random.default_rng(1))
    assert masked is None
    hidden = [found != before for found, before in zip(varied, plain, strict=True)]
    for found, same, is_hidden, value, before in zip(varied, again, hidden, missing, plain, strict=True):
        assert found.dtype == before.dtype
        assert (found == same).all()
        assert (found[is_hidden] == np.broadcast_to(value, found.shape).astype(found.dtype)[is_hidden]).all()
        assert is_hidden.mean(0) == pytest.approx(0.3, abs=0.03)
    of_ids, of_numbers = hidden
    assert (of_ids[:, 2] == of_numbers[:, 0]).all()  # the interval of age is hidden with age
    assert not (of_ids[:, 0] == of_ids[:, 1]).all()


def test_nothing_is_hidden_without_a_share(encoding: FieldsEncoding) -> None:
    plain = encoding.batch(encoding.encode([{"age": 60}] * 50))
    varied, _ = encoding.hide(plain, 0.0, np.random.default_rng(1))
    assert all((found == before).all() for found, before in zip(varied, plain, strict=True))


def test_rows_of_nobody_are_ones_that_the_form_takes(encoding: FieldsEncoding) -> None:
    rows: list[Any] = [*encoding.known_rows([])]
    assert len(rows) == 4
    assert rows[-1] == {"age": None, "work": None, "gain": None, "sex": None}
    assert {row["work"] for row in rows[:3]} == {"a", "b", "c"}
    assert [row["age"] for row in rows[:3]] == [20, 40, 60]
    encoding.encode(rows)


@pytest.mark.parametrize(
    ("minimum", "maximum", "step", "mean"),
    [
        (1_700_000_100, 1_700_000_200, 1, 1_700_000_150),
        (0.125, 0.75, None, 0.4),
        (None, None, None, -3e9),
        (5, 6, 4, 5),
    ],
)
def test_so_they_are_whatever_is_accepted(minimum: Any, maximum: Any, step: Any, mean: float) -> None:
    field = NumberField(name="at", minimum=minimum, maximum=maximum, step=step, mean=mean, scale=30, missing=mean)
    encoding = FieldsEncoding(FieldsFile(fields=[field]).model_dump_json())
    assert len(encoding.encode(encoding.known_rows([]))) == 4


def dataset(train: pd.DataFrame, validation: pd.DataFrame) -> Dataset:
    return Dataset(["no", "yes"], train, validation, validation, validation)


def test_a_field_that_gives_the_label_away_is_told_with_its_figure() -> None:
    labels = [0, 0, 1] * 40
    rows = [(30.0 + i % 7, "ab"[label], float(3 * label + i % 2), "fm"[i % 2]) for i, label in enumerate(labels)]
    recipe = Recipe(name="x", inputs="fields", fields=FIELDS)
    train, validation = frame(rows[:90], labels[:90]), frame(rows[90:], labels[90:])
    sentence = "alone tells the label in 100.0% of the validation part, where the most frequent label has 66.7%."
    found = list(revealing_fields(recipe, dataset(train, validation)))
    assert [note.split(". ")[0] + "." for note in found] == [
        f"The field {name!r} {sentence}" for name in ("work", "gain")
    ]


def test_values_that_are_missing_can_give_it_away_too() -> None:
    labels = [0, 1] * 40
    rows = [((None, 30.0)[label], "a", 0.0, "fm"[i % 3 == 0]) for i, label in enumerate(labels)]
    recipe = Recipe(name="x", inputs="fields", fields=FIELDS)
    (note,) = revealing_fields(recipe, dataset(frame(rows[:60], labels[:60]), frame(rows[60:], labels[60:])))
    assert note.startswith("The field 'age' alone tells")


def test_where_one_label_is_nearly_all_no_field_is_blamed() -> None:
    labels = [0] * 199 + [1]
    rows = [(30.0 + i % 7, "a", 1.0, "fm"[i % 2]) for i in range(200)]
    recipe = Recipe(name="x", inputs="fields", fields=FIELDS)
    assert list(revealing_fields(recipe, dataset(frame(rows, labels), frame(rows, labels)))) == []
