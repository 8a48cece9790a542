"""Tokenizer files that were made to harm whoever loads them, or texts that come later."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from serving.bundle import TOKENIZER
from serving.encoding import Encoder
from serving.errors import BundleError
from serving.predictor import Predictor
from serving.tokenizer_file import MAX_CONTENT, MAX_RULES, MAX_TOKENS, check_format
from tests.serving.test_hostile_files import made_true

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
    made_true(bundle)
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
    made_true(bundle)
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


class PanicException(BaseException):
    """As pyo3's, which cannot be imported."""


def test_a_panic_is_an_error_like_others(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Panicking:
        def encode_batch_fast(self, texts: list[str]) -> None:
            raise PanicException(texts)

    encoder = Encoder.read(bundle / TOKENIZER)
    monkeypatch.setattr(encoder, "_tokenizer", Panicking())
    with pytest.raises(RuntimeError, match="library failed"):
        encoder.encode(["a"])


def test_the_library_does_panic() -> None:
    """By that name: or what is above is about nothing."""
    tokenizer = Tokenizer.from_str(json.dumps(PANICKING))
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        tokenizer.encode("a b c")
    assert type(caught.value).__name__ == "PanicException"


PANICKING = {
    "version": "1.0",
    "truncation": {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 1},
    "pre_tokenizer": {"type": "Whitespace"},
    "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"},
}
