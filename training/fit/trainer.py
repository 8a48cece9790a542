"""Trainer: from a recipe and data files to a trained network. Nothing is published here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from serving.model.bundle import sha256
from serving.model.metadata import DataFile, Metadata
from serving.model.tokenizer import Encoder
from training.data.checks import check_sources, note_other_data
from training.data.dataset import Dataset
from training.data.found_fields import load_rows
from training.data.sources import file_hashes
from training.data.weak_labels import WeakLabelDataset, load_weak_labels
from training.errors import RecipeError
from training.evaluation.leakage import Lineage, check_no_test_leakage
from training.fit.batches import Batches
from training.fit.checkpoint import Arrays, Checkpoint
from training.fit.distillation import load_teacher_files, load_teachers
from training.fit.pretrained_embedding import PretrainedEmbedding
from training.fit.stage_cache import PretrainedBody, StageCache
from training.fit.stage_data import StageData
from training.fit.stages import History, StageRunner, history_as_json
from training.fit.start import Start
from training.inputs.base import InputEncoding
from training.inputs.fields import FieldsEncoding, learn_fields, revealing_fields
from training.inputs.text import TextEncoding
from training.model import backend
from training.model.backend import keras
from training.model.multitask import MultiTaskModel
from training.progress import TrainingCallback
from training.recipe.recipe import Recipe
from training.text.tokenizer import build_tokenizer

VERSION_DIGITS = 12  # of a file's sha256: as many as a model's version has


@dataclass(frozen=True)
class Provenance:
    """What a network came from; the fields are those of `Metadata` with the same names."""

    data: list[DataFile]
    cleaning: dict[str, int]
    teachers: dict[str, str]
    teacher_recipes: dict[str, dict[str, Any]]
    teacher_data: dict[str, list[DataFile]]
    vectors: DataFile | None

    @classmethod
    def of(
        cls, dataset: Dataset, weak: Mapping[str, Any], teachers: Mapping[str, Lineage], vectors: DataFile | None
    ) -> "Provenance":
        """The provenance of a run.

        Args:
            dataset: The labelled rows.
            weak: `files` and `cleaning` of pre-training, as in JSON.
            teachers: What each teacher says of itself, by its folder or its file of answers.
            vectors: The file of word vectors.
        """
        files = [*dataset.files, *(DataFile(**file) for file in weak["files"])]
        distinct = {(file.file, file.sha256): file for file in files}  # one can hold labelled rows and others
        cleaning = {**dataset.cleaning, **{f"pre-training: {key}": count for key, count in weak["cleaning"].items()}}
        versions = {folder: teacher.model_version for folder, teacher in teachers.items()}
        return cls(list(distinct.values()), cleaning, versions, *_lineage(teachers), vectors)


def _lineage(teachers: Mapping[str, Lineage]) -> tuple[dict[str, dict[str, Any]], dict[str, list[DataFile]]]:
    """Folder -> recipe, and folder -> files that were learned from: of each teacher, and before it of its own.

    A teacher that stood in the same folder before another took its place goes by its version too.
    """
    recipes: dict[str, dict[str, Any]] = {}
    data: dict[str, list[DataFile]] = {}
    for folder, teacher in teachers.items():
        names = {folder: f"{folder} {teacher.teachers.get(folder)}"}
        recipes |= {names.get(name, name): recipe for name, recipe in teacher.teacher_recipes.items()}
        recipes |= {folder: teacher.recipe} if teacher.recipe else {}
        data |= {names.get(name, name): files for name, files in teacher.teacher_data.items()} | {folder: teacher.data}
    return recipes, data


@dataclass(frozen=True)
class Trained:
    """A network, uncalibrated, with the weights of the epoch that its last stage kept, and what it came from.

    Its recipe says every field. `start` is what the bundle that it goes on from says of itself.
    """

    recipe: Recipe
    network: keras.Model
    encoding: InputEncoding
    dataset: Dataset
    validation: Batches
    history: History
    provenance: Provenance
    start: Metadata | None = None


@dataclass(frozen=True)
class Inputs:
    """What a run learns from, beside the labelled rows.

    Attributes:
        hashes: Name and sha256 of each data file, in the order in which they are read.
        teachers: What each teacher says of itself, by its folder or its file of answers.
        embedding: What the embedding starts from, if not from chance.
        vectors: The file of word vectors.
    """

    hashes: list[tuple[str, str]]
    teachers: dict[str, Lineage]
    embedding: PretrainedEmbedding | None
    vectors: DataFile | None

    @property
    def teacher_versions(self) -> dict[str, str]:
        """Model version of each teacher, by its folder; the start of the sha256 of a file of answers, by its path."""
        return {folder: teacher.model_version for folder, teacher in self.teachers.items()}

    @property
    def vectors_hash(self) -> str:
        """sha256 of the file of word vectors; empty where there is none."""
        return self.vectors.sha256 if self.vectors else ""

    @property
    def digests(self) -> list[tuple[str, str]]:
        """Name and sha256 of each file and of word vectors, folder and version of each teacher."""
        vectors = [(self.vectors.file, self.vectors.sha256)] if self.vectors else []
        return [*self.hashes, *vectors, *self.teacher_versions.items()]


@dataclass(frozen=True)
class Trainer:
    """One run up to the trained network.

    Args:
        recipe: The recipe.
        paths: Data files.
        work: Folder for the state that an interrupted run goes on from.
        callback: Told of each step.
        stage_cache: Folder for bodies that later runs with the same first stages start from, or None.
    """

    recipe: Recipe
    paths: Sequence[Path]
    work: Path
    callback: TrainingCallback
    stage_cache: Path | None = None

    def run(self, *, resume: bool = False) -> Trained:
        """Train, from the start or, with `resume`, from where an interrupted run was.

        Raises:
            TrainingError: Before any training, where the data are at fault or there is nothing to resume.
        """
        recipe, callback = self.recipe, self.callback
        if recipe.encoder:
            raise RecipeError(f"{recipe.name}: has an [encoder]; accepted: `python -m training finetune` for such ones")
        start = Start.of(recipe)
        if start:
            recipe = start.complete(recipe)
            callback.on_note(start.note)
        recipe, dataset = load_rows(recipe, self.paths)
        for note in dataset.notes:
            callback.on_note(note)
        callback.on_fields(recipe.fields)
        callback.on_dataset(dataset.cleaning, dataset.sizes())
        check_sources(recipe, dataset)
        for note in revealing_fields(recipe, dataset):
            callback.on_note(note)
        inputs = read_inputs(recipe, self.paths, dataset)
        note_other_data(recipe, inputs.digests, callback)

        # A body of the cache is told by all that it started from, but for a bundle.
        cache = open_cache(None if start else self.stage_cache, recipe, dataset, inputs)
        checkpoint = Checkpoint(self.work, run_identity(recipe, inputs))
        saved = checkpoint.load() if resume else None
        body = None if saved else cache.longest()
        self._note_start(checkpoint, body, resume=resume)
        weak = self._read_weak_labels(dataset, body)

        first_seed = recipe.schedule[0].seed
        backend.make_repeatable(recipe.seed if first_seed is None else first_seed)
        state = body.state if body else _first_state(_input_file(recipe, dataset, weak, inputs.embedding, start), weak)
        encoding = input_encoding(recipe, state["input_file"])
        if isinstance(encoding, TextEncoding):
            callback.on_lengths(*length_figures(encoding.encoder, dataset.train.row, recipe.tokenizer.max_tokens))
        network = start.network() if start else encoding.build(recipe.network, len(dataset.labels))
        first_weights = network.get_weights() if start else []  # by the end another bundle may stand in that place
        multitask = self._multitask(network, encoding, state["tasks"])
        if inputs.embedding and not body:
            tokenizer = Tokenizer.from_str(encoding.content)
            callback.on_word_vectors(inputs.embedding.initialize(multitask.network, tokenizer))

        def save_body(stages: int, history: History, weights: Arrays) -> None:
            cache.save(stages, {**state, "history": history_as_json(history)}, weights)

        data = StageData(recipe, dataset, weak, multitask, encoding)
        data.check_teacher_files(recipe.schedule[body.stages if body else 0 :])
        runner = StageRunner(multitask, recipe.schedule, data.batches, recipe.seed, checkpoint, save_body)
        history = runner.run(callback, saved=saved, body=body)
        if start:
            start.hold(network, first_weights)
        provenance = Provenance.of(dataset, state, inputs.teachers, inputs.vectors)
        metadata = start.metadata if start else None
        return Trained(recipe, network, encoding, dataset, data.validation, history, provenance, metadata)

    def _note_start(self, checkpoint: Checkpoint, body: PretrainedBody | None, *, resume: bool) -> None:
        if checkpoint.path.exists() and not resume:
            self.callback.on_note(
                "An interrupted run was found. --resume would have continued it; this run starts over."
            )
        if body:
            stages = f"{body.stages} of {len(self.recipe.schedule)}"
            self.callback.on_note(f"Stages that the stage cache has done, which are skipped: {stages}.")

    def _read_weak_labels(self, dataset: Dataset, body: PretrainedBody | None) -> WeakLabelDataset | None:
        """The rows of other tasks, where the tokenizer or a stage that remains learns from them."""
        data = self.recipe.data
        tasks = {source.key for source in data.task_sources}
        remaining = self.recipe.schedule[body.stages :] if body else []
        if not tasks or (body and not any(tasks & set(stage.sources) for stage in remaining)):
            return None
        weak = load_weak_labels(self.paths, data, dataset, self.recipe.split_seed)
        self.callback.on_weak_labels(weak.cleaning, weak.task_sizes())
        return weak

    def _multitask(self, network: keras.Model, encoding: InputEncoding, tasks: dict[str, list[str]]) -> MultiTaskModel:
        self.callback.on_network(network.count_params(), encoding.vocabulary_size, backend.device())
        masked_words = any(stage.masked_words for stage in self.recipe.schedule)
        return MultiTaskModel(network, tasks, masked_words=masked_words)


def input_encoding(recipe: Recipe, content: str) -> InputEncoding:
    """The encoding of a recipe's kind of rows, by its input file."""
    return FieldsEncoding(content) if recipe.inputs == "fields" else TextEncoding(content)


