import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from serving.__main__ import app, main
from serving.model.bundle import Bundle
from serving.scoring.progress import progress_bar
from serving.scoring.score import ScoreProgress

pytestmark = pytest.mark.usefixtures("interpreter_as_before")


def shown(*, terminal: bool, progress: ScoreProgress) -> str:
    file = io.StringIO()
    seconds = iter([10.0, 12.0])
    with progress_bar(Console(file=file, force_terminal=terminal, width=100), clock=lambda: next(seconds)) as show:
        show(progress)
    return file.getvalue()


def test_rows_and_their_speed_are_shown_on_a_terminal() -> None:
    text = shown(terminal=True, progress=ScoreProgress(12_000, 2_000, 0, 0.25))
    assert "12,000 rows, 5,000 rows/s" in text
    assert "25%" in text


def test_of_a_pipe_the_part_is_not_known() -> None:
    assert "12,000 rows, 6,000 rows/s" in shown(terminal=True, progress=ScoreProgress(12_000))


def test_a_log_gets_no_bar() -> None:
    assert shown(terminal=False, progress=ScoreProgress(1, 0, 0, 1.0)) == ""


ROOT = Path(__file__).parents[2]
ROWS = 40_000  # some seconds of work, so that a busy machine still ends it in the middle


def test_openapi_prints_the_committed_file() -> None:
    result = CliRunner().invoke(app, ["openapi"])
    assert result.exit_code == 0
    assert result.stdout == (ROOT / "docs" / "openapi.json").read_text("utf-8")


def test_score_writes_the_file(pristine_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\ngood show\n", encoding="utf-8")
    options = ["--output", str(tmp_path / "out.csv"), "--bundle", str(pristine_bundle)]
    result = CliRunner().invoke(app, ["score", str(tmp_path / "in.csv"), *options])
    assert result.exit_code == 0
    assert "1 rows written" in result.stderr
    assert f"by the model tiny {Bundle.read(pristine_bundle).metadata.model_version}" in result.stderr
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").startswith("text,label,probability,p_negative")


def test_score_takes_the_model_that_the_service_would(
    pristine_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_DIR", str(pristine_bundle))
    (tmp_path / "in.csv").write_text("text\ngood show\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["score", str(tmp_path / "in.csv"), "--output", str(tmp_path / "out.csv")])
    assert "by the model tiny" in result.stderr


def test_a_known_error_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        sys, "argv", ["serving", "score", "in.csv", "--output", "out.csv", "--bundle", str(tmp_path / "no")]
    )
    with pytest.raises(SystemExit, match=r"error: .*no: is no folder"):
        main()


def test_score_counts_rows_with_an_error_and_reads_pipes(pristine_bundle: Path, tmp_path: Path) -> None:
    options = ["--output", str(tmp_path / "out.tsv"), "--bundle", str(pristine_bundle), "--delimiter", "semicolon"]
    piped = ["score", "-", "--text-column", "tweet", "--max-text-chars", "9", *options]
    result = CliRunner().invoke(app, piped, input="id;tweet\n1;good\n2;\n3;longer than 9\n")
    assert result.exit_code == 0, result.output
    assert "3 rows written to" in result.stderr
    assert "2 of them with an error" in result.stderr
    assert (tmp_path / "out.tsv").read_text(encoding="utf-8").splitlines()[2].endswith("\tno text")


@pytest.mark.parametrize("output", [[], ["--output", "-"], ["--output", "-", "--format", "jsonl"]])
def test_score_writes_rows_and_nothing_else_to_standard_output(
    pristine_bundle: Path, tmp_path: Path, output: list[str]
) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "good show"}\n', encoding="utf-8")
    options = [*output, "--bundle", str(pristine_bundle), "--threads", "1"]
    result = CliRunner().invoke(app, ["score", str(tmp_path / "in.jsonl"), *options])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["text"] == "good show"
    assert "1 rows written to standard output" in result.stderr


def test_score_tells_the_column_and_what_was_decided(pristine_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1,I love it\n2,so bad\n", encoding="utf-8")
    command = ["score", str(tmp_path / "in.csv"), "--bundle", str(pristine_bundle)]
    result = CliRunner().invoke(app, command)
    assert "texts: column 'column_2'" in result.stderr
    assert "The file is read as one without a header" in result.stderr
    assert result.stdout.splitlines()[0].startswith("column_1,column_2,label,")


@pytest.mark.parametrize(
    ("flag", "header", "rows"), [("--header", "id,text,label", 1), ("--no-header", "column_1,column_2,label", 2)]
)
def test_score_can_be_told_whether_there_is_a_header(
    pristine_bundle: Path, tmp_path: Path, flag: str, header: str, rows: int
) -> None:
    (tmp_path / "in.csv").write_text("id,text\n1,it was so good today\n", encoding="utf-8")
    command = ["score", str(tmp_path / "in.csv"), flag, "--output", str(tmp_path / "out.csv")]
    result = CliRunner().invoke(app, [*command, "--bundle", str(pristine_bundle)])
    assert f"{rows} rows written" in result.stderr
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").startswith(header)


def test_score_writes_another_encoding(pristine_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes("text\ngröße\n".encode("cp1252"))
    encodings = ["--encoding", "windows-1252", "--output-encoding", "utf-16"]
    command = ["score", str(tmp_path / "in.csv"), *encodings, "--output", str(tmp_path / "out.csv")]
    assert CliRunner().invoke(app, [*command, "--bundle", str(pristine_bundle)]).exit_code == 0
    assert (tmp_path / "out.csv").read_text(encoding="utf-16").splitlines()[1].startswith("größe,")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_score_that_was_ended_is_resumed(pristine_bundle: Path, tmp_path: Path, end: signal.Signals) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("text\n" + "".join(f"good show {i}\n" for i in range(ROWS)), encoding="utf-8")
    command = [sys.executable, "-m", "serving", "score", str(source), "--output", str(target), "--threads", "1"]
    command += ["--bundle", str(pristine_bundle)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    state = tmp_path / ".out.csv.state.partial"
    while not state.exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(end)
    _, errors = process.communicate()
    if end == signal.SIGINT:
        assert process.returncode == 130
        assert b"the same command with --resume goes on" in errors
    assert not target.exists()
    rows = json.loads(state.read_text(encoding="utf-8"))["rows"]
    assert 0 < rows < ROWS
    result = CliRunner().invoke(app, [*command[3:], "--resume"])
    assert result.exit_code == 0, result.output
    assert f"{ROWS:,} rows written to {target}, {rows:,} of them before" in result.stderr
    lines = target.read_text(encoding="utf-8").splitlines()[1:]
    assert [line.partition(",")[0] for line in lines] == [f"good show {i}" for i in range(ROWS)]
