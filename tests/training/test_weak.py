from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.training.test_dataset import distinct, write
from training.data_knobs import Data, Source
from training.dataset import load_dataset
from training.errors import DataError
from training.weak import WeakRows, load_weak

SOURCES = [
    Source(file="main.csv", name="main"),
    Source(file="smileys.csv", task="emoticon", emoticons="drop", weight=0.5),
    Source(file="emoji.csv", task="emoji", label="emoji"),
]
SMILEYS = [(f"what a {word} {i} :)", "good") for i, word in enumerate(("day", "walk", "cake"))]
SMILEYS += [(f"what a {word} {i} :(", "bad") for i, word in enumerate(("cold", "queue", "noise"))]
EMOJI = [("hot today", "sun"), ("hot today!", "sun"), ("so loved", "heart"), ("", "heart"), ("no label", "")]


def load(folder: Path, main: Sequence[tuple[str, str]] = (), smileys: Sequence[tuple[str, str]] = SMILEYS) -> WeakRows:
    paths = [
        write(folder / "main.csv", [*distinct(20, "a"), *distinct(20, "b"), *main]),
        write(folder / "smileys.csv", smileys),
        write(folder / "emoji.csv", EMOJI, ("text", "emoji")),
    ]
    data = Data(sources=SOURCES)
    return load_weak(paths, data, load_dataset(paths, data, seed=1), seed=1)


def test_each_task_has_its_own_labels(tmp_path: Path) -> None:
    weak = load(tmp_path)
    assert weak.tasks == {"emoji": ["heart", "sun"], "emoticon": ["bad", "good"]}
    rows = weak.rows[weak.rows.task == "emoticon"]
    assert [weak.tasks["emoticon"][label] for label in rows.label] == [label for _, label in SMILEYS]
    assert set(rows.weight) == {0.5}


def test_what_gave_the_label_is_cut_out(tmp_path: Path) -> None:
    rows = load(tmp_path).rows
    assert not rows.text.str.contains(r"[:][()]").any()


def test_copies_and_empty_rows_are_dropped_and_counted(tmp_path: Path) -> None:
    weak = load(tmp_path)
    assert weak.rows[weak.rows.task == "emoji"].text.tolist() == ["hot today", "so loved"]
    assert weak.cleaning["empty, or without a label"] == 2
    assert weak.cleaning["copies, merged"] == 1
    assert weak.cleaning["rows kept"] == len(weak.rows) == 8


@pytest.mark.parametrize("copy", ["WHAT A CAKE 2", "RT @bob: what a cake 2 :)", "what a cake 2 http://t.co/x :-)"])
def test_no_text_of_the_labelled_data_is_left_whichever_its_part(tmp_path: Path, copy: str) -> None:
    weak = load(tmp_path, main=[(copy, "a")])
    assert weak.cleaning["also in the labelled data"] == 1
    assert not weak.rows.text.str.contains("cake").any()


def test_a_cut_off_copy_is_one_too(tmp_path: Path) -> None:
    long = "what a wonderful long walk by the river we had on this first day of spring"
    weak = load(tmp_path, main=[(long, "a")], smileys=[*SMILEYS, (f"{long[:-12]} :)", "good")])
    assert weak.cleaning["also in the labelled data"] == 1


def test_a_task_needs_two_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"task 'emoticon': found only one class, \['good'\]; accepted: at least two"):
        load(tmp_path, smileys=SMILEYS[:3])


def test_the_files_are_remembered(tmp_path: Path) -> None:
    assert [(file.file, file.rows) for file in load(tmp_path).files] == [("smileys.csv", 6), ("emoji.csv", 5)]
