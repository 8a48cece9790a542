"""Figures as SVG that takes its colours and its fonts from the page around it."""

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from matplotlib import rc_context, style
from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Plot:
    """`name` is its id in a page, `svg` the drawing as an element, `caption` a sentence or two on what it shows.

    `wide`: too large to be shrunk to a phone's width.
    """

    name: str
    svg: str
    caption: str
    wide: bool = False


def printable(text: str) -> str:
    """A text on one line, without the characters that XML has no place for."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def short(label: str, limit: int = 18) -> str:
    """A label that fits an axis: one printable line of at most `limit` characters."""
    line = printable(label)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


INK, QUIET, LINE, HAIR, ACCENT = "#1b1f27", "#5a6272", "#8b93a3", "#dfe3ea", "#3451b2"
WIDTH: Final = 340  # CSS pixels: what a phone has room for, so that text is not shrunk there
# The variables of serving/static/theme.css, so that a page of the service can show a plot as it is.
VARIABLES: Final = {INK: "ink", QUIET: "quiet", LINE: "line", HAIR: "hair", ACCENT: "accent"}
STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # a label may hold dollar signs
    "text.color": INK,
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that every machine measures the same
    "font.size": 11,
    "axes.labelcolor": QUIET,
    "axes.labelsize": 11,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": HAIR,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 11,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
}
NAMESPACE: Final = "http://www.w3.org/2000/svg"
HREF: Final = "{http://www.w3.org/1999/xlink}href"
METADATA: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))
ElementTree.register_namespace("", NAMESPACE)


@contextmanager
def drawing() -> Iterator[None]:
    """The style that a figure must be made and written in."""
    with style.context(["default", STYLE]), warnings.catch_warnings():
        # The reader's own fonts draw a label's emoji; ours only measure it.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font")
        yield


def blank(width: float, height: float, *, layout: Any = "constrained") -> Figure:
    """An empty figure of so many CSS pixels."""
    return Figure(figsize=(width / 72, height / 72), layout=layout)


def as_svg(figure: Figure, name: str, title: str, notes: Mapping[str, str] | None = None) -> str:
    """One `<svg>` element, the same bytes for the same figure.

    Nothing in it needs a style or a script to be allowed, and no id in it is another plot's if no plot has its `name`.
    `title` is what it says to who cannot see it; `notes`: gid of an artist -> what it says when it is pointed at.
    """
    written = io.StringIO()
    with rc_context({"svg.hashsalt": name}):
        figure.savefig(written, format="svg", transparent=True, metadata=METADATA)
    root = ElementTree.fromstring(written.getvalue())
    _take_over(root)
    for element in root.iter():
        _annotate(element, notes or {})
        _inherit(element)
    _drop_ids(root)
    root.attrib |= {"role": "img", "aria-label": printable(title)}
    return ElementTree.tostring(root, encoding="unicode")


def _take_over(root: Element) -> None:
    """What stands for the whole drawing goes from a style sheet, which would be the page's too, to its root."""
    for sheet in root.findall(f"{{{NAMESPACE}}}defs[{{{NAMESPACE}}}style]"):
        root.remove(sheet)
    box = root.attrib["viewBox"]
    _, _, width, height = box.split()
    root.attrib = {"viewBox": box, "width": width, "height": height}
    root.attrib |= {"stroke-linejoin": "round", "stroke-linecap": "butt"}


def _annotate(element: Element, notes: Mapping[str, str]) -> None:
    if note := notes.get(element.get("id", "")):
        title = Element(f"{{{NAMESPACE}}}title")
        title.text = printable(note)
        element.insert(0, title)


def _inherit(element: Element) -> None:
    """Style to attributes, which no content policy forbids; colours to variables; the font to the page's."""
    if HREF in element.attrib:
        element.set("href", element.attrib.pop(HREF))
    if "d" in element.attrib:
        element.set("d", " ".join(element.attrib["d"].split()))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    for rule in filter(None, element.attrib.pop("style", "").split(";")):
        key, _, value = rule.partition(":")
        if key.strip() != "font-family":
            element.set(key.strip(), _coloured(value.strip()))
    if not (element.text or "").strip():
        element.text = None
    element.tail = None


def _coloured(value: str) -> str:
    return f"var(--{VARIABLES[value]}, {value})" if value in VARIABLES else value.removesuffix("px")


def _drop_ids(root: Element) -> None:
    """Only ids that something refers to: matplotlib numbers the others alike in every figure."""
    values = [value for element in root.iter() for value in element.attrib.values()]
    used = {found for value in values for found in re.findall(r"^#(.+)|^url\(#(.+)\)$", value)}
    names = {name for pair in used for name in pair if name}
    for element in root.iter():
        if element.get("id") not in names:
            element.attrib.pop("id", None)
