import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from serving.__main__ import app, main
from serving.errors import DatabaseError, FileError, SettingsError
from serving.feedback.corrections import Correction
from tests.postgresql import Postgresql
from tests.serving.feedback.conftest import MakeStore


def export(out: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["corrections", "--out", str(out), *options])


def rows(path: Path) -> Sequence[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_are_written_once(make_store: MakeStore, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one page of them, from the database that the environment names."""
    store = make_store()
    for number in range(1001):
        store.add(Correction(f"=text {number},\n", "negative", "positive"))
    out = tmp_path / "corrections.csv"
    monkeypatch.setenv("DATABASE_URL", url)
    done = export(out)
    assert done.exit_code == 0
    assert done.stderr == f"1,001 corrections of {store.name} written to {out}\n"
    assert [row["text"] for row in rows(out)] == [f"=text {number},\n" for number in range(1001)]
    assert {(row["label"], row["predicted"]) for row in rows(out)} == {("positive", "negative")}


def test_by_default_it_is_the_file_of_the_service(
    open_store: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "")
    open_store("sqlite:///feedback.db").add(Correction("a", "b", "c"))
    assert export(tmp_path / "out.csv").exit_code == 0
    assert len(rows(tmp_path / "out.csv")) == 1


def test_of_a_whole_number_of_pages_none_is_missing(open_store: MakeStore, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    for number in range(1000):
        store.add(Correction(f"{number}", "a", "b"))
    assert export(tmp_path / "out.csv", "--database-url", f"sqlite:///{tmp_path / 'a.db'}").exit_code == 0
    assert len(rows(tmp_path / "out.csv")) == 1000


def test_without_corrections_the_file_has_a_header(make_store: MakeStore, url: str, tmp_path: Path) -> None:
    make_store().prepare()
    assert export(tmp_path / "out.csv", "--database-url", url).exit_code == 0
    content = (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert content == "text,label,predicted,model_version,note,created,id\n"


def test_a_database_that_fails_leaves_the_file_as_it_was(database: str, postgresql: Postgresql, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("as it was", encoding="utf-8")
    with postgresql.stopped():
        done = export(tmp_path / "out.csv", "--database-url", database)
    assert isinstance(done.exception, DatabaseError)
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "as it was"


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    done = export(tmp_path / "out.csv", "--database-url", f"sqlite:///{tmp_path / 'none.db'}")
    assert isinstance(done.exception, DatabaseError)
    assert "none.db: is not there; --database-url or DATABASE_URL names" in str(done.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("out", "reason"), [("none/x", "No such file or directory"), ("a.db/x", "Not a directory")])
def test_where_nothing_can_be_written(open_store: MakeStore, tmp_path: Path, out: str, reason: str) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    open_store(url).prepare()
    done = export(tmp_path / out, "--database-url", url)
    assert isinstance(done.exception, FileError)
    assert str(done.exception) == f"{tmp_path / out}: cannot be written: {reason}"


def test_an_address_that_cannot_be_used(tmp_path: Path) -> None:
    assert isinstance(export(tmp_path / "out.csv", "--database-url", "mysql://me:hidden@h/x").exception, SettingsError)


def test_an_error_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sys.argv", ["serving", "corrections", "--out", "x", "--database-url", f"sqlite:///{tmp_path}/x"]
    )
    with pytest.raises(SystemExit, match=r"^error: .*is not there"):
        main()


def test_help_does_not_show_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://me:hidden@host/x")
    done = CliRunner().invoke(app, ["corrections", "--help"])
    assert "DATABASE_URL" in done.output
    assert "hidden" not in done.output
