"""Tables of a report: epochs, thresholds, mistakes, and figures by source, by length and by held-out group."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.model.metadata import Metadata
from training.evaluation.metrics import macro_recall
from training.evaluation.tables import Table, count, share
from training.progress import Epoch
from training.report.report_data import ReportData


def curve_table(history: Mapping[str, Sequence[Epoch]]) -> Table:
    """Figures of each epoch of each stage."""
    rows = [
        (stage, str(e.number), *map(_measured, (e.loss, e.validation_loss, e.macro_recall, e.accuracy)))
        for stage, epochs in history.items()
        for e in epochs
    ]
    headings = ("stage", "epoch", "loss", "validation loss", "validation macro recall", "validation accuracy")
    return Table("Epochs", headings, rows)


def _measured(value: float) -> str:
    return share(value) if np.isfinite(value) else "–"


def threshold_table(metadata: Metadata) -> Table:
    """From which probability on a label is how often right; without rows where no threshold was found."""
    rows = [
        (entry.label, f"{entry.precision_at_least:.0%}", share(entry.probability), f"{entry.coverage:.1%}")
        for entry in metadata.thresholds
    ]
    return Table(
        "Thresholds, from the validation part", ("label", "right at least", "probability", "of all rows"), rows
    )


MISTAKES = 20


def mistake_table(data: ReportData) -> Table:
    """The 20 most confident mistakes, the surest first. It quotes the data: whose terms may forbid to pass it on."""
    labels, confidence = data.metadata.labels, data.probabilities.max(1)
    wrong = np.flatnonzero(data.predicted != data.truth)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    rows = [
        (
            data.texts[row],
            labels[data.truth[row]],
            labels[data.predicted[row]],
            data.groups[row],
            share(float(confidence[row])),
        )
        for row in surest.tolist()
    ]
    headings = ("text", "truth", "predicted", "source", "probability")
    return Table("The most confident mistakes", headings, rows, words=4)


LONGEST = (8, 16, 24, 32)  # tokens, of all slices but the last


def source_table(data: ReportData) -> Table:
    """Figures by the source that a row is from, or by its group where the source tells some apart."""
    names, places = np.unique(np.array(data.groups, dtype=object), return_inverse=True)
    return _slice_table("By source", "source", [str(name) for name in names], places, data)


def length_table(data: ReportData) -> Table:
    """Figures by how many tokens a row has."""
    starts = (1, *(longest + 1 for longest in LONGEST))
    names = [f"{start} to {longest}" for start, longest in zip(starts[:-1], LONGEST, strict=True)]
    places = np.digitize(data.lengths, LONGEST, right=True)
    return _slice_table("By length", "tokens", [*names, f"{starts[-1]} or more"], places, data)


def held_out_table(data: ReportData) -> Table:
    """Figures by group of the rows that the recipe keeps out of every part; without rows where it keeps none.

    Beside them, where baselines were measured, the macro recall of the best of them on that group.
    """
    groups: dict[str, Any] = data.metadata.metrics.get("held_out", {})
    rows = [
        (name, share(group["macro_recall"]), *_best(name, data), share(group["accuracy"]), count(group["rows"]))
        for name, group in groups.items()
    ]
    heading = ("best baseline",) if any(row.groups for row in data.record.baselines) else ()
    return Table("Held out from training, by group", ("group", "macro recall", *heading, "accuracy", "rows"), rows)


def _best(group: str, data: ReportData) -> tuple[str, ...]:
    recalls = [(row.groups[group], row.name) for row in data.record.baselines if group in row.groups]
    return (f"{share(max(recalls)[0])} ({max(recalls)[1]})",) if recalls else ()


def _slice_table(
    title: str, heading: str, names: Sequence[str], places: npt.NDArray[np.int64], data: ReportData
) -> Table:
    rows = [(name, *_slice_cells(places == place, data)) for place, name in enumerate(names) if (places == place).any()]
    return Table(title, (heading, "macro recall", "accuracy", "classes", "rows"), rows)


def _slice_cells(chosen: npt.NDArray[np.bool_], data: ReportData) -> tuple[str, ...]:
    truth, predicted = data.truth[chosen], data.predicted[chosen]
    classes = f"{len(np.unique(truth))} of {len(data.metadata.labels)}"
    return share(macro_recall(truth, predicted)), share(float((truth == predicted).mean())), classes, count(len(truth))
