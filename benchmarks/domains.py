"""Calibration on domains that were not trained on: python -m benchmarks.domains FOLDER [--trial NAME] [--folds N].

FOLDER holds the sets of data/README.md. By `benchmarks/domains.toml`, or with a change to it that is named in
`benchmarks/domains_trials.toml`, a model is trained without each of eleven domains in turn, or, in less time, without
those of a fold, and answers what it was not trained on. Models are kept in `--out`, so that the same command goes on
after an interruption.

Prints for each domain the macro recall, the recall of neutral, and the expected calibration error and how far it is
above chance, at four temperatures: the one that fits the validation part; the one that fits that and the held-out rows
of the domains that were trained on; the one that fits the other domains, each as left out; and the one that fits the
domain itself, which nobody could know: less no temperature reaches. Sets count alike.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd
from rich.console import Console

from benchmarks.quality.trial import read_trials
from serving.model.predictor import Predictor
from training.commands.fit import fit
from training.console import Display
from training.data.found_fields import load_rows
from training.evaluation.calibration import best_temperature
from training.evaluation.evaluate import served_probabilities
from training.evaluation.metrics import Figures, measure, rescaled
from training.evaluation.tables import Table, as_markdown
from training.recipe.data import Source
from training.recipe.recipe import Recipe
from training.types import Labels, Probabilities

TRIALS = Path(__file__).with_name("domains_trials.toml")
AS_CHOSEN, SEED = "as chosen", 1
FILES = ("semeval_2013_2016.csv.gz", "labelled_tweets.csv.gz", "gop_debate.csv")
WEAK = ("emoticon_tweets.csv.gz", "emoji_tweets.csv.gz")
COLUMN, DEBATE = "source", "gop"  # of the file of ten sets, what tells them apart; and the set in a file of its own
# In an order in which a fold holds sets that are little alike.
FIRST = ("airline", "kaggle_tse", "obama_romney", DEBATE, "dong2014", "vaccine", "selfdrive", "brands")
DOMAINS = (*FIRST, "sts_gold", "semeval2018_voc", "ss_tweet")

Answers = tuple[Labels, Probabilities]  # truth (rows,) and probabilities before temperature scaling, (rows, labels)


@dataclass(frozen=True)
class LeftOut:
    """What a model answers to a domain that it was not trained on.

    Attributes:
        truth: Label indices (rows,).
        probabilities: Before temperature scaling, (rows, labels).
        temperature: What fits the model's validation part best.
        over_groups: What fits that part, and the held-out rows of each domain that it was trained on, best on average.
    """

    truth: Labels
    probabilities: Probabilities
    temperature: float
    over_groups: float

    @property
    def own(self) -> float:
        """What fits the domain itself best."""
        return fitted([(self.truth, self.probabilities)])

    def at(self, labels: list[str], temperature: float) -> Figures:
        """The figures at a temperature."""
        return measure(labels, self.truth, rescaled(self.probabilities, temperature), temperature)


def main() -> None:
    """Train what is missing, and print the tables."""
    trials = {trial.name: trial for trial in read_trials(TRIALS)}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trial", choices=list(trials), default=AS_CHOSEN)
    parser.add_argument("--folds", type=int, default=len(DOMAINS), help="fewer: several domains are left out at once")
    parser.add_argument("--only", type=int, nargs="+", help="these folds alone, counted from 0")
    parser.add_argument("--out", type=Path, default=Path("build/domains"), help="folder for the models")
    parser.add_argument("--stage-cache", type=Path, default=Path("build/bodies"))
    options = parser.parse_args()
    recipe, paths = trials[options.trial].recipe(SEED), [options.folder / name for name in (*FILES, *WEAK)]
    answers: dict[str, LeftOut] = {}
    for number in options.only or range(options.folds):
        domains = DOMAINS[number :: options.folds]
        fold, out = without(recipe, domains), options.out / options.trial / "+".join(domains)
        if not out.exists():
            fit(fold, paths, out, Display(Console(stderr=True)), options.stage_cache, baselines=False)
        answers |= asked(out, fold, paths, domains)
    sys.stdout.write(f"{table(recipe.data.labels, answers)}\n\n{temperatures(answers)}\n")


def without(recipe: Recipe, domains: Sequence[str]) -> Recipe:
    """The recipe with some domains as test parts, each a source of its name."""
    sources: list[Source] = []
    ten = [domain for domain in domains if domain != DEBATE]
    for source in recipe.data.sources:
        if source.file == FILES[1] and ten:
            sources.append(source.model_copy(update={"where_not": {COLUMN: ten}}))
            left_out = {"part": "test", "hold_out": 0.0}
            sources += [source.model_copy(update={**left_out, "name": d, "where": {COLUMN: [d]}}) for d in ten]
        elif source.file == FILES[2] and DEBATE in domains:
            sources.append(source.model_copy(update={"part": "test", "hold_out": 0.0, "name": DEBATE}))
        else:
            sources.append(source)
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"sources": sources})})


def asked(bundle: Path, recipe: Recipe, paths: Sequence[Path], domains: Sequence[str]) -> dict[str, LeftOut]:
    """What a model answers to the domains that it was trained without."""
    predictor, (_, dataset) = Predictor.load(bundle), load_rows(recipe, paths)
    temperature = predictor.metadata.temperature

    def answered(rows: pd.DataFrame) -> Answers:
        return rows.label.to_numpy(), rescaled(served_probabilities(predictor, rows.row.tolist()), 1 / temperature)

    trained_on = [dataset.validation, *(rows for _, rows in dataset.held_out.groupby("group"))]
    over_groups = fitted([answered(rows) for rows in trained_on])
    left_out = {domain: answered(dataset.test[dataset.test.source == domain]) for domain in domains}
    return {domain: LeftOut(*answers, temperature, over_groups) for domain, answers in left_out.items()}


def across(answers: Mapping[str, LeftOut], without: str = "") -> float:
    """The temperature that fits domains best, each of which counts alike; without one, if one is named."""
    return fitted([(each.truth, each.probabilities) for domain, each in answers.items() if domain != without])


def fitted(sets: Sequence[Answers]) -> float:
    """The temperature that fits several sets best, each of which counts alike."""
    weights = [np.full(len(truth), 1 / len(truth)) for truth, _ in sets]
    truth, probabilities = (np.concatenate(parts) for parts in zip(*sets, strict=True))
    return best_temperature(truth, probabilities, np.concatenate(weights))


def table(labels: list[str], answers: Mapping[str, LeftOut]) -> str:
    """Markdown: a row a domain, and the means."""
    columns = ["macro recall", "recall of neutral"]
    columns += [
        f"{what}, {fit}"
        for fit in ("validation", "groups", "other domains", "itself")
        for what in ("error", "above chance")
    ]
    figures = {domain: _figures(labels, answer, across(answers, domain)) for domain, answer in answers.items()}
    rows = [[name, f"{len(answers[name].truth):,}", *map(_cell, row)] for name, row in figures.items()]
    means = np.nanmean(list(figures.values()), axis=0).tolist()
    return as_markdown(Table("", ("left out", "rows", *columns), [*rows, ["mean", "", *map(_cell, means)]]))


def _figures(labels: list[str], answer: LeftOut, across_others: float) -> list[float]:
    """Recalls, then the calibration error and how far it is above chance at each temperature."""
    fits = (answer.temperature, answer.over_groups, across_others, answer.own)
    at = [answer.at(labels, temperature) for temperature in fits]
    neutral = at[0].classes["neutral"]
    figures = [at[0].macro_recall, neutral.recall if neutral.rows else np.nan]
    for each in at:
        error, chance = each.expected_calibration_error, each.expected_calibration_error_by_chance
        figures += [error, error - chance]
    return figures


def _cell(figure: float) -> str:
    return "–" if np.isnan(figure) else f"{figure:.3f}"


def temperatures(answers: Mapping[str, LeftOut]) -> str:
    """The temperature across all domains beside those that fit validation and each domain, in a sentence."""
    own = sorted(each.own for each in answers.values())
    validation, groups = (
        mean(getattr(each, name) for each in answers.values()) for name in ("temperature", "over_groups")
    )
    means = f"Temperatures, mean of the models: validation {validation:.3f}, groups {groups:.3f}"
    left_out = (
        f"across the domains that were left out: {across(answers):.3f}, of each itself {own[0]:.3f} to {own[-1]:.3f}"
    )
    return f"{means}; {left_out}"


if __name__ == "__main__":
    main()
