"""`make train`, with a stand-in for Python that notes what it is called with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.services import ROOT

RECORDER = """#!{python}
import json, pathlib, sys
pathlib.Path({record!r}).write_text(json.dumps(sys.argv[1:]))
"""


def called_with(folder: Path, *variables: str) -> list[str]:
    """What `make train` with these variables runs Python with, in a folder."""
    stand_in, record = folder / "python", folder / "arguments.json"
    stand_in.write_text(RECORDER.format(python=sys.executable, record=str(record)), encoding="utf-8")
    stand_in.chmod(0o755)
    environment = {"PATH": os.environ["PATH"]}
    command = ["make", "-f", str(ROOT / "Makefile"), "-o", ".venv/ready", "train", f"DEV={stand_in}", *variables]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    arguments: list[str] = json.loads(record.read_text(encoding="utf-8"))
    return arguments


DEFAULTS = ["-m", "training", "fit", "sample", "--data", "data/sample.csv", "--out", "build"]


def test_by_default_the_sample_is_trained_on(tmp_path: Path) -> None:
    assert called_with(tmp_path) == DEFAULTS


def test_names_may_have_blanks_and_quotes(tmp_path: Path) -> None:
    (tmp_path / "Bob's data, 1.csv").touch()
    variables = ["DATA=Bob's data, 1.csv", "OUT=my model", "TEXT_COLUMN=the tweet", "LABEL_COLUMN=its mood"]
    assert called_with(tmp_path, *variables) == [
        *["-m", "training", "fit", "sample", "--data", "Bob's data, 1.csv", "--out", "my model"],
        *["--text-column", "the tweet", "--label-column", "its mood"],
    ]


def test_several_files_that_are_there_are_several(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).touch()
    assert called_with(tmp_path, "DATA=a.csv b.csv")[4:7] == ["--data", "a.csv", "b.csv"]


def test_an_encoding(tmp_path: Path) -> None:
    assert called_with(tmp_path, "ENCODING=latin-1") == [*DEFAULTS, "--encoding", "latin-1"]


@pytest.mark.parametrize(("value", "resumes"), [("1", True), ("yes", True), ("0", False), ("no", False), ("", False)])
def test_resume(tmp_path: Path, value: str, resumes: bool) -> None:
    assert called_with(tmp_path, f"RESUME={value}") == DEFAULTS + ["--resume"] * resumes


def test_only_the_sample_has_a_file_by_default(tmp_path: Path) -> None:
    assert called_with(tmp_path, "RECIPE=iris") == ["-m", "training", "fit", "iris", "--out", "build"]
    mine = called_with(tmp_path, "RECIPE=income", "DATA=adult.csv", "LABEL_COLUMN=pay")
    assert mine[3:] == ["income", "--data", "adult.csv", "--out", "build", "--label-column", "pay"]
