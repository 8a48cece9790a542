"""Exports of Label Studio, as its documentation shows them and the converter of label-studio-sdk 2.1.2 writes them."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

CONTROL, OBJECT = "label", "text"


def choice(*labels: str, control: str = CONTROL, to: str = OBJECT, kind: str = "choices") -> dict[str, Any]:
    """A result of an annotation."""
    return {
        "value": {"choices": list(labels)},
        "id": "hNAdzwJbGT",
        "from_name": control,
        "to_name": to,
        "type": kind,
        "origin": "manual",
    }


def annotation(*results: dict[str, Any], cancelled: bool = False, annotator: int = 1) -> dict[str, Any]:
    """An annotation of a task."""
    return {
        "id": 57,
        "completed_by": annotator,
        "result": list(results),
        "was_cancelled": cancelled,
        "ground_truth": False,
        "created_at": "2024-03-09T22:16:08.728353Z",
        "updated_at": "2024-03-09T22:16:08.728378Z",
        "draft_created_at": None,
        "lead_time": 4.288,
        "prediction": {},
        "result_count": 0,
        "unique_id": "f2b1bd0c-2a4c-4b8f-8f6b-9c7a2f2c1f5b",
        "last_action": None,
        "task": 1,
        "project": 3,
        "updated_by": annotator,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
    }


def task(number: int, data: Mapping[str, Any], *annotations: dict[str, Any]) -> dict[str, Any]:
    """A task of an export as JSON."""
    return {
        "id": number,
        "annotations": list(annotations),
        "file_upload": "f4cbf2a5-tasks.json",
        "drafts": [],
        "predictions": [7],
        "data": dict(data),
        "meta": {},
        "created_at": "2024-03-09T21:52:49.513742Z",
        "updated_at": "2024-03-09T22:16:08.746926Z",
        "inner_id": number,
        "total_annotations": len(annotations),
        "cancelled_annotations": sum(each.get("was_cancelled", False) for each in annotations),
        "total_predictions": 1,
        "comment_count": 0,
        "unresolved_comment_count": 0,
        "last_comment_updated_at": None,
        "project": 3,
        "updated_by": 1,
        "comment_authors": [],
    }


def as_json_min(tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same as JSON-MIN: an object for each annotation that was not cancelled, and each task without one."""
    records = []
    for each in tasks:
        kept = [one for one in each["annotations"] if not one["was_cancelled"]]
        for one in kept if each["annotations"] else [{}]:
            record = {**each["data"], "id": each["id"]}
            values: dict[str, list[Any]] = {}
            for result in one.get("result", []):
                values.setdefault(result["from_name"], []).append(result["value"])
            for name, found in values.items():
                plain = [value["choices"][0] if len(value["choices"]) == 1 else value for value in found]
                record[name] = plain[0] if len(plain) == 1 else plain
            record["annotator"] = one.get("completed_by")
            record["annotation_id"] = one.get("id")
            for key in ("created_at", "updated_at", "lead_time"):
                record[key] = one.get(key)
            records.append(record)
    return records


def as_csv(tasks: Sequence[dict[str, Any]]) -> str:
    """The same as CSV: what JSON-MIN has, with sorted columns, and cells of JSON where a value has parts."""
    records = [{name: _cell(value) for name, value in record.items()} for record in as_json_min(tasks)]
    file = io.StringIO()
    for record in records:
        record["annotator"] = str(record["annotator"] or "")
    names = sorted({name for record in records for name in record})
    writer = csv.DictWriter(file, names, quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else value
