import pytest
from pydantic import ValidationError

from training.recipe.base import ConfigSection, Fraction, Name


class Example(ConfigSection):
    name: Name
    share: Fraction = 0.5


def test_a_table_takes_no_unknown_key_and_no_other_type() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Example.model_validate({"name": "a", "other": 1})
    with pytest.raises(ValidationError, match="valid number"):
        Example.model_validate({"name": "a", "share": "0.5"})


def test_a_name_has_a_letter_and_a_fraction_is_below_one() -> None:
    assert Example(name=" a ").name == "a"
    with pytest.raises(ValidationError, match="at least 1 character"):
        Example(name="  ")
    with pytest.raises(ValidationError, match="less than 1"):
        Example(name="a", share=1.0)
