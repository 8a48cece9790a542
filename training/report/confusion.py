"""Confusion matrix as a heat map: truth in rows, predicted in columns."""

from typing import Final

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from training.evaluation.metrics import NUMBERED, Cell, Figures, cells
from training.evaluation.tables import count
from training.report.svg import ACCENT, HAIR, INK, WIDTH, Plot, as_svg, blank, drawing, short

NAME: Final = "confusion-matrix"
NUMBERED_CAPTION: Final = "Each cell has its rows and their share of the truth's."
SHADED_CAPTION: Final = "The fuller a cell, the larger its share of the truth's rows; point at one for its numbers."
# CSS pixels: of a letter and of the axis's name, and the least and the greatest side of a cell. A cell has room for a
# number of five digits, or beside it for a line.
LETTER, AXIS_NAME = 7.0, 30.0
NUMBERED_SIDES, SHADED_SIDES = (46.0, 80.0), (15.0, 15.0)


def confusion_plot(figures: Figures) -> Plot:
    """A heat map: the fuller a cell, the larger its share of its row. With numbers in it where they can be read."""
    names = [short(label) for label in figures.confusion]
    numbered = len(names) <= NUMBERED
    caption = f"Truth in rows, predicted in columns. {NUMBERED_CAPTION if numbered else SHADED_CAPTION}"
    margin = LETTER * max(map(len, names)) + AXIS_NAME
    min_side, max_side = NUMBERED_SIDES if numbered else SHADED_SIDES
    side = min(max((WIDTH - margin) / len(names), min_side), max_side)
    upright = margin - AXIS_NAME > side
    size = side * len(names)
    with drawing():
        figure = blank(margin + size, (margin if upright else 2 * AXIS_NAME) + size)
        ax = figure.subplots()
        _label(ax, names, rotation=90 if upright else 0)
        for cell in cells(figures):
            _draw(ax, cell, numbered=numbered)
        svg = as_svg(figure, NAME, f"Confusion matrix. {caption}", {cell.name: cell.note for cell in cells(figures)})
    return Plot(NAME, svg, caption, wide=margin + size > 1.5 * WIDTH)


def _label(ax: Axes, names: list[str], rotation: float) -> None:
    """Axes with one cell a unit, row 0 at the top, and all names beside them."""
    centres, edges = [place + 0.5 for place in range(len(names))], range(len(names) + 1)
    ax.set(xlim=(0, len(names)), ylim=(len(names), 0), xlabel="predicted", ylabel="truth", aspect="equal")
    ax.set_xticks(centres, names, rotation=rotation)
    ax.set_yticks(centres, names)
    ax.tick_params(labelcolor=INK)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.grid(visible=False)
    ax.hlines(edges, 0, len(names), color=HAIR, lw=0.8, zorder=0, clip_on=False)
    ax.vlines(edges, 0, len(names), color=HAIR, lw=0.8, zorder=0, clip_on=False)


def _draw(ax: Axes, cell: Cell, *, numbered: bool) -> None:
    x, y = cell.column, cell.row
    if cell.rows:
        # Half of the colour at most where ink stands on it.
        strength = cell.share / 2 if numbered else cell.share
        patch = Rectangle((x, y), 1, 1, facecolor=ACCENT, edgecolor="none", alpha=strength)
        patch.set_gid(cell.name)
        ax.add_patch(patch)
    if numbered:
        ax.text(x + 0.5, y + 0.42, count(cell.rows), ha="center", va="center", color=INK, size=12)
        ax.text(x + 0.5, y + 0.72, f"{cell.share:.0%}", ha="center", va="center", color=INK, size=10)
