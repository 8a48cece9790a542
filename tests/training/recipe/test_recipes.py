"""The recipes for other tasks, on small files of our own sentences that are shaped like the real ones."""

import csv
from collections.abc import Sequence
from pathlib import Path

from training.data.dataset import PARTS, Dataset, load_dataset
from training.recipe.recipe import find_recipe, read_recipe

WHAT = ["kettle", "garden", "ladder", "violin", "harbour", "mitten", "orchard", "pencil"]
WHERE = ["in the shed", "by the gate", "at my aunt's", "on the boat", "near the mill"]


def write(path: Path, rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def loaded(recipe: str, path: Path, **columns: str) -> Dataset:
    chosen = read_recipe(find_recipe(Path(recipe)), data=columns)
    return load_dataset([path], chosen.data, chosen.seed)


def kept(dataset: Dataset) -> int:
    return sum(len(dataset.part(part)) for part in PARTS)


def test_sms_spam_is_latin_1_with_three_columns_too_many(tmp_path: Path) -> None:
    ham = [("ham", f"The {what} is {where}, see you there") for what in WHAT for where in WHERE]
    spam = [("spam", f"WIN a {what} worth £{number}00! Call now") for what in WHAT for number in range(1, 4)]
    rows = [("v1", "v2", "", "", ""), *((*row, "", "", "") for row in [*ham, *spam, ham[0]])]
    dataset = loaded("sms-spam", write(tmp_path / "sms_spam.csv", rows, "latin-1"))
    assert dataset.labels == ["ham", "spam"]
    assert kept(dataset) == len(ham) + len(spam)
    assert dataset.train.row.str.contains("£").any()


def test_questions_are_of_six_classes_or_of_those_of_another_column(tmp_path: Path) -> None:
    classes = {"ABBR": ["abb"], "DESC": ["def", "manner"], "ENTY": ["food"], "HUM": ["ind"], "LOC": ["city"]}
    classes["NUM"] = ["count", "date"]
    fine = [(coarse, name) for coarse, names in classes.items() for name in names]
    texts = [(f"What {what} is {where} ?", *pair) for pair in fine for what in (pair[1], *WHAT) for where in WHERE]
    rows = [(str(i), f"{pair[1]} {text}", pair[0], *pair) for i, (text, *pair) in enumerate(texts)]
    path = write(tmp_path / "questions.csv", [("", "Questions", "Category0", "Category1", "Category2"), *rows])
    six, fine_ones = loaded("questions", path), loaded("questions", path, label="Category2")
    assert six.labels == sorted(classes)
    assert fine_ones.labels == sorted(name for _, name in fine)
    assert kept(six) == kept(fine_ones) == len(rows)
