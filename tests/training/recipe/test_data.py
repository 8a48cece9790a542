from typing import Any

import pytest
from pydantic import ValidationError

from training.recipe.data import DataConfig, Source


def test_a_source_is_called_by_its_file_unless_it_has_a_name() -> None:
    assert Source(file="a.csv").key == "a.csv"
    assert Source(file="a.csv", name="main").key == "main"


@pytest.mark.parametrize(("value", "header"), [("auto", "auto"), (True, "true"), (False, "false"), ("false", "false")])
def test_a_header_is_a_word_or_a_truth_value_of_toml(value: object, header: str) -> None:
    data = DataConfig.model_validate({"header": value, "sources": [{"file": "a.csv", "header": value}]})
    assert (data.header, data.sources[0].header) == (header, header)


def test_sources_with_a_task_stand_apart() -> None:
    data = DataConfig(sources=[Source(file="a.csv"), Source(file="w.csv", task="smile")])
    assert [source.file for source in data.target_sources] == ["a.csv"]
    assert [source.file for source in data.task_sources] == ["w.csv"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"sources": [{"file": "a", "task": "t"}]}, "at least one with the recipe's labels"),
        ({"sources": [{"file": "a", "task": "t", "part": "test"}]}, "its rows only train"),
        ({"sources": [{"file": "a", "hold_out": 0.1}]}, "hold_out needs part = 'train'"),
        ({"header": "maybe"}, "'auto', 'true' or 'false'"),
        ({"validation": 0.6, "test": 0.5}, "validation \\+ test is 1.1; accepted: less than 1"),
    ],
)
def test_what_does_not_fit_is_refused(content: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        DataConfig.model_validate(content)
