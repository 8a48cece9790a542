import json
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from serving.errors import DatabaseError, SettingsError
from serving.feedback.corrections import Correction
from serving.feedback.store import CorrectionStore
from tests.postgresql import DATABASE, USER, Postgresql
from tests.serving.feedback.conftest import MakeStore

SSL_REQUEST, START = 80877103, 196608
GIVEN = Correction("so good", "negative", "positive", "0123456789ab", "irony")
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def texts(store: CorrectionStore) -> list[str]:
    return [each.text for each in store.page(1000)]


def some(count: int) -> list[Correction]:
    return [Correction(f"text {number}", "a", "b") for number in range(count)]


def ticking(step: timedelta) -> Callable[[], datetime]:
    """A clock that goes on by a step each time that it is read."""
    times = (NOON + step * number for number in range(10_000))
    return lambda: next(times)


def test_what_is_kept(make_store: MakeStore) -> None:
    store = make_store(clock=lambda: NOON)
    id = store.add(GIVEN)
    (stored,) = make_store().page(10)
    assert (stored.id, stored.created) == (id, NOON)
    assert stored.created.tzinfo is UTC
    fields = (stored.text, stored.label, stored.correct, stored.model_version, stored.note)
    assert Correction(*fields) == GIVEN


def test_the_same_correction_is_one_row_and_keeps_its_first_note_and_time(make_store: MakeStore) -> None:
    store = make_store(clock=ticking(timedelta(days=1)))
    ids = {store.add(each) for each in (GIVEN, replace(GIVEN, note="again"), GIVEN)}
    (stored,) = store.page(10)
    assert {stored.id} == ids
    assert (stored.note, stored.created) == ("irony", NOON)


@pytest.mark.parametrize(
    "text", ["nul \0 here", "half \ud83d", "😀\r\n\t'); DROP TABLE x; --", "x" * 1_000_000, "%s :a"]
)
def test_any_text_is_kept(store: CorrectionStore, text: str) -> None:
    assert store.add(Correction(text, text[:99], text[:99], note=text)) == store.page(1)[0].id
    assert texts(store) == [Correction(text, "a", "b").text]


def test_pages_go_from_the_oldest_to_the_newest(make_store: MakeStore) -> None:
    store = make_store(clock=ticking(timedelta(microseconds=1)))
    for each in some(7):
        store.add(each)
    pages = [store.page(3)]
    while len(pages[-1]) == 3:
        pages.append(store.page(3, pages[-1][-1].cursor))
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [each.text for page in pages for each in page] == [each.text for each in some(7)]
    assert store.page(3, pages[-1][-1].cursor) == []


def test_corrections_of_one_moment_are_paged_without_a_loss(make_store: MakeStore) -> None:
    store = make_store(clock=lambda: NOON)
    for each in some(5):
        store.add(each)
    seen = store.page(2)
    while page := store.page(2, seen[-1].cursor):
        seen += page
    assert sorted(each.text for each in seen) == [each.text for each in some(5)]


def test_a_page_comes_after_one_that_is_deleted(make_store: MakeStore) -> None:
    store = make_store(clock=ticking(timedelta(seconds=1)))
    for each in some(3):
        store.add(each)
    (first,) = store.page(1)
    assert store.delete(first.id)
    assert [each.text for each in store.page(9, first.cursor)] == ["text 1", "text 2"]


def test_one_is_deleted_once(store: CorrectionStore) -> None:
    kept = store.add(Correction("kept", "a", "b"))
    id = store.add(GIVEN)
    assert store.delete(id)
    assert not store.delete(id)
    assert [each.id for each in store.page(10)] == [kept]


def test_those_that_are_too_old_are_deleted(make_store: MakeStore) -> None:
    yesterday, now = make_store(clock=lambda: NOON - timedelta(days=1, seconds=1)), make_store(clock=lambda: NOON)
    yesterday.add(Correction("old", "a", "b"))
    now.add(Correction("new", "a", "b"))
    assert now.delete_older_than(2) == 0
    assert now.delete_older_than(1) == 1
    assert now.delete_older_than(1) == 0
    assert texts(now) == ["new"]


