"""Data of a report: a bundle, its training's record, and its answers on the test part."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from serving.model.metadata import Metadata
from serving.model.predictor import Predictor
from training.evaluation.evaluate import served_probabilities
from training.evaluation.metrics import Figures, measure
from training.report.record import TrainingRecord
from training.types import Labels, Probabilities


@dataclass(frozen=True)
class ReportData:
    """A bundle and what it answered on its test part.

    Args:
        metadata: The bundle's.
        record: What is kept of its training.
        truth: A label index for each test row.
        probabilities: (rows, classes), as served, so calibrated.
        texts: The rows' texts.
        groups: The name of each row's source, or of its group there.
        lengths: The tokens of each row, without padding.

    Raises:
        ValueError: The rows do not go together.
    """

    metadata: Metadata
    record: TrainingRecord
    truth: Labels
    probabilities: Probabilities
    texts: Sequence[str]
    groups: Sequence[str]
    lengths: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        names = ("truth", "probabilities", "texts", "groups", "lengths")
        rows = {name: len(getattr(self, name)) for name in names}
        if len(set(rows.values())) > 1 or 0 in rows.values():
            raise ValueError(f"rows of the test part: {rows}; accepted: equally many, at least one")

    @classmethod
    def gather(cls, predictor: Predictor, record: TrainingRecord, test: pd.DataFrame) -> "ReportData":
        """Ask a bundle for what a report shows of it.

        Args:
            predictor: The bundle, with its figures.
            record: What is kept of its training.
            test: A frame with `text`, `label` (index) and `group`.
        """
        texts, pad = test.text.tolist(), predictor.encoder.pad_id
        lengths = [int((item.ids != pad).sum()) for item in predictor.encoder.encode(texts)]
        return cls(
            metadata=predictor.metadata,
            record=record,
            truth=test.label.to_numpy(),
            probabilities=served_probabilities(predictor, texts),
            texts=texts,
            groups=test.group.tolist(),
            lengths=np.array(lengths, dtype=np.int64),
        )

    @cached_property
    def predicted(self) -> Labels:
        """The predicted label indices (rows,)."""
        return np.asarray(self.probabilities.argmax(1))

    @cached_property
    def figures(self) -> Figures:
        """All figures of the test part."""
        return measure(self.metadata.labels, self.truth, self.probabilities, self.metadata.temperature)
