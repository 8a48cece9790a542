import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from serving.model.text_rules import NEGATIONS, StopWords
from training.recipe.model import TokenizerConfig
from training.text.normalizer import build_normalizer
from training.text.patterns import build_pretokenizer

PRETOKENIZER = build_pretokenizer()
NORMALIZERS = {
    choice: build_normalizer(TokenizerConfig.model_validate({"stop_words": choice}))
    for choice in ("keep", "drop", "drop_except_negations")
}
PARTS = ["the", "The", "NOT", "never", "cry", "show", "don't", "it's", "the'", "'the", "<cry>", ":'(", "<", ">", "'"]
PARTS += [" ", " ", " ", "!", "?", "_", "#", "@", "the1", "acroß", "🇺", "🇸", "\u0301"]


def tokens(text: str, choice: StopWords) -> list[str]:
    return [token for token, _ in PRETOKENIZER.pre_tokenize_str(NORMALIZERS[choice].normalize_str(text))]


@pytest.mark.parametrize(
    ("text", "dropped", "except_negations"),
    [
        ("It is NOT the best, ever", ["best", ","], ["not", "best", ","]),
        ("no one was never without it", [], ["no", "never", "without"]),
        ("i don't like the theme", ["don't", "like", "theme"], ["don't", "like", "theme"]),
        ("'the' the, the_end it's", ["'", "'", ",", "the_end", "it's"], ["'", "'", ",", "the_end", "it's"]),
        ("cry :'( @the", ["<cry>", "<user>"], ["<cry>", "<user>"]),
    ],
)
def test_what_is_left(text: str, dropped: list[str], except_negations: list[str]) -> None:
    assert tokens(text, "drop") == dropped
    assert tokens(text, "drop_except_negations") == except_negations


@settings(max_examples=300, deadline=None)
@given(text=st.one_of(st.lists(st.sampled_from(PARTS), max_size=12).map("".join), st.text(max_size=40)))
def test_whole_words_go_and_nothing_else_changes(text: str) -> None:
    before = tokens(text, "keep")
    assert tokens(text, "drop") == [token for token in before if token.casefold() not in ENGLISH_STOP_WORDS]
    kept = ENGLISH_STOP_WORDS - NEGATIONS
    assert tokens(text, "drop_except_negations") == [token for token in before if token.casefold() not in kept]


def test_negations_are_words_of_the_list() -> None:
    assert NEGATIONS < ENGLISH_STOP_WORDS
