"""The tokenizer of a bundle, and files that were made to harm whoever loads them, or texts that come later."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from serving.errors import BundleError
from serving.model.bundle import TOKENIZER
from serving.model.predictor import Predictor
from serving.model.tokenizer import MAX_CONTENT, MAX_RULES, MAX_TOKENS, Encoder, check_format, panics_as_errors
from tests.bundles import TINY, rehash

Content = dict[str, Any]

TOKENIZERS: dict[str, bytes] = {
    "deep": b'{"model":' * 100_000,
    "deep normalizers": b'{"version":"1.0","normalizer":' + b'{"type":"Sequence","normalizers":[' * 10_000,
    "not JSON": b"\x80\x04cos\nsystem\n",
    "an array": b"[]",
    "no model": b"{}",
    "another type": b'{"version":"1.0","model":7}',
    "an absurd number": b'{"version":"1.0","truncation":{"max_length":' + b"9" * 400 + b"}}",
}


@pytest.mark.parametrize("content", TOKENIZERS.values(), ids=TOKENIZERS)
def test_a_hostile_tokenizer_is_refused(bundle: Path, content: bytes) -> None:
    (bundle / TOKENIZER).write_bytes(content)
    rehash(bundle)
    with pytest.raises(BundleError, match=r"tokenizer\.json"):
        Predictor.load(bundle)


def rule(pattern: str, content: str) -> Content:
    return {"type": "Replace", "pattern": {"String": pattern}, "content": content}


def doubling(content: Content) -> None:
    """Twenty rules: what is one letter becomes a million."""
    content["normalizer"]["normalizers"] += [rule("e", "ee")] * 20


def doubling_of_its_own(content: Content) -> None:
    content["normalizer"]["normalizers"] += [rule("\x03", "\x04\x04"), rule("\x04", "\x03\x03")] * 10


def many_rules(content: Content) -> None:
    content["normalizer"]["normalizers"] += [rule("e", "e")] * MAX_RULES


def long_content(content: Content) -> None:
    content["normalizer"]["normalizers"] += [rule("e", "e" * (MAX_CONTENT + 1))]


def unknown_rule(content: Content) -> None:
    content["normalizer"]["normalizers"] += [{"type": "Prepend", "prepend": "x" * 10**6}]


def wide_padding(content: Content) -> None:
    content["padding"]["strategy"] = {"Fixed": 10**9}


def multiples(content: Content) -> None:
    content["padding"]["pad_to_multiple_of"] = 10**9


def long_truncation(content: Content) -> None:
    content["truncation"]["max_length"] = MAX_TOKENS + 1


def overlap(content: Content) -> None:
    """A text with more tokens than these two would end the library in a panic."""
    content["truncation"].update(max_length=2, stride=2)


HARMS = [
    doubling, doubling_of_its_own, many_rules, long_content, unknown_rule, wide_padding, multiples, long_truncation,
    overlap,
]  # fmt: skip


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_what_would_fill_memory_or_fail_later_is_refused(bundle: Path, harm: Callable[[Content], None]) -> None:
    content = json.loads((bundle / TOKENIZER).read_text(encoding="utf-8"))
    harm(content)
    (bundle / TOKENIZER).write_text(json.dumps(content), encoding="utf-8")
    rehash(bundle)
    with pytest.raises(BundleError, match=r"tokenizer\.json: (is not a tokenizers file that is accepted|normalizer)"):
        Predictor.load(bundle)


def test_doubling_is_stopped_at_once(bundle: Path) -> None:
    content = json.loads((bundle / TOKENIZER).read_text(encoding="utf-8"))
    content["normalizer"]["normalizers"] = [rule("e", "ee")] * 60
    encoder = Encoder(json.dumps(content))
    with pytest.raises(BundleError, match=r"normalizers\.8: 'e' becomes 512 characters long"):
        encoder.check_growth(["e"])


def test_the_fault_is_named() -> None:
    content = {"truncation": {"max_length": 5, "stride": 5}, "normalizer": {"type": "Sequence", "normalizers": []}}
    with pytest.raises(BundleError, match=r"tokenizer\.json: .*: truncation\.stride: Input should be 0"):
        check_format(content, "tokenizer.json")


def test_other_files_of_the_library_are_accepted() -> None:
    assert check_format({"normalizer": None, "padding": None, "truncation": None, "decoder": {}}, "x") == {}
    assert check_format({"normalizer": {"type": "Lowercase"}}, "x") == {}
    assert check_format({"normalizer": {"type": "Replace", "content": "y"}}, "x") == {0: "y"}


def test_a_panic_of_the_library_is_an_error_like_others() -> None:
    tokenizer = Tokenizer.from_str(json.dumps(PANICKING))
    with pytest.raises(RuntimeError, match="library failed"), panics_as_errors():
        tokenizer.encode("a b c")


def test_what_ends_the_process_is_no_panic() -> None:
    with pytest.raises(KeyboardInterrupt), panics_as_errors():
        raise KeyboardInterrupt


PANICKING = {
    "version": "1.0",
    "truncation": {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 1},
    "pre_tokenizer": {"type": "Whitespace"},
    "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"},
}


def content_of(max_tokens: int = 64, **padding: object) -> Content:
    """The tiny bundle's tokenizer, with words of its own."""
    content: Content = json.loads((TINY / TOKENIZER).read_text(encoding="utf-8"))
    words = "<pad> <unk> <url> <user> <rt> <hashtag> a bad day good to you"
    content["model"]["vocab"] = {word: number for number, word in enumerate(words.split())}
    content["truncation"]["max_length"] = max_tokens
    content["padding"] |= padding
    return content


def encoder(max_tokens: int = 64, **padding: object) -> Encoder:
    return Encoder(json.dumps(content_of(max_tokens, **padding)))


