"""What was taken for what, cell by cell."""

from collections.abc import Iterator
from dataclasses import dataclass

from training.metrics import Figures

NUMBERED = 12
"""Classes, beyond which the cells of a matrix are too small for numbers."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One of the matrix: how many rows of `truth` were predicted as `predicted`, and their share of the truth's."""

    row: int
    column: int
    truth: str
    predicted: str
    rows: int
    share: float

    @property
    def name(self) -> str:
        """What the plot calls it."""
        return f"cell-{self.row}-{self.column}"

    @property
    def note(self) -> str:
        """A sentence for who points at it."""
        what = f"truth {self.truth}, predicted {self.predicted}"
        return f"{what}: {self.rows:,} rows, {self.share:.0%} of the truth's"


def cells(figures: Figures) -> Iterator[Cell]:
    """All cells of the matrix, row by row."""
    for row, (truth, counts) in enumerate(figures.confusion.items()):
        whole = max(sum(counts.values()), 1)
        for column, (predicted, rows) in enumerate(counts.items()):
            yield Cell(row, column, truth, predicted, rows, rows / whole)


def most_frequent(figures: Figures, most: int = 10) -> list[Cell]:
    """The mistakes with the most rows, those first."""
    wrong = [cell for cell in cells(figures) if cell.truth != cell.predicted and cell.rows]
    return sorted(wrong, key=lambda cell: -cell.rows)[:most]