def length_figures(encoder: Encoder, texts: Iterable[str], max_tokens: int) -> tuple[int, float, int]:
    """`max_tokens`, the share of the texts that have more tokens, and the length that holds 99% of the texts whole."""
    encoded = encoder.encode(list(texts))
    lengths = np.array([np.count_nonzero(item.ids != encoder.pad_id) + item.cut for item in encoded])
    sufficient = np.quantile(lengths, 0.99, method="inverted_cdf")
    return max_tokens, float((lengths > max_tokens).mean()), int(sufficient)


def read_inputs(recipe: Recipe, paths: Sequence[Path], dataset: Dataset) -> Inputs:
    """Read what a run learns from beside the labelled rows: hashes, teachers, word vectors.

    Raises:
        DataError: A teacher, or who wrote a file of answers, has other labels or has seen rows that are validation or
            test here; or the file of word vectors does not fit.
    """
    embedding = None
    if recipe.vectors:
        stems, emoji = recipe.tokenizer.stemming != "none", recipe.tokenizer.emoji == "all"
        embedding = PretrainedEmbedding(recipe.vectors, recipe.network.embedding, stems=stems, emoji=emoji)
    hashes = file_hashes(paths, recipe.data)
    folders = list(dict.fromkeys(folder for stage in recipe.schedule for folder in stage.teachers))
    bundles = [predictor.metadata for predictor in load_teachers(folders, dataset.labels)]
    for bundle in bundles:
        check_no_test_leakage(bundle, recipe, hashes, dataset.sizes(), "stages.teachers")
    teachers = {**dict(zip(folders, bundles, strict=True)), **_read_teacher_files(recipe, dataset)}
    return Inputs(hashes, teachers, embedding, embedding.file if embedding else None)


