"""`python -m serving score` of many files."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.__main__ import app
from serving.errors import FileError, ServingError
from serving.scoring.manifest import MANIFEST
from tests.bundles import relabel
from tests.serving.scoring.folders import fill

pytestmark = pytest.mark.usefixtures("interpreter_as_before")

ROOT = Path(__file__).parents[3]


def run(bundle: Path, *options: str | Path) -> Any:
    return CliRunner().invoke(app, ["score", *map(str, options), "--bundle", str(bundle)])


def test_a_folder_becomes_a_folder(pristine_bundle: Path, tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.csv", "sub/b.csv", "notes.md")
    result = run(pristine_bundle, tmp_path / "in", "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "2 inputs, 2 outputs; 1 hidden files or other kinds passed over" in result.stderr
    assert f"4 rows in 2 outputs in {tmp_path / 'out'}, by the model tiny" in result.stderr
    assert json.loads((tmp_path / "out" / MANIFEST).read_text("utf-8"))["rows"] == 4
    assert (tmp_path / "out" / "sub" / "b.csv").exists()


def test_a_folder_tells_what_is_uncertain(pristine_bundle: Path, tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.csv")
    options: list[str | Path] = [tmp_path / "in", "--output", tmp_path / "out", "--min-probability"]
    result = run(pristine_bundle, *options, "1")
    assert result.exit_code == 0, result.output
    header, row, *_ = (tmp_path / "out" / "a.csv").read_text("utf-8").splitlines()
    assert header.endswith(",in_vocabulary,uncertain,error")
    assert row.endswith(",true,")
    other = run(pristine_bundle, *options, "0.5")
    assert "a.csv: was made of another least probability" in str(other.exception)
    unset = run(pristine_bundle, *options[:-1])
    assert "a.csv: was made of another least probability" in str(unset.exception)
    assert run(pristine_bundle, *options, "1.5").exit_code == 2


def test_one_file_into_a_folder_keeps_its_name(pristine_bundle: Path, tmp_path: Path) -> None:
    fill(tmp_path, "in.csv")
    (tmp_path / "there").mkdir()
    for folder in ("there", "new/"):
        result = run(pristine_bundle, tmp_path / "in.csv", "--output", f"{tmp_path}/{folder}")
        assert result.exit_code == 0, result.output
        assert (tmp_path / folder / "in.csv").exists()


def test_a_second_command_adds_to_a_folder(pristine_bundle: Path, tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.csv", "b.csv")
    run(pristine_bundle, tmp_path / "in" / "a.csv", "--output", f"{tmp_path}/out/")
    result = run(pristine_bundle, tmp_path / "in" / "b.csv", "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "1 inputs, 1 outputs; 1 outputs of other inputs are there as well" in result.stderr
    assert f"4 rows in 2 outputs in {tmp_path / 'out'}" in result.stderr
    assert json.loads((tmp_path / "out" / MANIFEST).read_text("utf-8"))["rows"] == 4


def test_a_file_that_is_called_like_a_pattern_is_one_file(pristine_bundle: Path, tmp_path: Path) -> None:
    fill(tmp_path, "in[1].csv")
    assert run(pristine_bundle, tmp_path / "in[1].csv", "--output", tmp_path / "out.csv").exit_code == 0
    assert (tmp_path / "out.csv").is_file()


def test_another_model_stops_the_run_and_changes_nothing(bundle: Path, tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.csv")
    assert run(bundle, tmp_path / "in", "--output", tmp_path / "out").exit_code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    relabel(bundle, ["a", "b", "c"])
    fill(tmp_path / "in", "b.csv")
    result = run(bundle, tmp_path / "in", "--output", tmp_path / "out")
    assert isinstance(result.exception, FileError)
    assert "a.csv: was made by the model" in str(result.exception)
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")} == before


def test_a_file_that_fails_is_told_and_the_others_go_on(pristine_bundle: Path, tmp_path: Path) -> None:
    fill(tmp_path / "in", "a.csv", "c.csv")
    (tmp_path / "in" / "b.parquet").write_bytes(b"PAR1 and no more")
    result = run(pristine_bundle, tmp_path / "in", "--output", tmp_path / "out")
    assert result.exit_code == 1
    reasons = re.findall(r"b\.parquet: attempt (\d) of 3 failed, (tried again|given up): (.*)", result.stderr)
    assert [(attempt, then) for attempt, then, _ in reasons] == [
        ("1", "tried again"),
        ("2", "tried again"),
        ("3", "given up"),
    ]
    assert "b.parquet: it is not readable as Parquet" in reasons[0][2]
    assert f"1 of 3 outputs are missing after 3 attempts at each, and so is {MANIFEST}: b.parquet" in result.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["_records", "a.csv", "c.csv"]
    (tmp_path / "in" / "b.parquet").unlink()
    again = run(pristine_bundle, tmp_path / "in", "--output", tmp_path / "out")
    assert again.exit_code == 0
    assert "2 inputs, 2 outputs, 2 of them there already" in again.stderr
    assert (tmp_path / "out" / MANIFEST).exists()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["in"], "need --output FOLDER, and no pipe"),
        (["in/a.csv", "-", "--output", "out"], "need --output FOLDER, and no pipe"),
        (["in", "--output", "out.csv"], "out.csv: is a file's name"),
        (["in", "--output", "in/a.csv"], "in/a.csv: is a file's name"),
        (["in/*.tsv", "--output", "out"], r"in/\*.tsv: a pattern that no file matches"),
        (["in/a.csv", "in/none.csv", "--output", "out"], "in/none.csv: no such file"),
        (["in", "--output", "out", "--format", "xlsx"], "outputs cannot be xlsx"),
        (["gs://bucket/in", "--output", "out"], "accepted: files and folders of this machine, and s3://BUCKET/KEY"),
        (["in", "--output", "s3://key:secret@bucket/out"], "never from a URL"),
    ],
)
def test_what_is_refused(
    pristine_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], fault: str
) -> None:
    monkeypatch.chdir(fill(tmp_path, "in/a.csv"))
    result = run(pristine_bundle, *options)
    assert isinstance(result.exception, FileError)
    assert re.search(fault, str(result.exception)), result.exception
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "ray", [["--ray", "in/"], ["in/", "--ray"], ["--ray", "10.0.0.1:6379", "in/"], ["--ray", "auto", "in/"]]
)
def test_an_address_is_told_from_an_input(
    pristine_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ray: list[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as where it is not installed
    monkeypatch.chdir(fill(tmp_path, "in/a.csv"))
    result = run(pristine_bundle, *ray, "--output", "out")
    assert isinstance(result.exception, ServingError), result.output
    assert "--ray needs a package that is not installed" in str(result.exception)
    assert "pip install -r requirements-cluster.txt" in str(result.exception)


def test_an_interrupted_folder_goes_on(pristine_bundle: Path, tmp_path: Path) -> None:
    fill(tmp_path / "in", *(f"{number}.csv" for number in range(6)), rows=8_000)
    command = [sys.executable, "-m", "serving", "score", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    command += ["--bundle", str(pristine_bundle), "--threads", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    while not (tmp_path / "out" / "1.csv").exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert b"interrupted; the same command goes on" in errors
    outputs = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.csv")}
    assert len(outputs) < 6
    assert not (tmp_path / "out" / MANIFEST).exists()
    assert not list((tmp_path / "out").glob(".*"))
    assert run(pristine_bundle, tmp_path / "in", "--output", tmp_path / "out").exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in outputs} == outputs
    assert json.loads((tmp_path / "out" / MANIFEST).read_text("utf-8"))["rows"] == 48_000
