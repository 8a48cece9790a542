from pathlib import Path
from typing import Any

import pytest

from tests.training.helpers import distinct_rows, write_csv
from training.data.cleaning import text_key
from training.data.dataset import PARTS, Dataset, label_indices, load_dataset
from training.errors import DataError
from training.recipe.data import DataConfig, Source


def test_no_text_stands_on_two_sides(tmp_path: Path) -> None:
    rows = distinct_rows(60, "a") + distinct_rows(60, "b")
    copies = [(f"RT @user{i}: {text.upper()}!! http://t.co/{i}", label) for i, (text, label) in enumerate(rows)]
    dataset = load_dataset([write_csv(tmp_path / "d.csv", rows + copies)], DataConfig(), seed=1)
    keys = [set(dataset.part(part).row.map(text_key)) for part in PARTS]
    assert [len(k) for k in keys] == [96, 12, 12]
    assert len(set.union(*keys)) == 120
    assert dataset.cleaning["exact and near copies, merged"] == 120


def test_the_split_is_stratified_and_seeded(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "d.csv", distinct_rows(80, "a") + distinct_rows(40, "b"))
    one, same, other = (load_dataset([path], DataConfig(), seed=seed) for seed in (1, 1, 2))
    assert one.sizes() == {"train": {"a": 64, "b": 32}, "validation": {"a": 8, "b": 4}, "test": {"a": 8, "b": 4}}
    assert one.test.row.tolist() == same.test.row.tolist()
    assert one.test.row.tolist() != other.test.row.tolist()


def test_a_text_gets_its_majority_label_and_a_tie_is_dropped(tmp_path: Path) -> None:
    rows = distinct_rows(20, "a") + distinct_rows(20, "b")
    votes = [("same words here", "a"), ("Same words here!", "b"), ("@x same words here", "b")]
    tie = [("another text", "a"), ("another text", "b")]
    dataset = load_dataset([write_csv(tmp_path / "d.csv", rows + votes + tie)], DataConfig(), seed=1)
    everything = {text: label for part in PARTS for text, label in dataset.part(part)[["row", "label"]].to_numpy()}
    (label,) = (label for text, label in everything.items() if text_key(text) == "samewordshere")
    assert dataset.labels[label] == "b"
    assert "another text" not in everything
    assert dataset.cleaning["copies whose labels conflict without a majority"] == 2
    assert dataset.cleaning["copies with a minority label, merged"] == 1
    assert dataset.cleaning["exact and near copies, merged"] == 1


def test_empty_and_unlabelled_rows_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = distinct_rows(20, "a") + distinct_rows(20, "b")
    bad = [("", "a"), ("  ", "b"), ("@bob http://t.co/x !!", "a"), ("some words", "")]
    cleaning = load_dataset([write_csv(tmp_path / "d.csv", rows + bad)], DataConfig(), seed=1).cleaning
    assert cleaning["empty, or nothing but handles, links and punctuation"] == 3
    assert cleaning["without a label"] == 1
    assert cleaning["rows read"] - cleaning["rows kept"] == 4


def test_counts_add_up(tmp_path: Path) -> None:
    rows = [
        *distinct_rows(30, "a"),
        *distinct_rows(30, "b"),
        *distinct_rows(5, "a"),
        ("", "a"),
        ("rain rain a 0", "b"),
        ("x", "odd"),
    ]
    cleaning = dict(load_dataset([write_csv(tmp_path / "d.csv", rows)], DataConfig(ignore=["odd"]), seed=1).cleaning)
    read, kept = cleaning.pop("rows read"), cleaning.pop("rows kept")
    assert read - sum(cleaning.values()) == kept


def test_labels_keep_the_recipes_order_and_names(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "d.csv", distinct_rows(10, "Pos") + distinct_rows(10, "NEG"))
    dataset = load_dataset([path], DataConfig(labels=["negative", "pos"], rename={"NEG": "negative"}), seed=1)
    assert dataset.labels == ["negative", "pos"]
    assert sum(dataset.sizes()[part]["pos"] for part in PARTS) == 10


