"""Figures of parts of the test part: by source, by length."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from training.metrics import Labels
from training.report.evidence import Evidence
from training.report.table import Table, count, share

LONGEST = (8, 16, 24, 32)  # tokens, of all slices but the last


def source_table(evidence: Evidence) -> Table:
    """Figures by the source that a row is from, or by its group where the source tells some apart."""
    names, places = np.unique(np.array(evidence.groups, dtype=object), return_inverse=True)
    return _table("By source", "source", [str(name) for name in names], places, evidence)


def length_table(evidence: Evidence) -> Table:
    """Figures by how many tokens a row has."""
    starts = (1, *(longest + 1 for longest in LONGEST))
    names = [f"{start} to {longest}" for start, longest in zip(starts[:-1], LONGEST, strict=True)]
    places = np.digitize(evidence.lengths, LONGEST, right=True)
    return _table("By length", "tokens", [*names, f"{starts[-1]} or more"], places, evidence)


def held_out_table(evidence: Evidence) -> Table:
    """Figures by group of the rows that the recipe keeps out of every part; without rows where it keeps none.

    Beside them, where baselines were measured, the macro recall of the best of them on that group.
    """
    groups: dict[str, Any] = evidence.metadata.metrics.get("held_out", {})
    rows = [
        (name, share(found["macro_recall"]), *_best(name, evidence), share(found["accuracy"]), count(found["rows"]))
        for name, found in groups.items()
    ]
    heading = ("best baseline",) if any(row.groups for row in evidence.baselines) else ()
    return Table("Held out from training, by group", ("group", "macro recall", *heading, "accuracy", "rows"), rows)


def _best(group: str, evidence: Evidence) -> tuple[str, ...]:
    found = [(row.groups[group], row.name) for row in evidence.baselines if group in row.groups]
    return (f"{share(max(found)[0])} ({max(found)[1]})",) if found else ()


def macro_recall(truth: Labels, found: Labels) -> float:
    """Mean recall of the classes that `truth` (rows,) has; `found` (rows,) is what was predicted."""
    return float(np.mean([(found[truth == label] == label).mean() for label in np.unique(truth)]))


def _table(title: str, heading: str, names: Sequence[str], places: npt.NDArray[np.int64], evidence: Evidence) -> Table:
    rows = [(name, *_cells(places == place, evidence)) for place, name in enumerate(names) if (places == place).any()]
    return Table(title, (heading, "macro recall", "accuracy", "classes", "rows"), rows)


def _cells(chosen: npt.NDArray[np.bool_], evidence: Evidence) -> tuple[str, ...]:
    truth, found = evidence.truth[chosen], evidence.found[chosen]
    classes = f"{len(np.unique(truth))} of {len(evidence.metadata.labels)}"
    return share(macro_recall(truth, found)), share(float((truth == found).mean())), classes, count(len(truth))
