"""Reprints the figures of the default model in docs/figures.md: python -m benchmarks.figures [BUNDLE].

Those of the test part, and of the behaviour suite where the bundle was asked it.
"""

import sys
from pathlib import Path
from typing import Any

from serving.model.bundle import Bundle
from training.evaluation.tables import as_markdown, behaviour_table
from training.report.report_data import TrainingRecord, measured_behaviour

ROOT = Path(__file__).resolve().parents[1]


def main(folder: Path) -> None:
    """Print Markdown tables of a bundle's test part and behaviour."""
    metadata = Bundle.read(folder).metadata
    tables = [table(metadata.metrics["test"])]
    if counts := measured_behaviour(metadata):
        tables.append(as_markdown(behaviour_table(counts, TrainingRecord.read(folder).baselines)))
    sys.stdout.write(f"`{metadata.name}`, version {metadata.model_version}\n\n" + "\n\n".join(tables) + "\n")


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
