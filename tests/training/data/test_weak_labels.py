from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.training.helpers import SMILEY_ROWS, WEAK_SOURCES, distinct_rows, write_csv, write_weak_files
from training.data.cleaning import text_key
from training.data.dataset import Dataset, load_dataset
from training.data.weak_labels import WeakLabelDataset, load_weak_labels
from training.errors import DataError
from training.recipe.data import DataConfig, Source


def load(
    folder: Path, main: Sequence[tuple[str, str]] = (), smileys: Sequence[tuple[str, str]] = SMILEY_ROWS
) -> WeakLabelDataset:
    paths = write_weak_files(folder, [*distinct_rows(20, "a"), *distinct_rows(20, "b"), *main], smileys)
    data = DataConfig(sources=WEAK_SOURCES)
    return load_weak_labels(paths, data, load_dataset(paths, data, seed=1), seed=1)


def test_each_task_has_its_own_labels(tmp_path: Path) -> None:
    weak = load(tmp_path)
    assert weak.tasks == {"emoji": ["heart", "sun"], "emoticon": ["bad", "good"]}
    rows = weak.rows[weak.rows.task == "emoticon"]
    assert [weak.tasks["emoticon"][label] for label in rows.label] == [label for _, label in SMILEY_ROWS]
    assert set(rows.weight) == {0.5}


def test_what_gave_the_label_is_cut_out(tmp_path: Path) -> None:
    rows = load(tmp_path).rows
    assert not rows.row.str.contains(r"[:][()]").any()


def test_emoji_that_are_not_the_label_stay(tmp_path: Path) -> None:
    rows = load(tmp_path, smileys=[*SMILEY_ROWS, ("a calm sea 🌊 today :)", "good")]).rows
    assert rows.row[rows.row.str.contains("calm")].tolist() == ["a calm sea 🌊 today  "]


def test_rows_without_a_value_are_dropped_and_counted(tmp_path: Path) -> None:
    weak = load(tmp_path, smileys=[*SMILEY_ROWS, ("a text", "NA"), ("NULL", "good")])
    assert weak.tasks["emoticon"] == ["bad", "good"]
    assert weak.cleaning["text or label is NA, NULL (data.missing)"] == 2


def test_copies_and_empty_rows_are_dropped_and_counted(tmp_path: Path) -> None:
    weak = load(tmp_path)
    assert weak.rows[weak.rows.task == "emoji"].row.tolist() == ["hot today", "so loved"]
    assert weak.cleaning["empty, or without a label"] == 2
    assert weak.cleaning["copies, merged"] == 1
    assert weak.cleaning["rows kept"] == len(weak.rows) == 8


@pytest.mark.parametrize("copy", ["WHAT A CAKE 2", "RT @bob: what a cake 2 :)", "what a cake 2 http://t.co/x :-)"])
def test_no_text_of_the_labelled_data_is_left_whichever_its_part(tmp_path: Path, copy: str) -> None:
    weak = load(tmp_path, main=[(copy, "a")])
    assert weak.cleaning["also in the labelled data"] == 1
    assert not weak.rows.row.str.contains("cake").any()


@pytest.mark.parametrize(
    ("labelled", "weak"),
    [("hot 😂 today, sun", "hot today, sun"), ("a calm sea", "a calm sea :-D"), ("a <3 calm 🌊 sea", "a calm sea ☀️")],
)
def test_a_copy_without_the_sign_that_was_cut_out_is_one_too(tmp_path: Path, labelled: str, weak: str) -> None:
    found = load(tmp_path, main=[(labelled, "a")], smileys=[*SMILEY_ROWS, (weak, "good")])
    assert found.cleaning["also in the labelled data"] == 1


def test_texts_of_nothing_but_signs_are_copies_only_of_the_same(tmp_path: Path) -> None:
    found = load(tmp_path, main=[("😂😂", "a")], smileys=[*SMILEY_ROWS, ("🌊", "good"), ("😂 😂", "good")])
    assert found.cleaning["also in the labelled data"] == 1


