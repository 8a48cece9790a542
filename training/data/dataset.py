"""Labelled rows from files: chosen, cleaned, merged and split, so that no text stands on two sides."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from serving.model.metadata import DataFile
from training.data.cleaning import drop_empty, drop_ignored, merge_copies
from training.data.sources import read_rows, target_paths
from training.errors import DataError
from training.recipe.base import Part
from training.recipe.data import DataConfig
from training.types import Labels

PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Dataset:
    """Three parts as frames with columns `text`, `label` (index into `labels`), `source`, `group` and `weight`.

    `held_out` is a fourth, of the same kind, that may be empty: rows that nothing learns from and that are measured
    by group. `keys` are those of every labelled text, whatever became of it. `cleaning` counts, by rule, the
    rows that were dropped or merged; `files` are the fingerprints.
    """

    labels: list[str]
    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    held_out: pd.DataFrame
    keys: set[str] = field(default_factory=set)
    cleaning: dict[str, int] = field(default_factory=dict)
    files: list[DataFile] = field(default_factory=list)

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


class LabelIndex:
    """The accepted labels; a label in a file may differ from them in case."""

    def __init__(self, labels: list[str]) -> None:
        self.labels = labels
        self._index = {name.casefold(): i for i, name in enumerate(labels)} | {name: i for i, name in enumerate(labels)}

    def indices(self, found: "pd.Series[str]", where: str) -> Labels:
        """Each label's place among the accepted ones. Raises DataError naming the unknown ones."""
        known = [self._index.get(name, self._index.get(name.casefold())) for name in found]
        unknown = sorted({name for name, index in zip(found, known, strict=True) if index is None})
        if unknown:
            raise DataError(f"{where}: unknown labels {unknown[:10]}; accepted: {self.labels}")
        return np.array(known, dtype=np.int64)


def load_dataset(paths: Sequence[Path], data: DataConfig, seed: int) -> Dataset:
    """Read, clean, merge and split.

    Rows pinned to a part by the recipe go there whole; the others are split, stratified by label. A text that would
    stand in two parts stays in the later one (test before validation before train). Raises DataError before any
    training starts.
    """
    rows, files = read_rows(target_paths(paths, data), data, data.target_sources, seed)
    cleaning, where = {"rows read": len(rows)}, "; ".join(rows.origin.unique())
    rows = drop_ignored(rows, data.ignore, cleaning)
    labels = data.labels or _found_labels(rows.label)
    if len(labels) < 2:
        found = f"only one class, {labels}" if labels else "no class"
        raise DataError(f"{where}: found {found}; accepted: at least two")
    rows = _with_label_indices(drop_empty(rows, cleaning, where), labels)
    keys = set(rows.own_key)
    rows = merge_copies(rows, cleaning)
    parts = _split(rows, data, labels, seed, where)
    cleaning["rows kept"] = sum(len(part) for part in parts.values())
    _check_sizes(parts, labels, where)
    return Dataset(labels, **parts, keys=keys, cleaning=cleaning, files=files)


def _found_labels(found: "pd.Series[str]") -> list[str]:
    """The labels that there are, sorted; of spellings that differ in case, the most frequent."""
    spellings: dict[str, str] = {}
    for label in found[found != ""].value_counts().index:
        spellings.setdefault(str(label).casefold(), str(label))
    return sorted(spellings.values())


def _with_label_indices(rows: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    canonical, origins = LabelIndex(labels), rows.groupby("origin")
    indices = [pd.Series(canonical.indices(group.label, str(origin)), group.index) for origin, group in origins]
    return rows.assign(label=pd.concat(indices).reindex(rows.index))


def _split(rows: pd.DataFrame, data: DataConfig, labels: list[str], seed: int, where: str) -> dict[str, pd.DataFrame]:
    """Pinned rows go to their part; of the others each class gives its share to each part, and one row at least."""
    shares: dict[Part, float] = {part: share for part, share in _shares(data).items() if share}
    rng, places = np.random.default_rng(seed), rows.part.to_numpy(dtype=object, copy=True)
    free = (places == "").nonzero()[0]
    places[free] = "train"
    _check_splittable(rows.label.to_numpy()[free], labels, len(shares) + 1, where)
    for index in range(len(labels)):
        members = rng.permutation(free[rows.label.to_numpy()[free] == index])
        if len(members):
            _place(places, members, shares)
    places[_held_out(rows, rng)] = "held_out"
    kept = rows.drop(columns=["key", "own_key", "part", "origin", "task", "hold_out"])
    return {part: kept[places == part].reset_index(drop=True) for part in (*PARTS, "held_out")}


def _check_splittable(found: Labels, labels: list[str], wanted: int, where: str) -> None:
    """That each class with rows to split has one for each part. Raises DataError."""
    counts = np.bincount(found, minlength=len(labels)).tolist()
    rare = [f"{label!r} has {count}" for label, count in zip(labels, counts, strict=True) if 0 < count < wanted]
    if rare:
        raise DataError(
            f"{where}: classes with too few distinct texts to split: {', '.join(rare)}; accepted: at least {wanted} "
            "each; data.ignore leaves a label's rows out, data.rename joins labels"
        )


def _held_out(rows: pd.DataFrame, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Places of the rows to hold out: their share of each source's groups and labels; such a source only trains."""
    chosen = [np.zeros(0, dtype=np.int64)]
    # A name may stand for several sources, of which some hold nothing out.
    shares = rows.hold_out.to_numpy()
    for _, members in sorted(rows.groupby(["source", "group", "label", "hold_out"]).indices.items()):
        chosen.append(rng.permutation(members)[: round(shares[members[0]] * len(members))])
    return np.concatenate(chosen)


def _place(places: npt.NDArray[Any], members: npt.NDArray[Any], shares: dict[Part, float]) -> None:
    start = 0
    for number, (part, share) in enumerate(shares.items()):
        still_to_get_one = len(shares) - number
        size = min(max(1, round(share * len(members))), len(members) - start - still_to_get_one)
        places[members[start : start + size]] = part
        start += size


def _shares(data: DataConfig) -> dict[Part, float]:
    return {"test": data.test, "validation": data.validation}


def _check_sizes(parts: dict[str, pd.DataFrame], labels: list[str], where: str) -> None:
    for part in PARTS:
        present = set(parts[part].label)
        for index, label in enumerate(labels):
            if index not in present:
                fault = f"class {label!r} has no row in the {part} part"
                raise DataError(f"{where}: {fault}; accepted: at least one in each part")
