from dataclasses import replace

import pytest

from serving.adopt.preprocessing import PadSequences, preprocessing
from serving.adopt.tokenizers import KerasTokenizer, from_text_vectorization
from serving.errors import AdoptError
from serving.model.keras_encoder import KerasEncoder
from serving.model.text_rules import CleaningStep, Substitution

WORDS = KerasTokenizer("word index", {"<OOV>": 1, "good": 2, "bad": 3, "day": 4})
WITH_OOV = replace(WORDS, oov_token="<OOV>")
FIVE = PadSequences(5)


def ids(tokenizer: KerasTokenizer, text: str, sequences: PadSequences = FIVE) -> list[int]:
    content, rules = preprocessing(tokenizer, sequences, rows=10, masked=False)
    encoded: list[int] = KerasEncoder(content, rules).encode([text])[0].ids.tolist()
    return encoded


@pytest.mark.parametrize(
    ("tokenizer", "expected"),
    [
        (WORDS, [0, 2, 3, 4]),
        (WITH_OOV, [2, 1, 3, 4]),
        (replace(WORDS, num_words=4), [0, 0, 2, 3]),
        (replace(WITH_OOV, num_words=4), [2, 1, 3, 1]),
        (replace(WITH_OOV, num_words=1), [1, 1, 1, 1]),  # the word for unknown ones stays
        (replace(WORDS, num_words=0), [0, 2, 3, 4]),
        (replace(WORDS, unknown_id=9), [2, 9, 3, 4]),
        (replace(WORDS, unknown_id=0), [2, 0, 3, 4]),
    ],
)
def test_unknown_words_and_those_beyond_num_words(tokenizer: KerasTokenizer, expected: list[int]) -> None:
    assert ids(tokenizer, "Good zxqv bad day!", PadSequences(4)) == expected


def test_an_empty_oov_token() -> None:
    tokenizer = KerasTokenizer("word index", {"": 1, "good": 2}, oov_token="")
    assert ids(tokenizer, "good  zxqv") == [0, 0, 0, 2, 1]


def test_ids_that_begin_at_zero_and_several_words_with_one_id() -> None:
    tokenizer = KerasTokenizer("word index", {"i": 0, "good": 1, "great": 1, "<unk>": 2})
    assert ids(tokenizer, "great good zxqv I") == [0, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("sequences", "expected"),
    [
        (PadSequences(5), [0, 0, 2, 3, 4]),
        (PadSequences(5, padding="post"), [2, 3, 4, 0, 0]),
        (PadSequences(5, padding_id=7), [7, 7, 2, 3, 4]),
        (PadSequences(2), [3, 4]),
        (PadSequences(2, truncating="post"), [2, 3]),
    ],
)
def test_padding_and_truncation(sequences: PadSequences, expected: list[int]) -> None:
    assert ids(WORDS, "good bad day", sequences) == expected


def test_a_masking_network_needs_no_padding() -> None:
    content, rules = preprocessing(WORDS, PadSequences(2), rows=10, masked=True)
    encoder = KerasEncoder(content, rules)
    assert [item.ids.tolist() for item in encoder.encode(["good", "good bad day", "zxqv"])] == [[2], [3, 4], []]
    unbounded = KerasEncoder(*preprocessing(WORDS, PadSequences(), rows=10, masked=True))
    assert len(unbounded.encode(["good " * 100])[0].ids) == 100


def test_padding_that_the_network_does_not_mask_stays() -> None:
    encoder = KerasEncoder(*preprocessing(WORDS, PadSequences(3, padding_id=5), rows=10, masked=True))
    assert encoder.encode(["good"])[0].ids.tolist() == [5, 5, 2]


def test_cleaning_comes_before_the_tokenizer() -> None:
    cleaning: list[CleaningStep | Substitution] = ["lower", Substitution(pattern=r"[^a-z\s]", content="")]
    content, rules = preprocessing(replace(WORDS, lower=None), FIVE, rows=10, masked=False, cleaning=cleaning)
    assert KerasEncoder(content, rules).encode(["GO-OD d4ay"])[0].ids.tolist() == [0, 0, 0, 2, 4]


def test_characters_have_no_filters_but_those_of_a_text_vectorization() -> None:
    characters = KerasTokenizer("word index", {"a": 1, "!": 2, " ": 3}, char_level=True)
    assert ids(characters, "A! a") == [0, 1, 2, 3, 1]
    layer = from_text_vectorization(["a", " "], {"split": "character"}, "x.keras")
    assert ids(layer, "A! a", PadSequences(5, "post", "post")) == [2, 3, 2, 0, 0]


def test_the_first_of_equal_words_of_a_text_vectorization_has_its_id() -> None:
    assert ids(from_text_vectorization(["a", "b", "a"], {}, "x.keras"), "a") == [0, 0, 0, 0, 2]


def test_ids_outside_of_the_embedding_are_refused_with_the_way_out() -> None:
    for tokenizer in (WORDS, replace(WORDS, num_words=5)):
        with pytest.raises(
            AdoptError, match=r"has ids up to 4, the network's Embedding has 4 rows.*--num-words of at most 4"
        ):
            preprocessing(tokenizer, FIVE, rows=4, masked=False)
    assert preprocessing(replace(WORDS, num_words=4), FIVE, rows=4, masked=False)
    for outside in (replace(WORDS, num_words=2, unknown_id=4), replace(WORDS, num_words=2)):
        with pytest.raises(AdoptError, match="has ids up to"):
            preprocessing(outside, replace(FIVE, padding_id=7), rows=4, masked=False)


def test_an_oov_token_without_an_id_is_refused() -> None:
    with pytest.raises(AdoptError, match=r"oov_token 'oov' has no id in its word_index, so that Keras fails"):
        preprocessing(replace(WORDS, oov_token="oov"), FIVE, rows=10, masked=False)


@pytest.mark.parametrize(
    ("length", "fault"), [(None, "wanted: --max-length"), (0, "--max-length is 0"), (5000, "--max-length is 5,000")]
)
def test_a_length_that_is_missing_or_too_large(length: int | None, fault: str) -> None:
    with pytest.raises(AdoptError, match=fault):
        preprocessing(WORDS, PadSequences(length), rows=10, masked=False)


def test_settings_beyond_what_a_bundle_holds() -> None:
    with pytest.raises(AdoptError, match="word index: filters: String should have at most"):
        preprocessing(replace(WORDS, filters="x" * 2000), FIVE, rows=10, masked=False)


def test_words_that_no_text_can_have_are_left_out() -> None:
    assert ids(KerasTokenizer("word index", {"\ud800": 1, "good": 2}), "good") == [0, 0, 0, 0, 2]
