"""Storage of files: this machine's disks, and S3 by pyarrow's file systems; both are listed, read and written alike."""

import os
import re
import shutil
import stat
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path, PurePath
from typing import Any, BinaryIO, NamedTuple, cast

from fsspec.utils import glob_translate

from serving.errors import FileError, package_missing

S3 = "s3://"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_MAGIC = re.compile(r"[*?\[]")
_PARTIAL = ".partial"  # ends the names of what is being written; those begin with a dot


class StoredFile(NamedTuple):
    """A file that was found.

    Attributes:
        path: of it, or its URL.
        name: its place below the folder that was searched, with "/" between the parts.
        size: in bytes.
        modified: nanoseconds since 1970; of S3 whole seconds, for some stores tell more where they list it alone.
    """

    path: str
    name: str
    size: int
    modified: int

    @property
    def is_hidden(self) -> bool:
        """Whether it or a folder above it is not meant to be data, as readers of data sets have it: "_x" or ".x"."""
        return _is_hidden(self.name)


class Storage(ABC):
    """Where files lie. Every method raises FileError, whose sentence names the path."""

    def find(self, path: str) -> Iterator[StoredFile]:
        """A file; all files below a folder; or those that a pattern with *, ?, [] or ** matches."""
        if self.is_folder(path):
            yield from self._listed(path, lambda _: True)
        elif file := self.stat(path):
            yield file
        elif is_pattern(path):
            yield from self._matching(path)

    def _matching(self, pattern: str) -> Iterator[StoredFile]:
        fixed = _MAGIC.split(pattern, maxsplit=1)[0].rpartition("/")[0] + "/"
        below = pattern[len(fixed) :]
        matches = _matcher(pattern, below)
        if self.is_folder(fixed):
            yield from self._listed(fixed, matches, sys.maxsize if "**" in below else below.count("/") + 1)

    @abstractmethod
    def _listed(self, folder: str, wanted: Callable[[str], Any], levels: int = sys.maxsize) -> Iterator[StoredFile]:
        """The files below a folder whose names there are wanted, so many levels deep."""

    @abstractmethod
    def is_folder(self, path: str) -> bool:
        """Whether there is a folder."""

    @abstractmethod
    def stat(self, path: str) -> StoredFile | None:
        """The file, or None where there is none."""

    @abstractmethod
    @contextmanager
    def opened(self, path: str) -> Iterator[BinaryIO]:
        """A file, to be read at any place."""

    @abstractmethod
    def write(self, path: str, content: bytes) -> None:
        """Write a small file, as a whole or not at all."""

    @abstractmethod
    @contextmanager
    def workplace(self, path: str) -> Iterator[Path]:
        """A folder of this machine to make a file in, before `publish` brings it to `path`; gone afterwards."""

    @abstractmethod
    def publish(self, made: Path, path: str) -> None:
        """Bring a finished file of a workplace to its place, as a whole or not at all."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""


class LocalStorage(Storage):
    """Disks of this machine, and those of others that are mounted."""

    def _matching(self, pattern: str) -> Iterator[StoredFile]:
        return super()._matching(Path(pattern).absolute().as_posix())

    def _listed(self, folder: str, wanted: Callable[[str], Any], levels: int = sys.maxsize) -> Iterator[StoredFile]:
        return _walk(str(Path(folder)), wanted, levels)

    def is_folder(self, path: str) -> bool:
        """See Storage."""
        with _naming_errors(path, "read"):
            return Path(path).is_dir()

    def stat(self, path: str) -> StoredFile | None:
        """See Storage."""
        with _naming_errors(path, "read"):
            if not Path(path).is_file():
                return None
            status = Path(path).stat()
        return StoredFile(path, Path(path).name, status.st_size, status.st_mtime_ns)

    @contextmanager
    def opened(self, path: str) -> Iterator[BinaryIO]:
        """See Storage."""
        with _naming_errors(path, "read"):
            file = Path(path).open("rb")  # noqa: SIM115 -- an error later on is none of opening it
        with file:
            yield file

    def write(self, path: str, content: bytes) -> None:
        """See Storage."""
        with self.workplace(path) as folder:
            made = folder / "content"
            made.write_bytes(content)
            self.publish(made, path)

    @contextmanager
    def workplace(self, path: str) -> Iterator[Path]:
        """See Storage; beside the file, so that it is brought there by a rename."""
        target = Path(path)
        with _naming_errors(path, "written"):
            target.parent.mkdir(parents=True, exist_ok=True)
            folder = tempfile.TemporaryDirectory(
                dir=target.parent, prefix=f".{target.name}.", suffix=_PARTIAL, ignore_cleanup_errors=True
            )
        try:
            with folder as name:
                yield Path(name)
        finally:  # what killed attempts have left, and this one where Ctrl-C came while its folder was removed
            left = re.compile(rf"\.{re.escape(target.name)}\.[^.]+{re.escape(_PARTIAL)}")
            for other in target.parent.iterdir():
                if left.fullmatch(other.name):
                    shutil.rmtree(other, ignore_errors=True)

    def publish(self, made: Path, path: str) -> None:
        """See Storage."""
        with _naming_errors(path, "written"):
            made.replace(path)

    def remove(self, path: str) -> None:
        """See Storage."""
        with _naming_errors(path, "removed"):
            Path(path).unlink(missing_ok=True)


class ArrowStorage(Storage):
    """A bucket, by a file system of pyarrow's.

    Args:
        root: URL of the bucket, with a slash at its end.
        files: pyarrow's file system.
        base: pyarrow's own path of the bucket.
    """

    def __init__(self, root: str, files: Any, base: str) -> None:
        from pyarrow import fs

        self._root, self._files, self._base, self._arrow = root, files, base.rstrip("/"), fs

    def _listed(self, folder: str, wanted: Callable[[str], Any], levels: int = sys.maxsize) -> Iterator[StoredFile]:
        folder = folder.rstrip("/")
        inner = self._inner(folder)
        with _naming_errors(folder, "read"):
            found = self._files.get_file_info(self._arrow.FileSelector(inner, recursive=levels > 1))
        for info in sorted(found, key=lambda info: info.path):
            name = info.path[len(inner) + 1 :]
            if info.type == self._arrow.FileType.File and wanted(name):
                yield self._found(f"{folder}/{name}", name, info)

    def is_folder(self, path: str) -> bool:
        """See Storage; one of S3 is there as long as it has files, and a bucket's own always."""
        path = path.rstrip("/")
        return f"{path}/" == self._root or bool(self._info(path).type == self._arrow.FileType.Directory)

    def stat(self, path: str) -> StoredFile | None:
        """See Storage."""
        info = self._info(path)
        return self._found(path, path.rpartition("/")[2], info) if info.type == self._arrow.FileType.File else None

    @contextmanager
    def opened(self, path: str) -> Iterator[BinaryIO]:
        """See Storage."""
        with _naming_errors(path, "read"):
            file = self._files.open_input_file(self._inner(path))
        with file:
            yield cast(BinaryIO, file)

    def write(self, path: str, content: bytes) -> None:
        """See Storage; S3 shows an object when all of it is there."""
        with _naming_errors(path, "written"), self._files.open_output_stream(self._inner(path)) as target:
            target.write(content)

    @contextmanager
    def workplace(self, path: str) -> Iterator[Path]:
        """See Storage; in this machine's folder for temporary files."""
        with tempfile.TemporaryDirectory(prefix=f"{path.rpartition('/')[2]}.", suffix=_PARTIAL) as name:
            yield Path(name)

    def publish(self, made: Path, path: str) -> None:
        """See Storage."""
        with _naming_errors(path, "written"):
            self._arrow.copy_files(
                str(made),
                self._inner(path),
                source_filesystem=self._arrow.LocalFileSystem(),
                destination_filesystem=self._files,
            )

    def remove(self, path: str) -> None:
        """See Storage."""
        if self.stat(path):
            with _naming_errors(path, "removed"):
                self._files.delete_file(self._inner(path))

    def _found(self, path: str, name: str, info: Any) -> StoredFile:
        return StoredFile(path, name, info.size, info.mtime_ns // 10**9 * 10**9)

    def _info(self, path: str) -> Any:
        with _naming_errors(path, "read"):
            (info,) = self._files.get_file_info([self._inner(path)])
        return info

    def _inner(self, path: str) -> str:
        """Pyarrow's own path. It is no URL, so that a key may have signs that a URL writes otherwise."""
        return f"{self._base}/{path[len(self._root) :]}".rstrip("/")


def storage_of(path: str) -> Storage:
    """The storage that a path or URL is of.

    Raises:
        FileError: the URL is of another kind, holds credentials, or pyarrow is not installed or cannot open it.
    """
    scheme = _SCHEME.match(path)
    if not scheme:
        return LocalStorage()
    bucket, _, _ = path[len(S3) :].partition("/")
    if scheme[0] != S3 or not bucket or "@" in bucket:
        raise FileError(
            f"{scheme[0]}...: accepted: files and folders of this machine, and s3://BUCKET/KEY; keys to it come from "
            "AWS_ACCESS_KEY_ID and the like, never from a URL"
        )
    return _bucket(f"{S3}{bucket}/")


def joined(folder: str, name: str) -> str:
    """The path or URL of a file below a folder."""
    return f"{folder.rstrip('/')}/{name}" if is_url(folder) else str(Path(folder, name))


def is_url(path: str) -> bool:
    """Whether a path is a URL."""
    return bool(_SCHEME.match(path))


def is_pattern(path: str) -> bool:
    """Whether a path has signs of a pattern. A file may have such a name."""
    return bool(_MAGIC.search(path))


def is_below(path: str, folder: str) -> bool:
    """Whether a path or URL is a folder, or leads below it."""
    if is_url(path) or is_url(folder):
        return f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")
    return Path(path).resolve().is_relative_to(Path(folder).resolve())


@cache  # to find out a bucket's region takes a request
def _bucket(root: str) -> ArrowStorage:
    try:
        from pyarrow import ArrowException, fs
    except ImportError as error:
        raise FileError(f"{root}: {package_missing('S3', 'pyarrow')}") from error
    try:
        files, base = fs.FileSystem.from_uri(root)
    except (OSError, ValueError, ArrowException) as error:
        raise FileError(f"{root}: cannot be opened ({error})") from error
    return ArrowStorage(root, files, base)


def _matcher(pattern: str, below: str) -> Callable[[str], Any]:
    """Whether a name below a pattern's first folder matches the rest of it. Raises FileError."""
    flags = re.IGNORECASE if os.name == "nt" and not is_url(pattern) else re.NOFLAG
    try:
        return re.compile(glob_translate(below), flags).fullmatch
    except (ValueError, re.error) as error:
        raise FileError(f"{pattern}: is no pattern ({error}); accepted: patterns such as 'in/**/*.csv'") from error


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))


