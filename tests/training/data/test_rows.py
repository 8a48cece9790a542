"""Rows of fields as they are read from a table, and the parts that they go to."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from serving.model.metadata import FieldValue
from tests.training.helpers import write_csv
from training.data.dataset import PARTS, load_dataset
from training.data.readers import read_table
from training.data.rows import FieldsReader, row_reader
from training.data.sources import read_rows, write_bundled
from training.errors import DataError
from training.recipe.data import DataConfig, Source
from training.recipe.fields import FieldConfig
from training.recipe.recipe import Recipe, find_recipe, read_recipe

AGE = FieldConfig(name="age", column="years", kind="number", minimum=0, maximum=120)
WORK = FieldConfig(name="work", kind="category", values=["state", "none", "NA"])
READER = FieldsReader([AGE, WORK], ["NA", "-1"], ["sex"])
TABLE = pd.DataFrame({"years": ["40", " 7.5 ", "-1", "?"], "work": ["state", " none", "NA", ""], "sex": list("fmfm")})


def read(table: pd.DataFrame, reader: FieldsReader = READER, **options: Any) -> list[Any]:
    return reader.read(table, Path("d.csv"), Source(file="d.csv"), [], **options).tolist()


def test_a_row_has_every_field_as_a_number_a_value_or_none() -> None:
    assert read(TABLE) == [
        {"age": 40.0, "work": "state"},
        {"age": 7.5, "work": "none"},
        {"age": None, "work": "NA"},  # what stands for a missing value elsewhere is a value of this field
        {"age": None, "work": None},
    ]


def test_every_column_with_a_wrong_cell_is_named_with_how_often_and_what_is_accepted() -> None:
    table = pd.DataFrame({"years": ["old", "121", "121", "3"], "work": ["circus", "state", "state", "none"]})
    with pytest.raises(DataError) as caught:
        read(table)
    assert str(caught.value) == (
        "d.csv: column 'years' has '121' (2 times), 'old' (1 times); accepted: a number from 0 to 120, or a missing "
        "value; column 'work' has 'circus' (1 times); accepted: one of 'state', 'none', 'NA', or a missing value. "
        "data.missing says what stands for a missing value"
    )


def test_of_many_wrong_cells_some_are_shown() -> None:
    table = pd.DataFrame({"years": [f"w{number}" for number in range(30)], "work": ["state"] * 30})
    with pytest.raises(DataError, match=r"'w\d+' \(1 times\) and 25 more; accepted"):
        read(table)


def test_a_row_that_is_not_accepted_can_come_as_none() -> None:
    table = pd.DataFrame({"years": ["old", "3", "4"], "work": ["state", "circus", "none"]})
    assert read(table, strict=False) == [None, None, {"age": 4.0, "work": "none"}]


@pytest.mark.parametrize("cell", ["1", "1.0", " 1 "])
def test_a_category_of_whole_numbers_is_read_however_they_are_written(cell: str) -> None:
    table = pd.DataFrame({"class": [cell, "2"]})
    of_whole = FieldsReader([FieldConfig(name="class", kind="category", values=["1", "2"])], [])
    assert read(table, of_whole) == [{"class": "1"}, {"class": "2"}]
    as_written = FieldsReader([FieldConfig(name="class", kind="category", values=[cell.strip(), "2"])], [])
    assert read(table, as_written) == [{"class": cell.strip()}, {"class": "2"}]


def test_a_column_that_is_missing_is_told() -> None:
    with pytest.raises(DataError, match=r"d\.csv: no column 'years'; found: 'work'"):
        read(pd.DataFrame({"work": ["state"]}))


def test_names_of_columns_are_read_without_the_blanks_around(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("years, work ,label\n3, state,a\n", encoding="utf-8")
    (tmp_path / "d.jsonl").write_text('{" years": 3, "work ": "state", "label": "a"}\n', encoding="utf-8")
    pd.DataFrame({" years": [3], "work ": ["state"], "label": ["a"]}).to_parquet(tmp_path / "d.parquet")
    for path in tmp_path.iterdir():
        assert read(read_table(path, "utf-8")) == [{"age": 3.0, "work": "state"}]


def test_only_equal_rows_are_copies() -> None:
    rows: list[dict[str, FieldValue]] = [
        {"age": 3.0, "work": "a"},
        {"age": 3.0, "work": "a"},
        {"age": 3.0, "work": None},
        {"age": None, "work": "3"},
    ]
    keys = [READER.key(row) for row in rows]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert READER.merged(keys) == {key: key for key in keys}
    assert READER.key({"age": None, "work": None}) == ""


def form(*rows: tuple[Any, ...]) -> list[tuple[str, ...]]:
    return [tuple(map(str, row)) for row in rows]


def test_equal_rows_stay_several_and_go_together(tmp_path: Path) -> None:
    rows = [
        (number % 30, ["state", "none"][number % 3 == 0], "fm"[number % 2], "ab"[number % 2]) for number in range(90)
    ]
    path = write_csv(tmp_path / "d.csv", form(*rows), ("years", "work", "sex", "label"))
    dataset = load_dataset([path], DataConfig(validation=0.2, test=0.2), 1, READER)
    keys = {part: set(dataset.part(part).row.map(READER.key)) for part in PARTS}
    assert sum(len(dataset.part(part)) for part in PARTS) == 90
    assert sum(map(len, keys.values())) == len(set.union(*keys.values())) == 30
    assert [len(dataset.part(part)) for part in PARTS] == [54, 18, 18]
    assert set(dataset.test.slices) == {("f",), ("m",)}


def test_rows_with_one_set_of_fields_may_differ_in_their_label(tmp_path: Path) -> None:
    rows = [(number % 40, "state", "f", "ab"[number // 40]) for number in range(80)]
    path = write_csv(tmp_path / "d.csv", form(*rows), ("years", "work", "sex", "label"))
    sizes = load_dataset([path], DataConfig(), 1, READER).sizes()
    assert sum(of_part["a"] for of_part in sizes.values()) == sum(of_part["b"] for of_part in sizes.values()) == 40


def test_rows_without_a_value_are_dropped_and_counted_whatever_missing_says(tmp_path: Path) -> None:
    rows = [(number, "state", "f", "ab"[number % 2]) for number in range(40)]
    path = write_csv(
        tmp_path / "d.csv", form(*rows, ("", "?", "m", "a"), ("5", "", "m", "")), ("years", "work", "sex", "label")
    )
    data = DataConfig(missing=["", "?"])
    dataset = load_dataset([path], data, 1, FieldsReader([AGE, WORK], data.missing))
    assert dataset.cleaning["without a value in any field"] == 1
    assert dataset.cleaning["rows kept"] == 40


def test_a_class_with_too_few_rows_is_told_of_rows_not_of_texts(tmp_path: Path) -> None:
    rows = [(number, "state", "f", "a") for number in range(20)]
    path = write_csv(tmp_path / "d.csv", form(*rows, (3, "none", "m", "b")), ("years", "work", "sex", "label"))
    with pytest.raises(DataError, match="classes with too few distinct rows to split: 'b' has 1; accepted") as caught:
        load_dataset([path], DataConfig(), 1, READER)
    assert "text" not in str(caught.value)


def test_a_row_that_a_pinned_test_file_has_too_is_not_trained_on(tmp_path: Path) -> None:
    rows = [(number, "state", "f", "ab"[number % 2]) for number in range(40)]
    names = ("years", "work", "sex", "label")
    paths = [write_csv(tmp_path / "a.csv", form(*rows), names), write_csv(tmp_path / "b.csv", form(*rows[:10]), names)]
    data = DataConfig(sources=[Source(file="a.csv"), Source(file="b.csv", part="test")], test=0.0)
    dataset = load_dataset(paths, data, 1, READER)
    assert sorted(row["age"] for row in dataset.test.row) == list(range(10))
    assert not set(dataset.train.row.map(READER.key)) & set(dataset.test.row.map(READER.key))


def test_a_slice_that_a_file_lacks_is_told(tmp_path: Path) -> None:
    paths = [
        write_csv(tmp_path / "a.csv", [("1", "state", "f", "a")], ("years", "work", "sex", "label")),
        write_csv(tmp_path / "b.csv", [("1", "state", "a")], ("years", "work", "label")),
    ]
    with pytest.raises(DataError, match=r"b\.csv: no column 'sex'; found: 'years', 'work', 'label'"):
        read_rows(paths, DataConfig(), [], 1, reader=READER)


def test_texts_have_slices_too(tmp_path: Path) -> None:
    recipe = Recipe.model_validate({"name": "x", "slices": ["city", "sex"]})
    path = write_csv(tmp_path / "d.csv", [("good day", " Bonn ", "f", "a")], ("text", "city", "sex", "label"))
    frame, _ = read_rows([path], recipe.data, [], 1, reader=row_reader(recipe))
    assert frame[["row", "slices"]].to_numpy().tolist() == [["good day", ("Bonn", "f")]]


def test_the_rows_that_a_recipe_brings(tmp_path: Path) -> None:
    recipe = read_recipe(find_recipe(Path("iris")))
    path = write_bundled(recipe.data, tmp_path)
    dataset = load_dataset([path], recipe.data, recipe.seed, row_reader(recipe))
    assert path.name == "iris.csv"
    assert dataset.labels == ["setosa", "versicolor", "virginica"]
    assert sum(len(dataset.part(part)) for part in PARTS) == 150
    assert dataset.train.row[0].keys() == {"sepal_length", "sepal_width", "petal_length", "petal_width"}


def test_a_recipe_without_rows_of_its_own_needs_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--data: missing; accepted: one file or several"):
        write_bundled(DataConfig(), tmp_path)


def test_a_first_row_with_all_fields_is_no_row_of_data(tmp_path: Path) -> None:
    """By how it reads alone it might be one: all of it is words, as below it."""
    path = write_csv(tmp_path / "d.csv", [("none", "f", "a"), ("state", "m", "b")], ("work", "sex", "label"))
    frame, _ = read_rows([path], DataConfig(), [], 1, reader=FieldsReader([WORK], []))
    assert frame[["row", "label"]].to_numpy().tolist() == [[{"work": "none"}, "a"], [{"work": "state"}, "b"]]
