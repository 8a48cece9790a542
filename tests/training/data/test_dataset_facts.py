"""What a dataset says of its rows, and by what it is known again."""

from pathlib import Path

from tests.training.data.test_dataset import TestHeldOut as HeldOut
from tests.training.data.test_dataset import distinct, write
from training.data.dataset import load_dataset
from training.recipe.data import DataConfig, Source

ROWS = distinct(20, "a") + distinct(20, "b")


def digest(path: Path, rows: list[tuple[str, str]], seed: int = 1, **data: float) -> str:
    return load_dataset([write(path, rows)], DataConfig.model_validate(data), seed).labelled_digest()


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
    dataset = HeldOut.load(tmp_path)
    parts = (dataset.train, dataset.validation, dataset.test, dataset.held_out)
    assert dataset.cleaning["rows kept"] == sum(map(len, parts)) == dataset.cleaning["rows read"] == 280


def test_the_share_that_is_held_out_is_rounded(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "extra.csv", distinct(15, "a", 100) + distinct(13, "b", 100)),
        write(tmp_path / "main.csv", ROWS),
    ]
    extra = Source(file="extra.csv", part="train", hold_out=0.25)
    dataset = load_dataset(paths, DataConfig(sources=[extra, Source(file="main.csv")]), seed=1)
    assert dataset.held_out.label.value_counts().to_dict() == {0: 4, 1: 3}
