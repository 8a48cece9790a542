import io
import json
import pickle
import random
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.adopt import tokenizers
from serving.adopt.tokenizers import KERAS_FILTERS, KerasTokenizer, from_text_vectorization, read_tokenizer
from serving.errors import AdoptError

WORD_INDEX = {"<OOV>": 1, "good": 2, "bad": 3}
CONFIG = {
    "num_words": 100,
    "filters": KERAS_FILTERS,
    "lower": True,
    "split": " ",
    "char_level": False,
    "oov_token": "<OOV>",
    "document_count": 2,
    "word_counts": '{"good": 1, "bad": 1}',
    "word_index": json.dumps(WORD_INDEX),
}
TO_JSON = json.dumps({"class_name": "Tokenizer", "config": CONFIG})


def read(folder: Path, content: bytes | str) -> KerasTokenizer:
    path = folder / "tokenizer"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_tokenizer(path)


def saved_by_numpy(value: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, value, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_to_json_with_json_around_it(tmp_path: Path, layers: int) -> None:
    content = TO_JSON
    for _ in range(layers):
        content = json.dumps(content)
    tokenizer = read(tmp_path, content)
    assert (tokenizer.form, tokenizer.word_index) == ("Tokenizer.to_json()", WORD_INDEX)
    assert (tokenizer.num_words, tokenizer.oov_token, tokenizer.lower) == (100, "<OOV>", "unicode")


WORD_INDICES: dict[str, bytes] = {
    "JSON": json.dumps(WORD_INDEX).encode(),
    "JSON with a mark of its encoding": b"\xef\xbb\xbf" + json.dumps(WORD_INDEX).encode(),
    "JSON of ids and words": json.dumps({str(i): word for word, i in WORD_INDEX.items()}).encode(),
    "a pickle": pickle.dumps(WORD_INDEX),
    "a pickle of ids and words": pickle.dumps({i: word for word, i in WORD_INDEX.items()}),
    "a pickle of integers of NumPy": pickle.dumps({word: np.int64(i) for word, i in WORD_INDEX.items()}),
    "a pickle of a defaultdict": pickle.dumps(defaultdict(int, WORD_INDEX)),
    "numpy.save": saved_by_numpy(WORD_INDEX),
    "numpy.save of a list": saved_by_numpy(np.array([WORD_INDEX], dtype=object)),
}


@pytest.mark.parametrize("content", WORD_INDICES.values(), ids=WORD_INDICES)
def test_a_word_index(tmp_path: Path, content: bytes) -> None:
    tokenizer = read(tmp_path, content)
    assert tokenizer == KerasTokenizer("word index", WORD_INDEX)


def test_a_word_index_beside_other_things(tmp_path: Path) -> None:
    value = {"word2idx": WORD_INDEX, "idx2word": {1: "<OOV>"}, "max_len": 42, "labels": {"1": 0}}
    for content in (pickle.dumps(value), saved_by_numpy(value)):
        tokenizer = read(tmp_path, content)
        assert (tokenizer.form, tokenizer.word_index, tokenizer.max_length) == ("dict with word2idx", WORD_INDEX, 42)


def test_a_pickled_tokenizer_alone_in_a_pair_and_in_a_dict(tmp_path: Path, keras_tokenizer: type) -> None:
    tokenizer = keras_tokenizer()
    tokenizer.__dict__.update(CONFIG, word_index=WORD_INDEX, char_level=True, lower=False, analyzer=None)
    for value, length in [(tokenizer, None), ((tokenizer, 12), 12), ({"tokenizer": tokenizer, "maxlen": 9}, 9)]:
        adopted = read(tmp_path, pickle.dumps(value))
        assert (adopted.form, adopted.word_index) == ("pickled Tokenizer", WORD_INDEX)
        assert (adopted.char_level, adopted.lower, adopted.max_length) == (True, None, length)


def test_the_tokenizer_of_keras_1_has_another_name_for_num_words(tmp_path: Path, keras_tokenizer: type) -> None:
    tokenizer = keras_tokenizer()
    tokenizer.__dict__.update(word_index={"good": 1}, nb_words=7, filters="!", split=" ", lower=True, char_level=False)
    adopted = read(tmp_path, pickle.dumps(tokenizer))
    assert (adopted.num_words, adopted.oov_token, adopted.filters) == (7, None, "!")


def test_filters_may_be_a_list(tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps({"config": {**CONFIG, "filters": ["!", "?"]}})).filters == "!?"


def configured(**changes: object) -> bytes:
    return json.dumps({"class_name": "Tokenizer", "config": {**CONFIG, **changes}}).encode()


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "has 0 bytes"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a pointer of Git LFS.*git lfs pull"),
    "a text": (b"hello", "is neither JSON in UTF-8 nor a pickle"),
    "compressed": (b"\x1f\x8b\x08\0\0", "is neither JSON in UTF-8 nor a pickle"),
    "broken off": (TO_JSON[:100].encode(), "is JSON that is broken off"),
    "deep": (b"[" * 90_000, "is JSON that is broken off"),
    "deep words": (b'{"a":' * 90_000 + b"1" + b"}" * 90_000, "is JSON that is broken off"),
    "layers": (json.dumps(json.dumps(json.dumps(json.dumps(TO_JSON)))).encode(), "is JSON within JSON, and so on"),
    "a list of words": (pickle.dumps(["good", "bad"]), "holds a value of type list; accepted: a Keras Tokenizer"),
    "never fitted": (configured(word_index="{}"), "has no words.*one_hot.*nobody can know them again"),
    "no index": (configured(word_index=None), "has no words"),
    "negative": (b'{"good": -1}', "has 'good' with a value of type int as id"),
    "a share": (b'{"good": 0.5}', "has 'good' with a value of type float as id"),
    "huge": (b'{"good": 99999999999}', "has 'good' with a value of type int as id"),
    "bool": (b'{"good": true}', "has 'good' with a value of type bool as id"),
    "architecture": (b'{"class_name": "Sequential", "config": []}', "has 'class_name' with 'Sequential' as id"),
    "filters": (configured(filters=3), "filters is a value of type int; accepted: str"),
    "num_words": (configured(num_words="many"), "num_words is 'many'; accepted: int"),
    "lower": (configured(lower="yes"), "lower is 'yes'; accepted: bool"),
    "split": (configured(split=""), "its split is empty"),
    "analyzer": (configured(analyzer="nltk"), "its Tokenizer has an analyzer, a function of its own"),
    "an array": (saved_by_numpy(np.arange(3)), "is an array of numbers or strings"),
    "several": (saved_by_numpy(np.array([{}, {}, {}], dtype=object)), "is an array of several objects"),
    "numpy.save broken off": (saved_by_numpy(WORD_INDEX)[:90], "is no pickle, or is broken off"),
}


