"""A file that comes to its name only when it is whole, and can be gone on with after an interruption."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from pydantic import TypeAdapter, ValidationError

from serving.errors import FileError

Identity = dict[str, str | int | None]
"""What a file was begun with: only the same may go on with it."""


@dataclass(frozen=True, slots=True)
class Done:
    """How far a file has come: rows of the input that are in it, and its bytes that hold them whole."""

    identity: Identity
    rows: int = 0
    size: int = 0


class PartialFile:
    """Pages of bytes that are appended, under a temporary name beside `path`: `with PartialFile(...) as file: ...`.

    After every page a small file beside it says how far it has come. At the end of the block the partial file is
    `path`; where the block raises FileError both are removed, and where it is interrupted they are kept.

    Args:
        identity: of the work.
        resume: go on with what an interrupted one has left, if it has; else that is overwritten.

    Raises FileError where the file cannot be written, or what was left is of another identity.
    """

    def __init__(self, path: Path, identity: Identity, *, resume: bool = False) -> None:
        self.path, self._identity, self._resume = path, identity, resume
        self.partial = path.with_name(f".{path.name}.partial")
        self._state = path.with_name(f".{path.name}.state.partial")
        self.done = Done(identity)
        self._file: BinaryIO

    def __enter__(self) -> Self:
        if self.path.is_dir():
            raise FileError(f"{self.path}: is a folder; accepted: a file's name")
        if self._resume:
            self.done = self._left()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.partial.open("r+b" if self.done.rows else "wb")
            # What was appended after the last page that is known to be whole.
            self._file.truncate(self.done.size)
            self._file.seek(self.done.size)
        except OSError as error:
            raise FileError(f"{self.path}: cannot be written ({error.strerror})") from error
        return self

    def append(self, page: bytes, rows: int) -> None:
        """Add a page; `rows` of the input are then done in all."""
        try:
            self._file.write(page)
            self._file.flush()
        except OSError as error:
            raise FileError(f"{self.path}: cannot be written ({error.strerror})") from error
        self.done = Done(self._identity, rows, self.done.size + len(page))
        if rows:
            self._note()

    def close(self) -> None:
        """Bring all pages to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def put(self, whole: Path) -> None:
        """Give `whole`, the finished file beside this one, its name."""
        whole.replace(self.path)
        self._remove()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        if kind is not None and issubclass(kind, FileError):
            self._remove()

    def _remove(self) -> None:
        self.partial.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)

    def _note(self) -> None:
        fresh = self._state.with_name(f".{self.path.name}.next.partial")
        fresh.write_text(json.dumps(asdict(self.done)), encoding="utf-8")
        fresh.replace(self._state)

    def _left(self) -> Done:
        """How far an interrupted work has come. Raises FileError where it was other work."""
        try:
            left = TypeAdapter(Done).validate_json(self._state.read_bytes())
            size = self.partial.stat().st_size
        except FileNotFoundError:
            return Done(self._identity)
        except (OSError, ValidationError) as error:
            raise self._refusal("what was left cannot be read") from error
        others = [name for name, value in self._identity.items() if left.identity.get(name) != value]
        if others:
            raise self._refusal(f"what was left was begun with another {', '.join(others)}")
        if size < left.size:
            raise self._refusal("what was left is shorter than it was")
        return left

    def _refusal(self, found: str) -> FileError:
        return FileError(f"{self.path}: cannot be resumed: {found}; without --resume it is begun anew")
