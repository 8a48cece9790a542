import io
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from serving.model.bundle import Bundle, sha256
from serving.model.metadata import DataFile
from tests.keras_bundles import write_bundle
from tests.training.data.test_dataset import distinct, write
from training.console import Display
from training.errors import DataError, ResumeError
from training.fit.trainer import Trained, Trainer
from training.progress import Epoch
from training.recipe.recipe import Recipe

CONTENT: dict[str, Any] = {
    "name": "staged",
    "data": {"sources": [{"file": "main.csv"}, {"file": "weak.csv", "task": "emoticon", "emoticons": "drop"}]},
    "tokenizer": {"model": "word", "min_frequency": 1},
    "network": {"embedding": 8, "lstm": [6], "pooling": ["max"]},
    "fit": {"epochs": 1, "batch_size": 16, "learning_rate": 0.02, "word_dropout": 0.2},
    "stages": [{"name": "weak", "sources": ["weak.csv"], "masked_words": 0.3}, {"name": "own", "epochs": 2}],
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("data")
    smileys = [(f"{text} :{')' if label == 'good' else '('}", label) for text, label in distinct(60, "good", 300)]
    smileys += [(f"{text} :(", label) for text, label in distinct(60, "bad", 400)]
    return [
        write(folder / "main.csv", [*distinct(60, "a"), *distinct(60, "b", 100)]),
        write(folder / "weak.csv", smileys),
    ]


class Stopping(Display):
    """Stands for somebody who presses Ctrl-C after the first epoch of the last stage."""

    def on_epoch(self, epoch: Epoch, best: bool) -> None:
        super().on_epoch(epoch, best)
        if not isnan(epoch.macro_recall):
            raise KeyboardInterrupt


def train(
    paths: list[Path],
    folder: Path,
    cache: Path | None = None,
    shown: io.StringIO | None = None,
    *,
    resume: bool = False,
    **changes: Any,
) -> Trained:
    display = Display(Console(file=shown or io.StringIO(), width=200))
    recipe = Recipe.model_validate({**CONTENT, **changes})
    return Trainer(recipe, paths, folder / "work", display, cache).run(resume=resume)


@pytest.fixture(scope="module")
def trained(paths: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(paths, tmp_path_factory.mktemp("trained"))


def test_every_stage_has_its_figures(trained: Trained) -> None:
    assert {name: len(epochs) for name, epochs in trained.history.items()} == {"weak": 1, "own": 2}


def test_the_vocabulary_is_learned_from_all_that_trains(trained: Trained) -> None:
    vocabulary = trained.tokenizer.get_vocab()
    assert {"a", "b", "good", "bad"} <= set(vocabulary)


def test_another_column_of_a_labelled_file_trains_its_own_head_and_counts_no_word_twice(tmp_path: Path) -> None:
    rows = [
        (f"{text} {label}only{i}", label, f"{label}{i % 2}")
        for i, (text, label) in enumerate([*distinct(40, "a"), *distinct(40, "b")])
    ]
    paths = [write(tmp_path / "both.csv", rows, ("text", "label", "fine"))]
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


def test_all_files_and_what_was_dropped_from_them_are_remembered(trained: Trained) -> None:
    assert [file.file for file in trained.provenance.data] == ["main.csv", "weak.csv"]
    assert trained.provenance.cleaning["pre-training: rows kept"] == 120


def test_only_the_networks_own_head_is_handed_on(trained: Trained) -> None:
    assert trained.network.output_shape == (None, 2)


def test_a_cached_body_gives_the_same_network_without_the_first_stage(
    paths: list[Path], trained: Trained, tmp_path: Path
) -> None:
    first, second = io.StringIO(), io.StringIO()
    train(paths, tmp_path, tmp_path / "cache", first)
    again = train(paths, tmp_path / "again", tmp_path / "cache", second)
    assert "Stage 1/2: weak" in first.getvalue()
    assert "Stage 1/2: weak" not in second.getvalue()
    assert "A body with 1 of its stages done is in the cache" in second.getvalue()
    for found, expected in zip(again.network.get_weights(), trained.network.get_weights(), strict=True):
        assert np.array_equal(found, expected)
    assert list(again.history) == ["weak", "own"]
    assert again.provenance == trained.provenance


def test_an_interrupted_run_goes_on_from_where_it_was_and_not_from_the_cache(
    paths: list[Path], trained: Trained, tmp_path: Path
) -> None:
    work, cache, shown = tmp_path / "work", tmp_path / "cache", io.StringIO()
    display = Stopping(Console(file=io.StringIO()))
    with pytest.raises(KeyboardInterrupt):
        Trainer(Recipe.model_validate(CONTENT), paths, work, display, cache).run()
    again = train(paths, tmp_path, cache, shown, resume=True)
    assert "in the cache" not in shown.getvalue()
    for found, expected in zip(again.network.get_weights(), trained.network.get_weights(), strict=True):
        assert np.array_equal(found, expected)


def test_a_body_of_weak_labels_serves_another_split(paths: list[Path], tmp_path: Path) -> None:
    weak_alone: dict[str, Any] = {"tokenizer": {**CONTENT["tokenizer"], "sources": ["weak.csv"]}}
    weak_alone["stages"] = [{**CONTENT["stages"][0], "seed": 1}, CONTENT["stages"][1]]
    shown = io.StringIO()
    train(paths, tmp_path, tmp_path / "cache", **weak_alone)
    other = train(paths, tmp_path / "again", tmp_path / "cache", shown, seed=2, **weak_alone)
    assert "A body with 1 of its stages done is in the cache" in shown.getvalue()
    assert list(other.history) == ["weak", "own"]


def test_teachers_are_asked_and_remembered(paths: list[Path], tmp_path: Path) -> None:
    write_bundle(tmp_path / "teacher", labels=["a", "b"])
    taught = {"name": "own", "epochs": 1, "teachers": [str(tmp_path / "teacher")], "teacher_share": 0.9}
    found = train(paths, tmp_path, stages=[taught])
    teacher, provenance = Bundle.read(tmp_path / "teacher").metadata, found.provenance
    assert provenance.teachers == {str(tmp_path / "teacher"): teacher.model_version}
    assert provenance.teacher_recipes == {str(tmp_path / "teacher"): teacher.recipe}
    assert provenance.teacher_data == {str(tmp_path / "teacher"): teacher.data}


def test_two_files_of_one_name_are_both_remembered(tmp_path: Path) -> None:
    files = []
    for folder, start in (("one", 0), ("two", 200)):
        (tmp_path / folder).mkdir()
        rows = [*distinct(30, "a", start), *distinct(30 + start // 100, "b", start + 100)]
        files.append(write(tmp_path / folder / "t.csv", rows))
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


def test_word_vectors_are_where_the_embedding_starts(paths: list[Path], vectors: Path, tmp_path: Path) -> None:
    shown, still = io.StringIO(), {**CONTENT["fit"], "learning_rate": 1e-9}
    changes: dict[str, Any] = {"vectors": {"file": str(vectors), "words": 3}, "fit": still, "stages": []}
    trained = train(paths, tmp_path, shown=shown, **changes)
    table, numbers = trained.network.layers[0].get_weights()[0], trained.tokenizer.get_vocab()
    for start, word in enumerate(("good", "a", "rare")):
        np.testing.assert_allclose(table[numbers[word]], np.arange(start, start + 8), atol=1e-6)
    assert "Word vectors: for 3 of the vocabulary" in shown.getvalue()
    assert trained.provenance.vectors == DataFile(file="vectors.txt", rows=3, sha256=sha256(vectors))


def test_a_body_from_the_cache_keeps_what_it_made_of_its_vectors(
    paths: list[Path], vectors: Path, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"vectors": {"file": str(vectors), "words": 3}}
    first = train(paths, tmp_path / "a", tmp_path / "bodies", **changes)
    shown = io.StringIO()
    again = train(paths, tmp_path / "b", tmp_path / "bodies", shown, **changes)
    assert "A body with 1 of its stages done is in the cache" in shown.getvalue()
    assert "Word vectors" not in shown.getvalue()
    for weights, expected in zip(again.network.get_weights(), first.network.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_an_interrupted_run_with_other_vectors_is_another_run(paths: list[Path], vectors: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"vectors": {"file": str(vectors)}}
    recipe = Recipe.model_validate({**CONTENT, **changes})
    with pytest.raises(KeyboardInterrupt):
        Trainer(recipe, paths, tmp_path / "work", Stopping(Console(file=io.StringIO()))).run()
    vectors.write_text("good 1 2 3 4 5 6 7 8\n", encoding="utf-8")
    with pytest.raises(ResumeError, match="vectors"):
        train(paths, tmp_path, resume=True, **changes)


def test_vectors_that_do_not_fit_are_refused_before_training(paths: list[Path], vectors: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found 8 numbers; accepted: 9 finite ones, as network"):
        train(
            paths, tmp_path, vectors={"file": str(vectors)}, network={"embedding": 9, "lstm": [6], "pooling": ["max"]}
        )
