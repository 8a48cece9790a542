"""`python -m serving corrections`: the database of corrections as a data file."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.errors import DatabaseError, FileError, SettingsError, package_missing
from serving.feedback.corrections import StoredCorrection
from serving.feedback.export import to_csv
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.feedback.store import CorrectionStore  # whose packages the other commands do without

_TIMEOUT = 60.0  # seconds; nobody waits for an answer here
_PAGE = 1000  # corrections that are in memory at once


def corrections(
    out: Annotated[Path, typer.Option(help="the CSV file, which `python -m training fit --data` reads")],
    database_url: Annotated[
        str,
        typer.Option(envvar="DATABASE_URL", help="as the service has it; it may hold a password", show_default=False),
    ] = "",
) -> None:
    """Write the corrections that users have made to a CSV file, the oldest first."""
    store = _open(database_url or Settings.model_fields["database_url"].default.get_secret_value())
    try:
        count = _write(store, out)
    finally:
        store.close()
    typer.echo(f"{count:,} corrections of {store.name} written to {out}", err=True)


def _open(url: str) -> "CorrectionStore":
    try:
        from serving.feedback.store import CorrectionStore

        store = CorrectionStore(url, timeout=_TIMEOUT, pool_size=1)
    except ImportError:
        raise SettingsError(package_missing("corrections", "-r requirements-feedback.txt")) from None
    # SQLite would make it, and an empty file of corrections would seem to be all.
    if store.path and not store.path.is_file():
        raise DatabaseError(f"{store.path}: is not there; --database-url or DATABASE_URL names the service's database")
    return store


def _write(store: "CorrectionStore", out: Path) -> int:
    """Write the file under another name until it is whole. Returns how many corrections are in it."""
    partial = out.with_name(f"{out.name}.partial")
    count = 0
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            for page in _pages(store):
                file.write(to_csv(page, header=count == 0))
                count += len(page)
        partial.replace(out)
    except OSError as error:
        raise FileError(f"{out}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):  # it has its name, or was never made
            partial.unlink()
    return count


def _pages(store: "CorrectionStore") -> Iterator[list[StoredCorrection]]:
    """All of them; at least one page, which may be empty."""
    yield (page := store.page(_PAGE))
    while len(page) == _PAGE:
        yield (page := store.page(_PAGE, page[-1].cursor))
