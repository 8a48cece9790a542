"""Plots of a report: learning curves, confusion matrix, calibration, selective classification, recalls."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from serving.model.metadata import CoveragePoint
from training.evaluation.metrics import (
    BINS,
    NUMBERED,
    Bin,
    Cell,
    Figures,
    calibration_error,
    cells,
    confidence_bins,
    recall_intervals,
    rescaled,
)
from training.evaluation.tables import count, share
from training.progress import Epoch, select_epoch
from training.recipe.stages import KeepPolicy
from training.report.cost import cost_plot
from training.report.provenance import keep_policy
from training.report.report_data import ReportData
from training.report.svg import ACCENT, HAIR, INK, LINE, QUIET, WIDTH, Plot, as_svg, blank, drawing, short
from training.types import Labels, Probabilities

PANEL = 165  # CSS pixels
MANY = 30  # epochs, beyond which a dot on each would hide the line


def curve_plots(history: Mapping[str, Sequence[Epoch]], keep: Callable[[str], KeepPolicy]) -> list[Plot]:
    """One plot a stage of several epochs: losses above, validation macro recall below where there is any.

    Args:
        history: The epochs of each stage.
        keep: Gives which epoch a stage of that name keeps; the caption says it.
    """
    stages = [(stage, epochs) for stage, epochs in history.items() if epochs]
    drawn = [(number, *stage) for number, stage in enumerate(stages, 1) if len(stage[1]) > 1]
    return [_plot(f"learning-curves-{number}", name, epochs, keep(name)) for number, name, epochs in drawn]


def single_epochs(history: Mapping[str, Sequence[Epoch]]) -> list[str]:
    """A sentence for each stage of one epoch, which would be a plot of a single dot."""
    return [_figures_of(stage, epochs[0]) for stage, epochs in history.items() if len(epochs) == 1]


def _figures_of(stage: str, epoch: Epoch) -> str:
    figures = {
        "loss": epoch.loss,
        "validation loss": epoch.validation_loss,
        "validation macro recall": epoch.macro_recall,
    }
    measured = [f"{name} {share(value)}" for name, value in figures.items() if np.isfinite(value)]
    shown = f" Its figures: {', '.join(measured)}." if measured else ""
    return f"Stage {stage}: 1 epoch, too few for a curve.{shown}"


def _plot(name: str, stage: str, epochs: Sequence[Epoch], keep: KeepPolicy) -> Plot:
    losses = {"loss": [e.loss for e in epochs], "validation loss": [e.validation_loss for e in epochs]}
    recalls = {"validation macro recall": [e.macro_recall for e in epochs]}
    measured = [{label: values for label, values in p.items() if _known(values).any()} for p in (losses, recalls)]
    panels = [panel for panel in measured if panel]
    caption = f"Stage {stage}: {len(epochs)} epochs. {_kept(epochs, keep)}"
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


CONFUSION = "confusion-matrix"
NUMBERED_CAPTION = "Each cell has its rows and their share of the truth's."
SHADED_CAPTION = "The fuller a cell, the larger its share of the truth's rows; point at one for its numbers."
# CSS pixels: of a letter and of the axis's name, and the least and the greatest side of a cell. A cell has room for a
# number of five digits, or beside it for a line.
LETTER, AXIS_NAME = 7.0, 30.0
NUMBERED_SIDES, SHADED_SIDES = (46.0, 80.0), (15.0, 15.0)


def confusion_plot(figures: Figures) -> Plot:
    """A heat map: the fuller a cell, the larger its share of its row. With numbers in it where they can be read."""
    names = [short(label) for label in figures.confusion]
    numbered = len(names) <= NUMBERED
    caption = f"Truth in rows, predicted in columns. {NUMBERED_CAPTION if numbered else SHADED_CAPTION}"
    margin = LETTER * max(map(len, names)) + AXIS_NAME
    min_side, max_side = NUMBERED_SIDES if numbered else SHADED_SIDES
    side = min(max((WIDTH - margin) / len(names), min_side), max_side)
    upright = margin - AXIS_NAME > side
    size = side * len(names)
    with drawing():
        figure = blank(margin + size, (margin if upright else 2 * AXIS_NAME) + size)
        ax = figure.subplots()
        _label_cells(ax, names, rotation=90 if upright else 0)
        for cell in cells(figures):
            _draw_cell(ax, cell, numbered=numbered)
        svg = as_svg(
            figure, CONFUSION, f"Confusion matrix. {caption}", {cell.name: cell.note for cell in cells(figures)}
        )
    return Plot(CONFUSION, svg, caption, wide=margin + size > 1.5 * WIDTH)


def _label_cells(ax: Axes, names: list[str], rotation: float) -> None:
    """Axes with one cell a unit, row 0 at the top, and all names beside them."""
    centres, edges = [place + 0.5 for place in range(len(names))], range(len(names) + 1)
    ax.set(xlim=(0, len(names)), ylim=(len(names), 0), xlabel="predicted", ylabel="truth", aspect="equal")
    ax.set_xticks(centres, names, rotation=rotation)
    ax.set_yticks(centres, names)
    ax.tick_params(labelcolor=INK)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.grid(visible=False)
    ax.hlines(edges, 0, len(names), color=HAIR, lw=0.8, zorder=0, clip_on=False)
    ax.vlines(edges, 0, len(names), color=HAIR, lw=0.8, zorder=0, clip_on=False)


def _draw_cell(ax: Axes, cell: Cell, *, numbered: bool) -> None:
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


RELIABILITY_HEIGHT = 370  # CSS pixels
RELIABILITY = "reliability"


def reliability_plot(truth: Labels, probabilities: Probabilities, temperature: float) -> Plot:
    """Accuracy over confidence in 15 bins, without and with temperature scaling, and how many rows a bin has.

    Args:
        truth: Label indices (rows,).
        probabilities: As served, (rows, classes).
        temperature: What they were calibrated by.
    """
    without, scaled = (confidence_bins(truth, p) for p in (rescaled(probabilities, 1 / temperature), probabilities))
    caption = (
        f"Accuracy of the rows that the model is equally sure of, in {BINS} bins; on the line, it is as sure as it is "
        f"right. Expected calibration error {share(calibration_error(without))} without temperature scaling, "
        f"{share(calibration_error(scaled))} with it."
    )
    with drawing():
        figure = blank(WIDTH, RELIABILITY_HEIGHT)
        above, below = figure.subplots(2, sharex=True, height_ratios=(4, 1))
        _curves(above, without, scaled)
        _sizes(below, scaled, len(truth))
        return Plot(RELIABILITY, as_svg(figure, RELIABILITY, f"Reliability diagram. {caption}"), caption)


def _curves(ax: Axes, without: Sequence[Bin], scaled: Sequence[Bin]) -> None:
    ax.plot([0, 1], [0, 1], color=LINE, lw=1)
    for bins, label, looks in (
        (without, "without scaling", {"color": QUIET, "ls": "--", "marker": "s", "mfc": "none"}),
        (scaled, "with it", {"color": ACCENT, "ls": "-", "marker": "o"}),
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


RISK_COVERAGE = "risk-coverage"
RISK_COVERAGE_HEIGHT = 240  # CSS pixels


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
        figure = blank(WIDTH, RISK_COVERAGE_HEIGHT)
        ax = figure.subplots()
        coverage, risk = [point.coverage for point in points], [point.risk for point in points]
        ax.plot(coverage, risk, "o-", color=ACCENT, clip_on=False)
        ax.set(xlim=(0, 1), xlabel="answered", ylabel="wrong")
        ax.set_ylim(bottom=0)
        ax.tick_params(axis="x", pad=8)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        return Plot(RISK_COVERAGE, as_svg(figure, RISK_COVERAGE, f"Risk-coverage curve. {caption}"), caption)


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

    `learning-curves-1` and on, one a stage of several epochs, `confusion-matrix`, `reliability`, `risk-coverage` where
    the metadata has the curve, `recall-by-class`, `quality-against-cost` where costs were measured.
    """
    curve = data.metadata.risk_coverage
    drawn = [
        *curve_plots(data.record.epochs, lambda stage: keep_policy(data.metadata, stage)),
        confusion_plot(data.figures),
        reliability_plot(data.truth, data.probabilities, data.metadata.temperature),
        *([risk_coverage_plot(curve)] if curve else []),
        recall_plot(data.figures),
        *([cost_plot(data.record.costs)] if data.record.costs else []),
    ]
    return {plot.name: plot for plot in drawn}
