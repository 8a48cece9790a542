"""The network beside the baselines."""

from collections.abc import Sequence

from training.compare import Row
from training.report.evidence import Evidence
from training.report.table import Table, share

HEADINGS = ("model", "macro recall", "macro F1", "accuracy", "training", "size", "predictions/s")


def comparison_table(evidence: Evidence) -> Table:
    """Best macro recall first, the network's row marked; without rows where no baseline was measured."""
    if not evidence.baselines:
        return Table("Beside baselines", HEADINGS, [])
    network = [evidence.network] if evidence.network else []
    rows = sorted([*evidence.baselines, *network], key=lambda row: -row.macro_recall)
    marked = next((i for i, row in enumerate(rows) if row is evidence.network), None)
    return Table("Beside baselines", HEADINGS, [_cells(row) for row in rows], marked=marked)


def _cells(row: Row) -> Sequence[str]:
    trained = "before" if row.training_seconds is None else f"{row.training_seconds:,.1f} s"
    size, speed = f"{row.bytes / 1e6:.1f} MB", f"{row.predictions_per_second:,.0f}"
    return (row.name, share(row.macro_recall), share(row.macro_f1), share(row.accuracy), trained, size, speed)