def _read_teacher_files(recipe: Recipe, dataset: Dataset) -> dict[str, Lineage]:
    """What each file of answers says of itself, by its path; its version is its own, and it is one of its data."""
    labelled = [(file.file, file.sha256) for file in dataset.files]
    paths = list(dict.fromkeys(path for stage in recipe.schedule for path in stage.teacher_files))
    lineages: dict[str, Lineage] = {}
    for path, answers in zip(paths, load_teacher_files(paths, dataset.labels), strict=True):
        # Who answers learned from labelled files alone: that others are given besides decides nothing.
        check_no_test_leakage(answers.info, recipe, labelled, dataset.sizes(), "stages.teacher_files")
        file = DataFile(file=Path(path).name, rows=len(answers.hashes), sha256=sha256(Path(path)))
        update = {"model_version": file.sha256[:VERSION_DIGITS], "data": [file, *answers.info.data]}
        lineages[path] = answers.info.model_copy(update=update)
    return lineages


def run_identity(recipe: Recipe, inputs: Inputs) -> dict[str, Any]:
    """All that must be the same for a run to go on from an interrupted one's state."""
    return {
        "recipe": recipe.model_dump(mode="json", exclude={"tune"}),
        "data": inputs.hashes,
        "teachers": inputs.teacher_versions,
        **({"vectors": inputs.vectors_hash} if inputs.vectors else {}),
        "libraries": backend.library_versions(),
    }


