"""What the page and the card say, before it is laid out."""

from typing import Any

from training.calibration import is_unfounded
from training.metrics import Figures
from training.report import comparison, confusion, curves, mistakes, provenance, recalls, reliability, slices
from training.report.evidence import Evidence
from training.report.table import Table, count, share
from training.report.toml import as_toml
from training.report.use import use_of


def content_of(evidence: Evidence, *, texts: bool) -> dict[str, Any]:
    """The names that the templates use. Only with `texts` is any text of the data among them."""
    metadata, figures = evidence.metadata, evidence.figures
    return {
        "metadata": metadata,
        "description": metadata.recipe.get("description", ""),
        "rows": count(figures.rows),
        "key_figures": key_figures(figures),
        "tables": _tables(evidence),
        "unfounded": is_unfounded(metadata.temperature),
        "mistakes": mistakes.mistake_table(evidence) if texts and (evidence.found != evidence.truth).any() else None,
        "use": use_of(metadata),
        "command": provenance.command(metadata),
        "kept": provenance.kept(metadata),
        "vectors_path": provenance.vectors_path(metadata),
        "recipes": {name: as_toml(recipe) for name, recipe in provenance.recipes(metadata).items()},
    }


def key_figures(figures: Figures) -> dict[str, str]:
    """The four figures that say most."""
    return {
        "macro recall": share(figures.macro_recall),
        "macro F1": share(figures.macro_f1),
        "accuracy": share(figures.accuracy),
        "expected calibration error": share(figures.expected_calibration_error),
    }


def _tables(evidence: Evidence) -> dict[str, Table]:
    metadata, figures = evidence.metadata, evidence.figures
    return {
        "baselines": comparison.comparison_table(evidence),
        "calibration": reliability.calibration_table(figures, metadata.temperature),
        "classes": recalls.class_table(figures),
        "cleaning": provenance.cleaning_table(metadata),
        "confusion": confusion.confusion_table(figures),
        "epochs": curves.curve_table(evidence.history),
        "files": provenance.file_table(metadata),
        "held_out": slices.held_out_table(evidence),
        "lengths": slices.length_table(evidence),
        "libraries": provenance.library_table(metadata),
        "sources": slices.source_table(evidence),
        "split": provenance.split_table(metadata),
        "teachers": provenance.teacher_table(metadata),
    }
