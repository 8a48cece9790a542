"""Labelled dataset: rows from files, cleaned, merged and split, so that no row stands in two parts.

The words of data, all of which are columns of a frame:

- A *source* is what a recipe's `[[data.sources]]` says of one file: which of its rows, columns and weights count. A
  file may have several.
- A *task* is a set of labels that is learned beside the recipe's own, such as the emoticon that a tweet held. Only
  pre-training reads rows of tasks: `weak_labels`.
- A *group* is a value of a column of a source, such as the topic; reports tell groups apart, and stages may balance
  classes within each.
- A *part* is `train`, `validation`, `test`, or `held_out`: rows that nothing learns from and that are measured by
  group.
- A *key* is what copies of one text, or equal rows of fields, have in common: `rows`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from serving.model.metadata import DataFile
from training.data.cleaning import drop_empty, drop_ignored, drop_missing, drop_straddling, merge_copies, plain_label
from training.data.rows import RowReader, TextReader
from training.data.sources import read_rows, target_paths
from training.errors import DataError
from training.recipe.base import Part
from training.recipe.data import DataConfig
from training.recipe.stages import Stage
from training.types import Labels

PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Dataset:
    """The parts of the labelled rows.

    Attributes:
        labels: In the order of the network's outputs.
        train: Frame with columns `row`, `label` (index into `labels`), `source`, `group`, `slices` and `weight`.
        validation: The same, of the rows that choices are made on.
        test: The same, of rows that no choice is made on.
        held_out: The same; may be empty.
        keys: Those of every labelled text, whatever became of it.
        cleaning: Rule -> rows that it dropped or merged.
        files: Fingerprints.
        notes: Sentences on what was decided about the files.
    """

    labels: list[str]
    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    held_out: pd.DataFrame
    keys: set[str] = field(default_factory=set)
    cleaning: dict[str, int] = field(default_factory=dict)
    files: list[DataFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def part(self, name: Part) -> pd.DataFrame:
        """One part by its name."""
        frame: pd.DataFrame = getattr(self, name)
        return frame

    def sizes(self) -> dict[str, dict[str, int]]:
        """Part -> label -> rows."""
        return {p: {n: int((self.part(p).label == i).sum()) for i, n in enumerate(self.labels)} for p in PARTS}

    def labelled_digest(self) -> str:
        """sha256 over what pre-training sees of these rows: which texts it must not read, and how many classes."""
        return hashlib.sha256("\n".join([str(len(self.labels)), *sorted(self.keys)]).encode()).hexdigest()


def of_stage(rows: pd.DataFrame, stage: Stage) -> pd.DataFrame:
    """The rows of a part that are of a stage's sources; all where it names none."""
    return rows[rows.source.isin(stage.sources)] if stage.sources else rows


def label_indices(names: "pd.Series[str]", labels: list[str], where: str) -> Labels:
    """Each name's index among the accepted labels, from which it may differ in case, and as 1.0 from 1.

    Args:
        names: Labels of rows.
        labels: The accepted ones.
        where: Begins the message of the error.

    Raises:
        DataError: Some are unknown.
    """
    index = {plain_label(name).casefold(): i for i, name in enumerate(labels)}
    index |= {name: i for i, name in enumerate(labels)}
    indices = [index.get(name, index.get(name.casefold())) for name in names]
    unknown = sorted({name for name, i in zip(names, indices, strict=True) if i is None})
    if unknown:
        raise DataError(f"{where}: unknown labels {unknown[:10]}; accepted: {labels}")
    return np.array(indices, dtype=np.int64)


def load_dataset(
    paths: Sequence[Path], data: DataConfig, seed: int, reader: RowReader | None = None, *, partial: bool = False
) -> Dataset:
    """Read, clean, merge and split.

    Rows pinned to a part by the recipe go there whole; the others are split, stratified by label. A row that would
    stand in two parts stays in the later one (test before validation before train). Copies of a text are one row; equal
    rows of fields are several, and go together.

    Args:
        paths: Data files.
        data: The recipe's `[data]`.
        seed: Of the split, and of sources of which only some rows are drawn.
        reader: Of the rows; default: of texts.
        partial: Whether a class may lack rows in a part, as among corrections; one that has too few rows only trains.

    Raises:
        DataError: A file cannot be used, or the rows are too few. With the second comes what cleaning dropped.
    """
    notes: list[str] = []
    reader = reader or TextReader(data)
    rows, files = read_rows(target_paths(paths, data), data, data.target_sources, seed, notes, reader)
    cleaning, where = {"rows read": len(rows)}, "; ".join(rows.origin.unique())
    rows = drop_missing(drop_ignored(rows, data.ignore, cleaning), data, cleaning)
    labels = data.labels or _found_labels(rows.label)
    if len(labels) < 2:
        classes = f"only one class, {labels}" if labels else "no class"
        raise DataError(f"{where}: found {classes}; accepted: at least two", cleaning)
    keys = rows.row.map(reader.key)
    rows = rows.assign(own_key=keys, key=keys.map(reader.merged(keys)))
    labelled = _with_label_indices(drop_empty(rows, cleaning, where, reader.noun, reader.empty_rule), labels)
    rows = drop_straddling(labelled, cleaning)
    rows = merge_copies(rows, cleaning) if reader.merges_copies else rows
    cleaning["rows kept"] = len(rows)
    try:
        parts = _split(rows, data, labels, seed, partial=partial)
        _check_sizes(parts, labels, partial=partial)
    except DataError as error:
        conflicts = _conflicts(labelled, rows, labels) if reader.merges_copies else ""
        raise DataError(f"{where}: {error}.{conflicts}", cleaning) from None
    return Dataset(labels, **parts, keys=set(labelled.own_key), cleaning=cleaning, files=files, notes=notes)


