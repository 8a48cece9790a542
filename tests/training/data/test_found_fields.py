"""Fields that are found in files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from training.data.found_fields import complete_fields, load_rows
from training.errors import DataError
from training.recipe.recipe import Recipe

ROWS = 40
Cell = Callable[[int], object]


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of 40 rows: a label, a number `b`, and what is given."""

    def written(name: str = "d.csv", /, **columns: Cell) -> Path:
        cells = {"label": lambda i: "xy"[i % 2], "b": lambda i: i * i % 17, **columns}
        frame = pd.DataFrame({column: [cell(i) for i in range(ROWS)] for column, cell in cells.items()})
        if name.endswith(".parquet"):
            frame.to_parquet(tmp_path / name)
        else:
            frame.to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return written


def recipe(**content: Any) -> Recipe:
    return Recipe.model_validate({"name": "x", "inputs": "fields", **content})


def found(path: Path, **content: Any) -> dict[str, dict[str, Any]]:
    """Field -> what is said of it."""
    complete, _ = complete_fields(recipe(**content), [path])
    return {field.name: field.model_dump(exclude={"name"}, exclude_defaults=True) for field in complete.fields}


def ignored(*paths: Path, **content: Any) -> dict[str, str]:
    return dict(complete_fields(recipe(**content), paths)[1])


def number(minimum: float, maximum: float, step: float | None = None) -> dict[str, Any]:
    return {"kind": "number", "minimum": minimum, "maximum": maximum} | ({"step": step} if step else {})


def category(*values: str) -> dict[str, Any]:
    return {"kind": "category", "values": list(values)}


def test_numbers_and_categories_are_told_apart(table: Callable[..., Path]) -> None:
    path = table(size=lambda i: i % 7 / 4, work=lambda i: ["state", " none", "?"][i % 3], at=lambda i: -(i % 9))
    assert found(path) == {
        "b": number(0, 24, 1),
        "size": number(0, 2.3),
        "work": category("none", "state"),
        "at": number(-12, 4, 1),
    }


def test_every_row_that_was_found_is_accepted(table: Callable[..., Path]) -> None:
    path = table(size=lambda i: [0.1, 0.7, 1e-7][i % 3], far=lambda i: 1e9 * (i % 4 - 2), work=lambda i: "pqr"[i % 3])
    complete, dataset = load_rows(recipe(), [path])
    assert len(complete.fields) == 4
    assert dataset.cleaning["rows kept"] == ROWS


@pytest.mark.parametrize("first", [1_700_000_100, 2**53 + 2, 12_345_678.5])
def test_great_numbers_that_are_near_each_other_are_accepted_as_they_are(
    table: Callable[..., Path], first: float
) -> None:
    path = table(at=lambda i: first + 2 * (i * i % 19))
    at = found(path)["at"]
    assert at["minimum"] <= first
    assert at["maximum"] >= first + 34
    assert load_rows(recipe(), [path])[1].cleaning["rows kept"] == ROWS


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (lambda _: "same", "is always 'same'"),
        (lambda i: ["1", "1.0"][i % 2], "is always '1'"),
        (lambda i: ["", "?", "NA"][i % 3], "has no value in any row"),
        (lambda i: i + 5, "numbers the rows, from 5 to 44"),
        (lambda i: f"name {i}", "40 values in 40 rows are no category"),
    ],
)
def test_a_column_that_tells_nothing_is_left_out_with_the_reason(
    table: Callable[..., Path], cell: Cell, reason: str
) -> None:
    path = table(odd=cell)
    assert ignored(path) == {"odd": reason}
    notes = load_rows(recipe(), [path])[1].notes
    assert notes == [f"Columns that are no fields: 'odd' {reason}."]


def test_names_that_no_field_can_have_are_left_out(table: Callable[..., Path]) -> None:
    long = "n" * 101
    reasons = ignored(table(text=lambda i: i % 3, **{long: lambda i: i % 3}))
    assert reasons == dict.fromkeys(["text", long], "is no name that a field can have; [[fields]] can give it another")


