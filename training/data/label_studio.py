"""Exports of Label Studio as tables: a row for each annotation, so that annotators who differ are copies that do.

JSON has tasks with their annotations; JSON-MIN and CSV have a row for each annotation that was not cancelled. See
https://labelstud.io/guide/export and https://labelstud.io/guide/task_format
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

import pandas as pd
from pydantic import BaseModel, TypeAdapter, ValidationError

from serving.errors import FileError, RowsError
from serving.tables.base import CHUNK_ROWS
from serving.tables.columns import listed, text_column

# What JSON-MIN and CSV tell of each annotation, and of its task beside the task's own data and what was chosen.
OF_ANNOTATIONS = ("annotator", "annotation_id", "created_at", "updated_at", "lead_time")
OF_TASKS = ("id", "agreement")

_PEEK = 1024  # bytes, of which the first that is no white space tells an array


class _Value(BaseModel):
    choices: list[str] = []


class _Result(BaseModel):
    type: str = ""
    from_name: str = ""
    value: _Value = _Value()


class _Annotation(BaseModel):
    result: list[_Result]
    was_cancelled: bool = False


class _Task(BaseModel):
    data: dict[str, Any]
    annotations: list[_Annotation] = []


_TASKS = TypeAdapter(list[_Task])


class JsonArray(NamedTuple):
    """The rows of a JSON array.

    Attributes:
        rows: Of tasks one for each annotation, or for a task without one: the task's data, and under the name of each
            <Choices> what was chosen, or "". Else the array's objects.
        choices: Those names; none where it has no tasks.
    """

    rows: list[dict[str, Any]]
    choices: list[str]


def is_json_array(file: BinaryIO) -> bool:
    """Whether a file begins as a JSON array does, which JSONL never does. It is left at its beginning."""
    beginning = file.read(_PEEK).removeprefix(b"\xef\xbb\xbf").lstrip()
    file.seek(0)
    return beginning.startswith(b"[")


def read_json_array(file: BinaryIO, notes: list[str]) -> JsonArray:
    """The rows of a JSON array.

    Args:
        file: At its beginning.
        notes: Gets sentences on what was found.

    Raises:
        FileError: It is no such array.
    """
    try:
        items = json.load(file)
    except UnicodeDecodeError as error:
        raise FileError(f"is not UTF-8: byte {error.object[error.start]:#04x} at {error.start:,}") from error
    except json.JSONDecodeError as error:
        where = f"at line {error.lineno:,}, column {error.colno:,}"
        raise FileError(f"is no JSON: it breaks off or goes wrong {where}") from error
    except RecursionError as error:
        raise FileError("is JSON that is nested too deeply") from error
    except ValueError as error:
        raise FileError("is JSON with a number of too many digits") from error
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            raise FileError(f"item {number:,} of its JSON array is no object; accepted: a list of objects")
    if any("data" in item and ("annotations" in item or "predictions" in item) for item in items):
        return _annotated(_tasks(items), notes)
    return JsonArray(items, [])


def with_label_column(table: pd.DataFrame, label: str, choices: Sequence[str], notes: list[str]) -> pd.DataFrame:
    """The table of an export, whose column of labels has this name where it can be told; any other table as it is.

    Args:
        table: Every cell as text.
        label: The name that the column of labels should have.
        choices: The names of columns that hold what was chosen; none where they are to be found.
        notes: Gets sentences on what was found.
    """
    choices = choices or _choices(table, label)
    if label not in choices and len(choices) == 1:
        table = table.drop(columns=label, errors="ignore").rename(columns={choices[0]: label})
        notes.append(f"The labels are taken from the choices {choices[0]!r}.")
    if not choices or label not in table:
        return table
    several = table[label].map(_is_several)
    notes += _without_label({"annotations with several choices": int(several.sum())})
    return table.assign(**{label: table[label].mask(several, "")})


def _tasks(items: list[dict[str, Any]]) -> list[_Task]:
    try:
        return _TASKS.validate_python(items)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
    number, *place = fault["loc"]
    where = ".".join(map(str, place))
    raise FileError(f"task {int(number) + 1:,} is not as Label Studio writes it: {where}: {fault['msg']}")


def _annotated(tasks: Sequence[_Task], notes: list[str]) -> JsonArray:
    results = [result for task in tasks for annotation in task.annotations for result in annotation.result]
    names = list(dict.fromkeys(result.from_name for result in results if result.type == "choices"))
    if not names:
        found = f"results of the kinds {listed(sorted({result.type for result in results}))}" if results else "none"
        raise FileError(f"no annotation in it has choices; found: {found}; accepted: tasks that were given <Choices>")
    notes += _without_label(
        {
            "tasks without an annotation": sum(not task.annotations for task in tasks),
            "cancelled annotations": sum(each.was_cancelled for task in tasks for each in task.annotations),
        }
    )
    no_choice = dict.fromkeys(names, "")
    return JsonArray([{**task.data, **no_choice, **chosen} for task in tasks for chosen in _chosen(task)], names)


def _chosen(task: _Task) -> Iterator[dict[str, Any]]:
    """Of each annotation, or once where there is none, what was chosen by the name of the choices."""
    for annotation in task.annotations:
        choices = defaultdict[str, list[str]](list)
        for result in annotation.result if not annotation.was_cancelled else []:
            choices[result.from_name] += result.value.choices
        yield {name: chosen[0] if len(chosen) == 1 else chosen for name, chosen in choices.items() if chosen}
    if not task.annotations:
        yield {}


def _choices(table: pd.DataFrame, label: str) -> list[str]:
    """The columns of JSON-MIN or CSV that may hold what was chosen; none of any other table."""
    if not {*OF_ANNOTATIONS} <= {*table.columns}:
        return []
    if label in table:
        return [label]
    others = [name for name in table.columns if name not in (*OF_ANNOTATIONS, *OF_TASKS)]
    try:
        text = text_column(others, table[others].head(CHUNK_ROWS).to_numpy().tolist(), "text")
    except RowsError:
        return []
    return [name for index, name in enumerate(others) if index != text]


def _is_several(cell: str) -> bool:
    """Whether a cell holds several choices, as JSON; one is its plain text."""
    try:
        return cell.startswith(("{", "[")) and isinstance(json.loads(cell), dict | list)
    except ValueError:
        return False


def _without_label(counts: Mapping[str, int]) -> list[str]:
    found = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return [f"Without a label: {found}."] if found else []
