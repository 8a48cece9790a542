"""A recipe over several seeds: python -m benchmarks.seeds RECIPE DATA... [--seeds 1 2 3] [--stage-cache DIR].

Prints a row a seed, then mean and spread, all of the test part through serving; with --baselines also what the best
baseline of each seed, trained on the same rows, gets there, and each baseline's means. Where each seed has a test part
of its own, the calibration error of all answers together stands below the seeds: there is less of chance in it than in
that of one small part.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from rich.console import Console

from training.commands.fit import fit as fit_bundle
from training.console import Display
from training.data.checks import check_vectors
from training.data.found_fields import load_rows
from training.data.sources import write_bundled
from training.evaluation.metrics import Bin, Figures, calibration_error, calibration_error_by_chance
from training.evaluation.results import Row, baseline_rows
from training.recipe.recipe import Recipe, find_recipe, read_recipe

POLAR = ("negative", "positive")


@dataclass(frozen=True)
class Seed:
    """One seed's test figures, and those of each baseline by its name where baselines were wanted."""

    figures: Figures
    baselines: Mapping[str, Row] = field(default_factory=dict)

    def columns(self) -> dict[str, float]:
        """Column -> figure; the F1 of positive and negative is SemEval-2016's own measure, and theirs alone."""
        figures = self.figures
        columns = {"macro recall": figures.macro_recall, "macro F1": figures.macro_f1, "accuracy": figures.accuracy}
        if set(POLAR) < set(figures.classes):
            columns["F1 of positive and negative"] = mean(figures.classes[name].f1 for name in POLAR)
        columns["expected calibration error"] = figures.expected_calibration_error
        columns["of it by chance"] = figures.expected_calibration_error_by_chance
        if self.baselines:
            columns["best baseline's macro recall"] = max(row.macro_recall for row in self.baselines.values())
        return columns


def main() -> None:
    """Train once a seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("data", type=Path, nargs="*", help="default: the rows that the recipe brings, as iris does")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--stage-cache", type=Path, help="folder for pre-trained bodies")
    parser.add_argument("--baselines", action="store_true", help="train them beside, on the same rows")
    options = parser.parse_args()
    recipe, seeds = read_recipe(find_recipe(options.recipe)), dict[int, Seed]()
    check_vectors(recipe)
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or [write_bundled(recipe.data, Path(folder))]
        for seed in options.seeds:
            recipe = read_recipe(find_recipe(options.recipe), seed=seed)
            baselines = measured_baselines(recipe, data) if options.baselines else {}
            seeds[seed] = Seed(fit(recipe, data, options.stage_cache), baselines)
    sys.stdout.write(table(seeds) + "\n")
    if recipe.data.split_seed is None and recipe.data.test:
        sys.stdout.write(f"\n{together(seeds)}\n")
    if options.baselines:
        sys.stdout.write(f"\n{baseline_table([seed.baselines for seed in seeds.values()])}\n")


def fit(recipe: Recipe, data: list[Path], stage_cache: Path | None = None) -> Figures:
    """Train a bundle that is thrown away; its test figures."""
    with tempfile.TemporaryDirectory() as folder:
        out, display = Path(folder) / "bundle", Display(Console(stderr=True))
        return fit_bundle(recipe, data, out, display, stage_cache, baselines=False)


def measured_baselines(recipe: Recipe, data: list[Path]) -> dict[str, Row]:
    """Name -> figures on the test part."""
    recipe, dataset = load_rows(recipe, data)
    return {row.name: row for row in baseline_rows(recipe, dataset, Display(Console(stderr=True)))}


def baseline_table(seeds: Sequence[Mapping[str, Row]]) -> str:
    """Markdown: each baseline's means over the seeds, best macro recall first; without one that a seed lacks."""
    names = [name for name in seeds[0] if all(name in seed for seed in seeds)]
    means = {name: _means([seed[name] for seed in seeds]) for name in names}
    lines = [
        f"| {name} | " + " | ".join(f"{value:.3f}" for value in means[name]) + " |"
        for name in sorted(means, key=lambda name: -means[name][0])
    ]
    head = ["| baseline, mean of the seeds | macro recall | macro F1 | accuracy |", "|---|---:|---:|---:|"]
    return "\n".join([*head, *lines])


def _means(rows: Sequence[Row]) -> list[float]:
    figures = [(row.macro_recall, row.macro_f1, row.accuracy) for row in rows]
    return [mean(column) for column in zip(*figures, strict=True)]


def table(seeds: dict[int, Seed]) -> str:
    """Markdown: a row a seed, then mean and standard deviation."""
    rows = {str(number): list(seed.columns().values()) for number, seed in seeds.items()}
    columns = list(zip(*rows.values(), strict=True))
    rows["mean"] = [mean(column) for column in columns]
    rows["standard deviation"] = [stdev(column) if len(column) > 1 else 0.0 for column in columns]
    names = next(iter(seeds.values())).columns()
    lines = [f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |" for name, values in rows.items()]
    return "\n".join(["| seed | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names), *lines])


def together(seeds: dict[int, Seed]) -> str:
    """The calibration error over the bins of all seeds."""
    parts: dict[float, list[Bin]] = {}
    for seed in seeds.values():
        for part in seed.figures.bins:
            parts.setdefault(part.low, []).append(part)
    bins = [merged(members) for members in parts.values()]
    error, chance = calibration_error(bins), calibration_error_by_chance(bins)
    return f"Expected calibration error of all answers together: {error:.3f} (by chance, if perfect: {chance:.3f})"


def merged(bins: list[Bin]) -> Bin:
    """One bin of the rows of several of the same range."""
    rows = [each.rows for each in bins]
    confidence = np.average([each.confidence for each in bins], weights=rows)
    accuracy = np.average([each.accuracy for each in bins], weights=rows)
    return Bin(bins[0].low, sum(rows), float(confidence), float(accuracy))


if __name__ == "__main__":
    main()
