"""Evaluation of a bundle on the served path: on labelled rows, and by the behaviour suite."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from serving.model.bundle import sha256
from serving.model.metadata import SENTIMENT, Metadata, Row
from serving.model.predictor import Predictor
from training.data.cleaning import Counts, drop_ignored, drop_missing
from training.data.dataset import label_indices
from training.data.readers import read_table
from training.data.rows import FieldsReader, RowReader, TextReader
from training.data.sources import read_labels, source_of
from training.errors import DataError
from training.evaluation.baselines import reads_sentiment
from training.evaluation.behaviour import HALVES, FailureCount, Half, count_failures
from training.evaluation.metrics import Figures, measure
from training.recipe.data import DataConfig
from training.recipe.fields import FieldConfig
from training.types import Labels, Probabilities

MIN_SLICE = 10  # rows of a value that is shown: a figure of fewer says little, and may show a row of the data
OTHERS = "others"
OVERALL = (
    "rows",
    "macro_recall",
    "macro_f1",
    "accuracy",
    "expected_calibration_error",
    "expected_calibration_error_by_chance",
)


def served_probabilities(predictor: Predictor, rows: Sequence[Row]) -> Probabilities:
    """What the service answers for these texts or fields: (rows, classes), in the bundle's label order."""
    labels = predictor.metadata.labels
    return np.array([[p.probabilities[label] for label in labels] for p in predictor.predict(rows)])


def evaluate(predictor: Predictor, rows: Sequence[Row], truth: Labels) -> Figures:
    """Predict `rows` as the service would and compare with `truth`, label indices (rows,)."""
    metadata = predictor.metadata
    return measure(metadata.labels, truth, served_probabilities(predictor, rows), metadata.temperature)


def evaluate_groups(predictor: Predictor, rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Group -> figures of its rows in a part's frame: those of `OVERALL`, and `recalls` by label.

    Classes that a group lacks do not count in its macro recall, and have the recall None.
    """
    return {str(group): _overall(predictor, frame) for group, frame in rows.groupby("group")}


def evaluate_slices(predictor: Predictor, rows: pd.DataFrame, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Column -> its value -> how the rows of it are answered, of a part's frame; values with few rows are one.

    Of each there are `rows`; `accuracy`; `selected`, by label the share that is given it (the selection rate); and
    `base_rate`, by label the share that truly has it. Barocas, Hardt and Narayanan 2023, Fairness and Machine Learning
    (https://fairmlbook.org), chapter 3.

    Args:
        predictor: The bundle.
        rows: With `row`, `label` (index) and `slices`: of each row its values of the columns.
        names: Of the columns.
    """
    labels, truth = predictor.metadata.labels, rows.label.to_numpy()
    predicted = served_probabilities(predictor, rows.row.tolist()).argmax(1)
    slices: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(names):
        values = rows.slices.str[place].replace("", "–")
        few = values.map(values.value_counts()) < MIN_SLICE
        members = rows.groupby(values.mask(few, OTHERS)).indices
        slices[name] = {str(value): _slice(labels, truth[at], predicted[at]) for value, at in members.items()}
    return slices


def _slice(labels: Sequence[str], truth: Labels, predicted: Labels) -> dict[str, Any]:
    return {
        "rows": len(truth),
        "accuracy": float((truth == predicted).mean()),
        "selected": {label: float((predicted == index).mean()) for index, label in enumerate(labels)},
        "base_rate": {label: float((truth == index).mean()) for index, label in enumerate(labels)},
    }


def evaluate_behaviour(predictor: Predictor) -> dict[Half, dict[str, FailureCount]]:
    """Half of the behaviour suite -> capability -> how many pairs the bundle fails.

    Raises:
        DataError: It reads no texts, or its labels are not negative, neutral and positive.
    """
    labels = predictor.metadata.labels
    if predictor.fields or not reads_sentiment(labels):
        raise DataError(
            f"the behaviour suite is of texts' sentiment; found labels {labels}; accepted: {sorted(SENTIMENT)}"
        )
    return {half: count_failures(partial(served_probabilities, predictor), labels, half) for half in HALVES}


def _overall(predictor: Predictor, rows: pd.DataFrame) -> dict[str, Any]:
    figures = evaluate(predictor, rows.row.tolist(), rows.label.to_numpy())
    recalls = {label: of_class.recall if of_class.rows else None for label, of_class in figures.classes.items()}
    return {**{name: getattr(figures, name) for name in OVERALL}, "recalls": recalls}


def learned_from(path: Path, metadata: Metadata) -> bool:
    """Whether the file is one that the bundle, or a teacher, was made with: most of its rows were trained on."""
    training_files = [*metadata.data, *chain.from_iterable(metadata.teacher_data.values())]
    return path.is_file() and sha256(path) in {file.sha256 for file in training_files}


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """The rows of a file that a bundle can be measured on.

    Attributes:
        rows: Texts, or fields.
        truth: Label indices (rows,).
        dropped: Reason -> rows that were left out.
        notes: Sentences on what was decided about the file.
    """

    rows: list[Row]
    truth: Labels
    dropped: Counts
    notes: list[str]

    @property
    def remarks(self) -> list[str]:
        """The notes, and a sentence on the rows that were left out."""
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in self.dropped.items())
        total = sum(self.dropped.values())
        return [*self.notes, f"{total:,} rows are left out ({reasons})"] if total else self.notes


