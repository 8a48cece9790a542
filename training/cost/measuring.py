"""Quality and cost of models beside each other, on one test part and in one run."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from serving.model.bundle import Bundle
from training.cost.answering import BASELINE, Answered
from training.data.dataset import Dataset
from training.errors import DataError
from training.evaluation.baselines import TFIDF, size
from training.evaluation.field_baselines import LOGISTIC
from training.evaluation.leakage import check_no_test_leakage
from training.evaluation.light_baselines import MAJORITY, VADER
from training.evaluation.metrics import macro_recall
from training.evaluation.results import Cost, baseline_inputs, candidates, disk_size, network_name, of_last_stage
from training.progress import TrainingCallback
from training.recipe.recipe import Recipe

CHEAP = (MAJORITY, VADER, TFIDF, LOGISTIC)  # baselines that somebody would serve for their cost
ROOT = Path(__file__).resolve().parents[2]
# Libraries read these as they start; where a process cannot be held to one core, they still keep it to one thread.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True, slots=True)
class Stored:
    """A model in a folder that holds what it needs to answer, and nothing else that counts.

    Args:
        name: Of its row.
        kind: What reads it.
        folder: Its folder.
        labels: In its own order.
        bytes: What it takes to store; None: all files of the folder.
        network: Whether it is the network that the others are measured beside.
    """

    name: str
    kind: Literal["baseline", "bundle", "teacher"]
    folder: Path
    labels: Sequence[str]
    bytes: int | None = None
    network: bool = False


def measure_costs(
    bundle: Path, recipe: Recipe, dataset: Dataset, callback: TrainingCallback, teacher: Path | None = None
) -> list[Cost]:
    """Quality, speed, memory and size of a bundle, of some baselines, and of a transformer.

    Each answers the test part in a process of its own, one after the other, on one core of this machine: compare the
    figures with each other only.

    Args:
        bundle: The bundle's folder.
        recipe: Its recipe.
        dataset: The rows that it was trained on, split as they were.
        callback: Is told of each model.
        teacher: What `finetune` wrote, or None.

    Raises:
        DataError: The teacher has seen rows of the test part or has other labels, or a model cannot answer.
    """
    with TemporaryDirectory() as work:
        # A teacher that cannot be measured is told of before the others take their time.
        teachers = list(_teachers(teacher, recipe, dataset, Path(work))) if teacher else []
        metadata = Bundle.read(bundle).metadata
        network = Stored(network_name(metadata), "bundle", bundle, metadata.labels, network=True)
        models = [*_baselines(recipe, dataset, callback, Path(work)), network, *teachers]
        return [_cost(model, dataset, callback) for model in models]


def _baselines(recipe: Recipe, dataset: Dataset, callback: TrainingCallback, work: Path) -> Iterator[Stored]:
    dataset = of_last_stage(recipe, dataset)
    rows, targets = dataset.train.row.tolist(), dataset.train.label.to_numpy()
    for name, baseline in candidates(recipe, dataset).items():
        if name in CHEAP:
            try:
                baseline.fit(rows, targets)
            except ValueError as error:  # as where no word is there twice
                callback.on_note(f"{name} is left out: it cannot learn from these rows: {error}")
                continue
            folder = work / name
            folder.mkdir()
            told = {
                "name": name,
                "labels": dataset.labels,
                "seed": recipe.seed,
                "rows": rows,
                "targets": targets.tolist(),
            }
            told |= baseline_inputs(recipe, dataset)
            (folder / BASELINE).write_text(json.dumps(told), encoding="utf-8")
            yield Stored(name, "baseline", folder, dataset.labels, size(baseline))


def _teachers(folder: Path, recipe: Recipe, dataset: Dataset, work: Path) -> Iterator[Stored]:
    """The teacher with weights of 32 bits, and of 8."""
    # Here, as they import Keras, and a report without a teacher needs none.
    from training.teacher.finetuning import Teacher
    from training.teacher.onnx_graph import write_teacher

    teacher = Teacher.read(folder)
    info = teacher.info
    if set(info.labels) != set(dataset.labels):
        raise DataError(f"--teacher: {folder} has labels {info.labels}; accepted: {dataset.labels}, those of the data")
    files = [(file.file, file.sha256) for file in dataset.files]
    check_no_test_leakage(info, recipe, files, dataset.sizes(), "--teacher")
    for kind in ("float32", "int8"):
        write_teacher(teacher, work / kind, int8=kind == "int8")
        yield Stored(f"{info.name} (transformer, {kind})", "teacher", work / kind, info.labels)


def _cost(model: Stored, dataset: Dataset, callback: TrainingCallback) -> Cost:
    callback.on_note(f"Measured alone on one core: {model.name}")
    answered = answer(model, dataset.test.row.tolist())
    indices = np.array([dataset.labels.index(label) for label in model.labels], dtype=np.int64)
    return Cost(
        name=model.name,
        macro_recall=macro_recall(dataset.test.label.to_numpy(), indices[answered.labels]),
        predictions_per_second=answered.per_second,
        alone=answered.alone,
        memory=answered.memory,
        bytes=disk_size(model.folder) if model.bytes is None else model.bytes,
        network=model.network,
    )


def answer(model: Stored, rows: Sequence[object]) -> Answered:
    """What a model answers in a process of its own. Raises DataError where it fails, with that process's last words."""
    command = [sys.executable, "-m", "training.cost.answering", model.kind, str(model.folder.resolve())]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | ONE_THREAD, input=json.dumps(rows), capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        last = (done.stderr.strip() or f"ended with status {done.returncode}").splitlines()[-1]
        raise DataError(f"{model.name}: cannot be measured: {last}")
    return Answered(**json.loads(done.stdout))
