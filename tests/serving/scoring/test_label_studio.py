"""Tasks for Label Studio."""

import csv
import json
import random
import tracemalloc
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.__main__ import app
from serving.errors import FileError
from serving.model.predictor import Predictor
from serving.model.types import Prediction
from serving.scoring.label_studio import Candidate, LowestRanks, labelling_interface
from serving.scoring.score import ScoreOptions, score
from tests.serving.fakes import FakePredictor
from tests.serving.scoring.folders import fill

pytestmark = pytest.mark.usefixtures("interpreter_as_before")


class Unsure(FakePredictor):
    """Is as sure of a number as that is great."""

    def __init__(self, version: str = "0123456789ab") -> None:
        super().__init__()
        self.metadata = self.metadata.model_copy(update={"model_version": version})

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        sure = [0.4 + int(text.split()[-1]) / 100_000 for text in texts]
        return [Prediction("neutral", p, {"negative": 1 - p, "neutral": p}) for p in sure]


def texts(numbers: Sequence[int]) -> list[str]:
    return [f"number {number}" for number in numbers]


def tasks(
    folder: Path, rows: Sequence[str], count: int, predictor: FakePredictor | None = None, threads: int = 2
) -> list[dict[str, Any]]:
    with (folder / "in.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "text"], *enumerate(rows)])
    score(predictor or Unsure(), folder / "in.csv", folder / "tasks.json", ScoreOptions(threads=threads, tasks=count))
    content: list[dict[str, Any]] = json.loads((folder / "tasks.json").read_text("utf-8"))
    return content


def texts_of(tasks: Sequence[dict[str, Any]], *, predicted: bool) -> list[str]:
    return [task["data"]["text"] for task in tasks if ("predictions" in task) is predicted]


def test_the_least_certain_come_first_with_what_the_model_says(tmp_path: Path) -> None:
    made = tasks(tmp_path, texts(random.Random(1).sample(range(10_000), 10_000)), 100)
    assert texts_of(made, predicted=True) == texts(range(90))
    assert made[0] == {
        "data": {"text": "number 0"},
        "predictions": [
            {
                "model_version": "0123456789ab",
                "score": 0.4,
                "result": [
                    {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["neutral"]}}
                ],
            }
        ],
    }