def _walk(
    folder: str, wanted: Callable[[str], Any], levels: int, place: str = "", above: tuple[str, ...] = ()
) -> Iterator[StoredFile]:
    """The files below a folder, and below those that links in it lead to; what is hidden need not be readable.

    Args:
        folder: its path.
        wanted: whether a file with such a name below the first folder is.
        levels: that are looked at.
        place: what stands before a name in the folder, to be one below the first.
        above: the real paths of the folders above it, to which links lead back that would never end.
    """
    above = (*above, os.path.realpath(folder))
    with _naming_errors(folder, "read"), os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        name = place + entry.name
        with suppress(FileError) if _is_hidden(name) else nullcontext(), _naming_errors(entry.path, "read"):
            if entry.is_dir():
                if levels > 1 and os.path.realpath(entry.path) not in above:
                    yield from _walk(entry.path, wanted, levels - 1, f"{name}/", above)
            elif wanted(name) and stat.S_ISREG((status := entry.stat()).st_mode):
                yield StoredFile(entry.path, name, status.st_size, status.st_mtime_ns)


@contextmanager
def _naming_errors(path: PurePath | str, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        is_dangling = isinstance(error, FileNotFoundError) and Path(path).is_symlink()
        reason = "it is a link that leads nowhere" if is_dangling else error.strerror or error
        raise FileError(f"{path}: cannot be {done} ({reason})") from error
