from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from serving.model.bundle import Bundle, sha256
from serving.model.metadata import DataFile
from serving.model.tokenizer import Encoder
from tests.bundles import edit_metadata
from tests.keras_bundles import write_bundle
from tests.training.fit.helpers import equal_weights
from tests.training.helpers import STAGED, distinct_rows, write_csv
from training.data.dataset import Dataset, load_dataset
from training.data.teacher_file import TeacherFile, TeacherInfo, text_hashes
from training.errors import DataError, ResumeError
from training.fit.checkpoint import Checkpoint
from training.fit.stage_cache import StageCache
from training.fit.trainer import (
    Provenance,
    Trained,
    Trainer,
    learn_tokenizer,
    length_figures,
    open_cache,
    read_inputs,
    run_identity,
)
from training.progress import Epoch, TrainingCallback
from training.recipe.model import NetworkConfig, TokenizerConfig
from training.recipe.recipe import Recipe
from training.text.tokenizer import build_tokenizer


class Recorder(TrainingCallback):
    """What a run told of itself."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.stages: list[str] = []
        self.words_with_vectors: list[int] = []
        self.lengths: list[tuple[int, float, int]] = []

    def on_lengths(self, max_tokens: int, cut: float, sufficient: int) -> None:
        self.lengths.append((max_tokens, cut, sufficient))

    def on_note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def on_stage(self, name: str, number: int, stages: int) -> None:  # noqa: ARG002
        self.stages.append(name)

    def on_word_vectors(self, words: int) -> None:
        self.words_with_vectors.append(words)


class StopAfterFirstValidation(TrainingCallback):
    """Stands for somebody who presses Ctrl-C after the first epoch of the last stage."""

    def on_epoch(self, epoch: Epoch, best: bool) -> None:  # noqa: ARG002
        if not isnan(epoch.macro_recall):
            raise KeyboardInterrupt


def staged(**changes: Any) -> Recipe:
    return Recipe.model_validate({**STAGED, **changes})


def vocabulary(trained: Trained) -> dict[str, int]:
    return Tokenizer.from_str(trained.encoding.content).get_vocab(with_added_tokens=True)


def cache_of(recipe: Recipe, paths: list[Path], folder: Path) -> StageCache:
    dataset = load_dataset(paths, recipe.data, recipe.split_seed)
    return open_cache(folder, recipe, dataset, read_inputs(recipe, paths, dataset))


def test_every_stage_has_its_figures(staged_run: Trained) -> None:
    assert {name: len(epochs) for name, epochs in staged_run.history.items()} == {"weak": 1, "own": 2}


def test_the_vocabulary_is_learned_from_all_that_trains(staged_run: Trained) -> None:
    assert {"a", "b", "good", "bad"} <= set(vocabulary(staged_run))


def test_all_files_and_what_was_dropped_from_them_are_remembered(staged_run: Trained) -> None:
    assert [file.file for file in staged_run.provenance.data] == ["main.csv", "weak.csv"]
    assert staged_run.provenance.cleaning["pre-training: rows kept"] == 120


@pytest.mark.parametrize("padding", [{}, {"fixed_length": True, "pad_side": "left"}])
def test_texts_that_the_length_cuts_are_counted_and_how_long_it_would_have_to_be(padding: dict[str, Any]) -> None:
    texts = [" ".join(["word"] * tokens) for tokens in range(1, 101)]
    config = TokenizerConfig.model_validate({"model": "word", "max_tokens": 90, **padding})
    encoder = Encoder(build_tokenizer(texts, config).to_str())
    assert length_figures(encoder, texts, 90) == (90, 0.1, 99)


def test_only_the_networks_own_head_is_handed_on(staged_run: Trained) -> None:
    assert staged_run.network.output_shape == (None, 2)


def test_a_cached_body_gives_the_same_network_without_the_first_stage(
    staged_files: list[Path], staged_run: Trained, staged_cache: Path, tmp_path: Path
) -> None:
    recorder = Recorder()
    again = Trainer(staged(), staged_files, tmp_path / "work", recorder, staged_cache).run()
    assert recorder.stages == ["own"]
    assert recorder.lengths == [(64, 0.0, 4)]
    assert recorder.notes == ["Stages that the stage cache has done, which are skipped: 1 of 2."]
    assert equal_weights(again.network.get_weights(), staged_run.network.get_weights())
    assert list(again.history) == ["weak", "own"]
    assert again.provenance == staged_run.provenance


def test_an_interrupted_run_goes_on_from_where_it_was_and_not_from_the_cache(
    staged_files: list[Path], staged_run: Trained, staged_cache: Path, tmp_path: Path
) -> None:
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt):
        Trainer(staged(), staged_files, tmp_path, StopAfterFirstValidation(), staged_cache).run()
    again = Trainer(staged(), staged_files, tmp_path, recorder, staged_cache).run(resume=True)
    assert recorder.notes == []
    assert [epoch.number for epoch in again.history["own"]] == [1, 2]
    assert equal_weights(again.network.get_weights(), staged_run.network.get_weights())


def test_another_column_of_a_labelled_file_trains_its_own_head_and_counts_no_word_twice(tmp_path: Path) -> None:
    rows = [
        (f"{text} {label}only{i}", label, f"{label}{i % 2}")
        for i, (text, label) in enumerate([*distinct_rows(40, "a"), *distinct_rows(40, "b")])
    ]
    paths = [write_csv(tmp_path / "both.csv", rows, ("text", "label", "fine"))]
    labelled, fine = {"file": "both.csv", "name": "both"}, {"file": "both.csv", "name": "fine", "label": "fine"}
    recipe = staged(
        data={"sources": [labelled, {**fine, "task": "fine"}]},
        tokenizer={"model": "word", "min_frequency": 2},
        stages=[{"name": "both", "sources": ["both", "fine"]}, {"name": "own", "sources": ["both"]}],
    )
    trained = Trainer(recipe, paths, tmp_path / "work", TrainingCallback()).run()
    assert trained.provenance.cleaning["pre-training: rows kept"] == len(trained.dataset.train)
    assert not [word for word in vocabulary(trained) if "only" in word]
    assert [file.rows for file in trained.provenance.data] == [80]


def test_teachers_are_asked_and_remembered(staged_files: list[Path], tmp_path: Path) -> None:
    folder = str(tmp_path / "teacher")
    write_bundle(tmp_path / "teacher", labels=["a", "b"])
    recipe = staged(stages=[{"name": "own", "epochs": 1, "teachers": [folder], "teacher_share": 0.9}])
    provenance = Trainer(recipe, staged_files, tmp_path / "work", TrainingCallback()).run().provenance
    teacher = Bundle.read(tmp_path / "teacher").metadata
    assert provenance.teachers == {folder: teacher.model_version}
    assert provenance.teacher_recipes == {folder: teacher.recipe}
    assert provenance.teacher_data == {folder: teacher.data}


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    lines = [f"{word} {' '.join(str(value + i) for i in range(8))}" for value, word in enumerate(("good", "a", "rare"))]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_the_embedding_starts_from_word_vectors_and_a_cached_body_keeps_what_it_made_of_them(
    staged_files: list[Path], vectors: Path, tmp_path: Path
) -> None:
    still = {**STAGED["fit"], "learning_rate": 1e-9}
    recipe, first, second = staged(vectors={"file": str(vectors), "words": 3}, fit=still), Recorder(), Recorder()
    trained = Trainer(recipe, staged_files, tmp_path / "one", first, tmp_path / "cache").run()
    table, ids = trained.network.layers[0].get_weights()[0], vocabulary(trained)
    for start, word in enumerate(("good", "a", "rare")):
        np.testing.assert_allclose(table[ids[word]], np.arange(start, start + 8), atol=1e-6)
    assert first.words_with_vectors == [3]
    assert trained.provenance.vectors == DataFile(file="vectors.txt", rows=3, sha256=sha256(vectors))
    again = Trainer(recipe, staged_files, tmp_path / "other", second, tmp_path / "cache").run()
    assert (second.stages, second.words_with_vectors) == (["own"], [])
    assert equal_weights(again.network.get_weights(), trained.network.get_weights())


# What a run reads, and by what it is known again. Nothing is trained below.


def test_vectors_that_do_not_fit_are_refused_before_training(staged_files: list[Path], vectors: Path) -> None:
    recipe = staged(vectors={"file": str(vectors)}, network={"embedding": 9, "lstm": [6], "pooling": ["max"]})
    with pytest.raises(DataError, match="found 8 numbers; accepted: 9 finite ones, as network"):
        Trainer(recipe, staged_files, Path("work"), TrainingCallback()).run()


def test_no_word_is_learned_from_rows_that_measure(tmp_path: Path) -> None:
    main, more = (
        [(f"{text} {word}{i}", label) for i, (text, label) in enumerate(rows)]
        for word, rows in (
            ("only", [*distinct_rows(40, "a"), *distinct_rows(40, "b")]),
            ("held", [*distinct_rows(9, "a", 50), *distinct_rows(9, "b", 50)]),
        )
    )
    paths = [write_csv(tmp_path / "main.csv", main), write_csv(tmp_path / "more.csv", more)]
    held_out = {"file": "more.csv", "part": "train", "hold_out": 0.5}
    recipe = staged(data={"sources": [{"file": "main.csv"}, held_out]}, stages=[])
    dataset = load_dataset(paths, recipe.data, recipe.split_seed)
    tokenizer = learn_tokenizer(recipe, dataset, None, None)
    words = {word for text in dataset.train.row for word in text.split()}
    assert {word for word in tokenizer.get_vocab() if not word.startswith("<")} == words
    assert len(dataset.held_out) == 8


def test_a_body_of_weak_labels_serves_another_split_but_not_other_labelled_texts(
    staged_files: list[Path], tmp_path: Path
) -> None:
    stages = [{**STAGED["stages"][0], "seed": 1}, STAGED["stages"][1]]
    weak: dict[str, Any] = {"tokenizer": {**STAGED["tokenizer"], "sources": ["weak.csv"]}, "stages": stages}
    cache_of(staged(**weak), staged_files, tmp_path).save(1, {}, [np.zeros(1)])
    assert cache_of(staged(**weak, seed=2), staged_files, tmp_path).longest()
    more = [*distinct_rows(60, "a"), *distinct_rows(60, "b", 100), ("rain sun good 300", "a")]
    paths = [write_csv(tmp_path / "main.csv", more), staged_files[1]]
    assert cache_of(staged(**weak), paths, tmp_path).longest() is None


@pytest.mark.parametrize("changed", ["data", "recipe", "teachers", "vectors"])
def test_a_state_of_another_run_is_refused(
    staged_files: list[Path], vectors: Path, tmp_path: Path, changed: str
) -> None:
    write_bundle(tmp_path / "teacher", labels=["a", "b"])
    stages = [{"name": "own", "teachers": [str(tmp_path / "teacher")]}]
    recipe = staged(stages=stages, vectors={"file": str(vectors)})
    dataset = load_dataset(staged_files, recipe.data, recipe.split_seed)
    inputs = read_inputs(recipe, staged_files, dataset)
    Checkpoint(tmp_path / "work", run_identity(recipe, inputs)).save({}, {})
    paths = staged_files
    if changed == "data":
        rows = [*distinct_rows(60, "a"), *distinct_rows(60, "b", 100), ("one more", "a")]
        paths = [write_csv(tmp_path / "main.csv", rows), paths[1]]
    elif changed == "recipe":
        recipe = recipe.model_copy(update={"seed": 2})
    elif changed == "teachers":
        write_bundle(tmp_path / "teacher", NetworkConfig(embedding=5, lstm=[4]), labels=["a", "b"])
    else:
        vectors.write_text("good 1 2 3 4 5 6 7 8\n", encoding="utf-8")
    with pytest.raises(ResumeError, match=rf"which differs in \['{changed}'\]"):
        Trainer(recipe, paths, tmp_path / "work", TrainingCallback()).run(resume=True)


def test_a_teacher_that_has_seen_the_test_part_is_refused_before_training(
    staged_files: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "teacher"
    write_bundle(folder, labels=["a", "b"])
    file = {"file": "main.csv", "rows": 120, "sha256": sha256(staged_files[0])}
    edit_metadata(folder, lambda content: content.update(data=[file], recipe={"name": "t", "seed": 2}))
    recipe = staged(stages=[{"name": "own", "teachers": [str(folder)]}])
    with pytest.raises(DataError, match=r"stages\.teachers: .* has seen rows of other parts of the same files"):
        Trainer(recipe, staged_files, tmp_path / "work", TrainingCallback()).run()


@pytest.fixture
def staged_dataset(staged_files: list[Path]) -> Dataset:
    recipe = staged()
    return load_dataset(staged_files, recipe.data, recipe.split_seed)


def answers_recipe(path: Path) -> Recipe:
    return staged(stages=[{"name": "own", "epochs": 1, "teacher_files": [str(path)]}])


def write_answers(path: Path, texts: list[str], dataset: Dataset, **changes: Any) -> TeacherInfo:
    """A file of one answer to all of these texts, of a teacher that was tuned on this data set."""
    recipe = {"name": "t", "data": STAGED["data"], "encoder": {"folder": "e", "about": "a transformer"}}
    content = {"labels": ["a", "b"], "name": "t", "recipe": recipe, "data": dataset.files, "split": dataset.sizes()}
    info = TeacherInfo.model_validate({**content, **changes})
    answers = np.full((len(texts), 2), 0.5, np.float32)
    TeacherFile.empty(info).with_answers(text_hashes(texts), answers).write(path)
    return info


def test_a_file_of_answers_is_a_teacher_whose_version_is_its_hash(
    staged_files: list[Path], staged_dataset: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "t.npz"
    info = write_answers(path, staged_dataset.train.row.tolist(), staged_dataset)
    provenance = Trainer(answers_recipe(path), staged_files, tmp_path / "work", TrainingCallback()).run().provenance
    assert provenance.teachers == {str(path): sha256(path)[:12]}
    assert provenance.teacher_recipes == {str(path): info.recipe}
    file = DataFile(file="t.npz", rows=len(staged_dataset.train), sha256=sha256(path))
    assert provenance.teacher_data == {str(path): [file, *staged_dataset.files]}


def test_another_file_of_answers_is_another_run(
    staged_files: list[Path], staged_dataset: Dataset, tmp_path: Path
) -> None:
    path, recipe = tmp_path / "t.npz", answers_recipe(tmp_path / "t.npz")
    identities = []
    for count in (40, 41):
        write_answers(path, staged_dataset.train.row.tolist()[:count], staged_dataset)
        identities.append(run_identity(recipe, read_inputs(recipe, staged_files, staged_dataset)))
    assert identities[0] != identities[1]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"recipe": {"name": "t", "seed": 2}}, r"stages\.teacher_files: t .*has seen rows of other parts"),
        ({"split": {}}, "its rows of each part differ"),
        ({"labels": ["b", "a"]}, r"has labels \['b', 'a'\]; accepted: \['a', 'b'\]"),
    ],
)
def test_answers_of_whom_has_seen_the_test_part_are_refused(
    staged_files: list[Path], staged_dataset: Dataset, tmp_path: Path, changes: dict[str, Any], fault: str
) -> None:
    recipe = answers_recipe(tmp_path / "t.npz")
    write_answers(tmp_path / "t.npz", staged_dataset.train.row.tolist(), staged_dataset, **changes)
    with pytest.raises(DataError, match=fault):
        read_inputs(recipe, staged_files, staged_dataset)


def test_a_file_that_says_its_labels_alone_can_teach(
    staged_files: list[Path], staged_dataset: Dataset, tmp_path: Path
) -> None:
    write_answers(tmp_path / "t.npz", ["x"], staged_dataset, recipe={}, data=[], split={})
    inputs = read_inputs(answers_recipe(tmp_path / "t.npz"), staged_files, staged_dataset)
    assert Provenance.of(staged_dataset, {"files": [], "cleaning": {}}, inputs.teachers, None).teacher_recipes == {}


def test_too_few_answers_are_told_before_anything_is_trained(
    staged_files: list[Path], staged_dataset: Dataset, tmp_path: Path
) -> None:
    write_answers(tmp_path / "t.npz", ["other"], staged_dataset)
    stages = [{"name": "weak", "sources": ["weak.csv"]}, {"name": "own", "teacher_files": [str(tmp_path / "t.npz")]}]
    recorder = Recorder()
    with pytest.raises(DataError, match="has answers for 0 of the 96 rows"):
        Trainer(staged(stages=stages), staged_files, tmp_path / "work", recorder).run()
    assert recorder.stages == []
