"""Plots and tables of learning curves, calibration and recalls, and all plots of a report."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from training.evaluation.metrics import (
    BINS,
    Bin,
    Figures,
    confidence_bins,
    expected_calibration_error,
    recall_intervals,
    rescaled,
)
from training.evaluation.tables import Table, share
from training.progress import Epoch, select_epoch
from training.recipe.stages import KeepPolicy
from training.report.confusion import confusion_plot
from training.report.provenance import keep_policy
from training.report.report_data import ReportData
from training.report.selective import risk_coverage_plot
from training.report.svg import ACCENT, LINE, QUIET, WIDTH, Plot, as_svg, blank, drawing, short
from training.types import Labels, Probabilities

PANEL = 165  # CSS pixels
MANY = 30  # epochs, beyond which a dot on each would hide the line
Values = npt.NDArray[np.float64]


def curve_plots(history: Mapping[str, Sequence[Epoch]], keep: Callable[[str], KeepPolicy]) -> list[Plot]:
    """One plot a stage that has epochs: losses above, validation macro recall below where there is any.

    Args:
        history: The epochs of each stage.
        keep: Gives which epoch a stage of that name keeps; the caption says it.
    """
    stages = [(stage, epochs) for stage, epochs in history.items() if epochs]
    return [_plot(f"learning-curves-{i}", stage, epochs, keep(stage)) for i, (stage, epochs) in enumerate(stages, 1)]


def curve_table(history: Mapping[str, Sequence[Epoch]]) -> Table:
    """The same as figures."""
    rows = [
        (stage, str(e.number), *map(_cell, (e.loss, e.validation_loss, e.macro_recall, e.accuracy)))
        for stage, epochs in history.items()
        for e in epochs
    ]
    headings = ("stage", "epoch", "loss", "validation loss", "validation macro recall", "validation accuracy")
    return Table("Epochs", headings, rows)


def _cell(value: float) -> str:
    return share(value) if np.isfinite(value) else "–"


def _plot(name: str, stage: str, epochs: Sequence[Epoch], keep: KeepPolicy) -> Plot:
    losses = {"loss": [e.loss for e in epochs], "validation loss": [e.validation_loss for e in epochs]}
    recalls = {"validation macro recall": [e.macro_recall for e in epochs]}
    measured = [{label: values for label, values in p.items() if _known(values).any()} for p in (losses, recalls)]
    panels = [panel for panel in measured if panel]
    caption = f"Stage {stage}: {len(epochs)} epoch{'s' if len(epochs) > 1 else ''}. {_kept(epochs, keep)}"
    with drawing():
        figure = blank(WIDTH, PANEL * max(len(panels), 1))
        axes: list[Axes] = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0].tolist() if panels else []
        for ax, panel in zip(axes, panels, strict=True):
            _panel(ax, [e.number for e in epochs], panel)
        if axes:
            axes[-1].set_xlabel("epoch")
        return Plot(name, as_svg(figure, name, f"Learning curves. {caption}"), caption)


def _panel(ax: Axes, numbers: Sequence[int], panel: Mapping[str, Sequence[float]]) -> None:
    dot = "o" if len(numbers) <= MANY else ""
    for label, values in panel.items():
        validation = label.startswith("validation")
        line, colour = ("-", ACCENT) if validation else ("--", QUIET)
        numeric = np.where(_known(values), values, np.nan)
        ax.plot(numbers, numeric, line, marker=dot, color=colour, label=label, clip_on=False)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0, borderpad=0.2)


def _known(values: Sequence[float]) -> npt.NDArray[np.bool_]:
    return np.isfinite(np.array(values, dtype=np.float64))


def _kept(epochs: Sequence[Epoch], keep: KeepPolicy) -> str:
    measured, kept = [epoch for epoch in epochs if np.isfinite(epoch.macro_recall)], select_epoch(epochs, keep)
    if not measured:
        return "No validation macro recall was measured; the last epoch is kept."
    best = select_epoch(measured)
    which = "which is kept" if kept is best else f"and epoch {kept.number} is kept"
    return f"The highest validation macro recall is {share(best.macro_recall)}, of epoch {best.number}, {which}."


RELIABILITY_HEIGHT = 370  # CSS pixels
RELIABILITY = "reliability"


def reliability_plot(truth: Labels, probabilities: Probabilities, temperature: float) -> Plot:
    """Accuracy over confidence in 15 bins, before and after temperature scaling, and how many rows a bin has.

    Args:
        truth: Label indices (rows,).
        probabilities: As served, (rows, classes).
        temperature: What they were calibrated by.
    """
    before = rescaled(probabilities, 1 / temperature)
    errors = [share(expected_calibration_error(truth, answers)) for answers in (before, probabilities)]
    caption = (
        f"Accuracy of the rows that the model is equally sure of, in {BINS} bins; on the line, it is as sure as it is "
        f"right. Expected calibration error {errors[0]} before temperature scaling, {errors[1]} after."
    )
    with drawing():
        figure = blank(WIDTH, RELIABILITY_HEIGHT)
        above, below = figure.subplots(2, sharex=True, height_ratios=(4, 1))
        _curves(above, confidence_bins(truth, before), confidence_bins(truth, probabilities))
        _sizes(below, confidence_bins(truth, probabilities), len(truth))
        return Plot(RELIABILITY, as_svg(figure, RELIABILITY, f"Reliability diagram. {caption}"), caption)


def _curves(ax: Axes, before: Sequence[Bin], after: Sequence[Bin]) -> None:
    ax.plot([0, 1], [0, 1], color=LINE, lw=1)
    for bins, label, looks in (
        (before, "before scaling", {"color": QUIET, "ls": "--", "marker": "s", "mfc": "none"}),
        (after, "after", {"color": ACCENT, "ls": "-", "marker": "o"}),
    ):
        x, y = [each.confidence for each in bins], [each.accuracy for each in bins]
        ax.plot(x, y, label=label, clip_on=False, **looks)  # type: ignore[arg-type]
    ax.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0, borderpad=0.2)


def _sizes(ax: Axes, bins: Sequence[Bin], rows: int) -> None:
    heights = [each.rows / rows for each in bins]
    ax.bar([each.low for each in bins], heights, width=0.9 / BINS, align="edge", color=ACCENT, alpha=0.5, lw=0)
    ax.set(xlabel="confidence", ylabel="rows")
    ax.tick_params(axis="x", pad=8)
    ax.yaxis.set_major_locator(MaxNLocator(2))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


# CSS pixels: of the axis and its name, of a class, and the least of all classes together.
AXIS_HEIGHT, CLASS_HEIGHT, MIN_CLASSES_HEIGHT = 56, 22, 150
RECALLS = "recall-by-class"


def recall_plot(figures: Figures) -> Plot:
    """A dot and its interval for each class; a line at their mean."""
    by_label = recall_intervals(figures)
    caption = (
        "The share of each class's rows that is found, with its 95% interval (Wilson). "
        f"The line is at their mean, the macro recall of {share(figures.macro_recall)}."
    )
    names, places = list(figures.classes), list(range(len(figures.classes)))
    with drawing():
        figure = blank(WIDTH, AXIS_HEIGHT + max(CLASS_HEIGHT * len(names), MIN_CLASSES_HEIGHT))
        ax = figure.subplots()
        ax.axvline(figures.macro_recall, color=QUIET, ls="--", lw=1)
        for place, name in enumerate(names):
            if name in by_label:
                ax.hlines(place, *by_label[name], color=ACCENT, lw=2)
                ax.plot([figures.classes[name].recall], [place], "o", color=ACCENT, clip_on=False)
        ax.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5), xlabel="recall", yticks=places)
        ax.set_yticks(places, [short(name) for name in names])
        ax.grid(visible=False, axis="y")
        return Plot(RECALLS, as_svg(figure, RECALLS, f"Recall by class. {caption}"), caption)


def plots(data: ReportData) -> dict[str, Plot]:
    """Name -> plot, in their order on a page.

    `learning-curves-1` and on, one a stage, `confusion-matrix`, `reliability`, `risk-coverage` where the metadata has
    the curve, `recall-by-class`.
    """
    curve = data.metadata.risk_coverage
    drawn = [
        *curve_plots(data.record.epochs, lambda stage: keep_policy(data.metadata, stage)),
        confusion_plot(data.figures),
        reliability_plot(data.truth, data.probabilities, data.metadata.temperature),
        *([risk_coverage_plot(curve)] if curve else []),
        recall_plot(data.figures),
    ]
    return {plot.name: plot for plot in drawn}
