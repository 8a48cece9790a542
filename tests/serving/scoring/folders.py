"""Folders of files, Parquet files in row groups, and outputs, for the tests of many files."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from serving.scoring.manifest import OutputFolder
from serving.scoring.score import ScoreOptions
from serving.scoring.storage import StoredFile
from serving.scoring.tasks import Outcome


def fill(folder: Path, *names: str, rows: int = 2) -> Path:
    """Files of so many texts, which say where they stand."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{i},a good day {name} {i}\n" for i in range(rows))
        (folder / name).write_text(f"id,text\n{lines}", encoding="utf-8")
    return folder


def write_parquet(path: Path, group_rows: list[int]) -> Path:
    """A Parquet file with row groups of so many rows, the texts of which compress to nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    start = 0
    schema = pa.schema([("id", pa.int64()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for rows in group_rows:
            numbers = list(range(start, start + rows))
            texts = [f"a good day {number}" for number in numbers]
            writer.write_table(pa.table({"id": numbers, "text": texts}, schema=schema), row_group_size=rows)
            start += rows
    return path


def stored(path: Path, name: str = "") -> StoredFile:
    """What a search finds of a file."""
    status = path.stat()
    return StoredFile(str(path), name or path.name, status.st_size, status.st_mtime_ns)


def output_folder(path: Path, version: str = "0123456789ab", **options: Any) -> OutputFolder:
    return OutputFolder(str(path), "fake", version, ScoreOptions(**options))


class SilentReporter:
    """Remembers what it was told, and shows nothing."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.outputs: list[str] = []

    def ended(self, task: Any, record: Any) -> None:
        assert task.output == record.output
        self.outputs.append(task.output)

    def failed(self, outcome: Outcome, attempts: int) -> None:
        self.reasons.append(f"{attempts} {outcome.reason}")

    def at_work(self, running: Any) -> None:
        pass
