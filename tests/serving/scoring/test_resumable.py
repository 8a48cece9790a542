import json
from contextlib import suppress
from pathlib import Path

import pytest

from serving.errors import FileError
from serving.scoring.resumable import Done, Identity, PartialFile

IDENTITY: Identity = {"input": "a", "model": "b"}


def interrupt(path: Path, identity: Identity = IDENTITY) -> None:
    """Leave two whole pages and a torn one behind."""
    with suppress(KeyboardInterrupt), PartialFile(path, identity) as file:
        file.append(b"header\n", 0)
        file.append(b"one\n", 1)
        file.append(b"two\n", 2)
        file._file.write(b"thr")
        raise KeyboardInterrupt


def finish(path: Path, *, resume: bool) -> Done:
    with PartialFile(path, IDENTITY, resume=resume) as file:
        found = file.done
        file.append(b"last\n", found.rows + 1)
        file.close()
        file.put(file.partial)
    return found


def test_an_interrupted_file_is_gone_on_with_after_its_last_whole_page(tmp_path: Path) -> None:
    interrupt(tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    assert finish(tmp_path / "out.csv", resume=True) == Done(IDENTITY, 2, len("header\none\ntwo\n"))
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
    assert finish(tmp_path / "out.csv", resume=False) == Done(IDENTITY)
    assert (tmp_path / "out.csv").read_bytes() == b"last\n"


def test_where_nothing_is_left_resume_begins(tmp_path: Path) -> None:
    assert finish(tmp_path / "deep" / "out.csv", resume=True) == Done(IDENTITY)


def test_other_work_is_not_gone_on_with(tmp_path: Path) -> None:
    interrupt(tmp_path / "out.csv", {"input": "a", "model": "other"})
    with pytest.raises(FileError, match="begun with another model; without --resume"):
        finish(tmp_path / "out.csv", resume=True)
    assert len(list(tmp_path.iterdir())) == 2, "what was left stays"


@pytest.mark.parametrize("state", ["{", json.dumps({"identity": IDENTITY, "rows": 2, "size": 10_000})])
def test_what_was_left_is_damaged(tmp_path: Path, state: str) -> None:
    interrupt(tmp_path / "out.csv")
    (tmp_path / ".out.csv.state.partial").write_text(state, encoding="utf-8")
    with pytest.raises(FileError, match="cannot be resumed: what was left"):
        finish(tmp_path / "out.csv", resume=True)


def test_a_known_error_leaves_nothing(tmp_path: Path) -> None:
    with suppress(FileError), PartialFile(tmp_path / "out.csv", IDENTITY) as file:
        file.append(b"one\n", 1)
        raise FileError("in.csv: is damaged")
    assert list(tmp_path.iterdir()) == []
