import pytest

from training.cleaning import text_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("RT @bob: Great show!", "great show"),
        ("@ann @bob Great show http://t.co/abc", "GREAT SHOW"),
        ("Great… show?! https://x.co www.a.com", "“great” show"),
        ("pic.twitter.com/a nice bit.ly/a", "nice pic.twitter.com/b bit.ly/b"),
        ("you &amp; me", "you & me"),
        ("don’t soooo #WorstShow 👍🏽", "don't sooooooo #worst show 👍"),
        ("rt @bob great show", "ｇｒｅａｔ show"),
    ],
)
def test_copies_have_one_key(one: str, other: str) -> None:
    assert text_key(one) == text_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("I heart it", "I hea it"), ("good 👍", "good 👎"), ("great :)", "great :("), ("10 of 10", "1 of 10")],
)
def test_different_texts_have_different_keys(one: str, other: str) -> None:
    assert text_key(one) != text_key(other)
