"""Weakly labelled dataset: rows with labels of their own, such as an emoticon's, which only pre-train."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from serving.model.metadata import DataFile
from training.data.cleaning import bare_key, drop_missing, merged_keys, text_key
from training.data.dataset import Dataset
from training.data.sources import read_rows
from training.errors import DataError
from training.recipe.data import DataConfig


@dataclass(frozen=True)
class WeakLabelDataset:
    """Rows of tasks.

    Attributes:
        rows: Frame with columns `row`, `label` (index into the labels of its task), `task`, `source` and `weight`.
        tasks: Task -> its labels in the order of its outputs.
        cleaning: Rule -> rows that it dropped.
        files: Fingerprints.
    """

    rows: pd.DataFrame
    tasks: dict[str, list[str]]
    cleaning: dict[str, int] = field(default_factory=dict)
    files: list[DataFile] = field(default_factory=list)

    def task_sizes(self) -> dict[str, tuple[int, int]]:
        """Task -> its rows and classes."""
        return {task: (int((self.rows.task == task).sum()), len(labels)) for task, labels in self.tasks.items()}


def load_weak_labels(paths: Sequence[Path], data: DataConfig, dataset: Dataset, seed: int) -> WeakLabelDataset:
    """Read the sources that have a task, without any text that stands in the labelled data, whichever its part.

    So no stage sees a text of the test, and what is pre-trained does not depend on how the rest is split. But of a file
    that also holds the recipe's labels, a task is another column: it keeps the rows whose text is in the training part.

    Args:
        paths: Data files.
        data: The recipe's `[data]`.
        dataset: The labelled rows.
        seed: Draws the rows of sources that give only some.

    Raises:
        DataError: A file cannot be used, a source has no row that may be used, or a task only one class.
    """
    names = {source.file for source in data.task_sources}
    read, files = read_rows([path for path in paths if path.name in names], data, data.task_sources, seed)
    cleaning = {"rows read": len(read)}
    rows = _cleaned(drop_missing(read, data, cleaning), dataset, data.second_columns, cleaning)
    rows = _with_ngrams(rows, dataset, data, seed, cleaning)
    _check_present(data, read, rows, cleaning)
    tasks = {str(task): sorted(set(group.label)) for task, group in rows.groupby("task")}
    for task, labels in tasks.items():
        if len(labels) < 2:
            raise DataError(f"task {task!r}: found only one class, {labels}; accepted: at least two")
    index = {(task, label): i for task, labels in tasks.items() for i, label in enumerate(labels)}
    rows = rows.assign(label=[index[pair] for pair in zip(rows.task, rows.label, strict=True)])
    rows = rows[["row", "label", "task", "source", "weight"]].reset_index(drop=True)
    return WeakLabelDataset(rows, tasks, {**cleaning, "rows kept": len(rows)}, files)


def _cleaned(rows: pd.DataFrame, dataset: Dataset, second_columns: set[str], cleaning: dict[str, int]) -> pd.DataFrame:
    keys = rows.row.map(text_key)
    empty = (keys == "") | (rows.label == "")
    cleaning["empty, or without a label"] = int(empty.sum())
    bare, labelled = keys.map(bare_key), _with_bare(dataset.keys)
    groups = merged_keys(labelled | set(keys) | set(bare))
    labelled_groups = {groups[key] for key in labelled}
    known = (keys.map(groups).isin(labelled_groups) | ((bare != "") & bare.map(groups).isin(labelled_groups))) & ~empty
    if second_columns:
        known &= ~(rows.source.isin(second_columns) & keys.map(groups).isin(_trained_on(dataset, groups)))
    cleaning["also in the labelled data"] = int(known.sum())
    rows = rows.assign(key=keys)[~empty & ~known]
    distinct = rows.drop_duplicates(["task", "key"])
    cleaning["copies, merged"] = len(rows) - len(distinct)
    return distinct


def _with_ngrams(
    rows: pd.DataFrame, dataset: Dataset, data: DataConfig, seed: int, cleaning: dict[str, int]
) -> pd.DataFrame:
    """The rows, those of sources that give n-grams cut to one each; cleaned again, as whole texts were before.

    Tang et al. 2019, Distilling Task-Specific Knowledge from BERT into Simple Neural Networks
    (https://arxiv.org/abs/1903.12136), section 3.3.
    """
    lengths = {source.key: source.ngram for source in data.task_sources if source.ngram}
    if not lengths:
        return rows
    is_cut, rng = rows.source.isin(lengths), np.random.default_rng(seed)
    chosen = rows[is_cut]
    texts = [_ngram(text, lengths[source], rng) for text, source in zip(chosen.row, chosen.source, strict=True)]
    ngrams = _cleaned(chosen.assign(row=texts), dataset, data.second_columns, {})
    cleaning["n-grams that were empty, copies, or also in the labelled data"] = len(chosen) - len(ngrams)
    return pd.concat([rows[~is_cut], ngrams])


def _ngram(text: str, max_words: int, rng: np.random.Generator) -> str:
    words = text.split()
    size = min(int(rng.integers(1, max_words + 1)), len(words))
    start = int(rng.integers(len(words) - size + 1))
    return " ".join(words[start : start + size])


def _trained_on(dataset: Dataset, groups: dict[str, str]) -> set[str]:
    """The groups of texts that stand in the training part, and in no other."""
    trained, *others = (
        {groups[key] for key in _with_bare(part.row.map(text_key))}
        for part in (dataset.train, dataset.validation, dataset.test, dataset.held_out)
    )
    return trained.difference(*others)


def _with_bare(keys: Iterable[str]) -> set[str]:
    """The keys, and what they are without emoticons and emoji: a labelled copy may hold the one that was cut out."""
    return {variant for key in keys for variant in (key, bare_key(key))}


def _check_present(data: DataConfig, read: pd.DataFrame, kept: pd.DataFrame, cleaning: dict[str, int]) -> None:
    dropped = ", ".join(f"{rule}: {rows:,}" for rule, rows in cleaning.items() if rule != "rows read")
    rows = read.source.value_counts()
    for source in data.task_sources:
        if source.key not in set(kept.source):
            raise DataError(
                f"source {source.key!r} of task {source.task!r}: none of its {rows[source.key]:,} rows is left; of all "
                f"tasks' rows there are dropped: {dropped}; accepted: texts that are not in the labelled data, or "
                "another column of a labelled file"
            )