def test_each_tenth_is_one_of_the_others_without_a_prediction(tmp_path: Path) -> None:
    made = tasks(tmp_path, texts(range(10_000)), 1000)
    assert [place for place, task in enumerate(made, start=1) if "predictions" not in task] == [*range(10, 1001, 10)]
    drawn = [int(text.split()[1]) for text in texts_of(made, predicted=False)]
    assert min(drawn) >= 900
    assert drawn != sorted(drawn)
    # In each third of the others about as many: of 100 draws, 33 and at most four standard deviations (4.7) more.
    thirds = Counter((number - 900) * 3 // 9100 for number in drawn)
    assert all(14 <= thirds[third] <= 52 for third in range(3)), thirds


def test_a_run_can_be_repeated_and_the_next_model_has_others(tmp_path: Path) -> None:
    rows = texts(range(9000))
    first = tasks(tmp_path, rows, 200)
    assert tasks(tmp_path, rows[::-1], 200, threads=1) == first, "in any order, by any number of threads"
    other = tasks(tmp_path, rows, 200, Unsure("ba9876543210"))
    assert texts_of(other, predicted=True) == texts_of(first, predicted=True)
    assert len({*texts_of(other, predicted=False)} & {*texts_of(first, predicted=False)}) < 10


def test_equal_texts_are_one_task(tmp_path: Path) -> None:
    made = tasks(tmp_path, texts(range(300)) * 40, 100)
    assert made == tasks(tmp_path, texts(range(300)), 100)
    assert len({task["data"]["text"] for task in made}) == 100


@pytest.mark.parametrize(("rows", "count", "blind"), [(30, 500, 3), (97, 100, 9), (9, 500, 0), (100, 5, 0), (1, 1, 0)])
def test_of_few_texts_a_tenth_is_without_a_prediction_too(tmp_path: Path, rows: int, count: int, blind: int) -> None:
    made = tasks(tmp_path, texts(range(rows)), count)
    assert {task["data"]["text"] for task in made} <= {*texts(range(rows))}
    assert len(made) == min(rows, count)
    assert len(texts_of(made, predicted=False)) == blind
    assert texts_of(made, predicted=True) == texts(range(len(made) - blind))


def test_rows_that_cannot_be_predicted_are_no_tasks(tmp_path: Path) -> None:
    assert texts_of(tasks(tmp_path, ["number 1", "", "  ", "number 0"], 10), predicted=True) == texts([0, 1])


def test_a_text_with_nul_can_be_imported(tmp_path: Path) -> None:
    assert texts_of(tasks(tmp_path, ["\0 0"], 1), predicted=True) == ["\ufffd 0"]


def test_memory_does_not_grow_with_the_file() -> None:
    kept = LowestRanks(100)
    tracemalloc.start()
    try:
        for number in range(100_000, 0, -1):
            kept.offer(number, Candidate(f"{number:0100}", "neutral", 0.5, number))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [candidate.draw for candidate in kept] == [*range(1, 101)]
    assert peak < 200_000, "all texts together have ten millions"


def test_a_model_of_fields_is_refused(form_predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("age,workclass,hours-per-week,sex\n38,Private,40,Male\n", "utf-8")
    with pytest.raises(FileError, match="this model reads fields, and tasks are of texts"):
        score(form_predictor, tmp_path / "in.csv", tmp_path / "tasks.json", ScoreOptions(tasks=10))
    assert not (tmp_path / "tasks.json").exists()


def test_the_interface_names_what_the_tasks_name() -> None:
    view = ET.fromstring(labelling_interface(["so & so", '"good"', "<bad>"]))
    text, choices = view
    assert (text.tag, text.attrib) == ("Text", {"name": "text", "value": "$text"})
    assert (choices.tag, choices.get("name"), choices.get("toName")) == ("Choices", "label", "text")
    assert choices.get("choice") == "single"
    assert [choice.get("value") for choice in choices] == ["so & so", '"good"', "<bad>"]


def run(bundle: Path, *options: str | Path) -> Any:
    return CliRunner().invoke(app, ["score", *map(str, options), "--bundle", str(bundle)])


def test_the_command(pristine_bundle: Path, tmp_path: Path) -> None:
    fill(tmp_path, "in.csv")
    options = ["--to", "label-studio", "--order", "uncertain", "--most", "1"]
    result = run(pristine_bundle, tmp_path / "in.csv", "--output", tmp_path / "tasks.json", *options)
    assert result.exit_code == 0, result.output
    assert f"2 rows read, and at most 1 of their texts written to {tmp_path / 'tasks.json'}" in result.stderr
    assert '<Choices name="label" toName="text"' in result.stderr
    assert len(json.loads((tmp_path / "tasks.json").read_text("utf-8"))) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "tasks.json"]


TO = ["--to", "label-studio"]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["in.csv", "--output", "o.csv", "--order", "uncertain"], "--order and --most go with --to label-studio"),
        (["in.csv", "--output", "o.csv", "--most", "5"], "--order and --most go with --to label-studio"),
        (["in.csv", "--output", "o.json", "--to", "doccano"], "--to is 'doccano'; accepted: label-studio"),
        (["in.csv", "--output", "o.json", *TO, "--order", "surest"], "--order is 'surest'; accepted: uncertain"),
        (["in.csv", "--output", "o.csv", *TO], "accepted: one input and --output NAME.json, without --ray"),
        (["in.csv", *TO], "accepted: one input and --output NAME.json"),
        (["in.csv", "--output", "o.json", *TO, "--resume"], "accepted: one input and --output NAME.json"),
        ([".", "--output", "o.json", *TO], "accepted: one input and --output NAME.json"),
        (["in.csv", "in.csv", "--output", "o.json", *TO], "accepted: one input and --output NAME.json"),
        (["in.csv", "--output", "o.json", *TO, "--ray"], "accepted: one input and --output NAME.json"),
    ],
)
def test_what_is_refused(
    pristine_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], fault: str
) -> None:
    monkeypatch.chdir(fill(tmp_path, "in.csv"))
    result = run(pristine_bundle, *options)
    assert isinstance(result.exception, FileError), result.output
    assert fault in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_rows_are_not_resumed_from_tasks(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\n" + "number 1\n" * 5000, "utf-8")

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(Unsure(), tmp_path / "in.csv", tmp_path / "out.json", ScoreOptions(tasks=10), interrupted)
    assert not (tmp_path / "out.json").exists()
    with pytest.raises(FileError, match="the interrupted run had another number of tasks"):
        score(Unsure(), tmp_path / "in.csv", tmp_path / "out.json", ScoreOptions(resume=True))
