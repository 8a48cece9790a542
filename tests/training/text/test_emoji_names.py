"""Every emoji of Unicode 16 is read, alone and beside others, and its name is known."""

from unicodedata import normalize

import pytest
from emoji import EMOJI_DATA, STATUS
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from serving.model.tokenizer import Encoder
from training.recipe.model import TokenizerConfig
from training.text.emoji_names import emoji_names, token_names
from training.text.tokenizer import build_tokenizer

# Tones of skin alone are no emoji, but parts of some.
UNICODE_16 = [
    emoji for emoji, entry in EMOJI_DATA.items() if entry["E"] <= 16 and entry["status"] != STATUS["component"]
]
# To NFKC five are letters or punctuation, as ™ is "TM": several in a row are another word.
OF_SIGNS = [emoji for emoji in UNICODE_16 if not normalize("NFKC", emoji).isascii()]
TEXTS = ["i love this show", "it was so so 👍 today", "worst show ever"]


def tokenizer_of(model: str, emoji: str = "all") -> Tokenizer:
    config = {"model": model, "vocabulary": 400, "min_frequency": 1, "emoji": emoji}
    return build_tokenizer(TEXTS, TokenizerConfig.model_validate(config))


ENCODERS = {model: Encoder(tokenizer_of(model).to_str()) for model in ("word", "bpe")}


@pytest.mark.parametrize("model", ["word", "bpe"])
def test_every_emoji_alone_is_in_the_vocabulary(model: str) -> None:
    assert len(UNICODE_16) > 4900
    _, shares = ENCODERS[model].encode_with_shares(UNICODE_16)
    assert {emoji: share for emoji, share in zip(UNICODE_16, shares, strict=True) if share < 0.9} == {}


@pytest.mark.parametrize("model", ["word", "bpe"])
@settings(max_examples=150, deadline=None)
@given(text=st.lists(st.sampled_from(OF_SIGNS), min_size=1, max_size=8), separator=st.sampled_from(["", " "]))
def test_so_is_every_text_of_several(model: str, text: list[str], separator: str) -> None:
    _, (share,) = ENCODERS[model].encode_with_shares([separator.join(text)])
    assert share >= 0.9


def test_only_those_of_the_texts_are_known_where_the_recipe_does_not_ask_for_all() -> None:
    _, shares = Encoder(tokenizer_of("bpe", emoji="keep").to_str()).encode_with_shares(["👍", "😡"])
    assert shares == [1, 0]


def test_each_kind_of_emoji_has_the_words_of_its_name() -> None:
    names = token_names(tokenizer_of("bpe"))
    assert {token: " ".join(names[token]) for token in ("😡", "🇨🇶", "🫩", "❤", "👍", "👨")} == {
        "😡": "enraged face",
        "🇨🇶": "sark",
        "🫩": "face with bags under eyes",
        "❤": "red heart",
        "👍": "thumbs up",
        "👨": "man",
    }


def test_tones_of_skin_families_and_keys_are_cut_into_tokens_that_are_known() -> None:
    tokens = ENCODERS["bpe"].tokens
    assert [tokens(text) for text in ("👍🏽", "👩‍👩‍👧", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣2️⃣", "™️Ⓜ️")] == [
        ["👍"],
        ["👩", "👩", "👧"],
        ["🏴"],
        ["1", "2"],
        ["tm", "m"],
    ]


def test_names_are_of_whole_sequences() -> None:
    assert emoji_names()["👩‍🚀"] == ["woman", "astronaut"]