def test_sources_choose_rows_parts_weights_and_columns(tmp_path: Path) -> None:
    one = write_csv(
        tmp_path / "one.csv",
        [(*row, "x") for row in distinct_rows(20, "a") + distinct_rows(20, "b")],
        ("text", "label", "s"),
    )
    pinned = [
        ("a only in test", "a", "t"),
        ("b only in test", "b", "t"),
        ("rain rain a 0", "a", "t"),
        ("gone", "a", "no"),
    ]
    two = write_csv(tmp_path / "two.csv", pinned, ("tweet", "gold", "s"))
    data = DataConfig(
        validation=0.1,
        test=0.0,
        sources=[
            Source(file="one.csv", weight=2.0),
            Source(file="two.csv", text="tweet", label="gold", where={"s": ["t"]}, part="test"),
        ],
    )
    dataset = load_dataset([one, two], data, seed=1)
    assert sorted(dataset.test.row) == ["a only in test", "b only in test", "rain rain a 0"]
    assert "rain rain a 0" not in set(dataset.train.row) | set(dataset.validation.row)
    assert dataset.cleaning["also in the validation or test part, which keeps it"] == 1
    assert set(dataset.train.weight) == {2.0}
    assert {file.file for file in dataset.files} == {"one.csv", "two.csv"}


def test_where_not(tmp_path: Path) -> None:
    rows = [(*row, "x") for row in distinct_rows(20, "a") + distinct_rows(20, "b")] + [("never", "a", "y")]
    path = write_csv(tmp_path / "d.csv", rows, ("text", "label", "s"))
    dataset = load_dataset([path], DataConfig(sources=[Source(file="d.csv", where_not={"s": ["y"]})]), seed=1)
    assert dataset.cleaning["rows read"] == 40


FEW = [*distinct_rows(20, "a"), ("only one", "b")]


@pytest.mark.parametrize(
    ("rows", "data", "fault"),
    [
        (
            distinct_rows(9, "a"),
            DataConfig(),
            "d.csv, column 'label': found only one class, ['a']; accepted: at least two",
        ),
        (
            FEW,
            DataConfig(),
            "d.csv, column 'label': classes with too few distinct rows to split: 'b' has 1; accepted: at least 3 each",
        ),
        ([*FEW, ("other", "c")], DataConfig(), "'b' has 1, 'c' has 1; accepted: at least 3 each; data.ignore leaves"),
        (FEW, DataConfig(labels=["a", "c"]), "d.csv, column 'label': unknown labels ['b']; accepted: ['a', 'c']"),
        (FEW, DataConfig(ignore=["a", "b"]), "d.csv, column 'label': found no class; accepted: at least two"),
        (
            FEW,
            DataConfig(labels=["a", "b"], ignore=["a", "b"]),
            "d.csv, column 'label': no row has both a text and a label",
        ),
        (
            distinct_rows(9, "a"),
            DataConfig(labels=["a", "b"]),
            "d.csv, column 'label': class 'b' has no row in the train part",
        ),
        (FEW, DataConfig(text="tweet"), "no column 'tweet'; found: 'text', 'label'"),
        (FEW, DataConfig(label="gold"), "no column 'gold'; found: 'text', 'label'"),
        ([("", "a"), ("!!", "b")], DataConfig(), "d.csv, column 'label': no row has both a text and a label"),
        (
            FEW,
            DataConfig(sources=[Source(file="other.csv")]),
            "the recipe has no source for this file; accepted: other.csv",
        ),
        (FEW, DataConfig(sources=[Source(file="d.csv"), Source(file="e.csv")]), "the recipe also needs e.csv"),
        (FEW, DataConfig(sources=[Source(file="d.csv", where={"label": ["z"]})]), "no row is left by where="),
    ],
)
def test_data_that_cannot_be_used(tmp_path: Path, rows: list[tuple[str, str]], data: DataConfig, fault: str) -> None:
    with pytest.raises(DataError) as caught:
        load_dataset([write_csv(tmp_path / "d.csv", rows)], data, seed=1)
    assert fault in str(caught.value)


