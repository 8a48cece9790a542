"""What a bundle's `report/` adds to the model's page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from pathlib import Path
from stat import S_ISREG
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

from serving.model.bundle import REPORT
from serving.model.metadata import DataFile, Metadata

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


PAGE = "report.html"

MAX_BYTES = 8 * 1024**2
"""How large a page may be: what is larger is not read."""

_SVG = "http://www.w3.org/2000/svg"
_FIGURE = re.compile(r'<figure id="[\w-]+">(.*?)</figure>', re.DOTALL)
_DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_CAPTION = re.compile(r"<figcaption>([^<]*)</figcaption>")
_ELEMENTS = frozenset(
    {"svg", "g", "path", "text", "tspan", "use", "defs", "clipPath", "title"}
    | {"rect", "line", "circle", "polyline", "polygon"}
)

ElementTree.register_namespace("", _SVG)


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing as an `svg` element and a sentence on what it shows."""

    svg: Markup
    caption: str


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it was written: its whole page, and the plots in it."""

    page: str
    plots: list[Plot]

    @classmethod
    def read(cls, bundle: Path, model_version: str) -> "Report | None":
        """The report of this version in a bundle's folder; None where there is none, or one of another version.

        A file that is as it was the last time is not read again.
        """
        path = bundle / REPORT / PAGE
        try:
            found = path.stat()
            if not S_ISREG(found.st_mode) or found.st_size > MAX_BYTES:
                return None
            return _read(path, model_version, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))
        except (OSError, UnicodeDecodeError):
            return None


# A service has one report, and two while a new one takes its place.
@lru_cache(maxsize=2)
def _read(path: Path, model_version: str, identity: tuple[int, ...]) -> Report | None:  # noqa: ARG001
    with path.open("rb") as file:
        page = file.read(MAX_BYTES).decode("utf-8")
    if f"<code>{model_version}</code>" not in page:
        return None
    return Report(page, [plot for figure in _FIGURE.findall(page) if (plot := _plot(figure))])


def _plot(figure: str) -> Plot | None:
    drawing, caption = _DRAWING.search(figure), _CAPTION.search(figure)
    svg = drawing and _checked(drawing[0])
    return Plot(svg, unescape(caption[1]) if caption else "") if svg else None


def _checked(svg: str) -> Markup | None:
    """The drawing, where it is nothing but one: a bundle may come from anywhere."""
    if "<!" in svg or "<?" in svg:
        return None
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError:
        return None
    if all(_harmless(element) for element in root.iter()):
        return Markup(ElementTree.tostring(root, encoding="unicode"))
    return None


def _harmless(element: ElementTree.Element) -> bool:
    namespace, _, name = str(element.tag).rpartition("}")
    if namespace != f"{{{_SVG}" or name not in _ELEMENTS:
        return False
    return all(_harmless_attribute(name, value) for name, value in element.attrib.items())


def _harmless_attribute(name: str, value: str) -> bool:
    name = name.rpartition("}")[2].lower()
    return not name.startswith("on") and name != "style" and (name != "href" or value.startswith("#"))