def test_a_category_of_a_thousand_values_is_none(tmp_path: Path) -> None:
    rows = [f"v{i // 2 * 7},{i * i % 17},{'xy'[i % 2]}" for i in range(2400)]
    (tmp_path / "d.csv").write_text("\n".join(["a,b,label", *rows]), encoding="utf-8")
    assert ignored(tmp_path / "d.csv") == {"a": "1,200 values in 2,400 rows are no category"}
    with pytest.raises(DataError, match=r"column 'a' has 1,200 values; accepted: fewer than 1,000"):
        found(tmp_path / "d.csv", fields=[{"name": "a", "kind": "category"}])


def test_words_in_a_column_of_numbers_are_told_until_they_are_said_to_be_missing(table: Callable[..., Path]) -> None:
    path = table(age=lambda i: "unknown" if i == 3 else i * i % 19)
    with pytest.raises(DataError, match=r"'age' has 39 numbers, and in 1 rows none: 'unknown' \(1 times\)"):
        found(path)
    with pytest.raises(DataError, match=r"column 'age' has 'unknown' \(1 times\); accepted: a number, or a missing"):
        load_rows(recipe(fields=[{"name": "age", "kind": "number"}]), [path])
    assert found(path, data={"missing": ["unknown"]})["age"] == number(0, 26, 1)


@pytest.mark.parametrize("cell", ["inf", "-inf", "1e300"])
def test_a_number_that_no_network_computes_with_is_none(table: Callable[..., Path], cell: str) -> None:
    with pytest.raises(DataError, match=f"in 1 rows none: '{cell}'"):
        found(table(age=lambda i: cell if i == 3 else i * i % 19))


def test_what_is_declared_is_completed_by_the_values_that_are_found(table: Callable[..., Path]) -> None:
    path = table(work=lambda i: "pqr"[i % 3], grade=lambda i: [1, 2, 10][i % 3])
    fields = [
        {"name": "job", "column": "work", "kind": "category"},
        {"name": "grade", "kind": "category", "values": ["10", "1", "2", "3"]},
        {"name": "b", "kind": "number"},
    ]
    complete, others = complete_fields(recipe(fields=fields), [path])
    assert [field.values for field in complete.fields] == [["p", "q", "r"], ["10", "1", "2", "3"], []]
    assert others == []
    assert ignored(path, fields=fields[:1]) == {"b": "not among [[fields]]", "grade": "not among [[fields]]"}


def test_values_that_are_numbers_stand_by_their_size(table: Callable[..., Path]) -> None:
    path = table(grade=lambda i: [10, 9, 1][i % 3])
    assert found(path, fields=[{"name": "grade", "kind": "category"}])["grade"] == category("1", "9", "10")


def test_categories_of_parquet_are_those_of_csv(table: Callable[..., Path]) -> None:
    """With a gap in it pandas has a column of whole numbers as 1.0, and JSON sends 1."""
    fields = [{"name": "grade", "kind": "category"}, {"name": "b", "kind": "number"}]
    cells: dict[str, Cell] = {"grade": lambda i: [1.0, 2.0, None, 3.0][i % 4], "yes": lambda i: i % 3 == 0}
    for name in ("d.csv", "d.parquet"):
        path = table(name, **cells)
        assert found(path, fields=fields)["grade"] == category("1", "2", "3")
        assert load_rows(recipe(fields=fields), [path])[1].train.row.map(lambda row: row["grade"]).nunique() == 3
        assert found(path)["yes"] == category("False", "True")


@pytest.mark.parametrize("cell", [lambda _: "same", lambda _: "?"])
def test_a_declared_field_that_never_differs_is_told(table: Callable[..., Path], cell: Cell) -> None:
    with pytest.raises(DataError, match=r"column 'odd' (is always|has no value).*; accepted: a field that differs"):
        found(table(odd=cell), fields=[{"name": "odd", "kind": "category"}])


