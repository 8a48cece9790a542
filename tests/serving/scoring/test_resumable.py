import json
from contextlib import suppress
from pathlib import Path

import pytest

from serving.errors import FileError
from serving.scoring.resumable import Checkpoint, Identity, ResumableFile

IDENTITY: Identity = {"input": "a", "model": "b"}


def interrupt(path: Path, identity: Identity = IDENTITY) -> None:
    """Leave two whole pages and a torn one behind."""
    with suppress(KeyboardInterrupt), ResumableFile(path, identity) as file:
        file.append(b"header\n", 0)
        file.append(b"one\n", 1)
        file.append(b"two\n", 2)
        raise KeyboardInterrupt
    with (path.parent / f".{path.name}.partial").open("ab") as pages:
        pages.write(b"thr")


def finish(path: Path, *, resume: bool) -> Checkpoint:
    with ResumableFile(path, IDENTITY, resume=resume) as file:
        checkpoint = file.checkpoint
        file.append(b"last\n", checkpoint.rows + 1)
        file.commit(lambda pages: pages)
    return checkpoint


def test_an_interrupted_file_is_continued_after_its_last_whole_page(tmp_path: Path) -> None:
    interrupt(tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    assert finish(tmp_path / "out.csv", resume=True) == Checkpoint(IDENTITY, 2, len("header\none\ntwo\n"))
    assert (tmp_path / "out.csv").read_bytes() == b"header\none\ntwo\nlast\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_a_torn_page_longer_than_all_that_follows_leaves_nothing(tmp_path: Path) -> None:
    interrupt(tmp_path / "out.csv")
    with (tmp_path / ".out.csv.partial").open("ab") as file:
        file.write(b"torn" * 100)
    finish(tmp_path / "out.csv", resume=True)
    assert (tmp_path / "out.csv").read_bytes() == b"header\none\ntwo\nlast\n"


def test_without_resume_it_is_begun_anew(tmp_path: Path) -> None:
    interrupt(tmp_path / "out.csv")
    assert finish(tmp_path / "out.csv", resume=False) == Checkpoint(IDENTITY)
    assert (tmp_path / "out.csv").read_bytes() == b"last\n"


def test_where_nothing_is_left_resume_begins(tmp_path: Path) -> None:
    assert finish(tmp_path / "deep" / "out.csv", resume=True) == Checkpoint(IDENTITY)


def test_other_work_is_not_continued(tmp_path: Path) -> None:
    interrupt(tmp_path / "out.csv", {"input": "a", "model": "other"})
    with pytest.raises(FileError, match="cannot be resumed: the interrupted run had another model; without --resume"):
        finish(tmp_path / "out.csv", resume=True)
    assert len(list(tmp_path.iterdir())) == 2, "what was left stays"


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("{", "the record of the interrupted run cannot be read"),
        (json.dumps({"identity": IDENTITY, "rows": 2, "size": 10_000}), "its unfinished file is shorter than it was"),
    ],
)
def test_what_was_left_is_damaged(tmp_path: Path, state: str, fault: str) -> None:
    interrupt(tmp_path / "out.csv")
    (tmp_path / ".out.csv.state.partial").write_text(state, encoding="utf-8")
    with pytest.raises(FileError, match=f"cannot be resumed: {fault}"):
        finish(tmp_path / "out.csv", resume=True)


def test_a_known_error_leaves_nothing(tmp_path: Path) -> None:
    with suppress(FileError), ResumableFile(tmp_path / "out.csv", IDENTITY) as file:
        file.append(b"one\n", 1)
        raise FileError("in.csv: is damaged")
    assert list(tmp_path.iterdir()) == []
