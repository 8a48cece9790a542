"""The templates beside this file, and how they escape what is put into them."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.report.markdown import as_markdown, escaped, fenced
from training.report.plot import Plot

FOLDER: Final = Path(__file__).parent / "templates"


def render_page(content: Mapping[str, Any], plots: Mapping[str, Plot]) -> str:
    """`report.html`: one file that loads nothing and runs nothing; its policy forbids any style but its own."""
    css = (FOLDER / "style.css").read_text(encoding="utf-8")
    policy = f"default-src 'none'; style-src 'sha256-{_digest(css)}'"
    page = _environment(autoescape=True).get_template("report.html")
    return page.render(content, plots=plots, css=css, policy=policy)


def render_card(content: Mapping[str, Any]) -> str:
    """`MODEL_CARD.md`: Mitchell et al. 2019, Model Cards for Model Reporting (https://arxiv.org/abs/1810.03993)."""
    environment = _environment(finalize=escaped)
    environment.filters |= {"table": as_markdown, "fenced": fenced}
    return environment.get_template("MODEL_CARD.md").render(content)


def _environment(**options: Any) -> Environment:
    loader = FileSystemLoader(FOLDER)
    return Environment(
        loader=loader,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )


def _digest(css: str) -> str:
    return base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
