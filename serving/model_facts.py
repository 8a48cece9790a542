"""A model's metadata in the order in which people ask: how good, for what, from which data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.metadata import DataFile, Metadata

_MEASURED_ON = ("test", "validation")
_NOT_FIGURES = ("rows",)


@dataclass(frozen=True, slots=True)
class Source:
    """A file that the model learned from: what it is and its terms, as far as the recipe says."""

    file: DataFile
    about: str
    terms: str


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What the model's page tells.

    `part`: the part of the data that `rows`, `figures` (name -> value) and `classes` (label -> name -> value) are of;
    "" where the bundle has no figures.
    """

    description: str
    part: str
    rows: int | None
    figures: dict[str, float]
    classes: dict[str, dict[str, float]]
    sources: list[Source]

    @classmethod
    def of(cls, metadata: Metadata) -> "ModelFacts":
        part = next((name for name in (*_MEASURED_ON, *metadata.metrics) if _measured(metadata, name)), "")
        measured = _measured(metadata, part)
        classes = measured.get("classes")
        return cls(
            description=str(metadata.recipe.get("description") or ""),
            part=part,
            rows=measured.get("rows") if isinstance(measured.get("rows"), int) else None,
            figures={name: value for name, value in _numbers(measured).items() if name not in _NOT_FIGURES},
            classes={
                label: _numbers(classes[label])
                for label in metadata.labels
                if isinstance(classes, dict) and label in classes
            },
            sources=[
                Source(file, _said(metadata, file.file, "about"), _said(metadata, file.file, "terms"))
                for file in metadata.data
            ],
        )


def _measured(metadata: Metadata, part: str) -> Mapping[str, Any]:
    found = metadata.metrics.get(part)
    return found if isinstance(found, dict) else {}


def _numbers(found: object) -> dict[str, float]:
    """A mapping's numbers, with readable names; metadata's figures have no schema."""
    if not isinstance(found, dict):
        return {}
    return {
        str(name).replace("_", " ").replace(" f1", " F1"): value
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _said(metadata: Metadata, file: str, key: str) -> str:
    """What the recipe's sources of this file say, each thing once, or else what its `[data]` says."""
    data = metadata.recipe.get("data")
    data = data if isinstance(data, dict) else {}
    sources = data.get("sources")
    sources = [source for source in sources if isinstance(source, dict)] if isinstance(sources, list) else []
    found = [str(source.get(key) or "") for source in sources if source.get("file") == file]
    return " ".join(dict.fromkeys(filter(None, found))) or str(data.get(key) or "")
