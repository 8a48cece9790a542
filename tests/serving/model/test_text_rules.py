import re
import string
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Regex, normalizers

from serving.model.text_rules import MAX_CONTENT, MAX_PATTERN, MAX_STEPS, Substitution, TextRules


def applied(text: str, **rules: Any) -> str:
    for transform in TextRules.model_validate(rules).transforms():
        text = transform(text)
    return text


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ("lower", "ΟΔΟΣ İ GOOD", "οδος i̇ good"),
        ("strip_links", "see https://t.co/x, or www.a.org/b now", "see   or   now"),
        ("strip_handles", "@bob and a@b.c", "  and a@b.c"),
        ("strip_digits", "4 apples, 12٣ pears2", " apples,  pears"),
        ("strip_punctuation", string.punctuation + "it's “good”", "its “good”"),
        ("stop_words", "It is NOT the best, don't", "        best, don't"),
        ("stems", "Running CONNECTIONS \x01flies\x02", "run connect  fli "),
    ],
)
def test_one_step(step: str, text: str, expected: str) -> None:
    assert applied(text, cleaning=[step]) == expected


def test_steps_are_done_in_their_order() -> None:
    text = "RT 1rt"
    assert applied(text, cleaning=[{"pattern": "rt", "content": ""}, "lower"]) == "rt 1"
    assert applied(text, cleaning=["lower", {"pattern": "rt", "content": ""}]) == " 1"
    assert applied(text, cleaning=["lower", "strip_digits", {"pattern": r"^rt", "content": "x"}]) == "x rt"


def test_the_tokenizers_own_rules_come_last() -> None:
    cleaning = [{"pattern": "[A-Z]", "content": "X"}]
    assert applied("Aa!b", cleaning=cleaning, lower="unicode", filters="!x", filter_content="-") == "-a-b"
    assert applied("ÀA", lower="ascii") == "Àa"
    assert applied("a.b", filters=".", filter_content="") == "ab"


def test_stems_of_a_long_run_of_letters_take_no_time() -> None:
    start = time.process_time()
    applied(("\x01" + "a" * 50) * 400, cleaning=["stems"])
    applied("a" * 20_000, cleaning=["stems"])
    assert time.process_time() - start < 2


ALIKE = [
    r"[^a-zA-z0-9\s]", "rt", r"http\S+|www\S+", r"@\w+", r"\b\d{2,4}\b", r"[^\w\s']", "^rt ", r"\ART", r"\s+$",
    r"<.*?>", r"(?:ha)+", r"(ha){2}h?", r"\[.*?\]", r"[\[\](){}]", r"\x41\u00e9", r"a{3}", r"(?:a+)?b", "[]a]",
    r"(x|y)?", r"\.|\$|\^", "😀",
]  # fmt: skip


@pytest.mark.parametrize("pattern", ALIKE)
def test_patterns_of_tutorials_mean_what_they_mean_in_a_notebook(pattern: str) -> None:
    text = "RT rt @bob: haha hahaha AAA aaa 12 2024 http://t.co/x www.b.c [a](b) <b>x</b> {y} _^` é 😀 \t\n"
    assert applied(text, cleaning=[{"pattern": pattern, "content": "-"}]) == re.sub(pattern, "-", text)


DIFFERENT = {
    "look-ahead": r"a(?=b)",
    "negative look-ahead": r"a(?!b)",
    "look-behind": r"(?<=a)b",
    "negative look-behind": r"(?<!a)b",
    "back-reference": r"(.)\1",
    "named group": r"(?P<x>a)",
    "named back-reference": r"(?P<x>a)(?P=x)",
    "flag": r"(?i)a",
    "flag of a group": r"(?i:a)",
    "atomic": r"(?>a)",
    "comment": r"(?#a)",
    "possessive": r"a++",
    "conditional": r"(a)?(?(1)b|c)",
    "end of Python": r"a\Z",
    "property": r"\p{L}",
    "named": r"\N{DIGIT ONE}",
    "octal": r"\07",
    "nested class": r"[[a]]",
    "difference": r"[a--b]",
    "intersection": r"[a&&b]",
    "intersection after a bracket": r"[]&&[a]",
    "intersection after a caret and a bracket": r"[^]&&[a]",
    "POSIX": r"[[:alpha:]]",
    "a brace": r"a{b",
    "nothing to repeat": r"*a",
    "open group": r"(a",
    "closed group": r"a)",
    "open class": r"[a",
    "bad range": r"[z-a]",
    "ends in a backslash": "a\\",
    "twice": r"a**",
    "nested repetition": r"(a+)+",
    "repeated alternatives": r"(?:a|a)*b",
    "hidden repetition": r"((a*))*",
    "range of repetitions": r"(a?){2,90}",
}


@pytest.mark.parametrize("pattern", DIFFERENT.values(), ids=DIFFERENT)
def test_patterns_that_differ_or_take_endless_time_are_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match="accepted: what Python and Rust read alike"):
        Substitution(pattern=pattern, content="")


@settings(max_examples=500, deadline=None)
@given(pattern=st.text(alphabet=r"ab()[]{}?*+|\.^$-:=!<&1,dwsb", min_size=1, max_size=12))
def test_any_pattern_is_refused_or_compiles_in_both(pattern: str) -> None:
    try:
        Substitution(pattern=pattern, content="")
    except ValidationError:
        return
    re.compile(pattern)
    normalizers.Replace(Regex(pattern), "")


@pytest.mark.parametrize(
    "rules",
    [
        {"cleaning": ["lemmas"]},
        {"cleaning": ["lower"] * (MAX_STEPS + 1)},
        {"cleaning": [{"pattern": "", "content": ""}]},
        {"cleaning": [{"pattern": "a" * (MAX_PATTERN + 1), "content": ""}]},
        {"cleaning": [{"pattern": "a", "content": "a" * (MAX_CONTENT + 1)}]},
        {"cleaning": [{"pattern": "(a)", "content": r"\1"}]},
        {"lower": True},
        {"filters": "x" * (MAX_PATTERN + 1)},
        {"stem": True},
    ],
)
def test_rules_that_are_not_accepted(rules: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TextRules.model_validate(rules)


def test_rules_survive_json() -> None:
    rules = TextRules(cleaning=["lower", Substitution(pattern=r"\s+", content=" ")], lower="ascii", filters="\t\n\\\"'")
    assert TextRules.model_validate_json(rules.model_dump_json()) == rules