def test_many_that_are_too_old_are_deleted_in_parts(make_store: MakeStore) -> None:
    store = make_store(clock=ticking(timedelta(0)))
    for each in some(1001):
        store.add(each)
    later = make_store(clock=lambda: NOON + timedelta(days=2))
    assert [later.delete_older_than(1) for _ in range(3)] == [1000, 1, 0]


PROCESS = """
import sys
from serving.feedback.corrections import Correction
from serving.feedback.store import CorrectionStore
store = CorrectionStore(sys.argv[1], timeout=30, pool_size=2)
print("ready", flush=True)
sys.stdin.readline()
store.prepare()
for number in range(20):
    store.add(Correction(f"text {number}", "a", "b"))
print("added", flush=True)
sys.stdin.readline()
store.close()
"""


def process(url: str) -> subprocess.Popen[str]:
    """A process that is ready, adds when it is sent a line, and ends after another one."""
    command = [sys.executable, "-W", "error", "-c", PROCESS, url]
    started = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def test_processes_that_start_at_once_make_one_table(url: str, make_store: MakeStore) -> None:
    processes = [process(url) for _ in range(4)]
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    assert [each.communicate("\n") for each in processes] == [("added\n", "")] * 4
    assert [each.returncode for each in processes] == [0] * 4
    assert sorted(texts(make_store())) == sorted(each.text for each in some(20))


def test_a_file_that_another_process_has_locked_is_waited_for(tmp_path: Path, open_store: MakeStore) -> None:
    path = tmp_path / "feedback.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE other (number)")
        other.execute("BEGIN IMMEDIATE")  # as who makes the table; SQLite lets nobody wait for it to set the journal
        end = threading.Timer(0.5, other.rollback)
        end.start()
        store = open_store(f"sqlite:///{path}")
        store.add(GIVEN)
        end.join()
    assert texts(store) == [GIVEN.text]


def test_threads_share_a_store(store: CorrectionStore) -> None:
    def add() -> None:
        for each in some(20):
            store.add(each)

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts(store)) == 20


def test_what_was_added_outlives_a_process_that_is_killed(url: str, make_store: MakeStore) -> None:
    with process(url) as killed:
        assert killed.stdin is not None
        assert killed.stdout is not None
        killed.stdin.write("\n")
        killed.stdin.flush()
        assert killed.stdout.readline() == "added\n"
        killed.kill()
    assert len(texts(make_store())) == 20


def test_a_database_that_was_stopped_is_used_again(
    database: str, postgresql: Postgresql, open_store: MakeStore
) -> None:
    store = open_store(database)
    store.add(GIVEN)
    for _ in range(2):
        with postgresql.stopped(), pytest.raises(DatabaseError):
            store.add(some(1)[0])
        assert store.add(GIVEN) == GIVEN.id
    assert texts(store) == ["so good"]


def test_connections_that_the_server_closed_are_replaced_unseen(
    database: str, postgresql: Postgresql, open_store: MakeStore
) -> None:
    store = open_store(database)
    for each in some(3):
        store.add(each)
        postgresql.close_connections()
    assert len(texts(store)) == 3


def test_another_database_in_its_place_gets_a_table(
    database: str, postgresql: Postgresql, open_store: MakeStore
) -> None:
    store = open_store(database)
    store.add(GIVEN)
    postgresql.drop()
    postgresql.create()
    with pytest.raises(DatabaseError, match="tweet_corrections"):
        store.add(GIVEN)
    store.add(GIVEN)
    assert texts(store) == ["so good"]


