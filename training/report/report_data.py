"""Data of a report: the record of a training, and a bundle's answers on the test part."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from math import isnan, nan
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from serving.model.bundle import REPORT
from serving.model.metadata import Metadata
from serving.model.predictor import Predictor, text_input
from training.errors import DataError
from training.evaluation.behaviour import FailureCount
from training.evaluation.evaluate import served_probabilities
from training.evaluation.metrics import Figures, measure
from training.evaluation.results import Cost, Row
from training.progress import Epoch
from training.types import Labels, Probabilities

RECORD: Final = "history.json"


@dataclass(frozen=True)
class TrainingRecord:
    """What a report shows of a training that cannot be computed again from the bundle and the data.

    It stands in `report/history.json`: the epochs of each stage, and the figures of the baselines and of the network
    beside them, whose times are of one machine. A figure that was not measured is null there and NaN here.

    Args:
        epochs: The epochs of each stage, in order.
        baselines: Other models on the same test part, where they were measured.
        network: The network measured as they are.
        costs: Quality and cost of models beside each other, where they were measured.
    """

    epochs: Mapping[str, Sequence[Epoch]] = field(default_factory=dict)
    baselines: Sequence[Row] = ()
    network: Row | None = None
    costs: Sequence[Cost] = ()

    @property
    def seconds(self) -> float:
        """What the epochs took, wall time; NaN where that is not known of one."""
        return sum(epoch.seconds for epochs in self.epochs.values() for epoch in epochs)

    @classmethod
    def read(cls, bundle: Path) -> "TrainingRecord":
        """That of a bundle; an empty one where it has none. Raises DataError where it cannot be read."""
        path = bundle / REPORT / RECORD
        if not path.exists():
            return cls()
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            epochs = {stage: list(map(_epoch, epochs)) for stage, epochs in content["epochs"].items()}
            network = content["network"] and Row(**content["network"])
            costs = [Cost(**cost) for cost in content.get("costs", [])]
            return cls(epochs, [Row(**row) for row in content["baselines"]], network, costs)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(f"{path}: is not the record of a training: {error}") from error

    def as_json(self) -> dict[str, Any]:
        """As plain dictionaries, lists and numbers."""
        return {
            "epochs": {stage: list(map(_epoch_as_json, epochs)) for stage, epochs in self.epochs.items()},
            "baselines": [asdict(row) for row in self.baselines],
            "network": self.network and asdict(self.network),
            "costs": [asdict(cost) for cost in self.costs],
        }


def _epoch_as_json(epoch: Epoch) -> dict[str, float | None]:
    return {name: None if isnan(value) else value for name, value in asdict(epoch).items()}


def _epoch(content: dict[str, Any]) -> Epoch:
    figures: dict[str, Any] = {name: nan if value is None else value for name, value in content.items()}
    return Epoch(**figures)


def measured_behaviour(metadata: Metadata) -> dict[str, FailureCount]:
    """Capability -> failures on the measuring half of the behaviour suite; empty where a bundle was not asked."""
    halves: Mapping[str, Any] = metadata.metrics.get("behaviour", {})
    return {capability: FailureCount(**count) for capability, count in halves.get("measuring", {}).items()}


@dataclass(frozen=True)
class ReportData:
    """A bundle and what it answered on its test part.

    Args:
        metadata: The bundle's.
        record: What is kept of its training.
        truth: A label index for each test row.
        probabilities: (rows, classes), as served, so calibrated.
        rows: The rows' texts, or their fields.
        groups: The name of each row's source, or of its group there.
        lengths: The tokens of each row, without padding; of fields none.
    """

    metadata: Metadata
    record: TrainingRecord
    truth: Labels
    probabilities: Probabilities
    rows: Sequence[Any]
    groups: Sequence[str]
    lengths: npt.NDArray[np.int64]

    @classmethod
    def gather(cls, predictor: Predictor, record: TrainingRecord, test: pd.DataFrame) -> "ReportData":
        """Ask a bundle for what a report shows of it.

        Args:
            predictor: The bundle, with its figures.
            record: What is kept of its training.
            test: A frame with `row`, `label` (index) and `group`.
        """
        rows = test.row.tolist()
        return cls(
            metadata=predictor.metadata,
            record=record,
            truth=test.label.to_numpy(),
            probabilities=served_probabilities(predictor, rows),
            rows=rows,
            groups=test.group.tolist(),
            lengths=_lengths(predictor, rows),
        )

    @cached_property
    def predicted(self) -> Labels:
        """The predicted label indices (rows,)."""
        return np.asarray(self.probabilities.argmax(1))

    @cached_property
    def figures(self) -> Figures:
        """All figures of the test part."""
        return measure(self.metadata.labels, self.truth, self.probabilities, self.metadata.temperature)


def _lengths(predictor: Predictor, rows: Sequence[Any]) -> npt.NDArray[np.int64]:
    if predictor.fields:
        return np.zeros(0, np.int64)
    encoder = text_input(predictor).encoder
    return np.array([(item.ids != encoder.pad_id).sum() for item in encoder.encode(rows)], np.int64)
