"""LOG.md, drawn from the trials and their results."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from benchmarks.quality.results import Result, mean_and_spread, of_trial
from benchmarks.quality.trial import FOLDER, Trial

LOG = FOLDER / "LOG.md"
HEAD = """# What was tried

Each line is a change to a recipe of this folder, with what was expected before and what came out: macro recall on the
validation part (SemEval-2015 test and SemEval-2016 development test; of the emoji, the debate and the questions, a part
of their own) and loss, mean and standard deviation over the seeds (their number in brackets), and the differences from
the line that it is a change to, whose number stands before, over the seeds that both have, with their own spread. All
are of the epoch with the greatest macro recall, or of the last where a line says that it is kept: not chosen, it is
flattered less. A difference of less than its spread says little, and one seed says less. No choice is made on a test;
one was made with the test's figures known, which its line says. Where an expectation tells of runs outside of this log,
the line confirms those. Most networks are smaller than the default one, so that many changes can be measured, each by
the code of its day, to which [CHANGELOG.md](../../CHANGELOG.md) tells what changed. What was aimed at, and what of it
is reached, stands in [docs/figures.md](../../docs/figures.md).
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
    yield "| | change | expected | macro recall | beside | difference | loss | difference | conclusion |"
    yield "|---:|---|---|---:|---:|---:|---:|---:|---|"
    for trial in members:
        concluded = f"{trial.concluded}; the option is gone" if trial.removed else trial.concluded
        cells = [trial.name, trial.expected, _figures(trial, trials, results), concluded]
        yield f"| {_number(trial, trials)} | {' | '.join(cells)} |"


def _figures(trial: Trial, trials: Sequence[Trial], results: Sequence[Result]) -> str:
    own_results = list(of_trial(trial, results))
    if not own_results:
        return "not run | | | | "
    recall, spread = mean_and_spread([result.macro_recall for result in own_results])
    loss, _ = mean_and_spread([result.validation_loss for result in own_results])
    shown = f"{recall:.4f} ± {spread:.4f} ({len(own_results)})" if len(own_results) > 1 else f"{recall:.4f} (1)"
    base = _changed(trial, trials)
    if base is trial:
        return f"{shown} | | | {loss:.3f} | "
    of_base = {result.seed: result for result in of_trial(base, results)}
    # Seed by seed: the mean over other seeds is not what one seed is to be compared with.
    pairs = [(result, of_base[result.seed]) for result in own_results if result.seed in of_base]
    recalls = [one.macro_recall - other.macro_recall for one, other in pairs]
    losses = [one.validation_loss - other.validation_loss for one, other in pairs]
    return f"{shown} | {_number(base, trials)} | {_difference(recalls, 4)} | {loss:.3f} | {_difference(losses, 3)}"


def _changed(trial: Trial, trials: Sequence[Trial]) -> Trial:
    """The trial that this one is a change to; itself, where it is the first of its base."""
    if trial.beside:
        return next(other for other in trials if other.name == trial.beside)
    return next(other for other in trials if other.base == trial.base)


def _number(trial: Trial, trials: Sequence[Trial]) -> int:
    return 1 + [other.name for other in trials].index(trial.name)


def _difference(differences: Sequence[float], places: int) -> str:
    if not differences:
        return ""
    middle, spread = mean_and_spread(differences)
    return f"{middle:+.{places}f}" + (f" ± {spread:.{places}f}" if len(differences) > 1 else "")
