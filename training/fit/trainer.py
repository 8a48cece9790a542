"""From recipe and files to a trained network: data, preprocessing, stages. Nothing is published here."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from tokenizers import Tokenizer

from serving.model.bundle import sha256
from serving.model.metadata import DataFile, Metadata
from serving.model.tokenizer import Encoder
from training.data.checks import check_sources, note_other_data
from training.data.dataset import Dataset, load_dataset
from training.data.provenance import Provenance
from training.data.sources import in_order
from training.data.weak_labels import WeakLabelDataset, load_weak_labels
from training.fit.batches import Batches
from training.fit.checkpoint import Arrays, Checkpoint
from training.fit.distillation import Teachers
from training.fit.pretrained_embedding import PretrainedEmbedding
from training.fit.stage_cache import PretrainedBody, StageCache
from training.fit.stage_data import StageData
from training.fit.stages import History, Stages, dumped
from training.model import backend
from training.model.backend import keras
from training.model.multitask import MultiTaskModel
from training.model.network import build_network
from training.progress import TrainingCallback
from training.recipe.recipe import Recipe
from training.text.tokenizer import build_tokenizer


@dataclass(frozen=True)
class Trained:
    """A network, uncalibrated, with the weights of the epoch that its last stage kept, and what it came from."""

    network: keras.Model
    tokenizer: Tokenizer
    dataset: Dataset
    validation: Batches
    history: History
    provenance: Provenance

    @property
    def seconds(self) -> float:
        """What its epochs took, wall time; those of a body from the cache as they were then."""
        return sum(epoch.seconds for epochs in self.history.values() for epoch in epochs)


class Trainer:
    """One run up to the trained network.

    Arguments: the recipe; data files; the folder that an interrupted run goes on from; a callback; and a folder for
    bodies that later runs with the same first stages start from, or None. Raises TrainingError, before any training
    where the data are at fault.
    """

    def __init__(
        self,
        recipe: Recipe,
        paths: Sequence[Path],
        work: Path,
        callback: TrainingCallback,
        stage_cache: Path | None = None,
    ) -> None:
        self.recipe, self.paths, self.work, self.callback = recipe, list(paths), work, callback
        self.stage_cache = stage_cache

    def run(self, *, resume: bool = False) -> Trained:
        """Train, from the start or from where an interrupted run was."""
        self._look_over()
        cache = self._body_cache()
        checkpoint = Checkpoint(self.work, self._identity)
        saved = checkpoint.load() if resume else None
        body = None if saved else cache.longest()
        if checkpoint.path.exists() and not saved:
            self.callback.on_note(
                "An interrupted run is there too; --resume would have gone on from it. Starting over."
            )
        first = self.recipe.schedule[0]
        backend.make_repeatable(self.recipe.seed if first.seed is None else first.seed)
        tokenizer, tasks = self._language(body)
        encoder = Encoder(tokenizer.to_str())
        multitask = self._trainee(encoder, tasks)
        if self._head_start and not body:
            self.callback.on_word_vectors(self._head_start.give(multitask.network, tokenizer))
        rows = StageData(self.recipe, self.dataset, lambda: self.weak, multitask, encoder)

        def finished(stages: int, history: History, weights: Arrays) -> None:
            language = {"tokenizer": tokenizer.to_str(), "tasks": tasks}
            cache.keep(stages, {**language, "history": dumped(history), **self._weak_facts(body)}, weights)

        stages = Stages(multitask, self.recipe.schedule, rows.of_stage, self.recipe.seed, checkpoint, finished)
        history = stages.run(self.callback, saved=saved, body=body)
        provenance = Provenance.of(self.dataset, self._weak_facts(body), self._taught_by, self._vectors)
        return Trained(multitask.network, tokenizer, self.dataset, rows.validation, history, provenance)

    @cached_property
    def dataset(self) -> Dataset:
        """The labelled rows in their parts."""
        return load_dataset(self.paths, self.recipe.data, self.recipe.split_seed)

    @cached_property
    def weak(self) -> WeakLabelDataset:
        """The rows of other tasks; read only when a stage needs them."""
        return load_weak_labels(self.paths, self.recipe.data, self.dataset, self.recipe.split_seed)

    def _look_over(self) -> None:
        """Show the rows, and what is wrong or odd about them, before anything is trained."""
        self.callback.on_dataset(self.dataset.cleaning, self.dataset.sizes())
        check_sources(self.recipe, self.dataset)
        words = [(self._vectors.file, self._vectors.sha256)] if self._vectors else []
        note_other_data(self.recipe, [*self._hashes, *words, *self._teachers.items()], self.callback)

    def _body_cache(self) -> StageCache:
        return StageCache(
            self.stage_cache,
            self.recipe,
            self._hashes,
            self._teachers,
            backend.library_versions(),
            self.dataset.labelled_digest(),
            self._vectors.sha256 if self._vectors else "",
        )

    @cached_property
    def _hashes(self) -> list[tuple[str, str]]:
        return [(path.name, sha256(path)) for path in in_order(self.paths, self.recipe.data)]

    @cached_property
    def _taught_by(self) -> dict[str, Metadata]:
        """What each teacher says of itself, by its folder."""
        folders = list(dict.fromkeys(folder for stage in self.recipe.schedule for folder in stage.teachers))
        teachers = Teachers(folders, self.dataset.labels)
        teachers.check_no_test_leakage(self.recipe, self._hashes, self.dataset.sizes())
        return dict(zip(folders, teachers.metadata, strict=True))

    @property
    def _teachers(self) -> dict[str, str]:
        """Model version of each teacher, by its folder."""
        return {folder: teacher.model_version for folder, teacher in self._taught_by.items()}

    @cached_property
    def _head_start(self) -> PretrainedEmbedding | None:
        said, stems = self.recipe.vectors, self.recipe.tokenizer.stemming != "none"
        return PretrainedEmbedding(said, self.recipe.network.embedding, stems=stems) if said else None

    @cached_property
    def _vectors(self) -> DataFile | None:
        return self._head_start.file if self._head_start else None

    @property
    def _identity(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.model_dump(mode="json", exclude={"tune"}),
            "data": self._hashes,
            "teachers": self._teachers,
            **({"vectors": self._vectors.sha256} if self._vectors else {}),
            "libraries": backend.library_versions(),
        }

    def _weak_facts(self, body: PretrainedBody | None) -> dict[str, Any]:
        """What pre-training was read from; a body brings its own, so that nothing is read again for it."""
        if body:
            return {key: body.state[key] for key in ("files", "cleaning")}
        if not self.recipe.data.task_sources:
            return {"files": [], "cleaning": {}}
        return {"files": [file.model_dump() for file in self.weak.files], "cleaning": self.weak.cleaning}

    def _language(self, body: PretrainedBody | None) -> tuple[Tokenizer, dict[str, list[str]]]:
        """The tokenizer, and the tasks with their labels."""
        if body:
            self.callback.on_note(f"A body with {body.stages} of its stages done is in the cache; going on from there.")
            return Tokenizer.from_str(body.state["tokenizer"]), body.state["tasks"]
        frames = [self.dataset.train]
        tasks: dict[str, list[str]] = {}
        if self.recipe.data.task_sources:
            self.callback.on_weak_labels(self.weak.cleaning, self.weak.task_sizes())
            frames, tasks = [*frames, self.weak.rows], self.weak.tasks
        chosen, twice = self.recipe.tokenizer.sources, self.recipe.data.second_columns
        texts = [f.text[f.source.isin(chosen) if chosen else ~f.source.isin(twice)] for f in frames]
        tokenizer = build_tokenizer(pd.concat(texts), self.recipe.tokenizer)
        return self._head_start.join(tokenizer) if self._head_start else tokenizer, tasks

    def _trainee(self, encoder: Encoder, tasks: dict[str, list[str]]) -> MultiTaskModel:
        network = build_network(
            self.recipe.network,
            vocabulary=encoder.vocabulary_size,
            classes=len(self.dataset.labels),
            length=encoder.fixed_length,
        )
        self.callback.on_network(network.count_params(), encoder.vocabulary_size, backend.device())
        return MultiTaskModel(network, tasks, words=any(stage.masked_words for stage in self.recipe.schedule))