def _found_labels(names: "pd.Series[str]") -> list[str]:
    """The labels that there are, sorted; of spellings that differ in case, the most frequent."""
    spellings: dict[str, str] = {}
    for label in names[names != ""].value_counts().index:
        spellings.setdefault(str(label).casefold(), str(label))
    return sorted(spellings.values())


def _with_label_indices(rows: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    origins = rows.groupby("origin")
    indices = [pd.Series(label_indices(group.label, labels, str(origin)), group.index) for origin, group in origins]
    return rows.assign(label=pd.concat(indices).reindex(rows.index))


def _conflicts(labelled: pd.DataFrame, merged: pd.DataFrame, labels: list[str]) -> str:
    """A sentence on the classes that have next to no row left because theirs repeat texts of others; else empty."""
    classes_of_text = labelled.groupby("key").label.transform("nunique")
    shares = []
    for index, label in enumerate(labels):
        conflicting = classes_of_text[labelled.label == index] > 1
        total, conflicts = len(conflicting), int(conflicting.sum())
        if conflicts and (merged.label == index).sum() < len(PARTS):
            shares.append(f"{'all' if conflicts == total else f'{conflicts:,} of the'} {total:,} rows of {label!r}")
    reason = "have the same text as rows with another label, apart from punctuation, case, handles and links"
    return f" Cause: {', '.join(shares)} {reason}." if shares else ""


def _split(
    rows: pd.DataFrame, data: DataConfig, labels: list[str], seed: int, *, partial: bool
) -> dict[str, pd.DataFrame]:
    """Pinned rows go to their part; of the others each class gives its share to each part, and one row at least.

    Rows with the same key go together, by the label of the first.
    """
    shares: dict[Part, float] = {"test": data.test, "validation": data.validation}
    shares = {part: share for part, share in shares.items() if share}
    distinct = rows.drop_duplicates("key")
    parts, classes = distinct.part.to_numpy(dtype=object, copy=True), distinct.label.to_numpy()
    rng = np.random.default_rng(seed)
    unpinned = (parts == "").nonzero()[0]
    parts[unpinned] = "train"
    if not partial:
        _check_splittable(classes[unpinned], labels, len(shares) + 1)
    for index in range(len(labels)):
        members = rng.permutation(unpinned[classes[unpinned] == index])
        if len(members):
            _assign_parts(parts, members, shares)
    parts[_held_out(distinct, rng)] = "held_out"
    part_of_row = rows.key.map(dict(zip(distinct.key, parts, strict=True)))
    columns = rows.drop(columns=["key", "own_key", "part", "origin", "task", "hold_out"])
    return {part: columns[part_of_row == part].reset_index(drop=True) for part in (*PARTS, "held_out")}


def _check_splittable(classes: Labels, labels: list[str], min_rows: int) -> None:
    counts = np.bincount(classes, minlength=len(labels)).tolist()
    rare = [f"{label!r} has {count}" for label, count in zip(labels, counts, strict=True) if 0 < count < min_rows]
    if rare:
        raise DataError(
            f"classes with too few distinct rows to split: {', '.join(rare)}; accepted: at least {min_rows} each; "
            "data.ignore leaves a label's rows out, data.rename joins labels"
        )


def _held_out(rows: pd.DataFrame, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Positions of the rows to hold out: their share of each source's groups and labels; such a source only trains."""
    positions = [np.zeros(0, dtype=np.int64)]
    # A name may stand for several sources, of which some hold nothing out.
    shares = rows.hold_out.to_numpy()
    for _, members in sorted(rows.groupby(["source", "group", "label", "hold_out"]).indices.items()):
        positions.append(rng.permutation(members)[: round(shares[members[0]] * len(members))])
    return np.concatenate(positions)


def _assign_parts(parts: npt.NDArray[Any], members: npt.NDArray[Any], shares: dict[Part, float]) -> None:
    start = 0
    for number, (part, share) in enumerate(shares.items()):
        reserved = len(shares) - number  # one row for each part that follows, training included
        size = max(0, min(max(1, round(share * len(members))), len(members) - start - reserved))
        parts[members[start : start + size]] = part
        start += size


def _check_sizes(parts: dict[str, pd.DataFrame], labels: list[str], *, partial: bool) -> None:
    accepted = f"{len(PARTS)} rows of one class" if partial else "one in each part"
    for part in PARTS:
        missing = sorted(set(range(len(labels))) - set(parts[part].label))
        if missing and not (partial and len(missing) < len(labels)):
            fault = f"class {labels[missing[0]]!r} has no row in the {part} part"
            raise DataError(f"{fault}; accepted: at least {accepted}")