def test_a_database_that_is_paused_is_given_up_in_time(
    database: str, postgresql: Postgresql, open_store: MakeStore
) -> None:
    store = open_store(database, timeout=1.0)
    store.add(GIVEN)
    began = time.monotonic()
    with postgresql.paused():
        with pytest.raises(DatabaseError, match=r"it took more than 1 seconds; "):
            store.add(some(1)[0])
        with pytest.raises(DatabaseError, match="timeout"):  # there is no connection any more, and none comes about
            store.add(some(1)[0])
        assert 2 < time.monotonic() - began < 15
    assert store.add(some(1)[0]) in {each.id for each in store.page(10)}


def test_a_server_that_falls_silent_once_it_is_connected_is_given_up_in_time() -> None:
    """What SQLAlchemy itself asks of a new connection is within the limit."""
    greeting = struct.pack("!cii", b"R", 8, 0) + struct.pack("!cic", b"Z", 5, b"I")  # authenticated; ready
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as executor:
        connected = executor.submit(greet, listener, greeting)
        url = f"postgres://me@127.0.0.1:{listener.getsockname()[1]}/x?sslmode=disable&gssencmode=disable"
        with pytest.raises(DatabaseError, match=r"it took more than 0.5 seconds; "):
            CorrectionStore(url, timeout=0.5, pool_size=1).prepare()
        connected.result().close()


def greet(listener: socket.socket, greeting: bytes) -> socket.socket:
    connection, _ = listener.accept()
    connection.recv(1000)
    connection.sendall(greeting)
    return connection


def test_a_lock_of_somebody_else_is_given_up_in_time(database: str, open_store: MakeStore) -> None:
    """By the server, so that the row is not written after all when the lock goes."""
    store = open_store(database, timeout=1.0)
    store.prepare()
    with psycopg.connect(database) as other:
        other.execute("LOCK TABLE tweet_corrections")
        with pytest.raises(DatabaseError, match="statement timeout"):
            store.add(GIVEN)
    assert texts(store) == []


def test_a_table_that_somebody_else_made_needs_no_right_to_make_one(database: str, open_store: MakeStore) -> None:
    open_store(database).prepare()
    with psycopg.connect(database) as owner:
        owner.execute("CREATE ROLE writer LOGIN")
        owner.execute("GRANT SELECT, INSERT, DELETE ON tweet_corrections TO writer")
    writer = open_store(database.replace(f"{USER}@", "writer@"))
    writer.add(GIVEN)
    assert texts(writer) == ["so good"]
    with psycopg.connect(database) as owner:
        owner.execute("DROP OWNED BY writer")
        owner.execute("DROP ROLE writer")


@pytest.mark.parametrize("kind", ["postgres", "postgresql", "postgresql+psycopg"])
def test_an_address_as_heroku_writes_it(database: str, open_store: MakeStore, kind: str) -> None:
    store = open_store(database.replace("postgresql", kind, 1).replace("@", ":hidden@"))
    store.add(GIVEN)
    assert texts(store) == ["so good"]
    assert store.name == "postgresql+psycopg://tester:***@/shared"


