"""Stemmers as regular expressions, held to what they were made after: Harman's rules and Snowball's own program."""

import time

import pytest
import snowballstemmer  # type: ignore[import-untyped]
from hypothesis import example, given, settings
from hypothesis import strategies as st

from serving.model.text_rules import MAX_LETTERS, Stemming
from training.recipe.model import TokenizerConfig
from training.text.normalizer import build_normalizer
from training.text.patterns import TAGS, build_pretokenizer

ORACLE = snowballstemmer.stemmer("english")
PRETOKENIZER = build_pretokenizer()
NORMALIZERS = {
    choice: build_normalizer(TokenizerConfig.model_validate({"stemming": choice, "shorten_repeats": False}))
    for choice in ("none", "plural", "snowball")
}
ENDINGS = """
    s es ies ied sses us ss ed eed ing edly eedly ingly y ying at bl iz bb tt li bli abli alli fulli lessli ousli
    entli aliti biliti iviti tional ational alism ation ization izer ator iveness fulness ousness ogi ogist icate
    ative alize iciti ical ful ness ic ance ence able ible ate ive ize iti al ism ion er ous ant ent ment ement e l ly
""".split()  # noqa: SIM905
WHOLE = """
    andes atlas bias cosmos howe news sky skis skies idly gently singly ugly early only innings outing canning
    herring earring evening dying lying proceed exceeding succeeded pasted past paste emergency generously interest
    later organs universal arsenal commune inter skiing added egged offing
""".split()  # noqa: SIM905


def tokens(text: str, choice: Stemming) -> list[str]:
    return [token for token, _ in PRETOKENIZER.pre_tokenize_str(NORMALIZERS[choice].normalize_str(text))]


def stemmed(token: str) -> str:
    plain = "'" not in token and token not in TAGS and 3 <= len(token) <= MAX_LETTERS
    return str(ORACLE.stemWord(token)) if plain else token


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shows parties employees dogs", ["show", "party", "employees", "dog"]),
        ("this class is us. bus aies", ["thi", "class", "is", "us", ".", "bus", "aies"]),
        (
            "bob's don't dogs' #wins <url>s :'(",
            ["bob's", "don't", "dog", "'", "<hashtag>", "win", "<url>", "s", "<cry>"],
        ),
    ],
)
def test_plural(text: str, expected: list[str]) -> None:
    assert tokens(text, "plural") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loved LOVES loving lovely", ["love"] * 4),
        ("he's running, I don't run", ["he's", "run", ",", "i", "don't", "run"]),
        ("news only <skeptic> :O #Debates", ["news", "onli", "<skeptic>", "<surprise>", "<hashtag>", "debat"]),
    ],
)
def test_snowball(text: str, expected: list[str]) -> None:
    assert tokens(text, "snowball") == expected


WORDS = st.builds(
    lambda start, *endings: start + "".join(endings),
    st.one_of(st.text("abcdegiklnoprstuwxyy", min_size=1, max_size=7), st.sampled_from(WHOLE)),
    *[st.sampled_from(["", *ENDINGS])] * 3,
)


@settings(max_examples=200, deadline=None)
@given(words=st.lists(WORDS, max_size=20))
@example(["yyyyying", "proceedeed", "aalitiativefulness", "wycxnuyicationally"])
def test_snowball_is_snowballs_own(words: list[str]) -> None:
    assert tokens(" ".join(words), "snowball") == [stemmed(word) for word in words]


@pytest.mark.parametrize("word", WHOLE)
def test_snowballs_special_words(word: str) -> None:
    assert tokens(f"{word} {word}s", "snowball") == [ORACLE.stemWord(word), ORACLE.stemWord(f"{word}s")]


@settings(max_examples=300, deadline=None)
@given(
    text=st.one_of(
        st.lists(st.sampled_from([*WHOLE, *ENDINGS, *TAGS, " ", " ", "'", "!", "_", "<", ">", "é", "1"])).map("".join),
        st.text(max_size=60),
    )
)
@example("andes'andes1andes")
def test_words_are_stemmed_and_nothing_else_changes(text: str) -> None:
    assert tokens(text, "snowball") == [stemmed(token) for token in tokens(text, "none")]


@pytest.mark.parametrize("choice", ["plural", "snowball"])
@pytest.mark.parametrize("text", ["ing" * 3333, "s" * 10_000, "a'" * 5000, ("e" * MAX_LETTERS + " ") * 240])
def test_no_text_takes_long(choice: Stemming, text: str) -> None:
    start = time.perf_counter()
    tokens(text, choice)
    assert time.perf_counter() - start < 2
