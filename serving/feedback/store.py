"""Corrections in a database: SQLite for one machine, or PostgreSQL. The only module that imports SQLAlchemy."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from threading import local
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Column,
    Connection,
    DateTime,
    Engine,
    Index,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    make_url,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from serving.errors import DatabaseError, SettingsError
from serving.feedback.corrections import Correction, StoredCorrection, read_cursor
from serving.feedback.time_limit import TimeLimit

T = TypeVar("T")

ACCEPTED = "accepted is sqlite:///PATH, or postgresql://USER:PASSWORD@HOST:PORT/DATABASE, percent-encoded"

_DRIVERS = {
    **dict.fromkeys(("sqlite", "sqlite+pysqlite"), "sqlite"),
    # Heroku writes the first, which SQLAlchemy does not know.
    **dict.fromkeys(("postgres", "postgresql", "postgresql+psycopg"), "postgresql+psycopg"),
}
_TABLE = Table(
    "tweet_corrections",
    MetaData(),
    Column("id", String(32), primary_key=True),
    Column("created", DateTime(timezone=True), nullable=False),
    *(Column(name, Text, nullable=False) for name in ("text", "label", "correct", "model_version", "note")),
)
_PLACE = (_TABLE.c.created, _TABLE.c.id)
Index("tweet_corrections_place", *_PLACE)

# So that of processes that start at once one makes the table, and the others find it. The number is any that nothing
# else in the database locks.
_LOCK = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(28112026)"}
_INSERT: Mapping[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

_DELETED_AT_ONCE = 1000  # which takes some milliseconds, so that no number of them takes too long

# Seconds. Firewalls and balancers forget what was idle for longer, some without a word to either end.
_OLDEST_CONNECTION = 300


class CorrectionStore:
    """Corrections in a database. Safe to use from several threads.

    A connection that broke is replaced: what failed by it is asked once more, which changes nothing that was done.
    The table is made, where it is missing, by whatever is asked first.

    Args:
        url: of the database, as DATABASE_URL has it.
        timeout: seconds until what is asked fails; as many again where it must connect first.
        pool_size: connections that are held at most.
        clock: tells the time.

    Attributes:
        name: its URL without the password and options, for people.
        path: the file, of SQLite.

    Raises:
        SettingsError: the URL cannot be used.
        ImportError: the driver is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        pool_size: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        parsed = _parse(url)
        self.name = parsed.set(query={}).render_as_string(hide_password=True)
        self.path = Path(parsed.database or "") if parsed.drivername == "sqlite" else None
        self._password = parsed.password
        self._timeout = timeout
        self._clock = clock
        self._thread = local()  # has the `limit` of what it asks
        self._is_prepared = False
        self._engine = self._make_engine(parsed, pool_size)
        self._dialect = self._engine.dialect.name

    def prepare(self) -> None:
        """Make the table where it is missing.

        Raises:
            DatabaseError: the database fails or is too slow.
        """
        self._ask(lambda _: None)

    def add(self, correction: Correction) -> str:
        """Keep a correction, once. Returns its id after the commit.

        Raises:
            DatabaseError: see `prepare`. Where it was slow or broke, the correction may have been kept.
        """
        row = {"id": correction.id, "created": self._clock(), **asdict(correction)}
        statement = _INSERT[self._dialect](_TABLE).values(row).on_conflict_do_nothing(index_elements=[_TABLE.c.id])
        self._ask(lambda connection: connection.execute(statement))
        return correction.id

    def page(self, limit: int, after: str | None = None) -> list[StoredCorrection]:
        """Some corrections, the oldest first.

        Args:
            limit: how many at most. Fewer mean that there are no more.
            after: the `cursor` of the last one of the page before.

        Raises:
            InvalidCursor: `after` is none.
            DatabaseError: see `prepare`.
        """
        statement = select(_TABLE).order_by(*_PLACE).limit(limit)
        if after is not None:
            statement = statement.where(tuple_(*_PLACE) > read_cursor(after))
        rows = self._ask(lambda connection: connection.execute(statement).all())
        return [StoredCorrection(id, _as_utc(created), *values) for id, created, *values in rows]

    def delete(self, id: str) -> bool:
        """Delete a correction. Returns whether there was such a one.

        Raises:
            DatabaseError: see `prepare`.
        """
        statement = delete(_TABLE).where(_TABLE.c.id == id)
        return bool(self._ask(lambda connection: connection.execute(statement).rowcount))

    def delete_older_than(self, days: int) -> int:
        """Delete corrections of more than so many days ago, some at a time. Returns how many: 0 where none are left.

        Raises:
            DatabaseError: see `prepare`.
        """
        oldest = select(_TABLE.c.id).where(_TABLE.c.created < self._clock() - timedelta(days=days))
        statement = delete(_TABLE).where(_TABLE.c.id.in_(oldest.limit(_DELETED_AT_ONCE)))
        return self._ask(lambda connection: connection.execute(statement).rowcount)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._engine.dispose()

    def _ask(self, ask: Callable[[Connection], T]) -> T:
        """Ask the database something in a transaction, within the limit of time.

        Raises:
            DatabaseError: it fails, or the time is up.
        """
        limit = TimeLimit(self._timeout)
        try:
            with limit:
                self._thread.limit = limit
                return self._attempt(ask, limit)
        except (SQLAlchemyError, OSError) as error:
            self._is_prepared = False  # it may be another database that answers next
            late = f"it took more than {self._timeout:g} seconds; " if limit.is_over else ""
            reason = late + self._reason(error)
        raise DatabaseError(f"{self.name}: {reason}")

    def _attempt(self, ask: Callable[[Connection], T], limit: TimeLimit) -> T:
        try:
            return self._transact(ask)
        except DBAPIError as error:
            if not error.connection_invalidated or limit.is_over:
                raise
        return self._transact(ask)

    def _transact(self, ask: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            if self._dialect == "postgresql":
                # Sooner than our own limit, so that the server drops what it was asked. For this transaction alone: a
                # pool such as PgBouncer gives the next one to somebody else.
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {ceil(self._timeout * 800)}")
            if not self._is_prepared:
                connection.exec_driver_sql(_LOCK[self._dialect])
                _TABLE.create(connection, checkfirst=True)
            answer = ask(connection)
        self._is_prepared = True
        return answer

    def _make_engine(self, url: URL, pool_size: int) -> Engine:
        # What is asked must not be in an error's words: it holds a user's text.
        common: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "hide_parameters": True}
        if self.path:
            engine = create_engine(url, connect_args={"timeout": self._timeout}, **common)
            event.listen(engine, "connect", _use_write_ahead_log)
            return engine
        engine = create_engine(
            url,
            connect_args={
                "connect_timeout": ceil(self._timeout),
                # Prepared statements belong to a connection, which a pool such as PgBouncer gives to others.
                "prepare_threshold": None,
                # Else it is the database's own, by which some give bytes and others do not take all texts.
                "client_encoding": "utf8",
            },
            use_native_hstore=False,  # it would cost each connection a question
            pool_recycle=_OLDEST_CONNECTION,
            **common,
        )
        # First of all, since SQLAlchemy asks some things of a new connection.
        event.listen(engine, "connect", self._watch, insert=True)
        event.listen(engine, "checkout", self._watch)
        return engine

    def _watch(self, connection: Any, *_: object) -> None:
        self._thread.limit.watch(connection.fileno())

    def _reason(self, error: Exception) -> str:
        """The server's own sentence, since what it adds may quote a row, or the driver's; without the password."""
        cause = getattr(error, "orig", None) or error
        said = getattr(getattr(cause, "diag", None), "message_primary", None)
        words = " ".join((said or str(cause)).split())
        return words.replace(self._password, "***") if self._password else words


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # whose words quote what may be a part of the password
        parsed = None
    # What is behind the first of two @, as in a password that is not encoded, would be taken for the host's name.
    if parsed is None or (not parsed.drivername.startswith("sqlite") and url.count("@") > 1):
        raise SettingsError(f"DATABASE_URL is not an address that can be read; {ACCEPTED}.")
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None or (driver == "sqlite" and parsed.database in (None, "", ":memory:")):
        raise SettingsError(f"DATABASE_URL is {parsed.set(query={}).render_as_string()!r}; {ACCEPTED}.")
    return parsed.set(drivername=driver)


def _as_utc(time: datetime) -> datetime:
    """A time as PostgreSQL gives it, in the zone of the session; or as SQLite does, which keeps no zone."""
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _use_write_ahead_log(connection: Any, _: object) -> None:
    """So that who reads does not wait for who writes (https://www.sqlite.org/wal.html)."""
    with suppress(sqlite3.OperationalError):  # SQLite waits for no lock here: who has it does the same, and it stays
        connection.execute("PRAGMA journal_mode = WAL")