def read_labelled(
    path: Path,
    metadata: Metadata,
    *,
    text: str | None = None,
    label: str | None = None,
    encoding: str | None = None,
    header: str | None = None,
) -> LabelledRows:
    """Every row of a file that has something to read and a label which the bundle's recipe does not ignore.

    Args:
        path: The file.
        metadata: The bundle's.
        text: The file's column of texts; None: as the bundle's recipe says, as for what follows.
        label: Its column of labels.
        encoding: Its encoding.
        header: Whether its first row holds names: auto, true or false.

    Raises:
        DataError: The file cannot be used.
    """
    data, reader = _how_read(metadata, is_named=bool(text))
    source = source_of(path, data)
    label = label or source.label or data.label
    source = source.model_copy(update={"text": text or source.text, "append": None, "emoticons": "keep"})
    encoding, header = encoding or source.encoding or data.encoding, header or source.header or data.header
    notes: list[str] = []
    table = read_table(
        path, encoding, quoted=data.quoted, header=header, names=reader.columns, label=label, notes=notes
    )
    dropped: Counts = {}
    labels = read_labels(table, label, path, data.rename)
    rows = pd.DataFrame({"row": reader.read(table, path, source, notes, strict=False), "label": labels})
    rows = drop_missing(drop_ignored(rows, data.ignore, dropped), data, dropped)
    dropped["with a field that is not accepted"] = int(rows.row.isna().sum())
    rows = rows[rows.row.notna()]
    blank, unlabelled = rows.row.map(reader.is_blank), rows.label == ""
    dropped |= {f"without {reader.noun}": int(blank.sum()), "without a label": int((unlabelled & ~blank).sum())}
    rows = rows[~blank & ~unlabelled]
    dropped = {reason: count for reason, count in dropped.items() if count}
    if rows.empty:
        raise DataError(f"{path}: no row has {reader.noun} and a label; accepted labels: {metadata.labels}", dropped)
    truth = label_indices(rows.label, metadata.labels, f"{path}, column {label!r}")
    return LabelledRows(rows.row.tolist(), truth, dropped, notes)


def _how_read(metadata: Metadata, *, is_named: bool) -> tuple[DataConfig, RowReader]:
    """How the bundle's recipe reads a file."""
    try:
        # An adopted bundle has no recipe, but a label of its own may read like a missing value.
        data = DataConfig.from_bundle(metadata.recipe.get("data", {"labels": metadata.labels}))
        fields = [FieldConfig.from_bundle(field) for field in metadata.recipe.get("fields", [])]
    except ValidationError as error:
        raise DataError(
            f"metadata.json: its recipe does not tell how to read a file: {error.errors()[0]['msg']}"
        ) from error
    return data, FieldsReader(fields, data.missing) if fields else TextReader(data, is_named=is_named)