@pytest.mark.parametrize(("content", "fault"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_tokenizer_is_refused_with_the_reason(tmp_path: Path, content: bytes, fault: str) -> None:
    with pytest.raises(AdoptError, match=rf"^tokenizer: {fault}"):
        read(tmp_path, content)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(AdoptError, match="tokenizer: cannot be read: No such file"):
        read_tokenizer(tmp_path / "tokenizer")


def test_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizers, "MAX_JSON_BYTES", 100)
    monkeypatch.setattr(tokenizers, "MAX_JSON_CONTAINERS", 10)
    for content in ('{"a": "' + "x" * 100 + '"}', "[" * 11):
        with pytest.raises(AdoptError, match="accepted: JSON of at most 100 and 10"):
            read(tmp_path, content)
    monkeypatch.setattr(tokenizers, "MAX_BYTES", 10)
    with pytest.raises(AdoptError, match="has 11 bytes; accepted: a tokenizer of 1 to 10"):
        read(tmp_path, "x" * 11)


@pytest.mark.filterwarnings("ignore:invalid (octal )?escape sequence")  # of a string of Python 2's
@pytest.mark.parametrize("count", [50, pytest.param(2000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("content", [TO_JSON.encode(), *WORD_INDICES.values()])
def test_mutations_end_in_a_tokenizer_or_a_sentence(tmp_path: Path, content: bytes, count: int) -> None:
    chance = random.Random(len(content))
    for _ in range(count):
        mutated = bytearray(content)
        for _ in range(chance.randint(1, 5)):
            mutated[chance.randrange(len(mutated))] = chance.randrange(256)
        with suppress(AdoptError):  # anything else fails
            read(tmp_path, bytes(mutated))


VOCABULARY = ["", "[UNK]", "good", "bad"]


def test_a_text_vectorization_with_or_without_its_two_special_words() -> None:
    tokenizers_read = [from_text_vectorization(words, {}, "x.keras") for words in (VOCABULARY, VOCABULARY[2:])]
    assert tokenizers_read[0] == tokenizers_read[1]
    assert tokenizers_read[0].word_index == {"good": 2, "bad": 3}
    assert tokenizers_read[0].unknown_id == 1


def test_a_vocabulary_in_a_file(tmp_path: Path) -> None:
    assert read(tmp_path, pickle.dumps(VOCABULARY)).form == "TextVectorization"


@pytest.mark.parametrize(
    ("option", "fault"),
    [
        ({"ngrams": [1, 2]}, r"has ngrams '\[1, 2\]'; accepted: None"),
        ({"output_mode": "tf_idf"}, "has output_mode 'tf_idf'; accepted: 'int'"),
        ({"standardize": "custom>clean"}, "has standardize 'custom>clean'; accepted: 'lower_and_strip_punctuation', "),
        ({"split": None}, "has split 'None'; accepted: 'whitespace', 'character'"),
        ({"ragged": True}, "has ragged 'True'"),
    ],
)
def test_what_a_text_vectorization_cannot_do_here(option: dict[str, Any], fault: str) -> None:
    with pytest.raises(AdoptError, match=f"x.keras: its TextVectorization {fault}"):
        from_text_vectorization(VOCABULARY, option, "x.keras")
