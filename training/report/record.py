"""Record of a training: what a report shows that cannot be computed again from the bundle and the data.

It stands in `report/history.json`: the epochs of each stage, and the figures of the baselines and of the network beside
them, whose times are of one machine. A figure that was not measured is null there and NaN here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isnan, nan
from pathlib import Path
from typing import Any, Final

from serving.model.bundle import REPORT
from training.errors import DataError
from training.evaluation.results import Row
from training.progress import Epoch

FILE: Final = "history.json"


@dataclass(frozen=True)
class TrainingRecord:
    """What is kept of a training.

    Args:
        epochs: The epochs of each stage, in order.
        baselines: Other models on the same test part, where they were measured.
        network: The network measured as they are.
    """

    epochs: Mapping[str, Sequence[Epoch]] = field(default_factory=dict)
    baselines: Sequence[Row] = ()
    network: Row | None = None

    @property
    def seconds(self) -> float:
        """What the epochs took, wall time; NaN where that is not known of one."""
        return sum(epoch.seconds for epochs in self.epochs.values() for epoch in epochs)

    @classmethod
    def read(cls, bundle: Path) -> "TrainingRecord":
        """That of a bundle; an empty one where it has none. Raises DataError where it cannot be read."""
        path = bundle / REPORT / FILE
        if not path.exists():
            return cls()
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            epochs = {stage: list(map(_epoch, epochs)) for stage, epochs in content["epochs"].items()}
            network = content["network"] and Row(**content["network"])
            return cls(epochs, [Row(**row) for row in content["baselines"]], network)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(f"{path}: is not the record of a training: {error}") from error

    def as_json(self) -> dict[str, Any]:
        """As plain dictionaries, lists and numbers."""
        return {
            "epochs": {stage: list(map(_epoch_as_json, epochs)) for stage, epochs in self.epochs.items()},
            "baselines": [asdict(row) for row in self.baselines],
            "network": self.network and asdict(self.network),
        }


def _epoch_as_json(epoch: Epoch) -> dict[str, float | None]:
    return {name: None if isnan(value) else value for name, value in asdict(epoch).items()}


def _epoch(content: dict[str, Any]) -> Epoch:
    return Epoch(**{name: nan if value is None else value for name, value in content.items()})