def test_a_missing_value_that_is_no_value_is_told(table: Callable[..., Path]) -> None:
    path = table(work=lambda i: "pqr"[i % 3])
    fields = [{"name": "work", "kind": "category", "missing": "none"}]
    with pytest.raises(DataError, match="column 'work' never has missing = 'none'"):
        found(path, fields=fields)
    assert found(path, fields=[{**fields[0], "missing": "p"}])["work"] == {**category("p", "q", "r"), "missing": "p"}


def test_a_value_may_read_like_a_missing_one_where_it_is_declared(table: Callable[..., Path]) -> None:
    path = table(country=lambda i: ["NA", "DE"][i % 2])
    assert ignored(path) == {"country": "is always 'DE'"}
    fields = [{"name": "country", "kind": "category", "values": ["DE", "NA"]}, {"name": "b", "kind": "number"}]
    rows = load_rows(recipe(fields=fields), [path])[1].train.row
    assert set(rows.map(lambda row: row["country"])) == {"DE", "NA"}


def test_a_file_without_any_field_is_told(table: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"no column can be a field: 'b' is always '1'; 'id' numbers the rows"):
        found(table(b=lambda _: 1, id=lambda i: i))


def test_more_fields_than_a_bundle_takes_are_told(table: Callable[..., Path]) -> None:
    path = table(**{f"c{number}": lambda i, number=number: (i * i + number) % 17 for number in range(500)})
    with pytest.raises(DataError, match=r"found 501 fields; accepted: at most 500, those in \[\[fields\]\]"):
        found(path)


def test_the_values_of_all_files_count_and_columns_of_some_are_named(table: Callable[..., Path]) -> None:
    first = table("a.csv", work=lambda i: "pq"[i % 2], more=lambda i: i % 3)
    second = table("b.csv", work=lambda i: "qr"[i % 2])
    complete, others = complete_fields(recipe(), [first, second])
    assert {field.name: field.values for field in complete.fields} == {"b": [], "work": ["p", "q", "r"]}
    assert dict(others) == {"more": "is not in every file"}


def test_a_pinned_test_file_may_have_values_that_training_lacks(table: Callable[..., Path]) -> None:
    first, second = (
        table("a.csv", work=lambda i: "pq"[i % 2]),
        table("b.csv", b=lambda i: i + 50, work=lambda i: "qr"[i % 2]),
    )
    data = {"sources": [{"file": "a.csv"}, {"file": "b.csv", "part": "test"}], "test": 0.0}
    _, dataset = load_rows(recipe(data=data), [first, second])
    assert {row["work"] for row in dataset.train.row} == {"p", "q"}
    assert {row["work"] for row in dataset.test.row} == {"q", "r"}


def test_columns_that_a_recipe_uses_otherwise_are_no_fields(table: Callable[..., Path]) -> None:
    path = table(gold=lambda i: "xy"[i % 2], city=lambda i: "st"[i % 2], split=lambda i: ["train", "test"][i % 4 == 0])
    sources = [{"file": "d.csv", "label": "gold", "group": "city", "where": {"split": ["train"]}}]
    assert found(path, data={"sources": sources}).keys() == {"b"}
    assert ignored(path, data={"sources": sources}) == {}


def test_a_recipe_of_texts_stays_as_it_is() -> None:
    texts = Recipe(name="x")
    assert complete_fields(texts, [Path("not.there")]) == (texts, [])


def test_every_column_at_fault_is_told_at_once(table: Callable[..., Path]) -> None:
    path = table(age=lambda i: "old" if i == 3 else i * i % 19, size=lambda i: "big" if i == 4 else i * i % 23)
    with pytest.raises(DataError, match=r"column 'age' has 39 numbers.*column 'size' has 39 numbers"):
        found(path)


def test_the_label_is_no_field(table: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="'label' is the column of labels; accepted: columns beside it"):
        found(table(age=lambda i: i * i % 19), fields=[{"name": "truth", "column": "label", "kind": "category"}])
