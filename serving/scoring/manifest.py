"""Manifest of a folder of outputs, and the record beside each output that says what it was made of.

    out/may.csv                 an output
    out/_records/may.csv.json   its record, which is there before it
    out/_manifest.json          all records; there once nothing is missing

A folder is of one model, and has one output of each input, or its parts: whoever reads all of it reads no row twice.
Readers of data sets, such as Spark and pyarrow, pass over names that begin with "_".
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ValidationError

from serving.errors import FileError
from serving.scoring.plan import Task, canonical
from serving.scoring.resumable import Identity
from serving.scoring.score import ScoreOptions, identity_of
from serving.scoring.storage import Storage, joined, storage_of

MANIFEST = "_manifest.json"
RECORDS = "_records"

_REMEDY = "accepted: another output folder, or this file gone"
_READERS = 16  # records that are read at once: of S3, each takes some hundredths of a second, mostly of waiting


def _escaped(text: str) -> str:
    """The text with an escape for what no JSON can hold: bytes of a file or a command that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


_Text = Annotated[str, AfterValidator(_escaped)]


class Record(BaseModel):
    """What is known of an output.

    Attributes:
        output: its name below the folder.
        input: path or URL of what it was made of.
        row_groups: of a Parquet file: the first, and the one behind the last.
        made_of: what must be the same for the output to be the same.
        text_column: name of the column of texts; "" where the model reads fields.
        notes: sentences on what was decided about the input and not declared.
        rows: of it.
        errors: the number of rows without a prediction, by kind.
        size: in bytes.
        sha256: of the output, in hex.
        seconds: that it took.
    """

    output: str
    input: str
    row_groups: tuple[int, int] | None
    made_of: Identity
    text_column: _Text
    notes: list[_Text]
    rows: int
    errors: dict[_Text, int]
    size: int
    sha256: str
    seconds: float


class Manifest(BaseModel):
    """All outputs in a folder, after a run that missed nothing.

    Attributes:
        model: name of the model.
        model_version: of it.
        inputs: how many there are.
        rows: of all outputs.
        errors: the number of rows without a prediction, by kind.
        seconds: of all tasks together, those of earlier runs as well.
        outputs: their records, in order of their names.
    """

    model: str
    model_version: str
    inputs: int
    rows: int
    errors: dict[str, int]
    seconds: float
    outputs: list[Record]


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """Folder of outputs.

    Attributes:
        path: of it, or its URL.
        model: name of the model.
        model_version: of it.
        options: with which all is scored.
    """

    path: str
    model: str
    model_version: str
    options: ScoreOptions

    @property
    def storage(self) -> Storage:
        """Where it lies."""
        return storage_of(self.path)

    def place(self, name: str) -> str:
        """The path or URL of a file in it."""
        return joined(self.path, name)

    def identity(self, task: Task) -> Identity:
        """What must be the same for a task's output to be the same."""
        options = identity_of(self.options)
        return {
            "model": self.model_version,
            "input": f"{task.source.size} bytes",
            "time of the input": task.source.modified,
            "row groups": "all" if task.row_groups is None else "{} to {}".format(*task.row_groups),
            **{name: _escaped(value) if isinstance(value, str) else value for name, value in options.items()},
        }

    def done(self, tasks: Sequence[Task]) -> dict[str, Record]:
        """The records of all outputs that are there, by their names: of these tasks, and of other inputs.

        Raises:
            FileError: an output is there of another model, of something else or of nobody knows what, or of an input of
                these tasks whose outputs now have other names.
        """
        sizes = {file.name: file.size for file in self.storage.find(self.path)}
        names = sorted(name for name in sizes if _record_name(name) in sizes)
        with ThreadPoolExecutor(_READERS) as pool:
            records = dict(zip(names, pool.map(self._record, names), strict=True))
        for task in tasks:
            if task.output in sizes and task.output not in records:
                path = self.place(task.output)
                raise FileError(f"{path}: is there, and no record says what it was made of; {_REMEDY}")
        by_output = {task.output: task for task in tasks}
        for name, record in records.items():
            self._check(name, record, by_output.get(name), sizes[name])
        self._check_names(records, by_output)
        return records

    def write_record(self, record: Record) -> None:
        """To be called before the output is brought to its place: so an output always has a record."""
        self.storage.write(self.place(_record_name(record.output)), record.model_dump_json(indent=2).encode() + b"\n")

    def write_manifest(self, records: Iterable[Record]) -> None:
        """To be called when all outputs are there."""
        records = sorted(records, key=lambda record: record.output)
        errors: Counter[str] = Counter()
        for record in records:
            errors.update(record.errors)
        manifest = Manifest(
            model=self.model,
            model_version=self.model_version,
            inputs=len({record.input for record in records}),
            rows=sum(record.rows for record in records),
            errors=errors,
            seconds=round(sum(record.seconds for record in records), 3),
            outputs=records,
        )
        self.storage.write(self.place(MANIFEST), manifest.model_dump_json(indent=2).encode() + b"\n")

    def remove_manifest(self) -> None:
        """To be called before outputs are added."""
        self.storage.remove(self.place(MANIFEST))

    def _record(self, output: str) -> Record:
        path = self.place(_record_name(output))
        try:
            with self.storage.opened(path) as file:
                return Record.model_validate_json(file.read())
        except ValidationError as error:
            raise FileError(f"{path}: is no record of an output; accepted: as it was written, or gone") from error

    def _check_names(self, records: Mapping[str, Record], tasks: Mapping[str, Task]) -> None:
        """Raises FileError where an input would have outputs of two runs, so that its rows were there twice."""
        outputs = {canonical(task.source.path): task.output for task in tasks.values()}
        twice = {
            name: outputs[source]
            for name, record in records.items()
            if name not in tasks and (source := canonical(record.input)) in outputs
        }
        if twice:
            name, output = next(iter(twice.items()))
            more = f"; {len(twice) - 1:,} more are like it" if len(twice) > 1 else ""
            found = f"was made of {records[name].input}, which now becomes {output}{more}"
            raise FileError(f"{self.place(name)}: {found}; {_REMEDY}")

    def _check(self, name: str, record: Record, task: Task | None, size: int) -> None:
        path = self.place(name)
        if (version := record.made_of.get("model")) != self.model_version:
            raise FileError(f"{path}: was made by the model {version}, and this one is {self.model_version}; {_REMEDY}")
        identity = self.identity(task) if task else {}
        different = [key for key, value in identity.items() if record.made_of.get(key) != value]
        if different:
            raise FileError(f"{path}: was made of another {', '.join(different)}; {_REMEDY}")
        if record.size != size:
            raise FileError(f"{path}: has {size:,} bytes, and {record.size:,} were written; {_REMEDY}")


def _record_name(output: str) -> str:
    return f"{RECORDS}/{output}.json"
