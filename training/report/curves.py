"""Learning curves: how losses and macro recall went, epoch by epoch."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from training.report.plot import Plot
from training.report.svg import ACCENT, QUIET, WIDTH, as_svg, blank, drawing
from training.report.table import Table, share
from training.watcher import Epoch, Kept, kept_epoch

PANEL = 165  # CSS pixels
MANY = 30  # epochs, beyond which a dot on each would hide the line
Values = npt.NDArray[np.float64]


def curve_plots(history: Mapping[str, Sequence[Epoch]], keep: Callable[[str], Kept]) -> list[Plot]:
    """One plot a stage that has epochs: losses above, validation macro recall below where there is any.

    `keep`: which epoch a stage of that name keeps; the caption says it.
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


def _plot(name: str, stage: str, epochs: Sequence[Epoch], keep: Kept) -> Plot:
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


def _kept(epochs: Sequence[Epoch], keep: Kept) -> str:
    known, kept = [epoch for epoch in epochs if np.isfinite(epoch.macro_recall)], kept_epoch(epochs, keep)
    if not known:
        return "No validation macro recall was measured; the last epoch is kept."
    best = kept_epoch(known)
    which = "which is kept" if kept is best else f"and epoch {kept.number} is kept"
    return f"The highest validation macro recall is {share(best.macro_recall)}, of epoch {best.number}, {which}."