def conflicting(count: int, *, start: int = 0) -> list[tuple[str, str]]:
    """Rows of 'neg' whose texts are those of 'pos' but for case, punctuation and a handle."""
    return [(f"@ann {text.upper()}...!", "neg") for text, _ in distinct_rows(count, "pos", start)]


def test_a_class_that_only_repeats_texts_of_another_is_named_with_what_was_dropped(tmp_path: Path) -> None:
    rows = [*distinct_rows(40, "pos"), *conflicting(12)]
    with pytest.raises(DataError) as caught:
        load_dataset([write_csv(tmp_path / "d.csv", rows)], DataConfig(), seed=1)
    assert "class 'neg' has no row in the train part; accepted: at least one in each part. Cause: " in str(caught.value)
    assert str(caught.value).endswith(
        "all 12 rows of 'neg' have the same text as rows with another label, apart from punctuation, case, handles and "
        "links."
    )
    assert caught.value.cleaning is not None
    assert caught.value.cleaning["copies whose labels conflict without a majority"] == 24


def test_a_class_that_mostly_repeats_texts_of_another_is_named_too(tmp_path: Path) -> None:
    rows = [*distinct_rows(40, "pos"), *conflicting(10), ("two texts", "neg"), ("of its own", "neg")]
    with pytest.raises(DataError, match=r"'neg' has 2; .* Cause: 10 of the 12 rows of 'neg' have the same text"):
        load_dataset([write_csv(tmp_path / "d.csv", rows)], DataConfig(), seed=1)


def test_where_nothing_is_left_every_class_is_named(tmp_path: Path) -> None:
    rows = [*distinct_rows(5, "pos"), *conflicting(5)]
    with pytest.raises(DataError, match="Cause: all 5 rows of 'neg', all 5 rows of 'pos' have the same text"):
        load_dataset([write_csv(tmp_path / "d.csv", rows)], DataConfig(), seed=1)


def test_a_whole_number_is_one_class_however_it_is_written(tmp_path: Path) -> None:
    rows = [(text, f"{label}.0" if i % 2 else label) for i, (text, label) in enumerate(distinct_rows(20, "0"))]
    path = write_csv(tmp_path / "d.csv", [*rows, *distinct_rows(20, "1.0", 100)])
    assert load_dataset([path], DataConfig(), seed=1).labels == ["0", "1"]
    assert load_dataset([path], DataConfig(labels=["1.0", "0.0"]), seed=1).labels == ["1.0", "0.0"]


class TestMissing:
    """Words that stand for a missing value."""

    ROWS = (*distinct_rows(20, "a"), *distinct_rows(20, "b"), ("NA", "a"), ("a text", "NULL"), ("\\N", "NaN"))

    def load(self, folder: Path, **data: Any) -> Dataset:
        return load_dataset([write_csv(folder / "d.csv", self.ROWS)], DataConfig.model_validate(data), seed=1)

    def test_their_rows_are_dropped_and_told(self, tmp_path: Path) -> None:
        dataset = self.load(tmp_path)
        assert dataset.labels == ["a", "b"]
        assert dataset.cleaning["text or label is NA, NULL, NaN, \\N (data.missing)"] == 3
        assert dataset.cleaning["rows kept"] == 40

    def test_the_recipe_says_which_there_are(self, tmp_path: Path) -> None:
        dataset = self.load(tmp_path, missing=["NULL"], ignore=["NaN"])
        assert dataset.cleaning["text or label is NULL (data.missing)"] == 1
        assert dataset.cleaning["rows kept"] == 41

    def test_a_label_that_the_recipe_names_is_none(self, tmp_path: Path) -> None:
        renamed = self.load(tmp_path, rename={"NULL": "a", "NaN": "b"}, missing=["NULL", "NaN"])
        assert renamed.cleaning["rows kept"] == 43


