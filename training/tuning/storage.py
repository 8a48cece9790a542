"""Storage of a search: Optuna's study in a file of one process, or where several machines reach it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import OptunaError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from training.errors import ResumeError

Storage = Path | str
"""An SQLite file, for one process at a time; or a string, `postgresql://...` or `journal:PATH`, for any number."""

STORAGE_ERRORS = (SQLAlchemyError, OptunaError, json.JSONDecodeError)

_SQLITE, _JOURNAL = b"SQLite format 3\0", b'{"op_code":'  # what such a file begins with
_TABLES_LOCK = 26_112_026  # any number that nothing else in the database locks


def is_shared(storage: Storage) -> bool:
    """Whether several processes may use it at once."""
    return isinstance(storage, str)


def storage_name(storage: Storage) -> str:
    """How people are told of it: a file's path, or a URL without its password."""
    if isinstance(storage, Path):
        return str(storage)
    kind, _, path = storage.partition(":")
    try:
        return path if kind == "journal" else make_url(storage).render_as_string(hide_password=True)
    except ArgumentError:
        return f"{kind}:..."


@contextmanager
def open_study(storage: Storage, name: str, identity: Mapping[str, Any]) -> Iterator[optuna.Study]:
    """Optuna's study of this name, made where it is missing and bound to one search.

    Args:
        storage: Where it is kept.
        name: Its name there.
        identity: Anything JSON that must be equal for a search to go on.

    Raises:
        ResumeError: The storage cannot be used, now or later on, or its study is that of another search.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a trial that fails is told by the error that it raises
    where = storage_name(storage)
    try:
        opened = _open_storage(storage)
        study = optuna.create_study(storage=opened, study_name=name, direction="maximize", load_if_exists=True)
    except ImportError as error:
        raise ResumeError(f"{where}: needs psycopg; pip install -r requirements-search.txt brings it") from error
    except (*STORAGE_ERRORS, OSError, RuntimeError, ValueError) as error:
        raise ResumeError(f"{where}: cannot be opened for a search: {_reason(error)}") from error
    try:
        bind_study(study, where, identity)
        yield study
    except STORAGE_ERRORS as error:
        raise ResumeError(
            f"{where}: can no longer be used: {_reason(error)}; the same command goes on once it can"
        ) from error
    finally:
        if isinstance(opened, RDBStorage):
            opened.remove_session()
            opened.engine.dispose()


def bind_study(study: optuna.Study, where: str, identity: Mapping[str, Any]) -> None:
    """Bind a new study to a search.

    Args:
        study: The study.
        where: The name of its storage.
        identity: Anything JSON that must be equal.

    Raises:
        ResumeError: It is bound to another search.
    """
    wanted = json.loads(json.dumps(identity))
    if "identity" not in study.user_attrs:
        study.set_user_attr("identity", wanted)
    stored = study.user_attrs["identity"]
    changed = sorted(key for key in stored.keys() | wanted.keys() if stored.get(key) != wanted.get(key))
    if changed:
        raise ResumeError(
            f"{where}: holds trials of another search, which differs in {changed}; accepted: this search's own, or "
            "a new one"
        )


def end_trial(study: optuna.Study, trial: optuna.Trial | int, score: float | None = None) -> bool:
    """End a running trial.

    Args:
        study: The study.
        trial: The trial, or its number.
        score: Its score; None: it failed.

    Returns:
        False where it had ended already, so that nothing was changed.
    """
    try:
        study.tell(trial, score, state=TrialState.FAIL if score is None else None)
    except (UpdateFinishedTrialError, ValueError):
        return False
    return True


def _open_storage(storage: Storage) -> BaseStorage:
    if isinstance(storage, Path):
        _check_beginning(storage, _SQLITE)
        storage.parent.mkdir(parents=True, exist_ok=True)
        return RDBStorage(f"sqlite:///{storage}")
    kind, _, rest = storage.partition(":")
    if kind == "journal" and rest:
        _check_beginning(Path(rest), _JOURNAL)
        Path(rest).parent.mkdir(parents=True, exist_ok=True)
        # Optuna's other lock is a link to the journal, which a machine with another path to it could not follow.
        return JournalStorage(JournalFileBackend(rest, JournalFileOpenLock(rest)))
    if kind == "postgresql":
        with _locked_tables(storage):
            # A training takes long: by its end the server may have closed what was idle.
            return RDBStorage(storage, engine_kwargs={"pool_pre_ping": True})
    raise ResumeError(
        f"--storage: found {storage_name(storage)}; accepted: postgresql://USER@HOST/DATABASE, or journal:PATH"
    )


@contextmanager
def _locked_tables(url: str) -> Iterator[None]:
    """So that of machines that begin at once one makes Optuna's tables, and the others find them."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TABLES_LOCK})
            yield
    finally:
        engine.dispose()


def _check_beginning(path: Path, beginning: bytes) -> None:
    """Before Optuna, which takes a text file for an empty journal, and leaves what is no SQLite file open."""
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            if file.read(len(beginning)) != beginning:
                raise ResumeError(f"{path}: holds no trials of a search; accepted: a new file, or a search's")


def _reason(error: Exception) -> str:
    """The driver's own sentence, where SQLAlchemy and Optuna put theirs around it."""
    cause = error.__cause__ if isinstance(error.__cause__, SQLAlchemyError) else error
    return " ".join(str(getattr(cause, "orig", None) or cause).split())
