"""Every kind of model, each in a process of its own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serving.model.metadata import DataFile
from serving.model.predictor import Predictor
from serving.model.tokenizer import Encoder
from tests.bundles import LABELS, TEXTS, TINY
from tests.training.teacher.random_teacher import random_teacher
from training.cost.answering import peak_memory
from training.cost.measuring import Stored, answer, measure_costs
from training.data.dataset import Dataset
from training.data.teacher_file import TeacherInfo
from training.errors import DataError
from training.evaluation.evaluate import evaluate
from training.evaluation.metrics import macro_recall
from training.evaluation.results import Cost, disk_size
from training.progress import TrainingCallback
from training.recipe.recipe import Recipe
from training.teacher.finetuning import Teacher
from training.teacher.texts import encoder_text

TRUTH = [2, 0, 1, 2, 0, 1]
RECIPE = Recipe.model_validate({"name": "small", "tokenizer": {"model": "word"}})
FILE = DataFile(file="tweets.csv", rows=24, sha256="ab" * 32)
# Of other order than the data's; it learned from another file.
OTHER = TeacherInfo(labels=LABELS[::-1], name="other", data=[FILE.model_copy(update={"sha256": "cd" * 32})])


def frame(times: int) -> pd.DataFrame:
    columns = {"row": TEXTS * times, "label": TRUTH * times, "source": "a", "group": "a", "weight": 1.0}
    return pd.DataFrame(columns)


DATASET = Dataset(LABELS, frame(3), frame(1), frame(1), frame(0), files=[FILE])


class Notes(TrainingCallback):
    """What was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def on_note(self, sentence: str) -> None:
        self.notes.append(sentence)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> tuple[Teacher, Path]:
    """A teacher, and the folder that `finetune` would have written."""
    made, folder = random_teacher(tmp_path_factory.mktemp("encoder"), OTHER), tmp_path_factory.mktemp("teacher")
    made.write(folder)
    return made, folder


@pytest.fixture(scope="module")
def costs(teacher: tuple[Teacher, Path]) -> list[Cost]:
    return measure_costs(TINY, RECIPE, DATASET, TrainingCallback(), teacher[1])


def test_there_are_cheap_baselines_the_network_and_the_transformer_twice(costs: list[Cost]) -> None:
    assert [cost.name for cost in costs] == [
        "majority",
        "TF-IDF + logistic regression",
        "VADER",
        "tiny (network, served)",
        "other (transformer, float32)",
        "other (transformer, int8)",
    ]
    assert [cost.network for cost in costs] == [False, False, False, True, False, False]


def test_quality_is_that_of_the_test_part(costs: list[Cost], teacher: tuple[Teacher, Path]) -> None:
    by_name = {cost.name: cost for cost in costs}
    figures = evaluate(Predictor.load(TINY), TEXTS, np.array(TRUTH))
    assert by_name["tiny (network, served)"].macro_recall == figures.macro_recall
    assert by_name["majority"].macro_recall == pytest.approx(1 / 3)
    assert by_name["TF-IDF + logistic regression"].macro_recall == 1  # it has seen these texts
    encoder = Encoder(teacher[0].tokenizer)
    ids, _ = encoder.pad_batch(encoder.encode([encoder_text(text) for text in TEXTS]))
    answers = [LABELS.index(OTHER.labels[place]) for place in teacher[0].network.predict_on_batch(ids).argmax(1)]
    assert by_name["other (transformer, float32)"].macro_recall == macro_recall(np.array(TRUTH), np.array(answers))


def test_each_costs_something(costs: list[Cost]) -> None:
    assert min(min(cost.predictions_per_second, cost.alone, cost.bytes) for cost in costs) > 0
    sizes = {cost.name: cost.bytes for cost in costs}
    assert sizes["tiny (network, served)"] == disk_size(TINY)
    assert sizes["majority"] < 1000


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
def test_memory_is_of_a_process_with_one_model(costs: list[Cost]) -> None:
    memory = {cost.name: cost.memory or 0 for cost in costs}
    assert memory["majority"] > 8e6
    assert max(memory["majority"], memory["VADER"]) < memory["tiny (network, served)"]
    # This process, which started them, has imported TensorFlow.
    assert max(memory.values()) < (peak_memory() or 0)


def test_a_teacher_that_has_seen_the_test_part_is_refused_first(teacher: tuple[Teacher, Path], tmp_path: Path) -> None:
    seen = replace(teacher[0], info=OTHER.model_copy(update={"data": [FILE], "recipe": {"name": "other"}}))
    seen.write(tmp_path)
    notes = Notes()
    with pytest.raises(DataError, match=r"--teacher: other  has seen rows of other parts of the same files"):
        measure_costs(TINY, RECIPE, DATASET, notes, tmp_path)
    assert notes.notes == []


def test_a_teacher_of_other_labels_is_refused(teacher: tuple[Teacher, Path], tmp_path: Path) -> None:
    other = replace(teacher[0], info=OTHER.model_copy(update={"labels": ["a", "b", "c"]}))
    other.write(tmp_path)
    with pytest.raises(DataError, match=r"has labels \['a', 'b', 'c'\]; accepted: \['negative', 'neutral', "):
        measure_costs(TINY, RECIPE, DATASET, TrainingCallback(), tmp_path)


def test_a_baseline_that_cannot_learn_is_left_out() -> None:
    notes = Notes()
    few = DATASET.train.iloc[:3].assign(row=["rain", "sun", "train"])  # no word is there twice
    costs = measure_costs(TINY, RECIPE, replace(DATASET, train=few), notes)
    assert [cost.name for cost in costs] == ["majority", "VADER", "tiny (network, served)"]
    assert notes.notes[0].startswith("TF-IDF + logistic regression is left out: it cannot learn from these rows")


def test_a_model_that_cannot_answer_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone: cannot be measured: .*No such file"):
        answer(Stored("gone", "baseline", tmp_path, LABELS), TEXTS)
