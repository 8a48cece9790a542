"""Storage of files: this machine's disks, and S3 by pyarrow's file systems; both are listed, read and written alike."""

import glob
import os
import re
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePath, PurePosixPath
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
        modified: nanoseconds since 1970.
    """

    path: str
    name: str
    size: int
    modified: int

    @property
    def is_hidden(self) -> bool:
        """Whether it or a folder above it is not meant to be data, as readers of data sets have it: "_x" or ".x"."""
        return any(part.startswith((".", "_")) for part in PurePosixPath(self.name).parts)


class Storage(ABC):
    """Where files lie. Every method raises FileError, whose sentence names the path."""

    @abstractmethod
    def find(self, path: str) -> Iterator[StoredFile]:
        """A file; all files below a folder; or those that a pattern with *, ?, [] or ** matches."""

    @abstractmethod
    def is_folder(self, path: str) -> bool:
        """Whether there is a folder."""

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

    def stat(self, path: str) -> StoredFile | None:
        """The file, or None where there is none."""
        return next((file for file in self.find(path) if file.path == path), None)


class LocalStorage(Storage):
    """Disks of this machine, and those of others that are mounted."""

    def find(self, path: str) -> Iterator[StoredFile]:
        """See Storage."""
        if Path(path).is_dir():
            for folder, folders, names in os.walk(path):
                folders.sort()
                yield from (_local(Path(folder, name), Path(path)) for name in sorted(names))
        elif Path(path).is_file():
            yield _local(Path(path), Path(path).parent)
        elif _MAGIC.search(path):
            matches = sorted(map(Path, glob.glob(path, recursive=True)))  # noqa: PTH207 -- of an absolute path, too
            yield from (_local(match, Path(_fixed_part(path))) for match in matches if match.is_file())

    def is_folder(self, path: str) -> bool:
        """See Storage."""
        return Path(path).is_dir()

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
        with folder as name:
            yield Path(name)
        # What attempts that were killed have left.
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

    def find(self, path: str) -> Iterator[StoredFile]:
        """See Storage."""
        with _naming_errors(path, "read"):
            if self.is_folder(path):
                yield from self._listed(path.rstrip("/"), recursive=True)
                return
            (info,) = self._files.get_file_info([self._inner(path)])
            if info.type == self._arrow.FileType.File:
                yield StoredFile(path, path.rpartition("/")[2], info.size, info.mtime_ns)
            elif _MAGIC.search(path):
                yield from self._matching(path)

    def _matching(self, pattern: str) -> Iterator[StoredFile]:
        folder = _fixed_part(pattern)
        below = pattern[len(folder) :].lstrip("/")
        matches = re.compile(glob_translate(below)).fullmatch
        if folder + "/" == self._root or self.is_folder(folder):
            found = self._listed(folder, recursive="/" in below or "**" in below)
            yield from (file for file in found if matches(file.name))

    def _listed(self, folder: str, *, recursive: bool) -> Iterator[StoredFile]:
        inner = self._inner(folder)
        selector = self._arrow.FileSelector(inner, recursive=recursive)
        for info in sorted(self._files.get_file_info(selector), key=lambda info: info.path):
            if info.type == self._arrow.FileType.File:
                name = info.path[len(inner) + 1 :]
                yield StoredFile(f"{folder}/{name}", name, info.size, info.mtime_ns)

    def is_folder(self, path: str) -> bool:
        """See Storage; one of S3 is there as long as it has files."""
        with _naming_errors(path, "read"):
            (info,) = self._files.get_file_info([self._inner(path.rstrip("/"))])
        return bool(info.type == self._arrow.FileType.Directory)

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
        with _naming_errors(path, "removed"):
            (info,) = self._files.get_file_info([self._inner(path)])
            if info.type == self._arrow.FileType.File:
                self._files.delete_file(self._inner(path))

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


def _fixed_part(pattern: str) -> str:
    """The folder above the first part of a pattern that has a sign of one; "." where that is the first."""
    start = _MAGIC.search(pattern)
    before = pattern[: start.start()] if start else pattern
    separators = "/" if is_url(pattern) or os.sep == "/" else "/" + os.sep
    end = max(before.rfind(each) for each in separators)
    return before[:end] or "/" if end >= 0 else "."


def _local(path: Path, folder: Path) -> StoredFile:
    with _naming_errors(str(path), "read"):
        status = path.stat()
    return StoredFile(str(path), path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns)


@contextmanager
def _naming_errors(path: PurePath | str, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(f"{path}: cannot be {done} ({error.strerror or error})") from error
