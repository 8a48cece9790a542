import json
from pathlib import Path
from typing import Any

import pytest

from serving.metadata import Metadata
from serving.model_facts import ModelFacts
from tests.serving.fakes import fake_metadata

DEFAULT = Path(__file__).parents[2] / "artifacts" / "metadata.json"


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
