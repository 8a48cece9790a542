"""Plot and table of selective classification: how often a model is right where it is sure."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from serving.model.metadata import CoveragePoint, Metadata
from training.evaluation.tables import Table, share
from training.report.svg import ACCENT, WIDTH, Plot, as_svg, blank, drawing

NAME = "risk-coverage"
HEIGHT = 240  # CSS pixels


def risk_coverage_plot(points: Sequence[CoveragePoint]) -> Plot:
    """Error rate over the share of rows that are answered, the most confident first.

    Args:
        points: The curve, by rising coverage; at least one.
    """
    half = min(points, key=lambda point: abs(point.coverage - 0.5))
    caption = (
        "Errors among the validation rows that the model is surest of, by how many of them are answered. Of the surest "
        f"{half.coverage:.0%}, those with a probability of at least {share(half.probability)}, {half.risk:.1%} are "
        f"wrong; of all, {points[-1].risk:.1%}."
    )
    with drawing():
        figure = blank(WIDTH, HEIGHT)
        ax: Axes = figure.subplots()
        coverage, risk = [point.coverage for point in points], [point.risk for point in points]
        ax.plot(coverage, risk, "o-", color=ACCENT, clip_on=False)
        ax.set(xlim=(0, 1), xlabel="answered", ylabel="wrong")
        ax.set_ylim(bottom=0)
        ax.tick_params(axis="x", pad=8)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        return Plot(NAME, as_svg(figure, NAME, f"Risk-coverage curve. {caption}"), caption)


def threshold_table(metadata: Metadata) -> Table:
    """From which probability on a label is how often right; without rows where no threshold was found."""
    rows = [
        (entry.label, f"{entry.precision_at_least:.0%}", share(entry.probability), f"{entry.coverage:.1%}")
        for entry in metadata.thresholds
    ]
    return Table(
        "Thresholds, from the validation part", ("label", "right at least", "probability", "of all rows"), rows
    )
