"""How a search stands, for people: a line for each trial, and the best of them in a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from training.study import Trial

SHOWN = 10


def best(trials: Sequence[Trial]) -> Trial:
    """The trial of the greatest score; of equal ones the first."""
    return max(trials, key=lambda trial: trial.score)


def progress(trials: Sequence[Trial], wanted: int) -> str:
    """A line on the last of these trials; the time left is guessed from all of them."""
    last = trials[-1]
    seconds = sum(trial.seconds for trial in trials) / len(trials) * max(0, wanted - len(trials))
    marks = f"macro recall {last.score:.4f}{'  best' if best(trials) is last else ''}"
    times = f"{_duration(last.seconds)}, about {_duration(seconds)} left"
    return f"{len(trials)}/{wanted}  trial {last.number}  {marks}  {times}  {changes(last.values, trials[0].values)}"


def standings(trials: Sequence[Trial]) -> Table:
    """The best ten; of equal ones the first is the better."""
    table = Table(title=f"Best of {len(trials)} trials, on the validation part", title_justify="left")
    table.add_column("trial", justify="right")
    table.add_column("macro recall", justify="right")
    table.add_column("time", justify="right")
    table.add_column("changed")
    for trial in sorted(trials, key=lambda trial: -trial.score)[:SHOWN]:
        changed = changes(trial.values, trials[0].values)
        table.add_row(str(trial.number), f"{trial.score:.4f}", _duration(trial.seconds), Text(changed))
    return table


def changes(values: Mapping[str, Any], start: Mapping[str, Any]) -> str:
    """The knobs that differ from the start, with their values."""
    changed = [f"{key} = {_short(value)}" for key, value in values.items() if value != start[key]]
    return ", ".join(changed) or "nothing"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
