"""What a report is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from serving.model.metadata import Metadata
from serving.model.predictor import Predictor
from training.evaluation.metrics import Figures, measure
from training.evaluation.results import Row
from training.progress import Epoch
from training.types import Labels, Probabilities


@dataclass(frozen=True)
class ReportData:
    """A bundle and what it answered on its test part.

    `history`: the epochs of each training stage, in order; a figure that was not measured is NaN. Of each test row:
    `truth`, a label index; `probabilities` (rows, classes), as served, so calibrated; its text; `groups`, the name of
    its source, or of its group there; `lengths`, its tokens. `baselines`: other models on the same test part, and
    `network`, the bundle measured as they are, where there are any. Raises ValueError when the rows do not go together.
    """

    metadata: Metadata
    history: Mapping[str, Sequence[Epoch]]
    truth: Labels
    probabilities: Probabilities
    texts: Sequence[str]
    groups: Sequence[str]
    lengths: npt.NDArray[np.int64]
    baselines: Sequence[Row] = ()
    network: Row | None = None

    def __post_init__(self) -> None:
        names = ("truth", "probabilities", "texts", "groups", "lengths")
        rows = {name: len(getattr(self, name)) for name in names}
        if len(set(rows.values())) > 1 or 0 in rows.values():
            raise ValueError(f"rows of the test part: {rows}; accepted: equally many, at least one")

    @classmethod
    def gather(
        cls,
        predictor: Predictor,
        metadata: Metadata,
        history: Mapping[str, Sequence[Epoch]],
        test: pd.DataFrame,
        baselines: Sequence[Row] = (),
        network: Row | None = None,
    ) -> "ReportData":
        """Ask the bundle's predictor. `test`: a frame with `text`, `label` (index) and `group`.

        `metadata` is that with the bundle's figures, which the predictor was loaded before. Tokens are counted without
        padding.
        """
        texts = test.text.tolist()
        answers = [[p.probabilities[name] for name in metadata.labels] for p in predictor.predict(texts)]
        pad = predictor.encoder.pad_id
        lengths = [int((item.ids != pad).sum()) for item in predictor.encoder.encode(texts)]
        return cls(
            metadata=metadata,
            history=history,
            truth=test.label.to_numpy(),
            probabilities=np.array(answers),
            texts=texts,
            groups=test.group.tolist(),
            lengths=np.array(lengths, dtype=np.int64),
            baselines=baselines,
            network=network,
        )

    @cached_property
    def found(self) -> Labels:
        """The predicted label indices (rows,)."""
        return np.asarray(self.probabilities.argmax(1))

    @cached_property
    def figures(self) -> Figures:
        """All figures of the test part."""
        return measure(self.metadata.labels, self.truth, self.probabilities, self.metadata.temperature)