@pytest.mark.parametrize(("mode", "code"), [("require", SSL_REQUEST), ("disable", START)])
def test_tls_is_as_the_address_says(mode: str, code: int) -> None:
    """By what a server is sent first (https://www.postgresql.org/docs/current/protocol-message-formats.html)."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as executor:
        sent = executor.submit(refuse_tls, listener)
        url = f"postgres://me@127.0.0.1:{listener.getsockname()[1]}/x?sslmode={mode}&gssencmode=disable"
        with pytest.raises(DatabaseError):
            CorrectionStore(url, timeout=30, pool_size=1).prepare()
    assert sent.result() == code


def refuse_tls(listener: socket.socket) -> int:
    """Take a connection, and say that there is no TLS. Returns the code that it began with."""
    connection, _ = listener.accept()
    with connection:
        _, code = struct.unpack("!ii", connection.recv(8, socket.MSG_WAITALL))
        connection.sendall(b"N")
    return int(code)


ACCEPTED = "accepted is sqlite:///PATH, or postgresql://USER:PASSWORD@HOST:PORT/DATABASE, percent-encoded."


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("nonsense-hidden", "is not an address that can be read"),
        ("postgres://me:hid@den:hidden/x", "is not an address that can be read"),
        ("postgres://me:hid@den@host/x", "is not an address that can be read"),
        ("postgres://me:hid@d/en@host/x", "is not an address that can be read"),
        ("mysql://me:hid@den@host/x", "is not an address that can be read"),
        ("mysql://me:hidden@host/x?password=hidden", "is 'mysql://me:***@host/x'"),
        ("postgresql+psycopg2://me:hidden@host/x", "is 'postgresql+psycopg2://me:***@host/x'"),
        ("sqlite://", "is 'sqlite://'"),
        ("sqlite:///:memory:", "is 'sqlite:///%3Amemory%3A'"),
    ],
)
def test_an_address_of_another_kind(url: str, found: str) -> None:
    with pytest.raises(SettingsError) as caught:
        CorrectionStore(url, timeout=1, pool_size=1)
    assert str(caught.value) == f"DATABASE_URL {found}; {ACCEPTED}"
    assert caught.value.__context__ is None


def test_without_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ImportError):
        CorrectionStore("postgresql://me@host/x", timeout=1, pool_size=1)


@pytest.mark.parametrize("query", ["", "?sslmode=hidden-password", "?application_name=x"])
def test_an_error_tells_where_and_why_but_not_the_password(query: str) -> None:
    store = CorrectionStore(f"postgresql://me:hidden-password@127.0.0.1:1/x{query}", timeout=2, pool_size=1)
    with pytest.raises(DatabaseError) as caught:
        store.add(GIVEN)
    sentence = str(caught.value)
    assert sentence.startswith("postgresql+psycopg://me:***@127.0.0.1:1/x: ")
    assert "127.0.0.1" in sentence
    assert "hidden" not in f"{sentence} {caught.value!r} {store.name} {store!r} {caught.value.__context__}"
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("check", "found"),
    [
        ("note <> 'secret note'", "violates check constraint"),  # with a DETAIL
        ("1 / (length(note) - 11) > 0", "division by zero"),  # with a CONTEXT
    ],
)
def test_an_error_does_not_quote_a_users_text(database: str, open_store: MakeStore, check: str, found: str) -> None:
    store = open_store(f"{database}&options=-clog_parameter_max_length_on_error%3D-1")
    store.prepare()
    with psycopg.connect(database) as owner:
        owner.execute(f"ALTER TABLE tweet_corrections ADD CHECK ({check})")
    with pytest.raises(DatabaseError, match=found) as caught:
        store.add(replace(GIVEN, text="a secret text", note="secret note"))
    assert "secret" not in str(caught.value)


def test_a_database_of_another_encoding_takes_any_text(postgresql: Postgresql, open_store: MakeStore) -> None:
    """Such as where the server was set up without a locale."""
    postgresql.administer(f"CREATE DATABASE {DATABASE} ENCODING SQL_ASCII LOCALE 'C' TEMPLATE template0")
    try:
        store = open_store(postgresql.url)
        store.add(Correction("né 😀", "a", "b"))
        assert texts(store) == ["né 😀"]
    finally:
        postgresql.drop()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    store = CorrectionStore(f"sqlite:///{tmp_path / 'none' / 'feedback.db'}", timeout=1, pool_size=1)
    with pytest.raises(DatabaseError, match="unable to open database file"):
        store.prepare()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "feedback.db").write_text(json.dumps(["no database"] * 100), encoding="utf-8")
    store = CorrectionStore(f"sqlite:///{tmp_path / 'feedback.db'}", timeout=1, pool_size=1)
    with pytest.raises(DatabaseError, match="not a database"):
        store.prepare()
    store.close()
