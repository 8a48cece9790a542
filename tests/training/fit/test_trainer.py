import io
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from serving.model.bundle import Bundle, sha256
from serving.model.metadata import DataFile
from tests.bundles import edit_metadata
from tests.keras_bundles import write_bundle
from tests.training.helpers import STAGED, distinct_rows, write_csv
from training.console import Display
from training.errors import DataError, ResumeError
from training.fit.checkpoint import Checkpoint
from training.fit.trainer import Trained, Trainer
from training.progress import Epoch
from training.recipe.model import NetworkConfig
from training.recipe.recipe import Recipe


class Stopping(Display):
    """Stands for somebody who presses Ctrl-C after the first epoch of the last stage."""

    def on_epoch(self, epoch: Epoch, best: bool) -> None:
        super().on_epoch(epoch, best)
        if not isnan(epoch.macro_recall):
            raise KeyboardInterrupt


def train(
    staged_files: list[Path],
    folder: Path,
    cache: Path | None = None,
    shown: io.StringIO | None = None,
    *,
    resume: bool = False,
    **changes: Any,
) -> Trained:
    display = Display(Console(file=shown or io.StringIO(), width=200))
    recipe = Recipe.model_validate({**STAGED, **changes})
    return Trainer(recipe, staged_files, folder / "work", display, cache).run(resume=resume)


def test_every_stage_has_its_figures(staged_run: Trained) -> None:
    assert {name: len(epochs) for name, epochs in staged_run.history.items()} == {"weak": 1, "own": 2}


def test_the_vocabulary_is_learned_from_all_that_trains(staged_run: Trained) -> None:
    vocabulary = staged_run.tokenizer.get_vocab()
    assert {"a", "b", "good", "bad"} <= set(vocabulary)


def test_another_column_of_a_labelled_file_trains_its_own_head_and_counts_no_word_twice(tmp_path: Path) -> None:
    rows = [
        (f"{text} {label}only{i}", label, f"{label}{i % 2}")
        for i, (text, label) in enumerate([*distinct_rows(40, "a"), *distinct_rows(40, "b")])
    ]
    paths = [write_csv(tmp_path / "both.csv", rows, ("text", "label", "fine"))]
    labelled, fine = {"file": "both.csv", "name": "both"}, {"file": "both.csv", "name": "fine", "label": "fine"}
    both = {"name": "both", "sources": ["both", "fine"]}
    trained = train(
        paths,
        tmp_path,
        data={"sources": [labelled, {**fine, "task": "fine"}]},
        tokenizer={"model": "word", "min_frequency": 2},
        stages=[both, {"name": "own", "sources": ["both"]}],
    )
    assert trained.provenance.cleaning["pre-training: rows kept"] == len(trained.dataset.train)
    assert not [word for word in trained.tokenizer.get_vocab() if "only" in word]
    assert [file.rows for file in trained.provenance.data] == [80]


def test_all_files_and_what_was_dropped_from_them_are_remembered(staged_run: Trained) -> None:
    assert [file.file for file in staged_run.provenance.data] == ["main.csv", "weak.csv"]
    assert staged_run.provenance.cleaning["pre-training: rows kept"] == 120


def test_only_the_networks_own_head_is_handed_on(staged_run: Trained) -> None:
    assert staged_run.network.output_shape == (None, 2)


def test_a_cached_body_gives_the_same_network_without_the_first_stage(
    staged_files: list[Path], staged_run: Trained, tmp_path: Path
) -> None:
    first, second = io.StringIO(), io.StringIO()
    train(staged_files, tmp_path, tmp_path / "cache", first)
    again = train(staged_files, tmp_path / "again", tmp_path / "cache", second)
    assert "Stage 1/2: weak" in first.getvalue()
    assert "Stage 1/2: weak" not in second.getvalue()
    assert "A body with 1 of its stages done is in the cache" in second.getvalue()
    for found, expected in zip(again.network.get_weights(), staged_run.network.get_weights(), strict=True):
        assert np.array_equal(found, expected)
    assert list(again.history) == ["weak", "own"]
    assert again.provenance == staged_run.provenance


