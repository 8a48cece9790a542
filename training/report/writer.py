"""The files of `report/`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from serving.bundle import REPORT
from training.report.content import content_of
from training.report.evidence import Evidence
from training.report.plots import plots
from training.report.templates import render_card, render_page

PAGE: Final = "report.html"
CARD: Final = "MODEL_CARD.md"
METRICS: Final = "metrics.json"


def write_report(bundle: Path, evidence: Evidence, *, texts: bool = False) -> None:
    """Write `report/report.html` and `report/MODEL_CARD.md`; equal evidence gives equal bytes.

    `texts`: the page quotes the most confident mistakes. Without it no text of the data is in either file, so that
    both can be committed and passed on.
    """
    content = content_of(evidence, texts=texts)
    _write(bundle, PAGE, render_page(content, plots(evidence)))
    _write(bundle, CARD, render_card(content))


def write_metrics(bundle: Path, metrics: Mapping[str, Any]) -> None:
    """Write `report/metrics.json`: the figures of each part, as in metadata.json but easy to read and to compare."""
    _write(bundle, METRICS, json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")


def _write(bundle: Path, name: str, content: str) -> None:
    folder = bundle / REPORT
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(content, encoding="utf-8", newline="\n")
