"""Content of the model's page: the metadata's figures and sources, and the bundle's report with its plots."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from serving.model.bundle import REPORT
from serving.model.metadata import DataFile, Metadata

REPORT_PAGE = "report.html"
PLOTS = "plots.json"

# What is larger is not read, and so not served. The largest report so far, with all of its plots, has 1.3 MB.
MAX_BYTES = 8 * 1024**2

_PARTS = ("test", "validation")  # the first that has figures is shown
_CALIBRATION = "expected calibration error"
_BY_CHANCE, _BEFORE = f"{_CALIBRATION} by chance", f"{_CALIBRATION} uncalibrated"
_NOT_FIGURES = ("rows", _BY_CHANCE, _BEFORE)  # the last two stand in a sentence on the calibration error


@dataclass(frozen=True, slots=True)
class Source:
    """A file that the model or a teacher of it learned from: what it is and its terms, as far as the recipe says."""

    file: DataFile
    about: str
    terms: str


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What the model's page tells.

    `part`: the part of the data that `rows`, `figures` (name -> value) and `classes` (label -> name -> value) are of;
    "" where the bundle has no figures. `calibration`: a sentence on what the calibration error means; "" likewise.
    """

    description: str
    part: str
    rows: int | None
    figures: dict[str, float]
    classes: dict[str, dict[str, float]]
    calibration: str
    sources: list[Source]

    @classmethod
    def of(cls, metadata: Metadata) -> "ModelFacts":
        """Collect what there is: figures and recipe have no schema."""
        part = next((name for name in (*_PARTS, *metadata.metrics) if _mapping(metadata.metrics, name)), "")
        metrics = _mapping(metadata.metrics, part)
        classes = _mapping(metrics, "classes")
        rows, figures = metrics.get("rows"), _numbers(metrics)
        return cls(
            description=str(metadata.recipe.get("description") or ""),
            part=part,
            rows=rows if isinstance(rows, int) else None,
            figures={name: value for name, value in figures.items() if name not in _NOT_FIGURES},
            classes={label: _numbers(_mapping(classes, label)) for label in metadata.labels if label in classes},
            calibration=_calibration_reading(figures),
            sources=[*_sources(metadata)],
        )


def _mapping(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """A mapping's numbers, with readable names."""
    return {
        str(name).replace("_", " ").replace(" f1", " F1"): value
        for name, value in metrics.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _calibration_reading(figures: Mapping[str, float]) -> str:
    """What the calibration error means, in points of a hundred, and what it is to be compared with."""
    if _CALIBRATION not in figures:
        return ""
    error = f"on average, a probability is {100 * figures[_CALIBRATION]:.1f} points away from how often such answers"
    sentences = [f"Expected calibration error: {error} are right."]
    if _BY_CHANCE in figures:
        by_chance = f"perfect probabilities would seem {100 * figures[_BY_CHANCE]:.1f} points away by chance"
        sentences.append(f"On as many rows, {by_chance}.")
    if _BEFORE in figures:
        sentences.append(f"Without temperature scaling it would be {100 * figures[_BEFORE]:.1f}.")
    return " ".join(sentences)


def _sources(metadata: Metadata) -> Iterator[Source]:
    """Its own files, then those that only its teachers learned from; of an encoder its answers are a file already."""
    for file in metadata.data:
        yield _source(metadata.recipe, file)
    listed = {file.sha256 for file in metadata.data}
    for folder, files in metadata.teacher_data.items():
        recipe = metadata.teacher_recipes.get(folder, {})
        for file in files:
            if file.sha256 not in listed and "encoder" not in recipe:
                listed.add(file.sha256)
                source = _source(recipe, file)
                yield replace(source, about=f"of the teacher {folder} alone: {source.about or '–'}")


def _source(recipe: Mapping[str, Any], file: DataFile) -> Source:
    return Source(file, *(_source_note(recipe, file.file, key) for key in ("about", "terms")))


def _source_note(recipe: Mapping[str, Any], file: str, key: str) -> str:
    """What the recipe's sources of this file say, each thing once, or else what its `[data]` says."""
    data = _mapping(recipe, "data")
    sources = data.get("sources")
    notes = [
        str(source.get(key) or "")
        for source in (sources if isinstance(sources, list) else [])
        if isinstance(source, dict) and source.get("file") == file
    ]
    return " ".join(dict.fromkeys(filter(None, notes))) or str(data.get(key) or "")


class Plot(BaseModel):
    """A drawing of a report: an SVG in the report's folder, and a sentence on what it shows."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    file: str = Field(pattern=r"^plots/[a-z0-9-]+\.svg$", description="below the report's folder, and never outside it")
    caption: str
    wide: bool = Field(False, description="too large to be shrunk to a phone's width")


_PLOTS = TypeAdapter(list[Plot])


@dataclass(frozen=True, slots=True)
class Report:
    """A bundle's report: its page as it was written, and its plots."""

    page: str
    plots: list[Plot]

    @classmethod
    def read(cls, bundle: Path, model_version: str) -> "Report | None":
        """Read a bundle's report; None where there is none of this version."""
        page = (_read(bundle / REPORT / REPORT_PAGE) or b"").decode("utf-8", "replace")
        return cls(page, read_plots(bundle)) if f"<code>{model_version}</code>" in page else None


def read_plots(bundle: Path) -> list[Plot]:
    """Read the list of a report's plots; empty where there is none, or one that does not have its form."""
    try:
        return _PLOTS.validate_json(_read(bundle / REPORT / PLOTS) or b"[]")
    except ValidationError:
        return []


def read_plot(bundle: Path, name: str) -> bytes | None:
    """Read the SVG of the plot of this name; None where the report lists none, or its file cannot be read."""
    plot = next((plot for plot in read_plots(bundle) if plot.name == name), None)
    return _read(bundle / REPORT / plot.file) if plot else None


def _read(path: Path) -> bytes | None:
    """The content of a plain file of at most MAX_BYTES."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError:
        return None
