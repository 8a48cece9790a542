"""LOG.md, drawn from the trials and their results."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from benchmarks.quality.results import Result, mean_and_spread, of_trial
from benchmarks.quality.trial import FOLDER, Trial

LOG = FOLDER / "LOG.md"
HEAD = """# What was tried

Each line is one change to a recipe of this folder, with what was expected before and what came out: macro recall on
the validation part (SemEval-2015 test and SemEval-2016 development test; of the debate and the questions, a part of
their own; no choice is made on a test), mean and standard deviation over the seeds (their number in brackets), and the
difference from the line that the change is made to, over the seeds that both have, with its own spread. The figures are
of the epoch with the greatest macro recall, or of the last where a line says that it is kept: not chosen, it is
flattered less. A difference of less than its spread says little, and one seed says less. Most networks are smaller than
the default one, so that many changes can be measured. What was aimed at, and what of it is reached, stands in
[docs/figures.md](../../docs/figures.md).
`python -m benchmarks.quality --data FILES...` runs what has no result yet and draws this page again; `trials.toml` says
what each line is.
"""


def log(trials: Sequence[Trial], results: Sequence[Result]) -> str:
    """The page."""
    lines = [HEAD]
    for group, members in groupby(trials, key=lambda trial: trial.group):
        lines += [f"## {group}", "", *_table(list(members), trials, results), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(members: Sequence[Trial], trials: Sequence[Trial], results: Sequence[Result]) -> Iterator[str]:
    yield "| change | expected | macro recall | difference | loss | CPU seconds | conclusion |"
    yield "|---|---|---:|---:|---:|---:|---|"
    for trial in members:
        found = list(of_trial(trial, results))
        yield f"| {trial.name} | {trial.expected} | {_figures(trial, found, trials, results)} | {trial.concluded} |"


def _figures(trial: Trial, found: Sequence[Result], trials: Sequence[Trial], results: Sequence[Result]) -> str:
    if not found:
        return "not run | | |"
    recall, spread = mean_and_spread([result.macro_recall for result in found])
    base = next(other for other in trials if other.base == trial.base)
    of_base = {result.seed: result.macro_recall for result in of_trial(base, results)}
    # Seed by seed: the mean over other seeds is not what one seed is to be compared with.
    differences = [result.macro_recall - of_base[result.seed] for result in found if result.seed in of_base]
    difference = _difference(differences) if base is not trial else ""
    loss, seconds = (mean_and_spread([getattr(r, name) for r in found])[0] for name in ("validation_loss", "seconds"))
    shown = f"{recall:.4f} ± {spread:.4f} ({len(found)})" if len(found) > 1 else f"{recall:.4f} (1)"
    return f"{shown} | {difference} | {loss:.3f} | {seconds:.0f}"


def _difference(differences: Sequence[float]) -> str:
    if not differences:
        return ""
    middle, spread = mean_and_spread(differences)
    return f"{middle:+.4f} ± {spread:.4f}" if len(differences) > 1 else f"{middle:+.4f}"