def test_a_cut_off_copy_is_one_too(tmp_path: Path) -> None:
    long = "what a wonderful long walk by the river we had on this first day of spring"
    weak = load(tmp_path, main=[(long, "a")], smileys=[*SMILEY_ROWS, (f"{long[:-12]} :)", "good")])
    assert weak.cleaning["also in the labelled data"] == 1


def test_a_task_needs_two_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"task 'emoticon': found only one class, \['good'\]; accepted: at least two"):
        load(tmp_path, smileys=SMILEY_ROWS[:3])


def test_the_files_are_remembered(tmp_path: Path) -> None:
    assert [(file.file, file.rows) for file in load(tmp_path).files] == [("smileys.csv", 6), ("emoji.csv", 5)]


def two_columns(folder: Path, rows: Sequence[tuple[str, str, str]], seed: int = 1) -> tuple[WeakLabelDataset, Dataset]:
    """A file with the recipe's labels and a finer one beside each."""
    paths = [write_csv(folder / "both.csv", rows, ("text", "label", "fine"))]
    data = DataConfig(
        sources=[Source(file="both.csv", name="both"), Source(file="both.csv", name="fine", label="fine", task="fine")]
    )
    dataset = load_dataset(paths, data, seed)
    return load_weak_labels(paths, data, dataset, seed), dataset


ROWS = [(text, label, f"{label}{i % 2}") for label in "ab" for i, (text, _) in enumerate(distinct_rows(30, label))]


def test_another_column_of_a_labelled_file_is_read_where_the_training_part_has_the_text(tmp_path: Path) -> None:
    weak, dataset = two_columns(tmp_path, ROWS)
    assert weak.tasks == {"fine": ["a0", "a1", "b0", "b1"]}
    assert sorted(weak.rows.row) == sorted(dataset.train.row)
    fine = {text: label for text, _, label in ROWS}
    assert [weak.tasks["fine"][label] for label in weak.rows.label] == [fine[text] for text in weak.rows.row]


def test_no_copy_of_a_row_of_another_part_is_read_by_its_other_column(tmp_path: Path) -> None:
    """A retweet with another label of its own, whatever part its text is in, and a text that is in none."""
    torn = [("in two minds about it", "a", "a0"), ("in two minds about it", "b", "b0")]
    weak, dataset = two_columns(tmp_path, [*ROWS, *((f"RT @bob: {text}!", a, b) for text, a, b in ROWS), *torn])
    read, trained = set(weak.rows.row.map(text_key)), set(dataset.train.row.map(text_key))
    assert read == trained
    assert not read & {text_key(text) for part in (dataset.validation, dataset.test) for text in part.row}


def test_a_source_of_which_nothing_is_left_is_said_at_once(tmp_path: Path) -> None:
    labelled = [(text, "a") for text, _ in SMILEY_ROWS]
    with pytest.raises(
        DataError, match=r"source 'smileys.csv' of task 'emoticon': none of its 6 rows is left.* labelled data: 6.*"
    ):
        load(tmp_path, main=labelled)


def test_labels_of_tasks_are_not_renamed(tmp_path: Path) -> None:
    paths = [
        write_csv(tmp_path / "main.csv", [*distinct_rows(20, "good"), *distinct_rows(20, "bad")]),
        write_csv(tmp_path / "smileys.csv", SMILEY_ROWS),
    ]
    data = DataConfig(sources=WEAK_SOURCES[:2], rename={"good": "positive", "bad": "negative"})
    dataset = load_dataset(paths, data, seed=1)
    assert dataset.labels == ["negative", "positive"]
    assert load_weak_labels(paths, data, dataset, seed=1).tasks == {"emoticon": ["bad", "good"]}


