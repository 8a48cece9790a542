import sys
from pathlib import Path

import pytest

from tests.postgresql import Postgresql
from training.errors import ResumeError
from training.tuning.storage import Storage, end_trial, open_study, storage_name


def refused(storage: Storage) -> str:
    with pytest.raises(ResumeError) as caught, open_study(storage, "x", {}):
        pytest.fail("it was opened")
    return str(caught.value)


@pytest.mark.parametrize(
    ("storage", "found"),
    [
        ("trials.log", "trials.log:..."),
        ("journal:", ""),
        ("mysql://me:secret@host/x", "mysql://me:***@host/x"),
        ("postgres://me:secret@host/x", "postgres://me:***@host/x"),
        ("sqlite:///x.sqlite", "sqlite:///x.sqlite"),
    ],
)
def test_another_kind_is_refused_with_those_that_are_accepted(storage: str, found: str) -> None:
    accepted = "accepted: postgresql://USER@HOST/DATABASE, or journal:PATH"
    assert refused(storage) == f"--storage: found {found}; {accepted}"


def test_what_people_are_told_of_it() -> None:
    assert storage_name(Path("a/b.sqlite")) == "a/b.sqlite"
    assert storage_name("journal:/a/b.log") == "/a/b.log"
    assert storage_name("postgresql://me:secret@host/x") == "postgresql://me:***@host/x"


def test_a_server_that_is_not_there() -> None:
    sentence = refused("postgresql://me:secret@127.0.0.1:1/x")
    assert sentence.startswith("postgresql://me:***@127.0.0.1:1/x: cannot be opened for a search: connection failed")
    assert "secret" not in sentence
    assert "\n" not in sentence


def test_without_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    sentence = "postgresql://me@host/x: needs psycopg; pip install -r requirements-search.txt brings it"
    assert refused("postgresql://me@host/x") == sentence


@pytest.mark.parametrize("content", [b"no study", b'{"text": "a"}\n', b"SQLite format 3\0"])
def test_what_is_no_journal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j.log").write_bytes(content)
    assert "holds no trials of a search; accepted: a new file" in refused(f"journal:{tmp_path / 'j.log'}")
    assert (tmp_path / "j.log").read_bytes() == content


def test_a_journal_that_cannot_be_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "j.log"
    with open_study(f"journal:{path}", "x", {}):
        pass
    with path.open("ab") as file:
        file.write(b'{"op_code":\n{"op_code":4}\n')
    assert "cannot be opened for a search" in refused(f"journal:{path}")


def test_a_storage_that_goes_away(database: str, postgresql: Postgresql) -> None:
    """As where a server is set up anew in the middle of a search."""

    def lose() -> None:
        with open_study(database, "x", {}) as study:
            study.ask()
            postgresql.drop()
            postgresql.create()
            study.ask()

    with pytest.raises(ResumeError, match=r"can no longer be used: .*; the same command goes on once it can"):
        lose()


def test_a_trial_ends_once(storage: str) -> None:
    with open_study(storage, "x", {}) as study:
        trial = study.ask()
        assert end_trial(study, trial, 0.5)
        assert not end_trial(study, trial)
        assert not end_trial(study, trial.number, 0.7)
        assert study.trials[0].value == 0.5


def test_a_connection_that_the_server_has_closed_is_made_again(database: str, postgresql: Postgresql) -> None:
    with open_study(database, "x", {}) as study:
        trial = study.ask()
        postgresql.close_connections()
        assert end_trial(study, trial, 0.5)
