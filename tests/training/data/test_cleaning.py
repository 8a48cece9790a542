import pandas as pd
import pytest

from training.data.cleaning import drop_straddling, merge_copies, merged_keys, text_key


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
        ("great show htt…", "great show http://t.co/abc"),
        ("great show h...", "great show"),
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


def test_a_text_cut_off_or_added_to_is_the_same() -> None:
    whole = "RT @ann: the whole story of the day is told here once more for everyone who missed it #news"
    cut = "RT @ann: the whole story of the day is told here once more for everyone who mis…"
    cut_link = "the whole story of the day is told here once more for everyone who missed it htt…"
    other = "the whole story of the day is told here by nobody at all, and that is how it stays"
    groups = merged_keys(map(text_key, [whole, cut, cut_link, other]))
    assert len({groups[text_key(text)] for text in (whole, cut, cut_link)}) == 1
    assert groups[text_key(other)] == text_key(other)


def test_short_texts_that_begin_alike_are_different() -> None:
    assert len(set(merged_keys(map(text_key, ["good", "good day", "good day to you all"])).values())) == 3


def copies(*parts: str) -> pd.DataFrame:
    """One text in several parts, each with a label of its own."""
    return pd.DataFrame({"key": "k", "label": [f"of {part}" for part in parts], "part": parts})


@pytest.mark.parametrize(
    ("parts", "kept"),
    [
        (("", "train", "validation", "test"), "test"),
        (("test", "validation"), "test"),
        (("validation", "train"), "validation"),
        (("", "validation"), "validation"),
    ],
)
def test_a_text_stays_in_the_latest_of_its_parts_with_the_label_that_it_has_there(
    parts: tuple[str, ...], kept: str
) -> None:
    cleaning: dict[str, int] = {}
    merged = merge_copies(drop_straddling(copies(*parts), cleaning), cleaning)
    assert merged[["part", "label"]].to_numpy().tolist() == [[kept, f"of {kept}"]]
    assert cleaning["also in the validation or test part, which keeps it"] == len(parts) - 1


def test_a_part_that_is_drawn_and_training_are_one_side() -> None:
    cleaning: dict[str, int] = {}
    assert merge_copies(copies("", "train"), cleaning).empty
    assert cleaning["copies whose labels conflict without a majority"] == 2
