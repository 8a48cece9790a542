"""Confusion matrix as a plot and as a table: truth in rows, predicted in columns."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from training.evaluation.metrics import NUMBERED, Cell, Figures, cells, most_frequent
from training.report.svg import ACCENT, HAIR, INK, QUIET, WIDTH, Plot, as_svg, blank, drawing, short
from training.report.tables import Table, count, share

NAME = "confusion-matrix"
NUMBERED_CAPTION = "Each cell has its rows and their share of the truth's."
SHADED_CAPTION = "The fuller a cell, the larger its share of the truth's rows; point at one for its numbers."
# CSS pixels: the width of a letter, and the gap between a label and the axis's name.
LETTER, GAP = 7.0, 20.0
# The least and the greatest side of a cell: five digits have room in it, or a label's line beside it.
SIDES_WITH_NUMBERS, SIDES_WITHOUT = (46.0, 80.0), (15.0, 15.0)


def confusion_plot(figures: Figures) -> Plot:
    """A heat map: the fuller a cell, the larger its share of its row. With numbers in it where they can be read."""
    grid = _Grid.of(list(figures.confusion))
    caption = f"Truth in rows, predicted in columns. {NUMBERED_CAPTION if grid.numbered else SHADED_CAPTION}"
    with drawing():
        figure = blank(grid.width, grid.height, layout=None)
        ax = grid.axes(figure)
        for cell in cells(figures):
            _draw(ax, cell, numbered=grid.numbered)
        notes = {cell.name: cell.note for cell in cells(figures)}
        svg = as_svg(figure, NAME, f"Confusion matrix. {caption}", notes)
    return Plot(NAME, svg, caption, wide=grid.width > 1.5 * WIDTH)


def confusion_table(figures: Figures) -> Table:
    """The matrix as figures; of one too wide for a page, the most frequent confusions."""
    if len(figures.confusion) <= NUMBERED:
        rows = [(truth, *map(count, counts.values())) for truth, counts in figures.confusion.items()]
        return Table("Confusion matrix with the truth in rows", ("truth \\ predicted", *figures.confusion), rows)
    rows = [(cell.truth, cell.predicted, count(cell.rows), share(cell.share)) for cell in most_frequent(figures)]
    headings = ("truth", "predicted", "rows", "share of the truth's")
    return Table("The most frequent confusions", headings, rows, words=2)


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


@dataclass(frozen=True, slots=True)
class _Grid:
    """Layout of the matrix: the side of a cell, and the room left of the cells and above them, in CSS pixels."""

    names: Sequence[str]
    side: float
    left: float
    above: float
    upright: bool

    @classmethod
    def of(cls, labels: Sequence[str]) -> "_Grid":
        names = [short(label) for label in labels]
        longest = LETTER * max(map(len, names))
        left = longest + GAP + 8
        min_side, max_side = SIDES_WITH_NUMBERS if len(names) <= NUMBERED else SIDES_WITHOUT
        side = min(max((WIDTH - left) / len(names), min_side), max_side)
        upright = longest > side
        return cls(names, side, left, left if upright else 2 * GAP, upright)

    @property
    def numbered(self) -> bool:
        return len(self.names) <= NUMBERED

    @property
    def width(self) -> float:
        return self.left + self._cells + 2

    @property
    def height(self) -> float:
        return self.above + self._cells + 2

    @property
    def _cells(self) -> float:
        return self.side * len(self.names)

    def axes(self, figure: Figure) -> Axes:
        """Axes with one cell a unit, row 0 at the top, and all names beside them."""
        place = (self.left / self.width, 2 / self.height, self._cells / self.width, self._cells / self.height)
        ax, number = figure.add_axes(place), len(self.names)
        ax.set(xlim=(0, number), ylim=(number, 0), xticks=[], yticks=[])
        for line in ax.spines.values():
            line.set_visible(False)
        ax.hlines(range(number + 1), 0, number, color=HAIR, lw=0.8, zorder=0, clip_on=False)
        ax.vlines(range(number + 1), 0, number, color=HAIR, lw=0.8, zorder=0, clip_on=False)
        self._name_cells(ax)
        self._name_axes(ax)
        return ax

    def _name_cells(self, ax: Axes) -> None:
        gap = 6 / self.side
        for place, name in enumerate(self.names):
            ax.text(-gap, place + 0.5, name, ha="right", va="center")
            across = ax.text(place + 0.5, -gap, name, ha="center", va="bottom")
            if self.upright:
                across.set(rotation=90, rotation_mode="anchor", ha="left", va="center")

    def _name_axes(self, ax: Axes) -> None:
        middle, edge = len(self.names) / 2, GAP / 2
        ax.text(middle, (edge - self.above) / self.side, "predicted", ha="center", va="center", color=QUIET)
        truth = ax.text((edge - self.left) / self.side, middle, "truth", ha="center", va="center", color=QUIET)
        truth.set(rotation=90, rotation_mode="anchor")
