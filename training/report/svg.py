"""Standalone SVG files from matplotlib figures, in the report's colours, light and dark."""

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from matplotlib import rc_context, style
from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with its caption.

    Args:
        name: The name of its file without the ending, and its id in the report's page.
        svg: The drawing, one `<svg>` element.
        caption: A sentence or two on what it shows.
        wide: Whether it is too large to be shrunk to a phone's width.
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


WIDTH: Final = 340  # CSS pixels: what a phone has room for, so that text is not shrunk there
INK, QUIET, LINE, HAIR, ACCENT = "#1b1f27", "#5a6272", "#8b93a3", "#dfe3ea", "#3451b2"
# Variable -> its light and its dark colour, as in plots.mplstyle and in the style sheet of the report's page.
COLOURS: Final = {
    "ink": (INK, "#e8eaf0"),
    "quiet": (QUIET, "#a0a8b8"),
    "line": (LINE, "#6a7386"),
    "hair": (HAIR, "#2b313d"),
    "accent": (ACCENT, "#8ea8ff"),
}
STYLE: Final = Path(__file__).parent / "templates" / "plots.mplstyle"
NAMESPACE: Final = "{http://www.w3.org/2000/svg}"
METADATA: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # else bytes would differ from run to run
ElementTree.register_namespace("", NAMESPACE[1:-1])
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")


_VARIABLES: Final = {light: f"var(--{name}, {light})" for name, (light, _) in COLOURS.items()}


def _declarations(place: int) -> str:
    return "".join(f"--{name}:{colours[place]};" for name, colours in COLOURS.items())


# The same in every plot, so that a page can allow it by one hash.
STYLE_SHEET: Final = (
    f"svg{{color-scheme:light dark;stroke-linejoin:round;{_declarations(0)}}}"
    f"@media(prefers-color-scheme:dark){{svg{{{_declarations(1)}}}}}"
    "svg text{font-family:system-ui,sans-serif}"
)


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

    It can be a file of its own or stand in a page: style is in attributes, which no content policy forbids, and no id
    is another plot's if no plot has its `name`.

    Args:
        figure: What is drawn.
        name: The name of the plot.
        title: What it says to readers who cannot see it.
        notes: The gid of an artist -> what it says when it is pointed at.
    """
    file = io.StringIO()
    with rc_context({"svg.hashsalt": name}):
        figure.savefig(file, format="svg", transparent=True, metadata=METADATA)
    root = ElementTree.fromstring(file.getvalue())
    _, _, width, height = root.attrib["viewBox"].split()
    root.attrib |= {"width": width, "height": height, "role": "img", "aria-label": printable(title)}
    for sheet in root.iter(f"{NAMESPACE}style"):  # matplotlib writes one, for all elements
        sheet.attrib.clear()
        sheet.text = STYLE_SHEET
    for group in root.iter(f"{NAMESPACE}g"):  # numbered alike in every figure, and referred to by none
        if note := (notes or {}).get(group.attrib.pop("id", "")):
            label = ElementTree.Element(f"{NAMESPACE}title")
            label.text = printable(note)
            group.insert(0, label)
    for element in root.iter():
        for rule in filter(None, element.attrib.pop("style", "").split(";")):
            key, _, value = (part.strip() for part in rule.partition(":"))
            element.set(key, _VARIABLES.get(value, value))
    return ElementTree.tostring(root, encoding="unicode")
