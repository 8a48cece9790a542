"""Inputs, tasks and the names of outputs."""

from pathlib import Path

import pytest

from serving.errors import FileError
from serving.scoring.plan import SMALL_BYTES, Task, absolute, find_inputs, plan
from serving.scoring.storage import StoredFile
from tests.serving.scoring.folders import fill, stored, write_parquet


def outputs(tmp_path: Path, *patterns: str, format_name: str = "") -> list[str]:
    inputs = find_inputs([str(tmp_path / pattern) for pattern in patterns], str(tmp_path / "out"))
    return [task.output for task in plan(inputs.files, str(tmp_path / "out"), format_name)]


def test_outputs_keep_their_place_below_what_was_named(tmp_path: Path) -> None:
    fill(tmp_path, "in/a.csv", "in/2024/may.csv", "in/2024/june.tsv")
    assert outputs(tmp_path, "in") == ["2024/june.tsv", "2024/may.csv", "a.csv"]
    assert outputs(tmp_path, "in/*/*.csv") == ["2024/may.csv"]
    assert outputs(tmp_path, "in/2024/may.csv") == ["may.csv"]
    assert outputs(tmp_path, "in/a.csv", "in/2024") == ["a.csv", "june.tsv", "may.csv"]


def test_an_input_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    fill(tmp_path, "in/a.csv", "in/b.csv")
    assert outputs(tmp_path, "in", "in/*.csv", "in/a.csv") == ["a.csv", "b.csv"]


def test_a_format_changes_the_suffix(tmp_path: Path) -> None:
    fill(tmp_path, "in/a.csv.gz", "in/b.tar.tsv")
    assert outputs(tmp_path, "in", format_name="Parquet") == ["a.parquet", "b.tar.parquet"]
    with pytest.raises(FileError, match="outputs cannot be xlsx; accepted: jsonl, csv, tsv, parquet"):
        outputs(tmp_path, "in", format_name="xlsx")


def test_other_files_hidden_ones_and_outputs_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, "a.csv", "README.md", ".b.csv", "_m/c.csv", "out/a.csv", "out/_manifest.json")
    inputs = find_inputs([str(tmp_path)], str(tmp_path / "out"))
    assert [file.name for file in inputs.files] == ["a.csv"]
    assert inputs.passed_over == 5


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("none.csv", "no such file, and no folder of files"),
        ("*.tsv", "a pattern that no file matches"),
        ("empty", "no such file, and no folder of files"),
        ("notes", r"none of its 1 files can be scored; accepted: \.jsonl"),
        ("out", "none of its 1 files can be scored"),
        ("in/a.xlsx", "unknown kind of file"),
    ],
)
def test_what_names_no_input_is_refused(tmp_path: Path, pattern: str, fault: str) -> None:
    fill(tmp_path, "notes/a.md", "out/a.csv", "in/a.xlsx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match=fault):
        outputs(tmp_path, pattern)


def test_two_inputs_of_one_name_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, "x/a.csv", "y/a.csv")
    with pytest.raises(FileError, match=r"x/a\.csv and .*y/a\.csv would both become a\.csv"):
        outputs(tmp_path, "x/a.csv", "y/a.csv")
    assert outputs(tmp_path, "*/a.csv") == ["x/a.csv", "y/a.csv"]
    fill(tmp_path, "in/a.csv", "in/a.tsv")
    with pytest.raises(FileError, match=r"would both become a\.jsonl"):
        outputs(tmp_path, "in", format_name="jsonl")


def test_no_output_takes_the_place_of_an_input(tmp_path: Path) -> None:
    fill(tmp_path, "in/a.csv")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for folder in ("in", "link"):
        with pytest.raises(FileError, match=r"a\.csv: is an input"):
            plan([stored(tmp_path / "in" / "a.csv")], str(tmp_path / folder))


def test_a_large_parquet_file_is_cut_between_row_groups(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "big.parquet", [100, 100, 100, 250, 10, 10])
    large = stored(path)._replace(size=SMALL_BYTES)  # the size alone decides whether it is asked for its row groups
    tasks = plan([large], str(tmp_path / "out"), task_rows=200)
    assert [task.row_groups for task in tasks] == [(0, 2), (2, 3), (3, 4), (4, 6)]
    assert [task.output for task in tasks] == [f"big-0000{part}-of-00004.parquet" for part in range(4)]
    assert {task.size for task in tasks} == {SMALL_BYTES // 4}
    assert plan([large], str(tmp_path / "out")) == [Task(large, "big.parquet", None, SMALL_BYTES)]
    assert plan([stored(path)], str(tmp_path / "out"), task_rows=200)[0].output == "big.parquet"


def test_names_of_parts_sort_in_order(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "big.parquet", [1] * 12)
    tasks = plan([stored(path)._replace(size=SMALL_BYTES)], str(tmp_path / "out"), "csv", task_rows=1)
    assert [task.row_groups for task in tasks] == [(group, group + 1) for group in range(12)]
    assert tasks[10].output == "big-00010-of-00012.csv"


def test_what_is_no_parquet_is_one_task(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    broken = stored(tmp_path / "a.parquet")._replace(size=SMALL_BYTES)
    assert plan([broken], str(tmp_path / "out")) == [Task(broken, "a.parquet", None, SMALL_BYTES)]


def test_a_parquet_file_that_cannot_be_read_is_no_task(tmp_path: Path) -> None:
    """As where S3 is out of reach for a moment: its output would have another name than in the next run."""
    path = write_parquet(tmp_path / "a.parquet", [1])
    (tmp_path / "b.parquet").write_bytes(b"PAR1\0\0\0\0\4\0\0\0PAR1")
    damaged = stored(tmp_path / "b.parquet")._replace(size=SMALL_BYTES)
    gone = stored(path)._replace(size=SMALL_BYTES)
    path.unlink()
    with pytest.raises(FileError, match=r"a\.parquet: cannot be read \(No such file or directory\)"):
        plan([gone], str(tmp_path / "out"))
    with pytest.raises(FileError, match=r"b\.parquet: it cannot be read: "):
        plan([damaged], str(tmp_path / "out"))


def test_a_name_that_is_not_utf_8_is_refused() -> None:
    file = StoredFile("/in/caf\udce9.csv", "caf\udce9.csv", 1, 1)  # as Python has a name with the byte 0xe9
    with pytest.raises(FileError, match=r"/in/caf\\udce9\.csv: its name is not UTF-8; accepted: names in UTF-8"):
        plan([file], "/out")


def test_paths_are_absolute_for_processes_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fill(tmp_path, "in/a.csv"))
    assert [file.path for file in find_inputs(["in"], "out").files] == [str(tmp_path / "in" / "a.csv")]
    assert absolute("s3://bucket//a") == "s3://bucket//a"
    assert StoredFile("s3://b/_x/a.csv", "a.csv", 1, 1).is_hidden is False
