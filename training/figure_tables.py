"""A part's figures as tables for the terminal."""

from rich.table import Table
from rich.text import Text

from training.confusions import NUMBERED, most_frequent
from training.metrics import Figures


def figure_tables(figures: Figures, title: str) -> list[Table]:
    """Overall, by class, and the confusion matrix with the truth in rows; of many classes its largest mistakes."""
    confusion = _matrix if len(figures.confusion) <= NUMBERED else _mistakes
    return [_overall(figures, title), _classes(figures), confusion(figures)]


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
    mistakes = Table("truth", "predicted", "rows", title="The most frequent confusions", title_justify="left")
    for cell in most_frequent(figures):
        mistakes.add_row(Text(cell.truth), Text(cell.predicted), f"{cell.rows:,}")
    return mistakes
