"""Quality against cost: the table and the plot of models that were measured beside each other."""

from collections.abc import Sequence
from itertools import cycle
from typing import Final

from matplotlib.ticker import EngFormatter, LogLocator

from training.evaluation.light_baselines import MAJORITY
from training.evaluation.results import Cost
from training.evaluation.tables import Table, count, share
from training.report.svg import ACCENT, QUIET, WIDTH, Plot, as_svg, blank, drawing, short

COSTS: Final = "quality-against-cost"
COST_NOTE: Final = (
    "Each model answers the test part in a process of its own, on one core of one machine, in one run: compare the "
    "figures with each other only. Memory is the most that the process held, Python and libraries included. Size is of "
    "what has to be stored, without them."
)
AXES_HEIGHT, NAME_HEIGHT, LONGEST_NAME = 250, 17, 46  # CSS pixels, and letters of a name in the legend
MARKERS: Final = "sD^vPXph"  # of the others; the network has a dot


def cost_table(costs: Sequence[Cost]) -> Table:
    """Quality, speed, memory and size of each model, the best macro recall first, the network's row marked."""
    ranked = _ranked(costs)
    marked = next((place for place, cost in enumerate(ranked) if cost.network), None)
    headings = ("model", "macro recall", "predictions/s", "one alone", "memory", "size")
    return Table("Quality against cost", headings, [_cells(cost) for cost in ranked], marked=marked)


def _cells(cost: Cost) -> tuple[str, ...]:
    memory = "–" if cost.memory is None else f"{cost.memory / 1e6:,.0f} MB"
    speed, alone = count(round(cost.predictions_per_second)), f"{1e3 * cost.alone:.2f} ms"
    if cost.name == MAJORITY:  # which reads nothing: hundreds of millions a second would say nothing
        speed, alone = "–", "–"
    return (cost.name, share(cost.macro_recall), speed, alone, memory, f"{cost.bytes / 1e6:.1f} MB")


def cost_plot(costs: Sequence[Cost]) -> Plot:
    """Macro recall over predictions a second, a mark for each model; at least one."""
    caption = (
        "Macro recall on the test part over predictions a second on one core, on a logarithmic scale: the further up "
        "and to the right, the better. The dot is the network. The line is what the most frequent label alone has."
    )
    ranked, markers = _ranked(costs), cycle(MARKERS)
    with drawing():
        figure = blank(WIDTH, AXES_HEIGHT + NAME_HEIGHT * len(ranked))
        ax = figure.subplots()
        for cost in ranked:
            name, speed = short(cost.name, LONGEST_NAME), cost.predictions_per_second
            if cost.name == MAJORITY:
                ax.axhline(cost.macro_recall, color=QUIET, ls="--", lw=1, label=name)
                continue
            colour, marker = (ACCENT, "o") if cost.network else (QUIET, next(markers))
            ax.plot([speed], [cost.macro_recall], marker, color=colour, ms=7, label=name, clip_on=False)
        ax.set(xscale="log", xlabel="predictions a second", ylabel="macro recall")
        ax.margins(0.08)
        ax.minorticks_off()
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=1, borderaxespad=0, borderpad=0.2)
        return Plot(COSTS, as_svg(figure, COSTS, f"Quality against cost. {caption}"), caption)


def _ranked(costs: Sequence[Cost]) -> list[Cost]:
    return sorted(costs, key=lambda cost: -cost.macro_recall)
