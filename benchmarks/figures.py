"""Reprints the figures of the default model in docs/figures.md: python -m benchmarks.figures [BUNDLE].

Those of the test part and the times are the bundle's own; the behaviour suite is asked anew, and stands beside the
baselines of the bundle's training where they were asked too.
"""

import sys
from math import isnan
from pathlib import Path
from typing import Any

from serving.model.bundle import Bundle
from serving.model.predictor import Predictor
from training.evaluation.evaluate import evaluate_behaviour
from training.evaluation.tables import as_markdown, behaviour_table
from training.report.report_data import TrainingRecord

ROOT = Path(__file__).resolve().parents[1]


def main(folder: Path) -> None:
    """Print Markdown tables of a bundle's test part and of its behaviour."""
    metadata = Bundle.read(folder).metadata
    sys.stdout.write(f"`{metadata.name}`, version {metadata.model_version}\n\n{table(metadata.metrics['test'])}\n")
    sys.stdout.write(f"\n{behaviour(folder)}\n\n{times(TrainingRecord.read(folder))}\n")


def behaviour(folder: Path) -> str:
    """Failure rates on the measuring half of the behaviour suite."""
    counts = evaluate_behaviour(Predictor.load(folder))["measuring"]
    return as_markdown(behaviour_table(counts, TrainingRecord.read(folder).baselines))


def times(record: TrainingRecord) -> str:
    """What each step of the training took, on the machine that did it."""
    steps = {f"stage {stage}": sum(epoch.seconds for epoch in epochs) for stage, epochs in record.epochs.items()}
    steps["baselines, fitted and measured beside it"] = sum(row.training_seconds or 0 for row in record.baselines)
    rows = [f"| {step} | {seconds / 60:.0f} min |" for step, seconds in steps.items() if not isnan(seconds)]
    return "\n".join(["| step of the training | time |", "|---|---:|", *rows])


def table(test: dict[str, Any]) -> str:
    """The test part's figures, overall and by class."""
    rows = [("test rows", f"{test['rows']:,}")]
    names = ("macro recall", "macro F1", "accuracy", "expected calibration error")
    rows += [(name, f"{test[name.replace(' ', '_').lower()]:.3f}") for name in names]
    rows += [("  before temperature scaling", f"{test['expected_calibration_error_uncalibrated']:.3f}")]
    rows += [(f"recall of {name}", f"{figures['recall']:.3f}") for name, figures in test["classes"].items()]
    return "\n".join(["| | |", "|---|---:|", *(f"| {name.strip()} | {value} |" for name, value in rows)])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "artifacts")