def test_spellings_of_a_label_are_one_class(tmp_path: Path) -> None:
    rows = distinct_rows(20, "pos") + distinct_rows(20, "Neg") + [("one more", "Pos"), ("and another", "NEG")]
    assert load_dataset([write_csv(tmp_path / "d.csv", rows)], DataConfig(), seed=1).labels == ["Neg", "pos"]


def test_many_small_classes_split(tmp_path: Path) -> None:
    rows = [row for i in range(47) for row in distinct_rows(3 + i % 4, f"c{i}")]
    for seed in range(3):
        dataset = load_dataset([write_csv(tmp_path / "d.csv", rows)], DataConfig(validation=0.1, test=0.1), seed=seed)
        assert all(min(counts.values()) >= 1 for counts in dataset.sizes().values())


@pytest.mark.parametrize(("rows", "parts"), [(1, [1, 0, 0]), (2, [1, 1, 0]), (3, [1, 1, 1]), (30, [24, 3, 3])])
def test_a_class_may_lack_rows_where_that_is_said(tmp_path: Path, rows: int, parts: list[int]) -> None:
    path = write_csv(tmp_path / "d.csv", [*distinct_rows(10, "a"), *distinct_rows(rows, "b", 100)])
    dataset = load_dataset([path], DataConfig(labels=["a", "b", "c"]), seed=1, partial=True)
    assert [dataset.sizes()[part] for part in PARTS] == [
        {"a": count, "b": of_b, "c": 0} for count, of_b in zip((8, 1, 1), parts, strict=True)
    ]


def test_a_part_without_any_row_is_refused_all_the_same(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "d.csv", [*distinct_rows(2, "a"), *distinct_rows(2, "b", 100)])
    with pytest.raises(
        DataError, match="class 'a' has no row in the test part; accepted: at least 3 rows of one class"
    ):
        load_dataset([path], DataConfig(labels=["a", "b"]), seed=1, partial=True)


@pytest.mark.parametrize(("validation", "test"), [(0.45, 0.5), (0.01, 0.98), (0.0, 0.5)])
def test_large_shares_leave_something_to_train_on(tmp_path: Path, validation: float, test: float) -> None:
    rows = distinct_rows(7, "a") + distinct_rows(4, "b")
    data = DataConfig(validation=validation, test=test)
    if validation:
        sizes = load_dataset([write_csv(tmp_path / "d.csv", rows)], data, seed=1).sizes()
        assert all(min(counts.values()) >= 1 for counts in sizes.values())
    else:
        with pytest.raises(DataError, match="class 'a' has no row in the validation part"):
            load_dataset([write_csv(tmp_path / "d.csv", rows)], data, seed=1)


def test_labels_may_differ_in_case() -> None:
    import pandas as pd

    found = label_indices(pd.Series(["Positive", "negative", "NEGATIVE"]), ["negative", "positive"], "x")
    assert found.tolist() == [1, 0, 0]


