import unicodedata

import pytest
import regex
from hypothesis import given, settings

from serving.words import cut_words
from tests.serving.generated import LONG_TEXTS, TEXTS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n\x00\u2003", []),
        ("WORST SHOW EVER!!!", ["WORST", "SHOW", "EVER", "!!!"]),
        ("don't, can’t: a well-known 'word'", ["don't", ",", "can’t", ":", "a", "well-known", "'", "word", "'"]),
        ("#WorstShowEver @bob: ...@al #1", ["#WorstShowEver", "@bob", ":", "...", "@al", "#1"]),
        ("see http://t.co/aB?x=1) or t.co/x", ["see", "http://t.co/aB?x=1)", "or", "t.co/x"]),
        ("(great :)) :-D :'( <3 </3 ^_^", ["(", "great", ":))", ":-D", ":'(", "<3", "</3", "^_^"]),
        ("at 8:15, 3.5% 2pm", ["at", "8:15", ",", "3.5", "%", "2pm"]),
        ("love😀you", ["love", "😀", "you"]),
        ("😂😂😂👍👍🏽", ["😂😂😂", "👍", "👍🏽"]),
        ("👨‍👩‍👧‍👦🏳️‍🌈🇩🇪🇫🇷", ["👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇫🇷"]),
        ("cafe\u0301 q\u0323\u0307!", ["cafe\u0301", "q\u0323\u0307", "!"]),
        ("שלום! مرحبا", ["שלום", "!", "مرحبا"]),
        ("我喜欢 ひらがな", ["我", "喜", "欢", "ひらがな"]),
        ("a\x00b", ["a", "b"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [word.word for word in cut_words(text)] == words


def check(text: str) -> None:
    end = 0
    gaps = []
    for word in cut_words(text):
        assert word.start >= end
        assert word.end > word.start
        assert text[word.start : word.end] == word.word
        gaps.append(text[end : word.start])
        end = word.end
    left_out = "".join(gaps) + text[end:]
    assert all(character.isspace() or unicodedata.category(character) == "Cc" for character in left_out)


def check_whole_characters(text: str) -> None:
    """By another library's extended grapheme clusters, without the characters that only its newer Unicode has."""
    text = "".join(character for character in text if unicodedata.category(character) != "Cn")
    breaks = {0} | {cluster.end() for cluster in regex.finditer(r"\X", text)}
    for word in cut_words(text):
        # A mark on a space is a word, and the space is none.
        assert word.start in breaks or text[word.start - 1].isspace(), ascii(text)
        assert word.end in breaks, ascii(text)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(text=TEXTS)
def test_offsets_cut_the_text_at_whole_words(text: str) -> None:
    check(text)
    check_whole_characters(text)


@settings(max_examples=25, deadline=None)
@given(text=LONG_TEXTS)
def test_offsets_in_long_texts(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "piece", ["a", "a.", "@a ", "😀", "👍", "<", "a-", "(:", ":o", "1.", "\u0301", "😀\u200d", "@#"]
)
def test_no_text_takes_long(piece: str) -> None:
    """Each would take minutes, were the time to grow with the square of a text's length or faster."""
    text = piece * (400_000 // len(piece))
    assert "".join(word.word for word in cut_words(text)) == text.replace(" ", "")
