"""The network beside the baselines."""

from collections.abc import Sequence
from dataclasses import dataclass

from training.compare import Row
from training.metrics import Figures
from training.report.evidence import Evidence
from training.report.table import Table, share

HEADINGS = ("model", "macro recall", "macro F1", "accuracy", "training", "size", "predictions/s")


@dataclass(frozen=True, slots=True)
class _Place:
    merit: float
    network: bool
    cells: Sequence[str]


def comparison_table(evidence: Evidence) -> Table:
    """Best macro recall first, the network's row marked; without rows where no baseline was measured.

    A network that is not among the baselines stands there with the figures of the test part.
    """
    name = evidence.metadata.name
    places = [_place(row, row.name.startswith(f"{name} (network")) for row in evidence.baselines]
    if places and not any(place.network for place in places):
        places.append(_network(name, evidence.figures))
    places.sort(key=lambda place: -place.merit)
    marked = next((i for i, place in enumerate(places) if place.network), None)
    return Table("Beside baselines", HEADINGS, [place.cells for place in places], marked=marked)


def _place(row: Row, network: bool) -> _Place:
    trained = "before" if row.training_seconds is None else f"{row.training_seconds:.1f} s"
    size, speed = f"{row.bytes / 1e6:.1f} MB", f"{row.predictions_per_second:,.0f}"
    figures = (share(row.macro_recall), share(row.macro_f1), share(row.accuracy))
    return _Place(row.macro_recall, network, (row.name, *figures, trained, size, speed))


def _network(name: str, figures: Figures) -> _Place:
    measured = (share(figures.macro_recall), share(figures.macro_f1), share(figures.accuracy))
    return _Place(figures.macro_recall, True, (f"{name} (network, served)", *measured, "–", "–", "–"))
