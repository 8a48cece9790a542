import json
import os
from pathlib import Path
from typing import Any

import pytest

from serving.model.bundle import REPORT
from serving.model.metadata import DataFile, Metadata
from serving.web.pages.model_page import MAX_BYTES, PLOTS, REPORT_PAGE, ModelFacts, Plot, Report, read_plot
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


def test_one_calibration_error_is_shown_and_a_sentence_says_what_it_means() -> None:
    error = {"expected_calibration_error": 0.0201}
    others = {"expected_calibration_error_by_chance": 0.018, "expected_calibration_error_uncalibrated": 0.015}
    found = facts(metrics={"test": {**error, **others}})
    assert found.figures == {"expected calibration error": 0.0201}
    assert found.calibration == (
        "Expected calibration error: on average, a probability is 2.0 points away from how often such answers are "
        "right. On as many rows, perfect probabilities would seem 1.8 points away by chance. Without temperature "
        "scaling it would be 1.5."
    )
    assert facts(metrics={"test": error}).calibration.endswith("such answers are right.")
    assert facts(metrics={"test": {"accuracy": 0.9}}).calibration == ""


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


def test_files_that_only_a_teacher_learned_from_come_last_each_once() -> None:
    own, old, answers = (DataFile(file=name, rows=3, sha256=name) for name in ("new.csv", "old.csv", "t.npz"))
    found = facts(
        data=[own],
        teacher_data={"t.npz": [answers, old], "artifacts": [own, old], "artifacts 0": [old]},
        teacher_recipes={"t.npz": {"encoder": {}}, "artifacts": {"data": {"about": "tweets", "terms": "CC0"}}},
    )
    assert [(source.file, source.about, source.terms) for source in found.sources] == [
        (own, "", ""),
        (old, "of the teacher artifacts alone: tweets", "CC0"),
    ]


def test_the_default_model() -> None:
    metadata = Metadata.model_validate(json.loads(DEFAULT.read_text("utf-8")))
    found = ModelFacts.of(metadata)
    assert [source.file for source in found.sources] == metadata.data
    assert found.part in {"", *metadata.metrics}


VERSION = "0123456789ab"
PAGE = f"<h1>x</h1><code>{VERSION}</code>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M 0 0"/></svg>'
RECALL = {"name": "recall", "file": "plots/recall.svg", "caption": "Each class's rows", "wide": True}


def write(bundle: Path, page: str | bytes = PAGE, plots: object = (RECALL,), svg: bytes = SVG) -> Path:
    """A bundle's folder with a report."""
    (bundle / REPORT / "plots").mkdir(parents=True, exist_ok=True)
    (bundle / REPORT / REPORT_PAGE).write_bytes(page.encode() if isinstance(page, str) else page)
    (bundle / REPORT / PLOTS).write_text(json.dumps(plots), encoding="utf-8")
    (bundle / REPORT / "plots" / "recall.svg").write_bytes(svg)
    return bundle


def test_plots_with_their_captions(tmp_path: Path) -> None:
    plot = Plot(name="recall", file="plots/recall.svg", caption="Each class's rows", wide=True)
    assert Report.read(write(tmp_path), VERSION) == Report(PAGE, [plot])
    assert read_plot(tmp_path, "recall") == SVG


def test_a_report_without_plots(tmp_path: Path) -> None:
    (write(tmp_path) / REPORT / PLOTS).unlink()
    assert Report.read(tmp_path, VERSION) == Report(PAGE, [])
    assert read_plot(tmp_path, "recall") is None


@pytest.mark.parametrize("page", [PAGE.replace(VERSION, "another"), PAGE.replace("<code>", "<b>"), b"\xff", ""])
def test_of_another_version_or_unreadable(tmp_path: Path, page: str | bytes) -> None:
    assert Report.read(write(tmp_path, page), VERSION) is None


def test_none(tmp_path: Path) -> None:
    assert Report.read(tmp_path, VERSION) is None
    assert read_plot(tmp_path, "recall") is None


@pytest.mark.parametrize(
    "plots",
    [
        "text",
        {"recall": RECALL},
        [RECALL, 1],
        [RECALL | {"file": "../metadata.json"}],
        [RECALL | {"file": "plots/../../metadata.json"}],
        [RECALL | {"file": "/etc/passwd"}],
        [RECALL | {"file": "plots/recall.svg\n"}],
        [RECALL | {"file": "report.html"}],
        [RECALL | {"name": "../x"}],
        [RECALL | {"name": ""}],
        [{"name": "recall"}],
    ],
)
def test_a_list_of_another_form_lists_none(tmp_path: Path, plots: object) -> None:
    report = Report.read(write(tmp_path, plots=plots), VERSION)
    assert report is not None
    assert report.plots == []
    assert read_plot(tmp_path, "recall") is None


def test_a_plot_whose_file_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, plots=[RECALL | {"file": "plots/other.svg"}])
    assert read_plot(tmp_path, "recall") is None
    assert read_plot(tmp_path, "other") is None, "files are found by the names in the list"


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    assert Report.read(write(tmp_path, PAGE.ljust(MAX_BYTES)), VERSION) is not None
    assert Report.read(write(tmp_path, PAGE.ljust(MAX_BYTES + 1)), VERSION) is None
    write(tmp_path, svg=b" " * (MAX_BYTES + 1))
    assert read_plot(tmp_path, "recall") is None


def test_what_is_no_plain_file_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / REPORT).mkdir()
    os.mkfifo(tmp_path / REPORT / REPORT_PAGE)
    assert Report.read(tmp_path, VERSION) is None
    (tmp_path / REPORT / REPORT_PAGE).unlink()
    (tmp_path / REPORT / REPORT_PAGE).mkdir()
    assert Report.read(tmp_path, VERSION) is None
