"""Writer of a bundle's `report/`: HTML page, model card, plots, figures as JSON."""

import base64
import hashlib
import json
import re
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from serving.model.bundle import REPORT
from serving.model.metadata import Metadata
from training.evaluation.calibration import limit_note
from training.evaluation.tables import (
    Table,
    as_markdown,
    behaviour_table,
    calibration_reading,
    calibration_table,
    class_table,
    cleaning_table,
    comparison_table,
    confusion_table,
    count,
    escaped,
    few_rows_notes,
    field_table,
    key_figures,
)
from training.recipe.fields import FieldConfig
from training.recipe.loading import as_toml
from training.report import provenance
from training.report.cost import COST_NOTE, cost_table
from training.report.plots import plots, single_epochs
from training.report.report_data import RECORD, ReportData, measured_behaviour
from training.report.svg import STYLE_SHEET, Plot
from training.report.tables import (
    coverage_table,
    curve_table,
    held_out_table,
    kind_table,
    length_table,
    mistake_table,
    slice_gaps,
    slices_table,
    source_table,
    threshold_table,
)


def fenced(code: str) -> str:
    """A code block, whatever is in it."""
    fence = "`" * max(3, *(len(ticks) + 1 for ticks in ("", *re.findall("`+", code))))
    return f"{fence}\n{code.strip()}\n{fence}"


FOLDER: Final = Path(__file__).parent / "templates"
TEMPLATES: Final = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=select_autoescape(),  # by the file's name: HTML, not Markdown
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
USE: Final = tomllib.loads((FOLDER / "use.toml").read_text(encoding="utf-8"))
BEHAVIOUR_NOTE: Final = (
    "Pairs of short texts of our own, after CheckList (Ribeiro et al. 2020): the share that was not answered as "
    "expected. No choice was made on these pairs; another half of the suite is for that. Under names, both texts must "
    "have the same label, whichever it is, so that a model with one answer for everything fails none."
)
TEMPLATES.filters |= {"text": escaped, "table": as_markdown, "fenced": fenced}


def render_page(content: Mapping[str, Any], plots: Mapping[str, Plot]) -> str:
    """`report.html`: one file that loads nothing and runs nothing; its policy forbids any style but its own."""
    css = (FOLDER / "style.css").read_text(encoding="utf-8")
    policy = f"default-src 'none'; style-src 'sha256-{_digest(css)}' 'sha256-{_digest(STYLE_SHEET)}'"
    return TEMPLATES.get_template("report.html").render(content, plots=plots, css=css, policy=policy)


def render_card(content: Mapping[str, Any]) -> str:
    """`MODEL_CARD.md`: Mitchell et al. 2019, Model Cards for Model Reporting (https://arxiv.org/abs/1810.03993)."""
    return TEMPLATES.get_template("MODEL_CARD.md").render(content)


def _digest(css: str) -> str:
    return base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()


def use_of(metadata: Metadata) -> dict[str, list[str]]:
    """Points on intended use and limits: of such labels, or the recipe's `intended_use`, and its `limits` beside."""
    kind = "fields" if metadata.inputs == "fields" else "sentiment" if metadata.is_sentiment else "other"
    intended = _points(metadata, "intended_use") or USE[kind]["intended"]
    limits = [*USE[kind]["limits"], *_points(metadata, "limits")]
    return {"intended": intended, "not_for": USE[kind].get("not_for", USE["not_for"]), "limits": limits}


def _points(metadata: Metadata, key: str) -> list[str]:
    """Paragraphs of a key of the recipe."""
    text = str(metadata.recipe.get(key) or "")
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip()]


def content_of(data: ReportData, *, texts: bool) -> dict[str, Any]:
    """The names that the templates use. Only with `texts` is any text of the data among them."""
    metadata, figures = data.metadata, data.figures
    return {
        "metadata": metadata,
        "description": metadata.recipe.get("description", ""),
        "rows": count(figures.rows),
        "few_rows": [*few_rows_notes(metadata.split), *metadata.metrics.get("revealing", [])],
        "slice_gaps": slice_gaps(metadata),
        "key_figures": key_figures(figures),
        "tables": _tables(data),
        "behaviour_note": BEHAVIOUR_NOTE,
        "cost_note": COST_NOTE,
        "calibration": calibration_reading(figures),
        "temperature_note": limit_note(metadata.temperature, metadata.metrics.get("validation", {}).get("accuracy")),
        "single_epochs": single_epochs(data.record.epochs),
        "mistakes": mistake_table(data) if texts and (data.predicted != data.truth).any() else None,
        "use": use_of(metadata),
        "command": provenance.command(metadata),
        "kept": provenance.keep_policy(metadata),
        "vectors_path": provenance.vectors_path(metadata),
        "recipes": {name: as_toml(recipe) for name, recipe in provenance.recipes(metadata).items()},
    }


def _tables(data: ReportData) -> dict[str, Table]:
    metadata, figures = data.metadata, data.figures
    baselines, network = data.record.baselines, data.record.network
    return {
        "behaviour": behaviour_table(measured_behaviour(metadata), baselines),
        "baselines": comparison_table([*baselines, *([network] if baselines and network else [])], network),
        "calibration": calibration_table(figures, metadata.temperature),
        "classes": class_table(figures),
        "cleaning": cleaning_table(metadata.cleaning),
        "confusion": confusion_table(figures),
        "costs": cost_table(data.record.costs),
        "coverage": coverage_table(metadata),
        "epochs": curve_table(data.record.epochs),
        "fields": field_table([FieldConfig.from_bundle(field) for field in metadata.recipe.get("fields", [])]),
        "files": provenance.file_table(metadata),
        "held_out": held_out_table(data),
        "kinds": kind_table(data),
        "lengths": length_table(data),
        "libraries": provenance.library_table(metadata),
        "slices": slices_table(metadata),
        "sources": source_table(data),
        "split": provenance.split_table(metadata),
        "thresholds": threshold_table(metadata),
        "teachers": provenance.teacher_table(metadata),
    }


def write_report(bundle: Path, data: ReportData, *, texts: bool = False) -> None:
    """Write the files of `report/`; equal data give equal bytes.

    - `report.html` and `MODEL_CARD.md`, for people.
    - `plots/*.svg`, and `plots.json`: a list of what each is, with the keys `name`, `file` (relative to `report/`),
      `caption` and `wide`.
    - `metrics.json`: the figures of each part, as in metadata.json but easy to read and to compare.
    - `history.json`: the record of the training.

    Args:
        bundle: The bundle's folder.
        data: What the report is of.
        texts: Whether the page quotes the most confident mistakes. Without it no text of the data is in any file, so
            that all can be committed and passed on.
    """
    content, drawings = content_of(data, texts=texts), plots(data)
    shutil.rmtree(bundle / REPORT, ignore_errors=True)
    _write(bundle, "report.html", render_page(content, drawings))
    _write(bundle, "MODEL_CARD.md", render_card(content))
    _write(bundle, "metrics.json", _as_json(data.metadata.metrics))
    _write(bundle, RECORD, _as_json(data.record.as_json()))
    entries = []
    for plot in drawings.values():
        file = f"plots/{plot.name}.svg"
        _write(bundle, file, plot.svg + "\n")
        entries.append({"name": plot.name, "file": file, "caption": plot.caption, "wide": plot.wide})
    _write(bundle, "plots.json", _as_json(entries))


def _as_json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _write(bundle: Path, name: str, content: str) -> None:
    path = bundle / REPORT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8", newline="\n")
