"""One plot of a report."""

from dataclasses import dataclass


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