def test_an_interrupted_run_goes_on_from_where_it_was_and_not_from_the_cache(
    staged_files: list[Path], staged_run: Trained, tmp_path: Path
) -> None:
    work, cache, shown = tmp_path / "work", tmp_path / "cache", io.StringIO()
    display = Stopping(Console(file=io.StringIO()))
    with pytest.raises(KeyboardInterrupt):
        Trainer(Recipe.model_validate(STAGED), staged_files, work, display, cache).run()
    again = train(staged_files, tmp_path, cache, shown, resume=True)
    assert "in the cache" not in shown.getvalue()
    for found, expected in zip(again.network.get_weights(), staged_run.network.get_weights(), strict=True):
        assert np.array_equal(found, expected)


def test_a_body_of_weak_labels_serves_another_split(staged_files: list[Path], tmp_path: Path) -> None:
    weak_alone: dict[str, Any] = {"tokenizer": {**STAGED["tokenizer"], "sources": ["weak.csv"]}}
    weak_alone["stages"] = [{**STAGED["stages"][0], "seed": 1}, STAGED["stages"][1]]
    shown = io.StringIO()
    train(staged_files, tmp_path, tmp_path / "cache", **weak_alone)
    other = train(staged_files, tmp_path / "again", tmp_path / "cache", shown, seed=2, **weak_alone)
    assert "A body with 1 of its stages done is in the cache" in shown.getvalue()
    assert list(other.history) == ["weak", "own"]


def test_teachers_are_asked_and_remembered(staged_files: list[Path], tmp_path: Path) -> None:
    write_bundle(tmp_path / "teacher", labels=["a", "b"])
    taught = {"name": "own", "epochs": 1, "teachers": [str(tmp_path / "teacher")], "teacher_share": 0.9}
    found = train(staged_files, tmp_path, stages=[taught])
    teacher, provenance = Bundle.read(tmp_path / "teacher").metadata, found.provenance
    assert provenance.teachers == {str(tmp_path / "teacher"): teacher.model_version}
    assert provenance.teacher_recipes == {str(tmp_path / "teacher"): teacher.recipe}
    assert provenance.teacher_data == {str(tmp_path / "teacher"): teacher.data}


