"""Many files on this machine: outputs, records, the manifest, what is skipped, and what fails."""

import gzip
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.errors import FileError
from serving.scoring.manifest import MANIFEST, OutputFolder
from serving.scoring.plan import SMALL_BYTES, Task, find_inputs, plan
from serving.scoring.score import ScoreOptions, score
from serving.scoring.tasks import ATTEMPTS, LocalPool, Outcome, ShowProgress, attempt, run
from tests.serving.fakes import FakePredictor
from tests.serving.scoring.folders import SilentReporter, fill, output_folder, stored, write_parquet


def tasks_of(source: Path, folder: OutputFolder, format_name: str = "") -> list[Task]:
    return plan(find_inputs([str(source)], folder.path).files, folder.path, format_name)


def score_all(source: Path, target: Path, **options: Any) -> SilentReporter:
    """Score a folder as the command does. Returns who was told."""
    folder, reporter = output_folder(target, **options), SilentReporter()
    tasks = tasks_of(source, folder)
    done = folder.done(tasks)
    records, failed = run(
        [task for task in tasks if task.output not in done], LocalPool(FakePredictor(), folder), folder, reporter
    )
    assert failed == []
    folder.write_manifest([*done.values(), *records])
    return reporter


def test_outputs_are_those_of_single_files(tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.csv", "sub/b.csv", "c.tsv", rows=3000)
    (tmp_path / "in" / "d.jsonl").write_text('{"text": "so good"}\nbroken\n', encoding="utf-8")
    with gzip.open(tmp_path / "in" / "e.csv.gz", "wt") as file:
        file.write("text\nso bad\n")
    write_parquet(tmp_path / "in" / "f.parquet", [2500, 10])
    assert score_all(tmp_path / "in", tmp_path / "out").outputs == [
        *("a.csv", "c.tsv", "d.jsonl", "e.csv.gz", "f.parquet", "sub/b.csv")
    ]
    for name in ("a.csv", "c.tsv", "d.jsonl", "e.csv.gz", "f.parquet", "sub/b.csv"):
        single = tmp_path / Path(name).name
        score(FakePredictor(), tmp_path / "in" / name, single, ScoreOptions())
        assert (tmp_path / "out" / name).read_bytes() == single.read_bytes(), name
    left = {path.name for path in (tmp_path / "out").rglob("*") if path.name.startswith(".")}
    assert left == set()


def test_the_manifest_says_what_is_there(tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.csv", "b.csv", rows=5)
    with (tmp_path / "in" / "b.csv").open("a", encoding="utf-8") as file:
        file.write("6,\n7,NA\n8\n9\n")
    score_all(tmp_path / "in", tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text("utf-8"))
    assert {key: manifest[key] for key in ("model", "model_version", "inputs", "rows")} == {
        "model": "fake",
        "model_version": "0123456789ab",
        "inputs": 2,
        "rows": 14,
    }
    assert manifest["errors"] == {
        "no text": 1,
        "no text: NA stands for a missing value; in quotes it is a text": 1,
        "# cell where the header has #": 2,
    }
    assert manifest["seconds"] == pytest.approx(sum(each["seconds"] for each in manifest["outputs"]), abs=0.01)
    assert [each["output"] for each in manifest["outputs"]] == ["a.csv", "b.csv"]
    for each in manifest["outputs"]:
        content = (tmp_path / "out" / each["output"]).read_bytes()
        assert each["sha256"] == hashlib.sha256(content).hexdigest()
        assert each["size"] == len(content)
        assert each["text_column"] == "text"
        assert each["input"] == str(tmp_path / "in" / each["output"])
    assert manifest["outputs"][1]["rows"] == 9


def test_parts_of_a_parquet_file_are_the_file(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "in.parquet", [2100, 300, 10])
    folder = output_folder(tmp_path / "out")
    tasks = plan([stored(path)], folder.path)
    parts = [Task(tasks[0].source, f"p{first}.parquet", (first, last), 1) for first, last in ((0, 1), (1, 3))]
    records, failed = run(parts, LocalPool(FakePredictor(), folder), folder, SilentReporter())
    assert ([record.rows for record in records], failed) == ([2100, 310], [])
    score(FakePredictor(), path, tmp_path / "whole.parquet", ScoreOptions())
    both = [pq.read_table(tmp_path / "out" / part.output) for part in parts]
    assert [row for table in both for row in table.to_pylist()] == pq.read_table(tmp_path / "whole.parquet").to_pylist()


def test_the_column_of_a_part_is_that_of_the_whole_file(tmp_path: Path) -> None:
    """Though there another column looks like the texts."""
    texts, words = ["what a good day, I love it", "so bad, I hate all of it"] * 1100, ["x", "y"] * 1100
    first, later = pa.table({"a": texts, "b": words}), pa.table({"a": words, "b": texts})
    with pq.ParquetWriter(tmp_path / "in.parquet", first.schema) as writer:
        writer.write_table(first)
        writer.write_table(later)
    folder = output_folder(tmp_path / "out")
    part = Task(stored(tmp_path / "in.parquet"), "part.parquet", (1, 2), SMALL_BYTES)
    outcome = attempt(FakePredictor(), part, folder, None)
    assert outcome.record is not None, outcome.reason
    assert (outcome.record.text_column, outcome.record.rows, outcome.record.row_groups) == ("a", 2200, (1, 2))


def test_outputs_that_are_there_are_kept(tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.csv", "b.csv")
    score_all(tmp_path / "in", tmp_path / "out")
    before = (tmp_path / "out" / "a.csv").stat()
    fill(tmp_path / "in", "c.csv")
    assert score_all(tmp_path / "in", tmp_path / "out").outputs == ["c.csv"]
    after = (tmp_path / "out" / "a.csv").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
    outputs = json.loads((tmp_path / "out" / MANIFEST).read_text("utf-8"))["outputs"]
    assert [each["output"] for each in outputs] == ["a.csv", "b.csv", "c.csv"]


def test_a_record_without_its_output_is_none(tmp_path: Path) -> None:
    """A run that was killed between the two."""
    fill(tmp_path / "in", "a.csv")
    score_all(tmp_path / "in", tmp_path / "out")
    (tmp_path / "out" / "a.csv").unlink()
    assert score_all(tmp_path / "in", tmp_path / "out").outputs == ["a.csv"]


def test_outputs_of_other_inputs_stay_and_are_in_the_manifest(tmp_path: Path) -> None:
    fill(tmp_path, "in/a.csv", "in/b.csv")
    score_all(tmp_path / "in" / "a.csv", tmp_path / "out")
    before = (tmp_path / "out" / "a.csv").stat()
    assert score_all(tmp_path / "in" / "b.csv", tmp_path / "out").outputs == ["b.csv"]
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text("utf-8"))
    assert [each["output"] for each in manifest["outputs"]] == ["a.csv", "b.csv"]
    assert (manifest["inputs"], manifest["rows"]) == (2, 4)
    assert (tmp_path / "out" / "a.csv").stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize(
    ("version", "fault"),
    [
        ("ba9876543210", r"out/a\.csv: was made by the model 0123456789ab, and this one is ba9876543210"),
        ("0123456789ab", r"out/a\.csv: has \d+ bytes, and \d+ were written"),
    ],
)
def test_outputs_of_other_inputs_are_checked_too(tmp_path: Path, version: str, fault: str) -> None:
    fill(tmp_path, "in/a.csv", "in/b.csv")
    score_all(tmp_path / "in" / "a.csv", tmp_path / "out")
    changed_output(tmp_path)
    folder = output_folder(tmp_path / "out", version=version)
    with pytest.raises(FileError, match=fault):
        folder.done(tasks_of(tmp_path / "in" / "b.csv", folder))


@pytest.mark.parametrize("source", ["in", "link"])
def test_an_input_has_no_outputs_under_two_names(tmp_path: Path, source: str) -> None:
    """As of another --format: whoever reads the folder would read its rows twice."""
    fill(tmp_path, "in/a.csv", "in/b.csv")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    score_all(tmp_path / "in", tmp_path / "out")
    folder = output_folder(tmp_path / "out")
    fault = (
        rf"out/a\.csv: was made of {tmp_path}/in/a\.csv, which now becomes a\.parquet; 1 more are like it; accepted: "
    )
    with pytest.raises(FileError, match=fault):
        folder.done(tasks_of(tmp_path / source, folder, "parquet"))


def test_a_file_has_no_parts_of_two_cuts(tmp_path: Path) -> None:
    """As where it was replaced by a longer one."""
    path, folder = tmp_path / "big.parquet", output_folder(tmp_path / "out")

    def cut(group_rows: list[int]) -> list[Task]:
        source = stored(write_parquet(path, group_rows))._replace(size=SMALL_BYTES)
        tasks = plan([source], folder.path, task_rows=1)
        return [replace(task, source=stored(path)) for task in tasks]  # its true size

    run(cut([1] * 4), LocalPool(FakePredictor(), folder), folder, SilentReporter())
    with pytest.raises(FileError, match=r"big-00000-of-00004\.parquet: .* now becomes big-00004-of-00005.* 3 more are"):
        folder.done(cut([1] * 5))


def test_bytes_that_are_not_utf_8_are_escaped_in_the_record(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(b'{"t\xe9xt": "so good"}\n')
    options = {"encoding": "utf-8", "text_column": "t\udce9xt"}  # as Python has an argument with the byte 0xe9
    assert score_all(tmp_path / "in", tmp_path / "out", **options).outputs == ["a.jsonl"]
    assert b'{"t\xe9xt": "so good", "label": ' in (tmp_path / "out" / "a.jsonl").read_bytes()
    record = json.loads((tmp_path / "out" / MANIFEST).read_text("utf-8"))["outputs"][0]
    assert record["text_column"] == r"t\udce9xt"
    assert score_all(tmp_path / "in", tmp_path / "out", **options).outputs == []


def changed_model(tmp_path: Path) -> OutputFolder:
    return output_folder(tmp_path / "out", version="ba9876543210")


def changed_option(tmp_path: Path) -> OutputFolder:
    return output_folder(tmp_path / "out", text_column="text")


def changed_input(tmp_path: Path) -> OutputFolder:
    fill(tmp_path / "in", "a.csv", rows=3)
    return output_folder(tmp_path / "out")


def touched_input(tmp_path: Path) -> OutputFolder:
    os.utime(tmp_path / "in" / "a.csv", ns=(1, 1))
    return output_folder(tmp_path / "out")


def changed_output(tmp_path: Path) -> OutputFolder:
    with (tmp_path / "out" / "a.csv").open("a", encoding="utf-8") as file:
        file.write("more")
    return output_folder(tmp_path / "out")


def foreign_output(tmp_path: Path) -> OutputFolder:
    (tmp_path / "out" / "_records" / "a.csv.json").unlink()
    return output_folder(tmp_path / "out")


def broken_record(tmp_path: Path) -> OutputFolder:
    (tmp_path / "out" / "_records" / "a.csv.json").write_text("{}", encoding="utf-8")
    return output_folder(tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (changed_model, r"out/a\.csv: was made by the model 0123456789ab, and this one is ba9876543210"),
        (changed_option, r"out/a\.csv: was made of another text column"),
        (changed_input, r"out/a\.csv: was made of another input, time of the input"),
        (touched_input, r"out/a\.csv: was made of another time of the input"),
        (changed_output, r"out/a\.csv: has \d+ bytes, and \d+ were written"),
        (foreign_output, r"out/a\.csv: is there, and no record says what it was made of"),
        (broken_record, r"a\.csv\.json: is no record of an output"),
    ],
)
def test_an_output_of_something_else_stops_the_run(tmp_path: Path, change: Any, fault: str) -> None:
    fill(tmp_path / "in", "a.csv")
    score_all(tmp_path / "in", tmp_path / "out")
    folder = change(tmp_path)
    with pytest.raises(FileError, match=fault):
        folder.done(tasks_of(tmp_path / "in", folder))
    assert (tmp_path / "out" / "a.csv").exists()


class FailingPool:
    """Fails at a task so many times before it is done."""

    capacity = 2

    def __init__(self, folder: OutputFolder, faults: dict[str, int]) -> None:
        self._pool, self._faults = LocalPool(FakePredictor(), folder), faults
        self._tasks: list[Task] = []

    def submit(self, task: Task) -> None:
        self._tasks.append(task)

    def wait(self, at_work: ShowProgress) -> Sequence[Outcome]:
        task = self._tasks.pop(0)
        self._faults[task.output] = self._faults.get(task.output, 0) - 1
        if self._faults[task.output] >= 0:
            return [Outcome(task, reason="its worker was lost")]
        self._pool.submit(task)
        return self._pool.wait(at_work)


def test_a_task_is_tried_three_times_and_the_others_go_on(tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.csv", "b.csv", "c.csv")
    folder, reporter = output_folder(tmp_path / "out"), SilentReporter()
    pool = FailingPool(folder, {"a.csv": ATTEMPTS, "b.csv": ATTEMPTS - 1})
    records, failed = run(tasks_of(tmp_path / "in", folder), pool, folder, reporter)
    assert sorted(record.output for record in records) == ["b.csv", "c.csv"]
    assert [outcome.task.output for outcome in failed] == ["a.csv"]
    assert sorted(reporter.reasons) == [f"{n} its worker was lost" for n in (1, 1, 2, 2, 3)]
    assert not (tmp_path / "out" / "a.csv").exists()


def test_an_output_that_is_not_seen_here_is_a_failure(tmp_path: Path) -> None:
    """As where each machine of a cluster has a disk of its own."""
    fill(tmp_path / "in", "a.csv")
    there, here, reporter = output_folder(tmp_path / "there"), output_folder(tmp_path / "here"), SilentReporter()
    _, (failed,) = run(tasks_of(tmp_path / "in", here), LocalPool(FakePredictor(), there), here, reporter)
    assert "here/a.csv: was written by another machine, and is not seen here" in failed.reason


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (RuntimeError("no memory"), "RuntimeError: no memory"),
        (FileError("in.csv: is damaged"), "in.csv: is damaged"),
    ],
)
def test_a_fault_is_a_reason_and_leaves_nothing(tmp_path: Path, fault: Exception, reason: str) -> None:
    fill(tmp_path / "in", "a.csv")
    folder, predictor = output_folder(tmp_path / "out"), FakePredictor()
    predictor.fault = fault
    (task,) = tasks_of(tmp_path / "in", folder)
    assert attempt(predictor, task, folder, None).reason == reason
    assert list((tmp_path / "out").iterdir()) == []


def test_an_input_that_is_changed_meanwhile_has_no_output(tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.csv")
    folder = output_folder(tmp_path / "out")
    (task,) = tasks_of(tmp_path / "in", folder)
    fill(tmp_path / "in", "a.csv", rows=3)
    assert "a.csv: was changed while it was scored" in attempt(FakePredictor(), task, folder, None).reason
    (tmp_path / "in" / "a.csv").unlink()
    assert "a.csv: cannot be read" in attempt(FakePredictor(), task, folder, None).reason
    assert not (tmp_path / "out" / "a.csv").exists()