def test_what_a_held_out_text_begins_with_is_not_read_by_its_other_column(tmp_path: Path) -> None:
    """Though a text of the training part begins with it too."""
    begun = "what a wonderful long walk by the river we had on this day"
    rows = [(*row, "split") for row in ROWS]
    rows += [
        (f"{begun} of spring", "a", "a0", "train"),
        (f"{begun} of autumn", "a", "a1", "held"),
        (begun, "", "a1", ""),
    ]
    path = write_csv(tmp_path / "both.csv", rows, ("text", "label", "fine", "kind"))
    sources = [
        Source(file="both.csv", name="split", where={"kind": ["split"]}),
        Source(file="both.csv", name="train", where={"kind": ["train"]}, part="train"),
        Source(file="both.csv", name="held", where={"kind": ["held"]}, part="train", hold_out=0.9),
        Source(file="both.csv", name="fine", label="fine", task="fine"),
    ]
    data = DataConfig(sources=sources)
    dataset = load_dataset([path], data, seed=1)
    assert dataset.held_out.row.tolist() == [f"{begun} of autumn"]
    assert not load_weak_labels([path], data, dataset, seed=1).rows.row.str.startswith(begun).any()


def test_a_text_may_be_in_two_tasks(tmp_path: Path) -> None:
    rows = load(tmp_path, smileys=[*SMILEY_ROWS, ("hot today :)", "good")]).rows
    assert sorted(rows.task[rows.row.str.strip() == "hot today"]) == ["emoji", "emoticon"]


def test_rows_of_a_task_are_drawn_by_the_seed(tmp_path: Path) -> None:
    rows = [(f"{text} {i}", f"{i % 2}") for i, (text, _) in enumerate(distinct_rows(60, "x", 500))]
    paths = [
        write_csv(tmp_path / "main.csv", [*distinct_rows(20, "a"), *distinct_rows(20, "b")]),
        write_csv(tmp_path / "w.csv", rows),
    ]
    data = DataConfig(sources=[Source(file="main.csv"), Source(file="w.csv", task="t", rows=20)])
    dataset = load_dataset(paths, data, seed=1)
    one, same, other = (load_weak_labels(paths, data, dataset, seed).rows for seed in (1, 1, 2))
    assert len(one) == 20
    assert one.row.tolist() == same.row.tolist() != other.row.tolist()


def ngrams(folder: Path, texts: Sequence[str], main: Sequence[tuple[str, str]] = ()) -> WeakLabelDataset:
    """Of texts with an emoji, whole ones and n-grams of up to three words."""
    rows = [(text, "sun" if number % 2 else "heart") for number, text in enumerate(texts)]
    paths = [
        write_csv(folder / "main.csv", [*distinct_rows(20, "a"), *distinct_rows(20, "b"), *main]),
        write_csv(folder / "emoji.csv", rows),
    ]
    sources = [
        Source(file="main.csv", name="main"),
        Source(file="emoji.csv", name="emoji", task="emoji"),
        Source(file="emoji.csv", name="ngrams", task="ngram", ngram=3),
    ]
    data = DataConfig(sources=sources)
    return load_weak_labels(paths, data, load_dataset(paths, data, seed=1), seed=1)


LONG = [
    f"{word} one two three four five six {word} ten eleven twelve" for word in ("a", "b", "c", "d", "e", "f", "g", "h")
]


def test_ngrams_are_some_words_in_a_row_and_the_same_each_time(tmp_path: Path) -> None:
    weak = ngrams(tmp_path, LONG)
    cut = weak.rows[weak.rows.source == "ngrams"].row.tolist()
    assert cut
    assert {len(text.split()) for text in cut} <= {1, 2, 3}
    assert all(any(text in whole for whole in LONG) for text in cut)
    assert len(set(cut)) == len(cut)
    assert weak.rows[weak.rows.source == "emoji"].row.tolist() == LONG
    assert ngrams(tmp_path, LONG).rows.equals(weak.rows)


def test_ngrams_of_a_labelled_text_or_equal_to_one_are_left_out(tmp_path: Path) -> None:
    weak = ngrams(tmp_path, ["single", "another", *LONG], main=[(LONG[0], "a"), ("Single!", "b")])
    assert not weak.rows.row.str.contains("a one|single|a ten").any()
    assert "another" in weak.rows.row[weak.rows.source == "ngrams"].tolist()
