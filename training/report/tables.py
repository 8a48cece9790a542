"""Tables of a report: epochs, thresholds, mistakes, and figures by source, length, kind, group and held-out group."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.model.metadata import Metadata
from serving.model.text_rules import HANDLE, NEGATIONS
from training.evaluation.baselines import reads_sentiment
from training.evaluation.light_baselines import opinion_words
from training.evaluation.metrics import macro_recall
from training.evaluation.tables import MIN_ROWS, Table, count, share
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


def coverage_table(metadata: Metadata) -> Table:
    """How often what has at least a probability is wrong; without rows where the metadata has no curve."""
    rows = [
        (f"{least:.0%}", share(point.min_probability), f"{point.coverage:.1%}", f"{point.risk:.1%}")
        for least, point in metadata.coverage_points().items()
    ]
    headings = ("certain at least", "MIN_PROBABILITY", "certain", "wrong of these")
    return Table("Values for MIN_PROBABILITY, from the validation part", headings, rows)


MISTAKES = 20


def mistake_table(data: ReportData) -> Table:
    """The 20 most confident mistakes, the surest first. It quotes the data: whose terms may forbid to pass it on."""
    labels, confidence = data.metadata.labels, data.probabilities.max(1)
    wrong = np.flatnonzero(data.predicted != data.truth)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    rows = [
        (
            _shown(data.rows[row]),
            labels[data.truth[row]],
            labels[data.predicted[row]],
            data.groups[row],
            share(float(confidence[row])),
        )
        for row in surest.tolist()
    ]
    headings = ("row", "truth", "predicted", "source", "probability")
    return Table("The most confident mistakes", headings, rows, words=4)


def _shown(row: Any) -> str:
    """A text, or fields with their values."""
    return row if isinstance(row, str) else ", ".join(f"{name}: {value}" for name, value in row.items())


LONGEST = (8, 16, 24, 32)  # tokens, of all slices but the last


def source_table(data: ReportData) -> Table:
    """Figures by the source that a row is from, or by its group where the source tells some apart."""
    names, places = np.unique(np.array(data.groups, dtype=object), return_inverse=True)
    return _slice_table("By source", "source", list(map(str, names)), [places == i for i in range(len(names))], data)


def length_table(data: ReportData) -> Table:
    """Figures by how many tokens a row has."""
    starts = (1, *(longest + 1 for longest in LONGEST))
    names = [f"{start} to {longest}" for start, longest in zip(starts[:-1], LONGEST, strict=True)]
    places = np.digitize(data.lengths, LONGEST, right=True)
    names = [*names, f"{starts[-1]} or more"]
    return _slice_table("By length", "tokens", names, [places == i for i in range(len(names))], data)


KINDS: Final = {
    "a link": re.compile(r"(?i)https?:|\bwww\."),
    "a handle": re.compile(HANDLE),
    "a hashtag": re.compile(r"(?<![\w#])#\w"),
    "an exclamation mark": re.compile("!"),
    "a question mark": re.compile(r"\?"),
    "a negation": re.compile(rf"(?i)\b(?:{'|'.join(sorted(NEGATIONS))}|\w+n['’]t)\b"),
}
MOST_OPINION_WORDS = 3  # that are counted: of more, few texts have many


def kind_table(data: ReportData) -> Table:
    """Figures by what a text has, and of sentiment by how many words it has of VADER's lexicon.

    A text is of several kinds, or of none. Without rows where the rows are no texts.
    """
    if not len(data.lengths):
        return _slice_table("By kind", "texts with", [], [], data)
    kinds = {name: np.array([bool(pattern.search(text)) for text in data.rows]) for name, pattern in KINDS.items()}
    if reads_sentiment(data.metadata.labels):
        words = np.minimum([opinion_words(text) for text in data.rows], MOST_OPINION_WORDS)
        names = ("no opinion word (of VADER's)", "one opinion word", "two opinion words", "three or more")
        kinds |= {name: words == number for number, name in enumerate(names)}
    return _slice_table("By kind", "texts with", list(kinds), list(kinds.values()), data)


MOST_RATES = 6  # labels whose shares are shown


def slices_table(metadata: Metadata) -> Table:
    """Accuracy, and of labels the share that is given them and that truly has them, by the values of some columns.

    Without rows where the recipe names no columns. Of two labels the second is shown: the first has what remains.
    """
    labels = metadata.labels[1:] if len(metadata.labels) == 2 else metadata.labels[:MOST_RATES]
    rows = [
        (name, value, share(figures["accuracy"]), *_rates(figures, labels), count(figures["rows"]))
        for name, values in _slices(metadata).items()
        for value, figures in values.items()
    ]
    rates = [heading for label in labels for heading in (f"given {label!r}", f"truly {label!r}")]
    return Table("By group", ("column", "value", "accuracy", *rates, "rows"), rows, words=2)


def slice_gaps(metadata: Metadata) -> list[str]:
    """A sentence on how far the values of each such column are apart, those with few rows left out."""
    sentences = []
    for name, values in _slices(metadata).items():
        measured = {value: figures for value, figures in values.items() if figures["rows"] >= MIN_ROWS}
        if len(measured) > 1:
            accuracy = _gap({value: figures["accuracy"] for value, figures in measured.items()})
            label = metadata.labels[-1]
            selected = _gap({value: figures["selected"][label] for value, figures in measured.items()})
            sentences.append(f"{name}: accuracy {accuracy}; given {label!r} (selection rate) {selected}.")
    return sentences


def _slices(metadata: Metadata) -> Mapping[str, Mapping[str, Any]]:
    slices: Mapping[str, Mapping[str, Any]] = metadata.metrics.get("slices", {})
    return slices


def _rates(figures: Mapping[str, Any], labels: Sequence[str]) -> list[str]:
    return [share(figures[kind][label]) for label in labels for kind in ("selected", "base_rate")]


def _gap(figures: Mapping[str, float]) -> str:
    low, high = min(figures, key=lambda value: figures[value]), max(figures, key=lambda value: figures[value])
    return f"from {share(figures[low])} ({low}) to {share(figures[high])} ({high})"


def held_out_table(data: ReportData) -> Table:
    """Figures by group of the rows that the recipe keeps out of every part; without rows where it keeps none.

    Beside them, where baselines were measured, the macro recall of the best of them on that group.
    """
    groups: dict[str, Any] = data.metadata.metrics.get("held_out", {})
    labels = _told_apart(data.metadata.labels) if all("recalls" in group for group in groups.values()) else []
    rows = [
        (
            name,
            share(group["macro_recall"]),
            *_best(name, data),
            *(_share_or_dash(group["recalls"][label]) for label in labels),
            share(group["accuracy"]),
            *([_calibration(group)] if labels else []),
            count(group["rows"]),
        )
        for name, group in groups.items()
    ]
    baseline = ("best baseline",) if any(row.groups for row in data.record.baselines) else ()
    calibration = ("calibration error, by chance",) if labels else ()
    headings = ("group", "macro recall", *baseline, *_recall_headings(labels), "accuracy", *calibration, "rows")
    return Table("Held out from training, by group", headings, rows)


def _best(group: str, data: ReportData) -> tuple[str, ...]:
    recalls = [(row.groups[group], row.name) for row in data.record.baselines if group in row.groups]
    return (f"{share(max(recalls)[0])} ({max(recalls)[1]})",) if recalls else ()


def _calibration(group: Mapping[str, Any]) -> str:
    error, chance = group["expected_calibration_error"], group["expected_calibration_error_by_chance"]
    return f"{share(error)}, {share(chance)}"


def _slice_table(
    title: str, heading: str, names: Sequence[str], members: Sequence[npt.NDArray[np.bool_]], data: ReportData
) -> Table:
    rows = [(name, *_slice_cells(rows, data)) for name, rows in zip(names, members, strict=True) if rows.any()]
    recalls = _recall_headings(_told_apart(data.metadata.labels)) or ("classes",)
    return Table(title, (heading, "macro recall", *recalls, "accuracy", "rows"), rows)


def _slice_cells(chosen: npt.NDArray[np.bool_], data: ReportData) -> tuple[str, ...]:
    truth, predicted, labels = data.truth[chosen], data.predicted[chosen], data.metadata.labels
    of_class = [truth == label for label in range(len(_told_apart(labels)))]
    recalls = [
        _share_or_dash(float((predicted[rows] == truth[rows]).mean()) if rows.any() else None) for rows in of_class
    ]
    recalls = recalls or [f"{len(np.unique(truth))} of {len(labels)}"]
    return share(macro_recall(truth, predicted)), *recalls, share(float((truth == predicted).mean())), count(len(truth))


def _told_apart(labels: Sequence[str]) -> Sequence[str]:
    """The labels, where they are few enough for a column each."""
    return labels if len(labels) <= MOST_RATES else []


def _recall_headings(labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"recall of {label!r}" for label in labels)


def _share_or_dash(value: float | None) -> str:
    """A share; a dash where there are no rows to have one of."""
    return "–" if value is None else share(value)
