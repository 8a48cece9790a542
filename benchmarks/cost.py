"""Quality against cost: python -m benchmarks.cost BUNDLE [--data FILES [--teacher DIR]].

Prints the table of docs/figures.md. The figures are those of the bundle's report, as `python -m training report BUNDLE
--data FILES --cost` measured them. With `--data` they are measured anew, and the bundle stays as it is.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from serving.model.bundle import Bundle
from training.commands.report import rows_of
from training.console import Display
from training.cost.measuring import measure_costs
from training.evaluation.results import Cost
from training.evaluation.tables import as_markdown
from training.report.cost import cost_table
from training.report.report_data import TrainingRecord


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", help="the files that it was trained on")
    parser.add_argument("--teacher", type=Path, metavar="DIR", help="what `python -m training finetune` wrote")
    options = parser.parse_args(arguments)
    costs = costs_of(options.bundle, options.data, options.teacher)
    sys.stdout.write(f"{as_markdown(cost_table(costs))}\n")


def costs_of(bundle: Path, data: list[Path] | None, teacher: Path | None = None) -> list[Cost]:
    """Measured on these files, or else those that the bundle's report has."""
    if data:
        recipe, dataset = rows_of(Bundle.read(bundle).metadata, bundle, data)
        return measure_costs(bundle, recipe, dataset, Display(Console(stderr=True)), teacher)
    if costs := list(TrainingRecord.read(bundle).costs):
        return costs
    sys.exit(f"{bundle}: no cost was measured; accepted: --data FILES, or a bundle whose report --cost has measured")


if __name__ == "__main__":
    main()
