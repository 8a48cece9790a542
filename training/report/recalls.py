"""Recall by class, and how sure of it so many rows let us be."""

from collections.abc import Mapping
from math import sqrt
from typing import Final

from training.metrics import ClassFigures, Figures
from training.report.plot import Plot, short
from training.report.svg import ACCENT, QUIET, WIDTH, as_svg, blank, drawing
from training.report.table import Table, count, share

Z: Final = 1.959963984540054  # the standard normal's 97.5% quantile
REST = 56  # CSS pixels, as are the least height of a class and that which all classes may have
CLASS, CLASSES = 22, 150
NAME = "recall-by-class"


def wilson(found: int, rows: int) -> tuple[float, float]:
    """The 95% score interval of the share found / rows; `rows` is at least 1.

    Wilson 1927, Probable Inference, the Law of Succession, and Statistical Inference (JASA 22).
    """
    p, scale = found / rows, 1 + Z**2 / rows
    middle = (p + Z**2 / (2 * rows)) / scale
    half = Z * sqrt(p * (1 - p) / rows + Z**2 / (4 * rows**2)) / scale
    return max(middle - half, 0.0), min(middle + half, 1.0)


def intervals(figures: Figures) -> Mapping[str, tuple[float, float]]:
    """Label -> the interval of its recall, of the labels that have rows."""
    return {
        name: wilson(figures.confusion[name][name], measured.rows)
        for name, measured in figures.classes.items()
        if measured.rows
    }


def class_table(figures: Figures) -> Table:
    """Recall with its interval, precision, F1 and rows of each class."""
    found = intervals(figures)
    rows = [(name, *_cells(measured, found.get(name))) for name, measured in figures.classes.items()]
    return Table("By class", ("class", "recall", "95% interval", "precision", "F1", "rows"), rows)


def _cells(measured: ClassFigures, interval: tuple[float, float] | None) -> tuple[str, ...]:
    if interval is None:
        return ("–", "–", "–", "–", "0")
    between = f"{share(interval[0])} to {share(interval[1])}"
    return share(measured.recall), between, share(measured.precision), share(measured.f1), count(measured.rows)


def recall_plot(figures: Figures) -> Plot:
    """A dot and its interval for each class; a line at their mean."""
    found = intervals(figures)
    caption = (
        "The share of each class's rows that is found, with its 95% interval (Wilson). "
        f"The line is at their mean, the macro recall of {share(figures.macro_recall)}."
    )
    names, places = list(figures.classes), list(range(len(figures.classes)))
    with drawing():
        figure = blank(WIDTH, REST + max(CLASS * len(names), CLASSES))
        ax = figure.subplots()
        ax.axvline(figures.macro_recall, color=QUIET, ls="--", lw=1)
        for place, name in enumerate(names):
            if name in found:
                ax.hlines(place, *found[name], color=ACCENT, lw=2)
                ax.plot([figures.classes[name].recall], [place], "o", color=ACCENT, clip_on=False)
        ax.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5), xlabel="recall", yticks=places)
        ax.set_yticks(places, [short(name) for name in names])
        ax.grid(visible=False, axis="y")
        return Plot(NAME, as_svg(figure, NAME, f"Recall by class. {caption}"), caption)