def test_ids_come_unpadded_and_in_order() -> None:
    good, bad = encoder().encode(["good day", "bad day to you"])
    assert (len(good.ids), len(bad.ids)) == (2, 4)
    assert good.ids.dtype == np.int32
    assert good.ids[1] == bad.ids[1]


def test_truncation_is_told() -> None:
    short, exact, long = encoder(max_tokens=2).encode(["good", "good day", "good day to"])
    assert [short.truncated, exact.truncated, long.truncated] == [False, False, True]
    (longer,) = encoder(max_tokens=2).encode(["good day to you bad day a"])
    assert [exact.cut, long.cut, longer.cut] == [0, 1, 5]
    assert len(long.ids) == 2


def test_padding_to_a_length_is_no_part_of_what_is_cut_off() -> None:
    encoded = encoder(max_tokens=2, strategy={"Fixed": 2}).encode(["good", "good day to", "good day to you bad day a"])
    assert [item.cut for item in encoded] == [0, 1, 5]


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "\ufe0f"])
def test_a_text_with_nothing_to_read_is_one_unknown_token(text: str) -> None:
    (encoded,) = encoder().encode([text])
    assert encoded.ids.tolist() == [encoder().unknown_id]


def share(encoder: Encoder, text: str) -> float:
    (encoded,), (known,) = encoder.encode_with_shares([text])
    assert encoded.ids.tolist() == encoder.encode([text])[0].ids.tolist()
    return known


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("good day", 1.0),
        ("  good\n", 1.0),
        ("good xyz", 4 / 7),
        ("xyz", 0.0),
        ("\u6211\u559c\u6b22", 0.0),
        ("good\u200b day", 1.0),
        ("http://t.co/abc @bob", 1.0),
        ("http://t.co/abcdefgh xyz", 1 / 4),
        ("", 0.0),
        ("\u200b\ufe0f", 0.0),
    ],
)
def test_the_share_of_characters_that_have_pieces(text: str, known: float) -> None:
    assert share(encoder(), text) == pytest.approx(known)


def test_padding_is_no_text() -> None:
    padded = encoder(max_tokens=5, strategy={"Fixed": 5}, direction="Left")
    assert [share(padded, text) for text in ("good", "good xyz", "xyz", "\u200b")] == pytest.approx([1, 4 / 7, 0, 0])


def test_what_was_cut_off_does_not_count() -> None:
    assert share(encoder(max_tokens=2), "good day xyz xyz") == 1.0
    assert share(encoder(max_tokens=2), "xyz good xyz xyz") == pytest.approx(4 / 7)


def test_shares_are_in_the_order_of_the_texts() -> None:
    texts = ["good", "xyz", "day", "xyz good", "bad"]
    encoded, shares = encoder().encode_with_shares(texts)
    assert shares == pytest.approx([1, 0, 1, 4 / 7, 1])
    assert [len(item.ids) for item in encoded] == [1, 1, 1, 2, 1]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("cab a c", 1.0),
        ("cabs", 1.0),
        ("scab", 1.0),
        ("cba", 0.0),
        ("cba cab", 0.5),
        ("acab cba", 4 / 7),
        ("cba?", 0.0),
        ("ca?b", 3 / 4),
    ],
)
def test_a_word_that_comes_apart_into_characters_is_not_known(text: str, known: float) -> None:
    """So much the byte-pair encoding has of each alphabet that its training has met."""
    characters = ["a", "b", "c", "s", "##a", "##b", "##c", "##s"]
    vocabulary = ["<pad>", "<unk>", *characters, "ca", "cab", "##ca", "##cab"]
    model = {
        "type": "BPE",
        "unk_token": "<unk>",
        "fuse_unk": True,
        "continuing_subword_prefix": "##",
        "vocab": {token: number for number, token in enumerate(vocabulary)},
        "merges": ["c ##a", "ca ##b", "##c ##a", "##ca ##b"],
    }
    pieces = {"type": "Split", "pattern": {"Regex": "\\s+"}, "behavior": "Removed", "invert": False}
    content = content_of() | {"model": model, "normalizer": None, "pre_tokenizer": pieces}
    assert share(Encoder(json.dumps(content)), text) == pytest.approx(known)


def test_a_typed_padding_token_is_not_padding() -> None:
    (encoded,) = encoder().encode(["good <pad> day"])
    assert encoder().pad_id not in encoded.ids


def test_pad_batch_pads_right_to_the_longest() -> None:
    ids, lengths = encoder().pad_batch(encoder().encode(["good", "bad day to"]))
    assert ids.shape == (2, 3)
    assert lengths.tolist() == [1, 3]
    assert ids[0, 1:].tolist() == [0, 0]


def test_fixed_length_pads_each_text_on_its_side() -> None:
    left_padded = encoder(max_tokens=5, strategy={"Fixed": 5}, direction="Left")
    (encoded,) = left_padded.encode(["good day"])
    assert left_padded.fixed_length == 5
    assert encoded.ids[:3].tolist() == [0, 0, 0]
    assert (encoded.ids[3:] > 1).all()


def test_what_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(BundleError, match=r"tokenizer\.json: is not a tokenizers file"):
        Encoder("{}")


def test_one_without_padding_is_refused() -> None:
    with pytest.raises(BundleError, match="padding rule"):
        Encoder(json.dumps(content_of() | {"padding": None}))


def test_every_id_has_its_row_also_where_ids_are_shared_or_left_out() -> None:
    content = content_of()
    content["model"]["vocab"] |= {"good": 40, "bad": 40}
    shared = Encoder(json.dumps(content))
    assert shared.vocabulary_size == 41
    assert [encoded.ids.tolist() for encoded in shared.encode(["good", "bad"])] == [[40], [40]]
