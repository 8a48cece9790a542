"""Plan of a scoring of many files: the inputs, the tasks that they are cut into, and the name of each output.

The names follow from each input alone, so that the same input has the same output in every run:

    score in/ --output out/               in/2024/may.csv     out/2024/may.csv
    score 'in/*/*.csv' --output out/      in/2024/may.csv     out/2024/may.csv
    score in/2024/may.csv --output out/   in/2024/may.csv     out/may.csv
    a Parquet file of 600,000 rows        in/all.parquet      out/all-00000-of-00003.parquet, ...
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePosixPath

from serving.errors import FileError
from serving.scoring.score import naming
from serving.scoring.storage import StoredFile, is_below, is_pattern, is_url, joined, storage_of
from serving.tables.formats import FORMATS, GZIP, SUFFIXES, format_of
from serving.tables.parquet import PARQUET, row_counts

# Rows of a Parquet file from which on it is more than one task, and that each of these then has at most, unless one row
# group has more. A task is some minutes of one core, and that much is lost where a machine is.
TASK_ROWS = 250_000
# Bytes of a Parquet file, below which it is not asked for its row groups: that is a request to S3 for each.
SMALL_BYTES = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Task:
    """One output, and what it is made of.

    Attributes:
        source: the input.
        output: name of the output below the output folder.
        row_groups: of a Parquet file: the first, and the one behind the last; None for all of the input.
        size: bytes of the input that are read for it, about.
    """

    source: StoredFile
    output: str
    row_groups: tuple[int, int] | None
    size: int


@dataclass(slots=True)
class Inputs:
    """Inputs that were found.

    Attributes:
        files: each once.
        passed_over: files that no format of ours is of, or that are hidden.
    """

    files: list[StoredFile] = field(default_factory=list)
    passed_over: int = 0


def find_inputs(patterns: Sequence[str], output: str) -> Inputs:
    """The files that a command line names, in order.

    Of folders and patterns, files are passed over that are hidden, of other kinds, or below the output folder.

    Args:
        patterns: files, folders and patterns of them, of this machine or of S3.
        output: the folder of the outputs.

    Raises:
        FileError: one of them names no file, or one of another kind.
    """
    inputs, seen = Inputs(), set[str]()
    for pattern in patterns:
        found = list(storage_of(pattern).find(absolute(pattern)))
        if not found:
            known = "a pattern that no file matches" if is_pattern(pattern) else "no such file, and no folder of files"
            raise FileError(f"{pattern}: {known}; accepted: files, folders, patterns such as 'in/*.csv', and {_URLS}")
        is_one = len(found) == 1 and found[0].path == absolute(pattern)
        usable = found if is_one else [file for file in found if _is_input(file, output)]
        if not usable:
            raise FileError(
                f"{pattern}: none of its {len(found)} files can be scored; accepted: {', '.join(SUFFIXES)}, and those "
                f"of texts also with {GZIP}; not below the output, and without a dot or _ before their names"
            )
        inputs.passed_over += len(found) - len(usable)
        inputs.files += [file for file in usable if file.path not in seen]
        seen.update(file.path for file in usable)
    return inputs


def plan(files: Iterable[StoredFile], output: str, format_name: str = "", task_rows: int = TASK_ROWS) -> list[Task]:
    """The tasks of some inputs, in order of the outputs' names.

    Args:
        files: the inputs.
        output: the folder of the outputs.
        format_name: of the outputs; "" for each input's own.
        task_rows: rows of a Parquet file that a task has at most, unless one row group has more.

    Raises:
        FileError: an input cannot be read or has a name that is not UTF-8, two outputs would have the same name, or one
            would take the place of an input.
    """
    suffix = _suffix(format_name)
    files = [_checked_name(file) for file in files]
    tasks = sorted((task for file in files for task in _tasks(file, suffix, task_rows)), key=lambda task: task.output)
    for one, other in pairwise(tasks):
        if one.output == other.output:
            raise FileError(
                f"{one.source.path} and {other.source.path} would both become {one.output}; accepted: names that "
                "differ, or a folder or a pattern in quotes above both, below which each keeps its place"
            )
    sources = {canonical(task.source.path) for task in tasks}
    for task in tasks:
        if canonical(joined(output, task.output)) in sources:
            raise FileError(f"{joined(output, task.output)}: is an input; accepted: an output folder with none of them")
    return tasks


def absolute(path: str) -> str:
    """The path as machines and processes with another working folder have it; URLs as they are."""
    return path if is_url(path) else os.path.abspath(path)  # noqa: PTH100 -- Path.absolute keeps ".."


def canonical(path: str) -> str:
    """The one path that a file has, whatever links lead to it; URLs as they are."""
    return path if is_url(path) else os.path.realpath(path)


_URLS = "s3://BUCKET/..."


def _is_input(file: StoredFile, output: str) -> bool:
    return not file.is_hidden and _is_known(file.path) and not is_below(file.path, output)


def _is_known(path: str) -> bool:
    try:
        format_of(Path(path))
    except FileError:
        return False
    return True


def _checked_name(file: StoredFile) -> StoredFile:
    """The file. Raises FileError where a record, which is JSON, could not hold its name."""
    name = file.path.encode("utf-8", "backslashreplace").decode()
    if name != file.path:
        raise FileError(f"{name}: its name is not UTF-8; accepted: names in UTF-8")
    return file


def _tasks(file: StoredFile, suffix: str, task_rows: int) -> Iterator[Task]:
    file_format = format_of(Path(file.path))
    name = PurePosixPath(file.name)
    stem = name.with_suffix("") if name.suffix.lower() == GZIP else name
    target = str(stem.with_suffix(suffix) if suffix else name)
    ranges = _ranges(file, task_rows) if file_format is PARQUET and file.size >= SMALL_BYTES else []
    if len(ranges) < 2:
        yield Task(file, target, None, file.size)
        return
    path = PurePosixPath(target)
    for number, row_groups in enumerate(ranges):
        part = path.with_name(f"{path.stem}-{number:05d}-of-{len(ranges):05d}{path.suffix}")
        yield Task(file, str(part), row_groups, file.size // len(ranges))


def _ranges(file: StoredFile, task_rows: int) -> list[tuple[int, int]]:
    """Row groups that belong together; one range, of none, where the file is no Parquet, of which its task then tells.

    Raises FileError where it cannot be read: its outputs would have other names than when it can.
    """
    with storage_of(file.path).opened(file.path) as content, naming(file.path):
        counts = row_counts(content)
    starts, rows = [0], 0
    for group, count in enumerate(counts):
        if rows and rows + count > task_rows:
            starts.append(group)
            rows = 0
        rows += count
    return list(pairwise([*starts, len(counts)]))


def _suffix(format_name: str) -> str:
    """Raises FileError where there is no such format."""
    names = {each.name: each.suffixes[0] for each in FORMATS}
    if format_name and format_name.lower() not in names:
        raise FileError(f"outputs cannot be {format_name}; accepted: {', '.join(names)}")
    return names[format_name.lower()] if format_name else ""
