import pytest

from serving.model.types import is_blank, rounded


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\n\u00a0\u2003\u3000",
        "\u200b\u200d\u2060",
        "\ufeff",
        "\u00ad",
        "\x00\x1b\x7f",
        "\u202e\u2066\u200f",
        "\u2028\u2029",
        "\ufe0f\ufe0e",
        "\u0301 \u20e3",
        "\U000e0067\U000e007f",
        "\u3164\u115f\u1160\uffa0",
        "\u2800",
    ],
)
def test_what_nobody_sees_is_blank(text: str) -> None:
    assert is_blank(text)
    assert is_blank(text * 1000)


@pytest.mark.parametrize(
    "text",
    ["a", ".", "\u200ba", "a\u200b", "\ufeff❤\ufe0f", "e\u0301", "👍", "\ufffd", "\ue000", "\u0378"],
)
def test_what_somebody_may_see_is_not(text: str) -> None:
    assert not is_blank(text)
    assert not is_blank("\u200b" * 1000 + text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.1234565001, "0.123457"), (1.0, "1.0"), (0.30000001192092896, "0.3"), (-2e-7, "0.0"), (-0.25, "-0.25")],
)
def test_figures_have_six_digits(value: float, expected: str) -> None:
    assert repr(rounded(value)) == expected