def test_two_files_of_one_name_are_both_remembered(tmp_path: Path) -> None:
    files = []
    for folder, start in (("one", 0), ("two", 200)):
        (tmp_path / folder).mkdir()
        rows = [*distinct_rows(30, "a", start), *distinct_rows(30 + start // 100, "b", start + 100)]
        files.append(write_csv(tmp_path / folder / "t.csv", rows))
    found = train(files, tmp_path, data={}, stages=[])
    assert sorted((file.file, file.rows, file.sha256) for file in found.provenance.data) == [
        ("t.csv", rows, sha256(path)) for rows, path in zip((60, 62), files, strict=True)
    ]


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    lines = [f"{word} {' '.join(str(value + i) for i in range(8))}" for value, word in enumerate(("good", "a", "rare"))]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_word_vectors_are_where_the_embedding_starts(staged_files: list[Path], vectors: Path, tmp_path: Path) -> None:
    shown, still = io.StringIO(), {**STAGED["fit"], "learning_rate": 1e-9}
    changes: dict[str, Any] = {"vectors": {"file": str(vectors), "words": 3}, "fit": still, "stages": []}
    trained = train(staged_files, tmp_path, shown=shown, **changes)
    table, numbers = trained.network.layers[0].get_weights()[0], trained.tokenizer.get_vocab()
    for start, word in enumerate(("good", "a", "rare")):
        np.testing.assert_allclose(table[numbers[word]], np.arange(start, start + 8), atol=1e-6)
    assert "Word vectors: for 3 of the vocabulary" in shown.getvalue()
    assert trained.provenance.vectors == DataFile(file="vectors.txt", rows=3, sha256=sha256(vectors))


def test_a_body_from_the_cache_keeps_what_it_made_of_its_vectors(
    staged_files: list[Path], vectors: Path, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"vectors": {"file": str(vectors), "words": 3}}
    first = train(staged_files, tmp_path / "a", tmp_path / "bodies", **changes)
    shown = io.StringIO()
    again = train(staged_files, tmp_path / "b", tmp_path / "bodies", shown, **changes)
    assert "A body with 1 of its stages done is in the cache" in shown.getvalue()
    assert "Word vectors" not in shown.getvalue()
    for weights, expected in zip(again.network.get_weights(), first.network.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_an_interrupted_run_with_other_vectors_is_another_run(
    staged_files: list[Path], vectors: Path, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"vectors": {"file": str(vectors)}}
    recipe = Recipe.model_validate({**STAGED, **changes})
    with pytest.raises(KeyboardInterrupt):
        Trainer(recipe, staged_files, tmp_path / "work", Stopping(Console(file=io.StringIO()))).run()
    vectors.write_text("good 1 2 3 4 5 6 7 8\n", encoding="utf-8")
    with pytest.raises(ResumeError, match="vectors"):
        train(staged_files, tmp_path, resume=True, **changes)


def test_vectors_that_do_not_fit_are_refused_before_training(
    staged_files: list[Path], vectors: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="found 8 numbers; accepted: 9 finite ones, as network"):
        train(
            staged_files,
            tmp_path,
            vectors={"file": str(vectors)},
            network={"embedding": 9, "lstm": [6], "pooling": ["max"]},
        )


def trainer(paths: list[Path], folder: Path, **changes: Any) -> Trainer:
    recipe, display = Recipe.model_validate({**STAGED, **changes}), Display(Console(file=io.StringIO()))
    return Trainer(recipe, paths, folder / "work", display, folder / "cache")


def test_no_word_is_learned_from_rows_that_measure(tmp_path: Path) -> None:
    rows = [
        (f"{text} only{i}", label) for i, (text, label) in enumerate([*distinct_rows(40, "a"), *distinct_rows(40, "b")])
    ]
    held = [
        (f"{text} held{i}", label)
        for i, (text, label) in enumerate([*distinct_rows(9, "a", 50), *distinct_rows(9, "b", 50)])
    ]
    files = [write_csv(tmp_path / "main.csv", rows), write_csv(tmp_path / "more.csv", held)]
    more = {"file": "more.csv", "part": "train", "hold_out": 0.5}
    run = trainer(files, tmp_path, data={"sources": [{"file": "main.csv"}, more]}, stages=[])
    tokenizer, _ = run._language(None)
    words = {word for text in run.dataset.train.text for word in text.split()}
    assert {word for word in tokenizer.get_vocab() if not word.startswith("<")} == words
    assert len(run.dataset.held_out) == 8


def test_a_body_that_may_have_read_what_is_labelled_here_is_not_taken(staged_files: list[Path], tmp_path: Path) -> None:
    weak: dict[str, Any] = {"tokenizer": {**STAGED["tokenizer"], "sources": ["weak.csv"]}}
    trainer(staged_files, tmp_path, **weak)._body_cache().keep(1, {}, [np.zeros(1)])
    assert trainer(staged_files, tmp_path, **weak)._body_cache().longest()
    (tmp_path / "other").mkdir()
    more = [*distinct_rows(60, "a"), *distinct_rows(60, "b", 100), ("rain sun good 300", "a")]
    files = [write_csv(tmp_path / "other" / "main.csv", more), staged_files[1]]
    assert trainer(files, tmp_path, **weak)._body_cache().longest() is None


@pytest.mark.parametrize("changed", ["data", "recipe", "teachers"])
def test_a_state_of_another_run_is_refused(staged_files: list[Path], tmp_path: Path, changed: str) -> None:
    write_bundle(tmp_path / "teacher", labels=["a", "b"])
    taught: dict[str, Any] = {"stages": [{"name": "own", "teachers": [str(tmp_path / "teacher")]}]}
    begun = trainer(staged_files, tmp_path, **taught)
    Checkpoint(begun.work, begun._identity).save({}, {})
    if changed == "data":
        rows = [*distinct_rows(60, "a"), *distinct_rows(60, "b", 100), ("one more", "a")]
        staged_files = [write_csv(tmp_path / "main.csv", rows), staged_files[1]]
    elif changed == "teachers":
        write_bundle(tmp_path / "teacher", NetworkConfig(embedding=5, lstm=[4]), labels=["a", "b"])
    changes = {**taught, "seed": 2} if changed == "recipe" else taught
    with pytest.raises(ResumeError, match=rf"which differs in \['{changed}'\]"):
        trainer(staged_files, tmp_path, **changes).run(resume=True)


def test_a_teacher_that_has_seen_the_test_part_is_refused_before_training(
    staged_files: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "teacher"
    write_bundle(folder, labels=["a", "b"])
    file = {"file": "main.csv", "rows": 120, "sha256": sha256(staged_files[0])}
    edit_metadata(folder, lambda content: content.update(data=[file], recipe={"name": "t", "seed": 2}))
    taught = {"name": "own", "teachers": [str(folder)]}
    with pytest.raises(DataError, match="has seen rows of other parts of the same files"):
        trainer(staged_files, tmp_path, stages=[taught]).run()