class TestHeldOut:
    """Rows that nothing learns from and the report measures by group."""

    @staticmethod
    def load(folder: Path, seed: int = 1) -> Dataset:
        rows = [(*row, "x" if i % 4 else "y") for i, row in enumerate(distinct_rows(80, "a") + distinct_rows(80, "b"))]
        path = write_csv(folder / "d.csv", rows, ("text", "label", "site"))
        main = write_csv(folder / "m.csv", distinct_rows(60, "a", 100) + distinct_rows(60, "b", 100))
        sources = [
            Source(file="d.csv", name="extra", group="site", part="train", hold_out=0.25),
            Source(file="m.csv", name="main"),
        ]
        return load_dataset([path, main], DataConfig(sources=sources), seed)

    def test_each_group_and_label_gives_its_share(self, tmp_path: Path) -> None:
        dataset = self.load(tmp_path)
        assert dataset.held_out.groupby(["group", "label"]).size().tolist() == [15, 15, 5, 5]
        assert set(dataset.held_out.source) == {"extra"}
        assert not set(dataset.held_out.row) & set(dataset.train.row)

    @pytest.mark.parametrize("order", [1, -1])
    def test_of_sources_of_one_name_each_holds_out_its_own_share(self, tmp_path: Path, order: int) -> None:
        kinds = ("train", "validation", "test")
        rows = [(*row, kinds[i % 3]) for i, row in enumerate(distinct_rows(60, "a") + distinct_rows(60, "b"))]
        path = write_csv(tmp_path / "d.csv", rows, ("text", "label", "kind"))
        named: Any = {"file": "d.csv", "name": "one"}
        sources = [
            Source(**named, where={"kind": ["train"]}, part="train", hold_out=0.5),
            Source(**named, where={"kind": ["validation"]}, part="validation"),
            Source(**named, where={"kind": ["test"]}, part="test"),
        ][::order]
        dataset = load_dataset([path], DataConfig(sources=sources), seed=1)
        assert [len(dataset.part(part)) for part in PARTS] == [20, 40, 40]
        assert len(dataset.held_out) == 20

    def test_it_is_of_the_seed(self, tmp_path: Path) -> None:
        one, same, other = (self.load(tmp_path, seed).held_out.row.tolist() for seed in (1, 1, 2))
        assert one == same
        assert one != other

    def test_the_other_parts_are_as_without_it(self, tmp_path: Path) -> None:
        dataset = self.load(tmp_path)
        assert set(dataset.test.source) == {"main"}
        assert set(dataset.test.group) == {"main"}
        assert len(dataset.train) == 120 + 96


ROWS = distinct_rows(20, "a") + distinct_rows(20, "b")


def digest(path: Path, rows: list[tuple[str, str]], seed: int = 1, **data: float) -> str:
    return load_dataset([write_csv(path, rows)], DataConfig.model_validate(data), seed).labelled_digest()


def test_other_parts_and_another_order_of_the_same_texts_are_seen_alike(tmp_path: Path) -> None:
    own = digest(tmp_path / "d.csv", ROWS)
    assert digest(tmp_path / "d.csv", ROWS[::-1], seed=2, test=0.3) == own


def test_another_text_is_seen_whatever_becomes_of_it(tmp_path: Path) -> None:
    own = digest(tmp_path / "d.csv", ROWS)
    assert digest(tmp_path / "d.csv", [*ROWS, ("one more", "a")]) != own
    assert digest(tmp_path / "d.csv", [*ROWS, ("in two minds", "a"), ("in two minds", "b")]) != own


def test_another_number_of_classes_is_seen(tmp_path: Path) -> None:
    third = [(text, "c" if place % 2 else label) for place, (text, label) in enumerate(ROWS)]
    assert digest(tmp_path / "d.csv", third) != digest(tmp_path / "d.csv", ROWS)


def test_rows_that_are_held_out_are_kept_rows(tmp_path: Path) -> None:
    dataset = TestHeldOut.load(tmp_path)
    parts = (dataset.train, dataset.validation, dataset.test, dataset.held_out)
    assert dataset.cleaning["rows kept"] == sum(map(len, parts)) == dataset.cleaning["rows read"] == 280


def test_the_share_that_is_held_out_is_rounded(tmp_path: Path) -> None:
    paths = [
        write_csv(tmp_path / "extra.csv", distinct_rows(15, "a", 100) + distinct_rows(13, "b", 100)),
        write_csv(tmp_path / "main.csv", ROWS),
    ]
    extra = Source(file="extra.csv", part="train", hold_out=0.25)
    dataset = load_dataset(paths, DataConfig(sources=[extra, Source(file="main.csv")]), seed=1)
    assert dataset.held_out.label.value_counts().to_dict() == {0: 4, 1: 3}
