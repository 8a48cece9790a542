"""The reliability diagram: how often the model is right when it is so and so sure."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from training.metrics import (
    BINS,
    Bin,
    Figures,
    Labels,
    Probabilities,
    confidence_bins,
    expected_calibration_error,
    rescaled,
)
from training.report.plot import Plot
from training.report.svg import ACCENT, LINE, QUIET, WIDTH, as_svg, blank, drawing
from training.report.table import Table, share

HEIGHT = 370  # CSS pixels
NAME = "reliability"


def reliability_plot(truth: Labels, probabilities: Probabilities, temperature: float) -> Plot:
    """Accuracy over confidence in 15 bins, before and after temperature scaling, and how many rows a bin has.

    `truth`: label indices (rows,); `probabilities` (rows, classes), calibrated by `temperature`.
    """
    before = rescaled(probabilities, 1 / temperature)
    errors = [share(expected_calibration_error(truth, found)) for found in (before, probabilities)]
    caption = (
        f"Accuracy of the rows that the model is equally sure of, in {BINS} bins; on the line, it is as sure as it is "
        f"right. Expected calibration error {errors[0]} before temperature scaling, {errors[1]} after."
    )
    with drawing():
        figure = blank(WIDTH, HEIGHT)
        above, below = figure.subplots(2, sharex=True, height_ratios=(4, 1))
        _curves(above, confidence_bins(truth, before), confidence_bins(truth, probabilities))
        _sizes(below, confidence_bins(truth, probabilities), len(truth))
        return Plot(NAME, as_svg(figure, NAME, f"Reliability diagram. {caption}"), caption)


def calibration_table(figures: Figures, temperature: float) -> Table:
    """The errors before and after scaling by the temperature, and what so many rows would show of a perfect one."""
    rows = [
        ("1 (before scaling)", share(figures.expected_calibration_error_uncalibrated)),
        (f"{temperature:.3f} (as served)", share(figures.expected_calibration_error)),
        ("by chance, if calibration were perfect", share(figures.expected_calibration_error_by_chance)),
    ]
    return Table("Calibration", ("temperature", "expected calibration error"), rows)


def _curves(ax: Axes, before: Sequence[Bin], after: Sequence[Bin]) -> None:
    ax.plot([0, 1], [0, 1], color=LINE, lw=1)
    for bins, label, looks in (
        (before, "before scaling", {"color": QUIET, "ls": "--", "marker": "s", "mfc": "none"}),
        (after, "after", {"color": ACCENT, "ls": "-", "marker": "o"}),
    ):
        x, y = [found.confidence for found in bins], [found.accuracy for found in bins]
        ax.plot(x, y, label=label, clip_on=False, **looks)  # type: ignore[arg-type]
    ax.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0, borderpad=0.2)


def _sizes(ax: Axes, bins: Sequence[Bin], rows: int) -> None:
    heights = [found.rows / rows for found in bins]
    ax.bar([found.low for found in bins], heights, width=0.9 / BINS, align="edge", color=ACCENT, alpha=0.5, lw=0)
    ax.set(xlabel="confidence", ylabel="rows")
    ax.tick_params(axis="x", pad=8)
    ax.yaxis.set_major_locator(MaxNLocator(2))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