def open_cache(folder: Path | None, recipe: Recipe, dataset: Dataset, inputs: Inputs) -> StageCache:
    """The cache of bodies for this recipe and what it learns from."""
    return StageCache(
        folder,
        recipe,
        inputs.hashes,
        inputs.teacher_versions,
        backend.library_versions(),
        dataset.labelled_digest(),
        inputs.vectors_hash,
    )


def learn_tokenizer(
    recipe: Recipe, dataset: Dataset, weak: WeakLabelDataset | None, embedding: PretrainedEmbedding | None
) -> Tokenizer:
    """A tokenizer whose vocabulary is learned from the training rows of the recipe's sources, and from word vectors."""
    sources, second_columns = recipe.tokenizer.sources, recipe.data.second_columns
    frames = [dataset.train, weak.rows] if weak else [dataset.train]
    texts = [f.row[f.source.isin(sources) if sources else ~f.source.isin(second_columns)] for f in frames]
    tokenizer = build_tokenizer(pd.concat(texts), recipe.tokenizer)
    return embedding.extend_vocabulary(tokenizer) if embedding else tokenizer


def _input_file(
    recipe: Recipe,
    dataset: Dataset,
    weak: WeakLabelDataset | None,
    embedding: PretrainedEmbedding | None,
    start: Start | None,
) -> str:
    """The content of the bundle's file that says how a row is read, the start's or learned from the training part."""
    if start:
        return start.input_file
    if recipe.inputs == "fields":
        return learn_fields(recipe.fields, recipe.network, dataset.train, recipe.data.missing)
    return str(learn_tokenizer(recipe, dataset, weak, embedding).to_str(pretty=True))


def _first_state(input_file: str, weak: WeakLabelDataset | None) -> dict[str, Any]:
    """What a body that is trained here is kept with, in JSON: the input file, the tasks, what pre-training read."""
    files = [file.model_dump() for file in weak.files] if weak else []
    tasks, cleaning = (weak.tasks, weak.cleaning) if weak else ({}, {})
    return {"input_file": input_file, "tasks": tasks, "files": files, "cleaning": cleaning}
