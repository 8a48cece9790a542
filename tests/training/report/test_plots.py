import re

from tests.training.report.examples import HISTORY, evidence
from training.report.plots import plots


def test_all_plots_have_their_names() -> None:
    found = plots(evidence())
    assert list(found) == [
        "learning-curves-1",
        "learning-curves-2",
        "confusion-matrix",
        "reliability",
        "recall-by-class",
    ]
    assert all(plot.name == name and plot.svg.startswith("<svg ") for name, plot in found.items())


def test_no_two_of_them_share_an_id() -> None:
    stage = HISTORY["fit"]
    found = plots(evidence(history={"one": stage, "two": stage})).values()
    ids = [name for plot in found for name in re.findall(r'\bid="([^"]+)"', plot.svg)]
    assert len(ids) == len(set(ids))
