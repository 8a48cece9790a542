"""Scoring of rows of fields: in every format, with every kind of row, and what is left of an interrupted run."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from serving.__main__ import app
from serving.errors import FileError, InvalidFields
from serving.model.inputs.fields import NO_VALUE, FieldsInput
from serving.model.predictor import Predictor
from serving.model.types import Prediction
from serving.scoring.manifest import MANIFEST, OutputFolder
from serving.scoring.plan import SMALL_BYTES, Task
from serving.scoring.score import PIPE, ScoreOptions, ScoreProgress, kind_of, score
from serving.scoring.tasks import attempt
from serving.tables.chunk import MISSING
from tests.bundles import FORM
from tests.serving.csv_files import FORM_ADDED, rows_of, write_csv
from tests.serving.scoring.folders import stored

NAMES = ["age", "workclass", "hours-per-week", "sex"]
ROWS = [
    ["52", "Self-emp-not-inc", "45.5", "Male"],
    ["19", "Private", "20", "Female"],
    ["", "?", "38", "NA"],
]
WRONG = ["x", "Private", "20", "Female"]


def answers(predictor: Predictor, rows: Sequence[Sequence[str]]) -> list[tuple[str, Any]]:
    """The label and the probability of each row alone."""
    predictions = [answer_alone(predictor, row)[0] for row in rows]
    return [(each.label, pytest.approx(each.probability, abs=2e-6)) for each in predictions if each]


def scored(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, float]]:
    return [(row["label"], float(row["probability"])) for row in rows]


CELL = st.sampled_from(["", " ", "?", "NA", "null", "17", " 90 ", "38.5", "1e1", "x", "Private", "State-gov", "Male"])


@given(rows=st.lists(st.lists(CELL, min_size=4, max_size=4), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_row_has_the_answer_that_it_has_alone(
    form_predictor: Predictor, tmp_path: Path, rows: list[list[str]]
) -> None:
    source = write_csv(tmp_path / "in.csv", NAMES, rows)
    score(form_predictor, source, tmp_path / "out.csv", ScoreOptions())
    written = rows_of(tmp_path / "out.csv")
    assert [[row[name] for name in NAMES] for row in written] == rows
    for row, result in zip(rows, written, strict=True):
        alone, fault = answer_alone(form_predictor, row)
        assert result["error"] == fault
        assert result["label"] == (alone.label if alone else "")
        for label, probability in (alone.probabilities if alone else {}).items():
            assert float(result[f"p_{label}"]) == pytest.approx(probability, abs=2e-6)


def answer_alone(predictor: Predictor, row: Sequence[str]) -> tuple[Prediction | None, str]:
    """What a predictor itself says of a row: its answer, or the fault."""
    cells = {name: "" if cell in MISSING else cell for name, cell in zip(NAMES, row, strict=True)}
    if all(cell.strip() in ("", "?") for cell in cells.values()):
        return None, NO_VALUE
    try:
        return predictor.predict([cells])[0], ""
    except InvalidFields as error:
        return None, error.detail


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "csv.gz"])
def test_fields_from_and_to_files_of_text(form_predictor: Predictor, tmp_path: Path, suffix: str) -> None:
    source = write_csv(tmp_path / "in.csv", ["id", *NAMES], [["1", *ROWS[0]], ["2", *WRONG], ["3", *ROWS[2]]])
    first, target = tmp_path / f"first.{suffix}", tmp_path / "out.csv"
    score(form_predictor, source, first, ScoreOptions())
    progress = score(form_predictor, first, target, ScoreOptions())
    assert (progress.rows, progress.errors) == (3, 1)
    with target.open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == ["id", *NAMES, *FORM_ADDED, *(f"predicted_{name}" for name in FORM_ADDED)]
    one, wrong, other = rows_of(target)
    assert scored([one, other]) == answers(form_predictor, [ROWS[0], ROWS[2]])
    assert [row["label"] == row["predicted_label"] for row in (one, wrong, other)] == [True] * 3
    assert wrong["error"] == wrong["predicted_error"] == "`age` is 'x'; accepted is a number from 17 to 90 years."


def test_parquet_keeps_types(form_predictor: Predictor, tmp_path: Path) -> None:
    columns = {"Age": [52, None], "workclass": ["Self-emp-not-inc", None], "hours per week": [45.5, None]}
    table = pa.table({**columns, "sex": ["Male", None], "when": pa.array([1, 2], pa.timestamp("ms"))})
    pq.write_table(table, tmp_path / "in.parquet")
    score(form_predictor, tmp_path / "in.parquet", tmp_path / "out.parquet", ScoreOptions())
    written = pq.read_table(tmp_path / "out.parquet")
    assert written.column_names == [*table.column_names, *FORM_ADDED]
    assert written.select(table.column_names) == table
    assert scored(written.to_pylist()[:1]) == answers(form_predictor, ROWS[:1])
    assert written["error"].to_pylist() == [None, NO_VALUE]


def test_added_keys_of_json_lines(form_predictor: Predictor, tmp_path: Path) -> None:
    lines = ['{"age": 52, "workclass": "Private", "hours-per-week": 1e1, "sex": "Male"}', '{"age": 39, "error": 0}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    score(form_predictor, tmp_path / "in.jsonl", tmp_path / "out.jsonl", ScoreOptions())
    written = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [line.startswith(own[:-1]) for line, own in zip(written, lines, strict=True)] == [True, True]
    assert list(json.loads(written[1]))[2:] == [f"predicted_{name}" for name in FORM_ADDED]


def test_a_file_without_a_fields_column_is_refused_and_leaves_nothing(
    form_predictor: Predictor, tmp_path: Path
) -> None:
    source = write_csv(tmp_path / "in.csv", NAMES[:2], [["52", "Private"]])
    with pytest.raises(FileError, match=r"in\.csv: it has no column for 'hours-per-week', 'sex'; found: 'age', 'work"):
        score(form_predictor, source, tmp_path / "out.csv", ScoreOptions())
    with pytest.raises(FileError, match=r"in\.csv: text_column, or --text-column, is 'age', and this model reads no"):
        score(form_predictor, source, tmp_path / "out.csv", ScoreOptions(text_column="age"))
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_kinds_of_errors_are_few_whatever_was_found(form_predictor: Predictor, tmp_path: Path) -> None:
    rows = [[f"{number}!", f"work {number}", "40", "Male"] for number in range(50)]
    source = write_csv(tmp_path / "in.csv", NAMES, rows)
    progress = score(form_predictor, source, tmp_path / "out.csv", ScoreOptions())
    assert progress.errors == 50
    assert progress.error_kinds == {
        "`age` is #; accepted is a number from # to # years. "
        "`workclass` is #; accepted is one of 'Private', 'State-gov', 'Self-emp-not-inc'.": 50
    }
    assert kind_of("2 cells where the header has 3") == "# cells where the header has #"


class Interrupted:
    """A predictor that is interrupted in its second chunk."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor, self.metadata = predictor, predictor.metadata
        self.fields: FieldsInput | None = predictor.fields
        self.calls = 0
        self.is_light = predictor.is_light

    def predict(self, rows: Sequence[Any]) -> list[Prediction]:
        self.calls += 1
        if self.calls == 2:
            raise KeyboardInterrupt
        return self._predictor.predict(rows)

    def explain(self, row: Any) -> Prediction:
        return self._predictor.explain(row)

    def check(self) -> None:
        self._predictor.check()


