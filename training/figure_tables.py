"""A part's figures as tables for the terminal."""

from typing import Final

from rich.table import Table
from rich.text import Text

from training.metrics import Figures

WIDEST: Final = 10
"""Classes whose confusion matrix a terminal still shows."""
MISTAKES: Final = 20


def figure_tables(figures: Figures, title: str) -> list[Table]:
    """Overall, by class, and the confusion matrix with the truth in rows; of many classes its largest mistakes."""
    few = len(figures.classes) <= WIDEST
    return [_overall(figures, title), _classes(figures), _matrix(figures) if few else _mistakes(figures)]


def _overall(figures: Figures, title: str) -> Table:
    overall = Table(title=Text(f"{title}: {figures.rows:,} rows"), title_justify="left", show_header=False)
    for name, value in (
        ("macro recall", figures.macro_recall),
        ("macro F1", figures.macro_f1),
        ("accuracy", figures.accuracy),
        ("expected calibration error", figures.expected_calibration_error),
        ("  before temperature scaling", figures.expected_calibration_error_uncalibrated),
        ("  by chance, if it were perfect", figures.expected_calibration_error_by_chance),
    ):
        overall.add_row(name, f"{value:.4f}")
    return overall


def _classes(figures: Figures) -> Table:
    classes = Table("class", "precision", "recall", "F1", "rows")
    for name, row in figures.classes.items():
        classes.add_row(Text(name), f"{row.precision:.4f}", f"{row.recall:.4f}", f"{row.f1:.4f}", f"{row.rows:,}")
    return classes


def _matrix(figures: Figures) -> Table:
    confusion = Table("truth \\ predicted")
    for name in figures.confusion:
        confusion.add_column(Text(name))
    for name, counts in figures.confusion.items():
        confusion.add_row(Text(name), *(f"{count:,}" for count in counts.values()))
    return confusion


def _mistakes(figures: Figures) -> Table:
    found = [(count, a, b) for a, row in figures.confusion.items() for b, count in row.items() if a != b and count]
    mistakes = Table("truth", "predicted", "rows", title="Most frequent mistakes", title_justify="left")
    for count, truth, predicted in sorted(found, key=lambda mistake: -mistake[0])[:MISTAKES]:
        mistakes.add_row(Text(truth), Text(predicted), f"{count:,}")
    return mistakes
