"""What the preprocessing makes of a tweet. The tokens are those of the written file, as serving reads it."""

from collections import Counter
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.model.tokenizer import Encoder
from training.recipe.model import TokenizerConfig
from training.text.patterns import TAGS
from training.text.tokenizer import build_tokenizer

CORPUS = [
    "i love this show so much it's great , don't miss it !!",
    'worst show ever ! ? . - # @ : ; ( ) / " 10 30 3 2',
    "gop debate haha soo cool heart a b c d e and or you tube 👍 ❤ 😡 🇺🇸 café rt",
    "he said hi to her at 10 : 30 . bob ann name not_a_handle email com",
]


def tokens(text: str, **config: Any) -> list[str]:
    given_knobs = TokenizerConfig.model_validate({"model": "word", "min_frequency": 1, **config})
    return Encoder(build_tokenizer(CORPUS, given_knobs).to_str()).tokens(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # URLs
        ("love http://t.co/abc", ["love", "<url>"]),
        ("love HTTPS://t.co/aB?c=d#e!", ["love", "<url>"]),
        ("www.a.com bit.ly/x pic.twitter.com/y", ["<url>", "<url>", "<url>"]),
        ("cut off http", ["<unk>", "<unk>", "<url>"]),
        ("cut off https:…", ["<unk>", "<unk>", "<url>"]),
        # handles
        ("@bob: hi", ["<user>", ":", "hi"]),
        ("@a @b @c hi", ["<user>", "hi"]),
        ("email a@b.com", ["email", "a", "@", "b", ".", "com"]),
        # retweet markers, and words with rt in them
        ("RT @bob: love", ["love"]),
        ("so cool rt @ann love", ["so", "cool", "love"]),
        ("heart", ["heart"]),
        ("rt", ["rt"]),
        # hashtags
        ("#show", ["<hashtag>", "show"]),
        ("#GOPDebate", ["<hashtag>", "gop", "debate"]),
        ("#WorstShowEver!", ["<hashtag>", "worst", "show", "ever", "!"]),
        ("# 10", ["#", "10"]),
        # HTML entities, also escaped twice
        ("so &amp; so &lt;3", ["so", "<unk>", "so", "<heart>"]),
        ("&amp;lt;3 &quot;hi&quot; don&#39;t", ["<heart>", '"', "hi", '"', "don't"]),
        # emoji: skin tones and variation selectors go, flags and neighbours stay apart
        ("👍🏽👍", ["👍", "👍"]),
        ("so❤️😡", ["so", "❤", "😡"]),
        ("🇺🇸🇺🇸", ["🇺🇸", "🇺🇸"]),
        # emoticons
        (":) :-) =) :] (:", ["<smile>"] * 5),
        (":( :-( ):", ["<sad>"] * 3),
        (";) ;-)", ["<wink>"] * 2),
        (":D xD XDD", ["<laugh>"] * 3),
        (":P :-p", ["<tongue>"] * 2),
        (
            ":'( <3 </3 :* :/ :-\\ :O",
            ["<cry>", "<heart>", "<broken>", "<kiss>", "<skeptic>", "<skeptic>", "<surprise>"],
        ),
        ("cool:) so:(", ["cool", "<smile>", "so", "<sad>"]),
        ("10:30 3:2 and/or (a)", ["10", ":", "30", "3", ":", "2", "and", "/", "or", "(", "a", ")"]),
        # elongated words and marks
        ("soooooo coooool", ["soo", "cool"]),
        ("LOVE!!!!!! ever....", ["love", "!!", "ever", "<unk>"]),
        ("hahahahaha", ["haha"]),
        # curly quotes and apostrophes
        ("“it’s” don‘t don´t", ['"', "it's", '"', "don't", "don't"]),
        # case, width, zero-width and control characters
        ("WORST Ｓｈｏｗ", ["worst", "show"]),
        ("so\u200bmuch\ufeff\x00so", ["<unk>", "so"]),
        # what the tutorial's A-z let through
        ("[love] ^ _ \\", ["<unk>", "love", "<unk>", "<unk>", "<unk>", "<unk>"]),
    ],
)
def test_what_a_tweet_becomes(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("config", "text", "expected"),
    [
        ({"urls": "drop"}, "love http://t.co/a", ["love"]),
        ({"handles": "drop"}, "@bob love", ["love"]),
        ({"handles": "word"}, "@bob love", ["bob", "love"]),
        ({"retweets": "tag"}, "RT @bob: love", ["<rt>", "love"]),
        ({"hashtags": "word"}, "#love", ["love"]),
        ({"emoticons": "drop"}, "love :)", ["love"]),
        ({"emoticons": "keep"}, "love :)", ["love", ":", ")"]),
        ({"emoji": "drop"}, "love 👍🏽❤️👩‍👩‍👧🇫🇷 heart", ["love", "heart"]),
        ({"split_camel_case": False}, "#GOPDebate", ["<hashtag>", "<unk>"]),
        ({"lowercase": False}, "LOVE love", ["<unk>", "love"]),
        ({"shorten_repeats": False}, "loooove love", ["<unk>", "love"]),
        ({"stop_words": "drop"}, "This is not the worst heart", ["worst", "heart"]),
        ({"stop_words": "drop_except_negations"}, "not a worst heart", ["<unk>", "worst", "heart"]),
        ({"stemming": "plural"}, "cool hearts", ["cool", "heart"]),
        ({"stemming": "snowball"}, "loving hearts", ["love", "heart"]),
    ],
)
def test_each_knob(config: dict[str, Any], text: str, expected: list[str]) -> None:
    assert tokens(text, **config) == expected


