import json
import os
from pathlib import Path
from typing import Any

import pytest

from serving.model.bundle import REPORT
from serving.model.metadata import Metadata
from serving.web.pages.model_page import MAX_BYTES, PAGE, ModelFacts, Report
from tests.serving.fakes import fake_metadata

DEFAULT = Path(__file__).parents[4] / "artifacts" / "metadata.json"


def facts(**changes: Any) -> ModelFacts:
    return ModelFacts.of(fake_metadata().model_copy(update=changes))


def test_figures_of_the_test_part() -> None:
    classes = {"positive": {"f1": 0.5, "rows": 7}, "negative": {"f1": 0.25, "rows": 3}, "other": {"f1": 1.0}}
    measured = {"rows": 10, "macro_f1": 0.5, "expected_calibration_error": 0.1, "classes": classes, "confusion": {}}
    found = facts(metrics={"validation": {"macro_f1": 0.9}, "test": measured})
    assert (found.part, found.rows) == ("test", 10)
    assert found.figures == {"macro F1": 0.5, "expected calibration error": 0.1}
    assert found.classes == {"negative": {"f1": 0.25, "rows": 3}, "positive": {"f1": 0.5, "rows": 7}}


def test_figures_of_another_part() -> None:
    assert facts(metrics={"validation": {"accuracy": 0.9}}).part == "validation"
    assert facts(metrics={"held back": {"accuracy": 0.9}}).figures == {"accuracy": 0.9}


@pytest.mark.parametrize("metrics", [{}, {"test": None}, {"test": [1]}, {"test": {"classes": [1], "rows": "many"}}])
def test_no_figures(metrics: dict[str, Any]) -> None:
    found = facts(metrics=metrics)
    assert (found.rows, found.figures, found.classes) == (None, {}, {})


@pytest.mark.parametrize("recipe", [{}, {"data": None}, {"data": {"sources": 1}}, {"data": {"sources": ["a"]}}])
def test_a_recipe_that_says_nothing(recipe: dict[str, Any]) -> None:
    metadata = Metadata.model_validate(
        fake_metadata().model_dump() | {"recipe": recipe, "data": [{"file": "a.csv", "rows": 3, "sha256": "0"}]}
    )
    found = ModelFacts.of(metadata)
    assert found.description == ""
    assert [(source.file.file, source.about, source.terms) for source in found.sources] == [("a.csv", "", "")]


def test_what_the_recipe_says_of_a_file() -> None:
    sources = [
        {"file": "a.csv", "about": "tweets", "terms": "research"},
        {"file": "a.csv", "about": "tweets", "terms": "CC0"},
        {"file": "b.csv", "about": "other"},
    ]
    files = [{"file": name, "rows": 3, "sha256": "0"} for name in ("a.csv", "c.csv")]
    recipe = {"description": "A model", "data": {"sources": sources, "about": "texts", "terms": "public"}}
    metadata = Metadata.model_validate(fake_metadata().model_dump() | {"recipe": recipe, "data": files})
    found = ModelFacts.of(metadata)
    assert found.description == "A model"
    assert [(source.about, source.terms) for source in found.sources] == [
        ("tweets", "research CC0"),
        ("texts", "public"),
    ]


def test_the_default_model() -> None:
    metadata = Metadata.model_validate(json.loads(DEFAULT.read_text("utf-8")))
    found = ModelFacts.of(metadata)
    assert [source.file for source in found.sources] == metadata.data
    assert found.part in {"", *metadata.metrics}


VERSION = "0123456789ab"
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><g><path d="M 0 0" fill="var(--ink, #000)"/></g></svg>'
)


def page(figure: str, version: str = VERSION) -> str:
    return f'<h1>x</h1><code>{version}</code><figure id="a-1">\n{figure}\n</figure><p>end</p>'


def read(bundle: Path, content: str | bytes) -> Report | None:
    (bundle / REPORT).mkdir(exist_ok=True)
    (bundle / REPORT / PAGE).write_bytes(content.encode() if isinstance(content, str) else content)
    return Report.read(bundle, VERSION)


def test_plots_with_their_captions(tmp_path: Path) -> None:
    report = read(tmp_path, page(f"{DRAWING}<figcaption>Each class&#39;s rows</figcaption>"))
    assert report is not None
    (plot,) = report.plots
    assert plot.caption == "Each class's rows"
    assert plot.svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert 'fill="var(--ink, #000)"' in plot.svg


@pytest.mark.parametrize("content", [page(DRAWING, "another"), page(DRAWING).replace("<code>", "<b>"), b"\xff"])
def test_of_another_version_or_unreadable(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path, content) is None


def test_none(tmp_path: Path) -> None:
    assert Report.read(tmp_path, VERSION) is None


@pytest.mark.parametrize(
    "drawing",
    [
        "",
        DRAWING.replace("<g>", "<g><script>x</script>"),
        DRAWING.replace("<g>", "<g><foreignObject/>"),
        DRAWING.replace("<g>", '<g onclick="x">'),
        DRAWING.replace("<g>", '<g style="x">'),
        DRAWING.replace("<g>", '<g><use href="http://example.org/#a"/>'),
        DRAWING.replace("<g>", '<g><a href="javascript:x"/>'),
        DRAWING.replace("<g>", '<g><img xmlns="http://www.w3.org/1999/xhtml" src="x"/>'),
        DRAWING.replace("</g>", ""),
        DRAWING.replace("<g>", "<!-- --><g>"),
        DRAWING.replace("<g>", "<?x?><g>"),
        DRAWING.replace(' xmlns="http://www.w3.org/2000/svg"', ""),
    ],
)
def test_what_is_more_than_a_drawing_is_left_out(tmp_path: Path, drawing: str) -> None:
    report = read(tmp_path, page(drawing))
    assert report is not None
    assert report.plots == []


def test_it_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    first = read(tmp_path, page(DRAWING))
    assert first is not None
    assert Report.read(tmp_path, VERSION) is first
    later = read(tmp_path, page(DRAWING) + "<p>more</p>")
    assert later is not None
    assert later.page.endswith("<p>more</p>")
    assert read(tmp_path, page(DRAWING, "another")) is None
    assert Report.read(tmp_path, "another") is not None


def test_one_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    assert read(tmp_path, page(DRAWING) + " " * (MAX_BYTES - len(page(DRAWING)))) is not None
    assert read(tmp_path, page(DRAWING) + " " * MAX_BYTES) is None


def test_what_is_no_plain_file_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / REPORT).mkdir()
    os.mkfifo(tmp_path / REPORT / PAGE)
    assert Report.read(tmp_path, VERSION) is None
    (tmp_path / REPORT / PAGE).unlink()
    (tmp_path / REPORT / PAGE).mkdir()
    assert Report.read(tmp_path, VERSION) is None
