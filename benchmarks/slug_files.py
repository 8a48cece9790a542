"""Which files reach the slug, and how large they are once compressed."""

import gzip
import os
import tarfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath


def app_files(root: Path) -> Iterator[Path]:
    """The repository's files that reach the slug: what neither .gitignore nor .slugignore names."""
    return files_under(root, [".git", *patterns(root / ".gitignore"), *patterns(root / ".slugignore")])


def patterns(path: Path) -> list[str]:
    """The lines of an ignore file; its comments and blank lines left out."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def files_under(folder: Path, ignore: list[str]) -> Iterator[Path]:
    """The files of a folder, at any depth, that no pattern names, nor any folder above them."""
    for above, folders, names in os.walk(folder):
        inside = PurePosixPath(Path(above).relative_to(folder).as_posix())
        folders[:] = sorted(name for name in folders if not is_ignored(inside / name, ignore))
        yield from (Path(above) / name for name in sorted(names) if not is_ignored(inside / name, ignore))


def is_ignored(path: PurePosixPath, ignore: Iterable[str]) -> bool:
    """By git's rule, which is Heroku's: a pattern with a slash starts at the root, one without is a name anywhere."""
    return any(_matches(path, pattern.rstrip("/")) for pattern in ignore)


def _matches(path: PurePosixPath, pattern: str) -> bool:
    if "/" not in pattern:
        return fnmatchcase(path.name, pattern)
    parts = pattern.strip("/").split("/")
    return len(parts) == len(path.parts) and all(map(fnmatchcase, path.parts, parts))


def compressed(files: Iterable[Path]) -> int:
    """The length of a .tgz of the files."""
    count = ByteCount()
    with (
        gzip.GzipFile(fileobj=count, mode="wb", compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        for file in files:
            archive.add(file, recursive=False)
    return count.length


class ByteCount:
    """A file that keeps nothing but its length."""

    length = 0

    def write(self, data: bytes) -> int:
        self.length += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""
