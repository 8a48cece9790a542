"""Tasks for Label Studio: the texts of a file that the model is least certain of, and some at random.

How tasks with predictions are written: https://labelstud.io/guide/predictions

What is kept does not depend on the order of the rows, nor on how many threads predict. The random ones are those of
the lowest hashes (bottom-k sampling: Cohen and Kaplan 2007, "Summarizing Data Using Bottom-k Sketches"), so that equal
texts count once, though it is not remembered which texts there were.
"""

import heapq
import json
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

from serving.errors import RowsError
from serving.model.types import Prediction, rounded
from serving.tables.added_columns import AddedColumns
from serving.tables.base import ScoredRows, Writer
from serving.tables.formats import Table
from serving.tables.inputs.text import TextExtractor

# The names in the labelling interface: of the text, which is also its key in a task, and of the choices.
TEXT, CHOICES = "text", "label"
BLIND = 10  # one task of so many is a random one without a prediction, so that nobody is led


def labelling_interface(labels: Sequence[str]) -> str:
    """The XML of the labelling interface that the tasks are made for (https://labelstud.io/tags/choices).

    Args:
        labels: of the model.
    """
    choices = "\n".join(f"    <Choice value={quoteattr(label)}/>" for label in labels)
    return f"""\
<View>
  <Text name="{TEXT}" value="${TEXT}"/>
  <Choices name="{CHOICES}" toName="{TEXT}" choice="single" required="true" showInline="true">
{choices}
  </Choices>
</View>"""


class Candidate(NamedTuple):
    """A text that may become a task.

    Attributes:
        text: as it was read.
        label: the predicted one.
        probability: of that.
        draw: a random number that is always the same for this text and model.
    """

    text: str
    label: str
    probability: float
    draw: int


class LowestRanks:
    """The candidates of the lowest ranks among those that were offered, each text once.

    Args:
        size: so many at most.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._texts: set[str] = set()
        self._heap: list[tuple[float, int, Candidate]] = []  # with what is to go first on top: ranks are negated

    def offer(self, rank: float, candidate: Candidate) -> Candidate | None:
        """Keep a candidate unless its text is kept already. Returns the one that has to go for it, or itself."""
        if candidate.text in self._texts:
            return None
        self._texts.add(candidate.text)
        entry = -rank, -candidate.draw, candidate
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, entry)
            return None
        *_, leaving = heapq.heappushpop(self._heap, entry)
        self._texts.remove(leaving.text)
        return leaving

    def __iter__(self) -> Iterator[Candidate]:
        """Those that are kept, by rising rank."""
        return (candidate for *_, candidate in sorted(self._heap, reverse=True))


class TaskWriter(Writer):
    """A JSON file of tasks, made when all rows have been seen; up to then only so many are in memory.

    Args:
        table: of the rows.
        added: the columns that would be added.
        count: of tasks, at most.
        model_version: of the model that predicts.

    Raises:
        RowsError: the model reads no texts.
    """

    def __init__(self, table: Table, added: AddedColumns, count: int, model_version: str) -> None:
        super().__init__(table.reader, added, table.reader.output_encoding)
        if not isinstance(table.extract, TextExtractor):
            raise RowsError("this model reads fields, and tasks are of texts; accepted: a model of texts")
        self._extract, self._version = table.extract, model_version
        self._least_certain, self._others = LowestRanks(count - count // BLIND), LowestRanks(count // BLIND)
        self._lock = Lock()

    def header(self) -> bytes:
        """Nothing."""
        return b""

    def page(self, rows: ScoredRows) -> bytes:
        """Nothing; the rows are looked through. May be called by several threads at once."""
        candidates = [
            self._candidate(self._extract(row)[0], result.prediction) for row, result in rows if result.prediction
        ]
        with self._lock:
            for candidate in candidates:
                surer = self._least_certain.offer(candidate.probability, candidate)
                if surer:
                    self._others.offer(0, surer)
        return b""

    def finish(self, pages: Path) -> Path:
        """Write the tasks."""
        pages.write_text(json.dumps(self.tasks(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        return pages

    def tasks(self) -> list[dict[str, Any]]:
        """The least certain first; in each tenth place one of the others, in random order and without a prediction."""
        least_certain, others = list(self._least_certain), list(self._others)
        total = len(least_certain) + len(others)
        predicted = least_certain[: total - total // BLIND]
        # Where the file has few texts, the surest are all that there is to draw from.
        blind = sorted([*others, *least_certain[len(predicted) :]], key=lambda candidate: candidate.draw)
        predicted_tasks, blind_tasks = map(self._predicted_task, predicted), map(_task, blind)
        return [next(predicted_tasks if number % BLIND else blind_tasks) for number in range(1, total + 1)]

    def _candidate(self, text: str, prediction: Prediction) -> Candidate:
        # The version is in it, so that the next model's random tasks are not the same ones again.
        digest = blake2b(f"{self._version} {text}".encode(), digest_size=8).digest()
        return Candidate(text, prediction.label, rounded(prediction.probability), int.from_bytes(digest))

    def _predicted_task(self, candidate: Candidate) -> dict[str, Any]:
        choice = {"from_name": CHOICES, "to_name": TEXT, "type": "choices", "value": {"choices": [candidate.label]}}
        prediction = {"model_version": self._version, "score": candidate.probability, "result": [choice]}
        return _task(candidate) | {"predictions": [prediction]}


def _task(candidate: Candidate) -> dict[str, Any]:
    # PostgreSQL's jsonb, where Label Studio may keep tasks, refuses NUL, and with it the whole import.
    return {"data": {TEXT: candidate.text.replace("\0", "\N{REPLACEMENT CHARACTER}")}}
