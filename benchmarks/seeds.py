"""A recipe over several seeds, each with its own split: python -m benchmarks.seeds RECIPE DATA... [--seeds 1 2 3].

Prints a row a seed and mean and spread, all of the test part through serving.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import mean, stdev

from rich.console import Console

from training.display import Display
from training.metrics import Figures
from training.pipeline import Pipeline
from training.recipe import find_recipe, read_recipe


def main() -> None:
    """Train once a seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    figures = {seed: fit(options.recipe, options.data, seed) for seed in options.seeds}
    sys.stdout.write(table(figures) + "\n")


def fit(recipe: Path, data: list[Path], seed: int) -> Figures:
    """Train a bundle that is thrown away; its test figures."""
    chosen, display = read_recipe(find_recipe(recipe), seed=seed), Display(Console(stderr=True))
    with tempfile.TemporaryDirectory() as folder:
        return Pipeline(chosen, data, Path(folder) / "bundle", display, baselines=False).run()


def table(figures: dict[int, Figures]) -> str:
    """Markdown: a row a seed, then mean and standard deviation."""
    rows = {str(seed): _values(found) for seed, found in figures.items()}
    columns = list(zip(*rows.values(), strict=True))
    rows["mean"] = tuple(mean(column) for column in columns)
    rows["standard deviation"] = tuple(stdev(column) if len(column) > 1 else 0.0 for column in columns)
    lines = [f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |" for name, values in rows.items()]
    return "\n".join(["| seed | macro recall | macro F1 | accuracy |", "|---|---:|---:|---:|", *lines])


def _values(figures: Figures) -> tuple[float, ...]:
    return (figures.macro_recall, figures.macro_f1, figures.accuracy)


if __name__ == "__main__":
    main()
