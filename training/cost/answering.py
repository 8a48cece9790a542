"""One model that answers alone: python -m training.cost.answering KIND FOLDER.

Reads rows as JSON from its input, and writes what `Answered` has to its output. Its memory is measured, so it imports
only what its model needs: nothing of Keras or pandas, and scikit-learn only where the model is of it.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from training.errors import DataError
from training.evaluation.light_baselines import MAJORITY, VADER, Majority, Vader

WARM_UP = 200  # rows, before anything is measured
TURNS = 3  # of all rows at once
ALONE = 1000  # rows at most that are asked one at a time
BASELINE = "baseline.json"  # what it is, and the rows that it learns from

Answer = Callable[[Sequence[Any]], Sequence[int]]  # rows to the places of their labels among the model's own


@dataclass(frozen=True, slots=True)
class Answered:
    """What one model answered, and what it took.

    Args:
        labels: Of each row, the place of its label among those of the model.
        per_second: Rows a second, asked for all at once; the median of three times.
        alone: Seconds for one row, asked for alone; the median.
        memory: The most bytes that the process held while it answered, Python and libraries included; None where the
            system does not tell (it is Linux that does).
    """

    labels: list[int]
    per_second: float
    alone: float
    memory: int | None


def main() -> None:
    """Answer on one core, where the system can hold a process to one."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    kind, folder, rows = sys.argv[1], Path(sys.argv[2]), json.load(sys.stdin)
    answer = reader(kind)(folder)
    forget_peak()
    sys.stdout.write(json.dumps(asdict(measured(answer, rows))))


def measured(answer: Answer, rows: Sequence[Any]) -> Answered:
    """Answer all rows at once, then some of them one at a time."""
    answer(rows[:WARM_UP])
    turns = []
    for _ in range(TURNS):
        start = time.perf_counter()
        labels = answer(rows)
        turns.append(time.perf_counter() - start)
    alone = []
    for row in rows[:ALONE]:
        start = time.perf_counter()
        answer([row])
        alone.append(time.perf_counter() - start)
    return Answered(list(map(int, labels)), len(rows) / median(turns), median(alone), peak_memory())


def forget_peak() -> None:
    """Have the peak begin at what is held now, so that what learning took is not in it (Linux: proc(5), clear_refs)."""
    gc.collect()
    with suppress(OSError):  # no such file elsewhere
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory() -> int | None:
    """The most bytes that this process has held since `forget_peak`; None where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    # Not getrusage's, which is that of the process that started this one where that held more.
    (line,) = (line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def reader(kind: str) -> Callable[[Path], Answer]:
    """What reads a model of a kind from a folder."""
    readers = {"baseline": read_baseline, "bundle": read_bundle, "teacher": read_teacher}
    if kind not in readers:
        raise DataError(f"KIND: found {kind!r}; accepted: {', '.join(readers)}")
    return readers[kind]


def read_baseline(folder: Path) -> Answer:
    """A baseline, which learns its rows first: reading back a stored one would run what is in its file."""
    told = json.loads((folder / BASELINE).read_text(encoding="utf-8"))
    baseline = _untrained(told)
    baseline.fit(told["rows"], np.array(told["targets"], dtype=np.int64))
    answer: Answer = baseline.predict
    return answer


def _untrained(told: dict[str, Any]) -> Any:
    if told["name"] == MAJORITY:
        return Majority()
    if told["name"] == VADER:
        return Vader(told["labels"])
    if "content" in told:
        from training.evaluation.field_baselines import field_baselines

        return field_baselines(told["content"], told["seed"], balanced=told["balanced"])[told["name"]]
    from training.evaluation.baselines import baselines
    from training.recipe.model import TokenizerConfig

    return baselines(TokenizerConfig(**told["tokenizer"]), told["labels"], told["seed"])[told["name"]]


def read_bundle(folder: Path) -> Answer:
    """A bundle, as the service reads it."""
    from serving.model.predictor import Predictor

    predictor = Predictor.load(folder)
    places = {label: place for place, label in enumerate(predictor.metadata.labels)}
    return lambda rows: [places[prediction.label] for prediction in predictor.predict(rows)]


def read_teacher(folder: Path) -> Answer:
    """A transformer in ONNX Runtime."""
    from training.teacher.onnx_session import OnnxTeacher

    teacher = OnnxTeacher(folder)
    return lambda rows: teacher.predict(rows).argmax(1).tolist()


if __name__ == "__main__":
    main()
