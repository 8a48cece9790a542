"""Rows, files and a recipe that tests of training share. Needs no TensorFlow."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.recipe.data import Source

WORDS = ["rain", "sun", "train", "bus", "food", "game", "song", "phone"]
WORDS += ["school", "work", "river", "book", "cloud", "street", "bread", "coffee"]

# Two stages: pre-training on rows with labels of their own, then the labelled rows.
STAGED: dict[str, Any] = {
    "name": "staged",
    "data": {"sources": [{"file": "main.csv"}, {"file": "weak.csv", "task": "emoticon", "emoticons": "drop"}]},
    "tokenizer": {"model": "word", "min_frequency": 1},
    "network": {"embedding": 8, "lstm": [6], "pooling": ["max"]},
    "fit": {"epochs": 1, "batch_size": 16, "learning_rate": 0.02, "word_dropout": 0.2},
    "stages": [{"name": "weak", "sources": ["weak.csv"], "masked_words": 0.3}, {"name": "own", "epochs": 2}],
}

# A labelled file, and two with labels of their own.
WEAK_SOURCES = [
    Source(file="main.csv", name="main"),
    Source(file="smileys.csv", task="emoticon", emoticons="drop", weight=0.5),
    Source(file="emoji.csv", task="emoji", label="emoji"),
]
SMILEY_ROWS = [(f"what a {word} {i} :)", "good") for i, word in enumerate(("day", "walk", "cake"))]
SMILEY_ROWS += [(f"what a {word} {i} :(", "bad") for i, word in enumerate(("cold", "queue", "noise"))]
EMOJI_ROWS = [("hot today", "sun"), ("hot today!", "sun"), ("so loved", "heart"), ("", "heart"), ("no label", "")]


def write_csv(path: Path, rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")) -> Path:
    """Write a CSV file; returns its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def distinct_rows(count: int, label: str, start: int = 0) -> list[tuple[str, str]]:
    """Rows of one label with texts that are no copies of each other; those of another `start` are others."""
    return [(f"{WORDS[i % 16]} {WORDS[i // 16 % 16]} {label} {i}", label) for i in range(start, start + count)]


def write_staged_files(folder: Path) -> list[Path]:
    """The files of `STAGED`: 120 labelled rows and 120 with an emoticon."""
    weak = [(f"{text} :{')' if label == 'good' else '('}", label) for text, label in distinct_rows(60, "good", 300)]
    weak += [(f"{text} :(", label) for text, label in distinct_rows(60, "bad", 400)]
    labelled = [*distinct_rows(60, "a"), *distinct_rows(60, "b", 100)]
    return [write_csv(folder / "main.csv", labelled), write_csv(folder / "weak.csv", weak)]


def write_weak_files(
    folder: Path, labelled: Sequence[tuple[str, str]], smileys: Sequence[tuple[str, str]] = SMILEY_ROWS
) -> list[Path]:
    """The files of `WEAK_SOURCES`."""
    return [
        write_csv(folder / "main.csv", labelled),
        write_csv(folder / "smileys.csv", smileys),
        write_csv(folder / "emoji.csv", EMOJI_ROWS, ("text", "emoji")),
    ]


# Fields that are found in the file of `write_form`, whose slices and label are named.
FORM: dict[str, Any] = {
    "name": "pay",
    "inputs": "fields",
    "slices": ["sex"],
    "data": {"label": "income", "labels": ["low", "high"], "validation": 0.2, "test": 0.2},
    "network": {"embedding": 2, "dense": [8], "dropout": 0.1, "bins": 3},
    "fit": {"epochs": 3, "batch_size": 16, "learning_rate": 0.02, "word_dropout": 0.1},
}
FORM_NAMES = ("id", "age", "hours", "work", "sex", "country", "income")


def write_form(path: Path, count: int = 150) -> Path:
    """Write a file of people whose income is told by age, hours and work, with gaps; id and country tell nothing."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(count):
        age, hours, work = int(rng.integers(18, 70)), float(rng.integers(40, 200)) / 4, int(rng.integers(0, 3))
        income = "high" if age / 2 + hours + 10 * work > 65 else "low"
        cells = [str(age), str(hours), ("home", "shop", "state")[work], "fm"[number % 2]]
        gap = number % 25
        if gap < len(cells):
            cells[gap] = ("", "?", "NA")[number % 3]
        rows.append((str(number + 1), *cells, "here", income))
    return write_csv(path, rows, FORM_NAMES)
