"""What a run reads, and by what it is known again. Nothing is trained here."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from serving.model.bundle import sha256
from tests.bundles import edit_metadata
from tests.keras_bundles import write_bundle
from tests.training.data.test_dataset import distinct, write
from tests.training.fit.test_trainer import CONTENT, paths
from training.console import Display
from training.errors import DataError, ResumeError
from training.fit.checkpoint import Checkpoint
from training.fit.trainer import Trainer
from training.recipe.model import NetworkConfig
from training.recipe.recipe import Recipe

__all__ = ["paths"]  # a fixture


def trainer(paths: list[Path], folder: Path, **changes: Any) -> Trainer:
    recipe, display = Recipe.model_validate({**CONTENT, **changes}), Display(Console(file=io.StringIO()))
    return Trainer(recipe, paths, folder / "work", display, folder / "cache")


def test_no_word_is_learned_from_rows_that_measure(tmp_path: Path) -> None:
    rows = [(f"{text} only{i}", label) for i, (text, label) in enumerate([*distinct(40, "a"), *distinct(40, "b")])]
    held = [
        (f"{text} held{i}", label) for i, (text, label) in enumerate([*distinct(9, "a", 50), *distinct(9, "b", 50)])
    ]
    files = [write(tmp_path / "main.csv", rows), write(tmp_path / "more.csv", held)]
    more = {"file": "more.csv", "part": "train", "hold_out": 0.5}
    run = trainer(files, tmp_path, data={"sources": [{"file": "main.csv"}, more]}, stages=[])
    tokenizer, _ = run._language(None)
    words = {word for text in run.dataset.train.text for word in text.split()}
    assert {word for word in tokenizer.get_vocab() if not word.startswith("<")} == words
    assert len(run.dataset.held_out) == 8


def test_a_body_that_may_have_read_what_is_labelled_here_is_not_taken(paths: list[Path], tmp_path: Path) -> None:
    weak: dict[str, Any] = {"tokenizer": {**CONTENT["tokenizer"], "sources": ["weak.csv"]}}
    trainer(paths, tmp_path, **weak)._body_cache().keep(1, {}, [np.zeros(1)])
    assert trainer(paths, tmp_path, **weak)._body_cache().longest()
    (tmp_path / "other").mkdir()
    more = [*distinct(60, "a"), *distinct(60, "b", 100), ("rain sun good 300", "a")]
    files = [write(tmp_path / "other" / "main.csv", more), paths[1]]
    assert trainer(files, tmp_path, **weak)._body_cache().longest() is None


@pytest.mark.parametrize("changed", ["data", "recipe", "teachers"])
def test_a_state_of_another_run_is_refused(paths: list[Path], tmp_path: Path, changed: str) -> None:
    write_bundle(tmp_path / "teacher", labels=["a", "b"])
    taught: dict[str, Any] = {"stages": [{"name": "own", "teachers": [str(tmp_path / "teacher")]}]}
    begun = trainer(paths, tmp_path, **taught)
    Checkpoint(begun.work, begun._identity).save({}, {})
    if changed == "data":
        rows = [*distinct(60, "a"), *distinct(60, "b", 100), ("one more", "a")]
        paths = [write(tmp_path / "main.csv", rows), paths[1]]
    elif changed == "teachers":
        write_bundle(tmp_path / "teacher", NetworkConfig(embedding=5, lstm=[4]), labels=["a", "b"])
    changes = {**taught, "seed": 2} if changed == "recipe" else taught
    with pytest.raises(ResumeError, match=rf"which differs in \['{changed}'\]"):
        trainer(paths, tmp_path, **changes).run(resume=True)


def test_a_teacher_that_has_seen_the_test_part_is_refused_before_training(paths: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "teacher"
    write_bundle(folder, labels=["a", "b"])
    file = {"file": "main.csv", "rows": 120, "sha256": sha256(paths[0])}
    edit_metadata(folder, lambda content: content.update(data=[file], recipe={"name": "t", "seed": 2}))
    taught = {"name": "own", "teachers": [str(folder)]}
    with pytest.raises(DataError, match="has seen rows of other parts of the same files"):
        trainer(paths, tmp_path, stages=[taught]).run()