def test_bpe_cuts_rare_words_into_pieces_and_keeps_tags_whole() -> None:
    config = TokenizerConfig(model="bpe", vocabulary=160, min_frequency=1)
    encoder = Encoder(build_tokenizer(["show show shows love"] * 50, config).to_str())
    assert encoder.tokens("show loves :)") == ["show", "love", "##s", "<smile>"]
    assert encoder.tokens("http://t.co/x @bob 👍") == ["<url>", "<user>", "<unk>"]


@pytest.mark.parametrize("model", ["word", "bpe"])
def test_ids_are_without_gaps_and_the_same_for_every_vocabulary(model: str) -> None:
    config = TokenizerConfig.model_validate({"model": model, "vocabulary": 120, "min_frequency": 1})
    vocabulary = build_tokenizer([*CORPUS, "<url> <user> http://t.co/x"], config).get_vocab()
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    assert [vocabulary[token] for token in ("<pad>", "<unk>", *TAGS)] == list(range(2 + len(TAGS)))


def test_a_vocabulary_is_of_stems_and_knows_forms_that_training_never_saw() -> None:
    config = TokenizerConfig(model="word", vocabulary=50, min_frequency=3, stemming="snowball")
    encoder = Encoder(build_tokenizer(["running runs", "run"], config).to_str())
    assert encoder.tokens("runs ran runnings") == ["run", "<unk>", "run"]


def test_the_vocabulary_is_cut_by_frequency() -> None:
    config = TokenizerConfig(model="word", vocabulary=50, min_frequency=2)
    vocabulary = build_tokenizer(["often often rare", "often"], config).get_vocab()
    assert "often" in vocabulary
    assert "rare" not in vocabulary


SIGNS = [*"aB1.-:;/@#<>&'()[]{}=^_*|!? é👍", *("http", "www.", "RT ", "@a ", "&amp;", "ha", "<user>", ".com", "</3")]


@pytest.mark.parametrize("second", ["", "-", "-a."])
def test_no_text_is_read_anew_from_each_of_its_signs(second: str) -> None:
    length = 15_000
    for first in SIGNS:
        start = perf_counter()
        _ENCODERS["word"].encode([((first + second) * length)[:length]])
        assert perf_counter() - start < 1, f"{first + second!r}: a rule whose time grows with the square takes seconds"


@pytest.mark.parametrize("model", ["word", "bpe"])
def test_vocabularies_are_the_same_each_time(model: str) -> None:
    config = TokenizerConfig.model_validate({"model": model, "vocabulary": 200, "min_frequency": 1})
    assert len({build_tokenizer(CORPUS, config).to_str() for _ in range(5)}) == 1


@pytest.mark.parametrize("model", ["word", "bpe"])
@settings(max_examples=150, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_text_gives_ids_of_the_vocabulary_and_never_padding(model: str, text: str) -> None:
    encoder = _ENCODERS[model]
    (encoded,) = encoder.encode([text])
    assert len(encoded.ids) >= 1
    assert encoded.ids.min() > encoder.pad_id
    assert encoded.ids.max() < encoder.vocabulary_size
    assert Counter(encoder.tokens(text))["<pad>"] == 0


_ENCODERS = {
    model: Encoder(
        build_tokenizer(CORPUS, TokenizerConfig.model_validate({"model": model, "min_frequency": 1})).to_str()
    )
    for model in ("word", "bpe")
}