def test_an_interrupted_scoring_is_continued(form_predictor: Predictor, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", NAMES, ROWS * 1500)
    score(form_predictor, source, tmp_path / "whole.csv", ScoreOptions())
    with pytest.raises(KeyboardInterrupt):
        score(Interrupted(form_predictor), source, tmp_path / "out.csv", ScoreOptions())
    progress = score(form_predictor, source, tmp_path / "out.csv", ScoreOptions(resume=True))
    assert progress == ScoreProgress(4500, 2048, 0, 1.0)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_pipes(form_predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    content = ",".join(NAMES) + "\n" + "".join(f"{','.join(row)}\n" for row in ROWS)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(target := io.BytesIO()))
    score(form_predictor, PIPE, PIPE, ScoreOptions(pipe_format="jsonl"))
    rows = [json.loads(line) for line in target.getvalue().splitlines()]
    assert list(rows[0]) == [*NAMES, *FORM_ADDED]
    assert scored(rows) == answers(form_predictor, ROWS)


@pytest.mark.usefixtures("interpreter_as_before")
def test_the_command_tells_the_columns_and_scores_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_csv(tmp_path / "in" / "a.csv", ["Age", *NAMES[1:]], ROWS)
    (tmp_path / "in" / "b.csv.gz").write_bytes(
        gzip.compress(write_csv(tmp_path / "b.csv", NAMES, [WRONG]).read_bytes())
    )
    one = CliRunner().invoke(app, ["score", f"{tmp_path}/in/a.csv", "--bundle", str(FORM)])
    assert one.exit_code == 0, one.output
    assert "fields: columns 'Age', 'workclass', 'hours-per-week', 'sex'\n3 rows written to standard" in one.stderr
    many = CliRunner().invoke(app, ["score", f"{tmp_path}/in", "--output", f"{tmp_path}/out", "--bundle", str(FORM)])
    assert many.exit_code == 0, many.output
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text("utf-8"))
    assert [output["text_column"] for output in manifest["outputs"]] == ["", ""]
    assert (manifest["rows"], list(manifest["errors"].values())) == (4, [1])
    assert (tmp_path / "out" / "a.csv").read_text(encoding="utf-8") == one.stdout


def test_a_part_of_a_parquet_file_has_the_columns_of_the_whole(form_predictor: Predictor, tmp_path: Path) -> None:
    table = pa.table({"sex": ["Male"] * 4, "age": [52, 19, 30, 40], "workclass": ["?"] * 4, "hours-per-week": [40] * 4})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=2)
    folder = OutputFolder(str(tmp_path / "out"), "form", form_predictor.metadata.model_version, ScoreOptions())
    outcome = attempt(form_predictor, Task(stored(tmp_path / "in.parquet"), "p.csv", (1, 2), SMALL_BYTES), folder, None)
    assert outcome.record is not None, outcome.reason
    assert [row["age"] for row in rows_of(tmp_path / "out" / "p.csv")] == ["30", "40"]
