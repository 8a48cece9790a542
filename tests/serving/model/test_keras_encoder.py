import json
from typing import Any

import pytest

from serving.errors import BundleError
from serving.model.keras_encoder import KerasEncoder
from serving.model.text_rules import Substitution, TextRules

VOCABULARY = {"good": 1, "bad": 2, "day": 3, "<unk>": 4}
DROPPED = TextRules(lower="unicode", filters="!?", drop_unknown=True)
KEPT = TextRules(lower="unicode", filters="!?")


def encoder(
    rules: TextRules = DROPPED,
    *,
    length: int | None = 4,
    cut: str = "Left",
    pad: str = "Left",
    max_tokens: int | None = 4,
) -> KerasEncoder:
    content: dict[str, Any] = {
        "version": "1.0",
        "truncation": max_tokens
        and {"direction": cut, "max_length": max_tokens, "strategy": "LongestFirst", "stride": 0},
        "padding": {
            "strategy": "BatchLongest" if length is None else {"Fixed": length},
            "direction": pad,
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "<pad>",
        },
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "Removed", "invert": False},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": VOCABULARY, "unk_token": "<unk>"},
    }
    return KerasEncoder(json.dumps(content), rules)


def test_unknown_words_are_left_out_before_what_is_too_long() -> None:
    (item,) = encoder().encode(["zxqv good zxqv bad zxqv day zxqv"])
    assert (item.ids.tolist(), item.cut, item.truncated) == ([0, 1, 2, 3], 0, False)
    (item,) = encoder(KEPT).encode(["zxqv good zxqv bad zxqv day zxqv"])
    assert (item.ids.tolist(), item.cut) == ([2, 4, 3, 4], 3)


@pytest.mark.parametrize(
    ("cut", "text", "ids", "share"),
    [
        ("Left", "good bad zxqv good bad zxqv day bad zxqv", [1, 2, 3, 2], 13 / 21),
        ("Right", "zxqv good bad zxqv day bad zxqv good bad", [1, 2, 3, 2], 13 / 21),
    ],
)
def test_a_text_is_cut_from_either_side(cut: str, text: str, ids: list[int], share: float) -> None:
    (item,), (known,) = encoder(cut=cut).encode_with_shares([text])
    assert (item.ids.tolist(), item.cut) == (ids, 2)
    assert known == pytest.approx(share)


def test_padding_on_either_side_and_none() -> None:
    assert encoder().encode(["good"])[0].ids.tolist() == [0, 0, 0, 1]
    assert encoder(pad="Right").encode(["good"])[0].ids.tolist() == [1, 0, 0, 0]
    assert encoder(length=None).encode(["good"])[0].ids.tolist() == [1]
    assert len(encoder(length=None, max_tokens=None).encode(["good " * 50])[0].ids) == 50


@pytest.mark.parametrize("text", ["", " ", "!!! ???", "zxqv zxqv", "\u00a0"])
def test_a_text_of_which_nothing_is_left(text: str) -> None:
    (item,), (share,) = encoder().encode_with_shares([text])
    assert (item.ids.tolist(), item.cut, share) == ([0, 0, 0, 0], 0, 0.0)
    unpadded = encoder(length=None)
    ids, lengths = unpadded.pad_batch(unpadded.encode([text, "good bad"]))
    assert (ids.tolist(), lengths.tolist()) == ([[0, 0], [1, 2]], [0, 2])
    ids, lengths = unpadded.pad_batch(unpadded.encode([text]))
    assert (ids.tolist(), lengths.tolist()) == ([[0]], [0])


@pytest.mark.parametrize("rules", [DROPPED, KEPT])
def test_the_share_of_known_words(rules: TextRules) -> None:
    _, shares = encoder(rules).encode_with_shares(["good day", "good zxqv", "GOOD! !!", "zxqv"])
    assert shares == [1.0, 0.5, 1.0, 0.0]


def test_ids_that_a_text_can_get() -> None:
    assert encoder(DROPPED).vocabulary_size == 4
    assert encoder(KEPT).vocabulary_size == 5


def test_tokens_are_shown_without_padding() -> None:
    assert encoder(KEPT).tokens("Good zxqv") == ["good", "<unk>"]
    assert encoder(DROPPED).tokens("Good zxqv") == ["good"]


def test_rules_that_make_texts_endlessly_long_are_refused() -> None:
    doubling = TextRules(cleaning=[Substitution(pattern="o", content="oo")] * 20)
    with pytest.raises(BundleError, match=r"text_rules: 'good' becomes .* characters long by rule 8; accepted: rules"):
        encoder(doubling).check_growth(["good"])
    growing_of_its_own = TextRules(
        cleaning=[Substitution(pattern="x", content="y"), *[Substitution(pattern="y", content="yy")] * 20]
    )
    with pytest.raises(BundleError, match="text_rules: "):
        encoder(growing_of_its_own).check_growth(["good"])
    encoder(TextRules(cleaning=[Substitution(pattern="o", content="oo")] * 3)).check_growth(["good"])
