"""Resumable output file: it gets its name when it is finished, and an interrupted one can be continued."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from pydantic import TypeAdapter, ValidationError

from serving.errors import FileError

# What a file was begun with: only the same may continue it.
Identity = dict[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a file has come.

    Attributes:
        identity: of the work.
        rows: of the input that are in the file.
        size: bytes of the file that hold them.
    """

    identity: Identity
    rows: int = 0
    size: int = 0


class ResumableFile:
    """Pages of bytes that are appended, under a temporary name beside `path`: `with ResumableFile(...) as file: ...`.

    After every page a small file beside it says how far it has come. Where the block raises FileError both are removed,
    and where it is interrupted they are kept.

    Args:
        path: of the finished file.
        identity: of the work.
        resume: continue what an interrupted run has left, if it has; else that is overwritten.

    Raises:
        FileError: the file cannot be written, or what was left is of another identity.
    """

    def __init__(self, path: Path, identity: Identity, *, resume: bool = False) -> None:
        self.path = path
        self.pages = path.with_name(f".{path.name}.partial")
        self.checkpoint = Checkpoint(identity)
        self._checkpoint_path = path.with_name(f".{path.name}.state.partial")
        self._resume = resume
        self._file: BinaryIO

    def __enter__(self) -> Self:
        if self.path.is_dir():
            raise FileError(f"{self.path}: is a folder; accepted: a file's name")
        if self._resume:
            self.checkpoint = self._last_checkpoint()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.pages.open("r+b" if self.checkpoint.rows else "wb")
            # What was appended after the last page that is known to be whole.
            self._file.truncate(self.checkpoint.size)
            self._file.seek(self.checkpoint.size)
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def append(self, page: bytes, rows: int) -> None:
        """Add a page.

        Args:
            page: bytes.
            rows: of the input that are in the file with it.
        """
        try:
            self._file.write(page)
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error
        self.checkpoint = Checkpoint(self.checkpoint.identity, rows, self.checkpoint.size + len(page))
        if rows:
            self._write_checkpoint()

    def commit(self, finish: Callable[[Path], Path]) -> None:
        """Bring all pages to the disk and give the finished file its name.

        Args:
            finish: makes the finished file of all pages, beside them or the same, and returns its path.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        finish(self.pages).replace(self.path)
        self._remove()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        if isinstance(error, FileError):
            self._remove()

    def _remove(self) -> None:
        self.pages.unlink(missing_ok=True)
        self._checkpoint_path.unlink(missing_ok=True)

    def _write_checkpoint(self) -> None:
        fresh = self._checkpoint_path.with_name(f".{self.path.name}.next.partial")
        fresh.write_text(json.dumps(asdict(self.checkpoint)), encoding="utf-8")
        fresh.replace(self._checkpoint_path)

    def _last_checkpoint(self) -> Checkpoint:
        """How far an interrupted run has come. Raises FileError where it was other work."""
        identity = self.checkpoint.identity
        try:
            last = TypeAdapter(Checkpoint).validate_json(self._checkpoint_path.read_bytes())
            size = self.pages.stat().st_size
        except FileNotFoundError:
            return self.checkpoint
        except (OSError, ValidationError) as error:
            raise self._unresumable("the record of the interrupted run cannot be read") from error
        different = [name for name, value in identity.items() if last.identity.get(name) != value]
        if different:
            raise self._unresumable(f"the interrupted run had another {', '.join(different)}")
        if size < last.size:
            raise self._unresumable("its unfinished file is shorter than it was")
        return last

    def _unresumable(self, reason: str) -> FileError:
        return FileError(f"{self.path}: cannot be resumed: {reason}; without --resume it starts from the first row")

    def _unwritable(self, error: OSError) -> FileError:
        return FileError(f"{self.path}: cannot be written ({error.strerror})")
