"""Evaluation of a bundle on the served path: on labelled rows, and by the behaviour suite."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from serving.model.bundle import sha256
from serving.model.metadata import SENTIMENT, Metadata
from serving.model.predictor import Predictor
from training.data.cleaning import Counts, drop_ignored, drop_missing
from training.data.dataset import label_indices
from training.data.readers import read_table, texts
from training.data.sources import read_labels, source_of
from training.errors import DataError
from training.evaluation.baselines import reads_sentiment
from training.evaluation.behaviour import HALVES, FailureCount, Half, count_failures
from training.evaluation.metrics import Figures, measure
from training.recipe.data import DataConfig
from training.types import Labels, Probabilities


def served_probabilities(predictor: Predictor, texts: Sequence[str]) -> Probabilities:
    """What the service answers for these texts: (texts, classes), in the bundle's label order."""
    labels = predictor.metadata.labels
    return np.array([[p.probabilities[label] for label in labels] for p in predictor.predict(texts)])


def evaluate(predictor: Predictor, texts: Sequence[str], truth: Labels) -> Figures:
    """Predict `texts` as the service would and compare with `truth`, label indices (texts,)."""
    metadata = predictor.metadata
    return measure(metadata.labels, truth, served_probabilities(predictor, texts), metadata.temperature)


def evaluate_groups(predictor: Predictor, rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Group -> rows, macro recall, macro F1 and accuracy of a part's frame; classes that a group lacks do not count."""
    return {str(group): _overall(predictor, frame) for group, frame in rows.groupby("group")}


def evaluate_behaviour(predictor: Predictor) -> dict[Half, dict[str, FailureCount]]:
    """Half of the behaviour suite -> capability -> how many pairs the bundle fails.

    Raises:
        DataError: Its labels are not negative, neutral and positive.
    """
    labels = predictor.metadata.labels
    if not reads_sentiment(labels):
        raise DataError(f"the behaviour suite is of sentiment; found labels {labels}; accepted: {sorted(SENTIMENT)}")
    return {half: count_failures(partial(served_probabilities, predictor), labels, half) for half in HALVES}


def _overall(predictor: Predictor, rows: pd.DataFrame) -> dict[str, float]:
    figures = evaluate(predictor, rows.text.tolist(), rows.label.to_numpy())
    return {name: getattr(figures, name) for name in ("rows", "macro_recall", "macro_f1", "accuracy")}


def learned_from(path: Path, metadata: Metadata) -> bool:
    """Whether the file is one that the bundle, or a teacher, was made with: most of its rows were trained on."""
    training_files = [*metadata.data, *chain.from_iterable(metadata.teacher_data.values())]
    return path.is_file() and sha256(path) in {file.sha256 for file in training_files}


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """The rows of a file that a bundle can be measured on.

    Attributes:
        texts: One a row.
        truth: Label indices (rows,).
        dropped: Reason -> rows that were left out.
        notes: Sentences on what was decided about the file.
    """

    texts: list[str]
    truth: Labels
    dropped: Counts
    notes: list[str]


def read_labelled(
    path: Path,
    metadata: Metadata,
    *,
    text: str | None = None,
    label: str | None = None,
    encoding: str | None = None,
    header: str | None = None,
) -> LabelledRows:
    """Every row of a file that has a text and a label which the bundle's recipe does not ignore.

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
    try:
        # An adopted bundle has no recipe, but a label of its own may read like a missing value.
        data = DataConfig.from_bundle(metadata.recipe.get("data", {"labels": metadata.labels}))
    except ValidationError as error:
        raise DataError(
            f"metadata.json: its recipe does not tell how to read a file: {error.errors()[0]['msg']}"
        ) from error
    source = source_of(path, data)
    text_column, label = text or source.text or data.text, label or source.label or data.label
    encoding, header = encoding or source.encoding or data.encoding, header or source.header or data.header
    notes: list[str] = []
    table = read_table(path, encoding, quoted=data.quoted, header=header, notes=notes)
    labels = read_labels(table, label, path, data.rename)
    dropped: Counts = {}
    rows = pd.DataFrame({"text": texts(table, text_column, path, is_named=bool(text), notes=notes), "label": labels})
    rows = drop_missing(drop_ignored(rows, data.ignore, dropped), data, dropped)
    blank, unlabelled = rows.text.str.strip() == "", rows.label == ""
    dropped |= {"without a text": int(blank.sum()), "without a label": int((unlabelled & ~blank).sum())}
    rows = rows[~blank & ~unlabelled]
    dropped = {reason: count for reason, count in dropped.items() if count}
    if rows.empty:
        raise DataError(f"{path}: no row has a text and a label; accepted labels: {metadata.labels}", dropped)
    truth = label_indices(rows.label, metadata.labels, f"{path}, column {label!r}")
    return LabelledRows(rows.text.tolist(), truth, dropped, notes)
