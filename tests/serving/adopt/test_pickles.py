import pickle
import random
import sys
from collections import OrderedDict, defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.adopt import pickles
from serving.adopt.pickles import PickledObject, read_pickle
from serving.errors import AdoptError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
PLAIN: dict[str | int, Any] = {
    "words": {"good": 2, "naïve 😀": 70_000, "": 1, "x" * 300: 2**31},
    "counts": [(1, "a"), (), (1, 2), (1, 2, 3), (1, 2, 3, 4), None, True, False, -5, 0.5, b"\x00\xff", 2**70],
    7: [[], {}, ["nested", {"deep": ["er"]}]],
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_data_is_read_as_it_was(protocol: int) -> None:
    assert read_pickle(pickle.dumps(PLAIN, protocol), "x.pkl") == PLAIN


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_object_is_its_name_and_attributes(keras_tokenizer: type, protocol: int) -> None:
    tokenizer = keras_tokenizer()
    counts = defaultdict(int, {1: 2})
    tokenizer.__dict__.update(word_index={"a": 1}, word_counts=OrderedDict(a=3), index_docs=counts)
    value, length = read_pickle(pickle.dumps((tokenizer, 12), protocol), "x.pkl")
    assert value.is_tokenizer
    assert value.state == {"word_index": {"a": 1}, "word_counts": {"a": 3}, "index_docs": {1: 2}}
    assert length == 12


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_integers_of_numpy(protocol: int) -> None:
    value = {"a": np.int64(7), "b": np.int32(-8), "c": np.uint8(200)}
    assert read_pickle(pickle.dumps(value, protocol), "x.pkl") == {"a": 7, "b": -8, "c": 200}


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_name_that_is_not_listed_is_refused_and_never_imported(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "mark"
    for content in (
        pickle.dumps({"a": Calls(Path.touch, mark)}, protocol),
        pickle.dumps([Calls(eval, f"open({str(mark)!r}, 'w')")], protocol),
        pickle.dumps(Calls(getattr, "a", "b"), protocol),
    ):
        with pytest.raises(AdoptError, match=r"x\.pkl: holds the (name '(pathlib|\w+\.(eval|getattr))|operation)"):
            read_pickle(content, "x.pkl")
    assert not mark.exists()


def test_a_module_is_not_imported() -> None:
    assert "antigravity" not in sys.modules
    with pytest.raises(AdoptError, match=r"x\.pkl: holds the name 'antigravity\.geohash', which is never imported"):
        read_pickle(b"cantigravity\ngeohash\n.", "x.pkl")
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    "name",
    [
        "keras.preprocessing.text.Tokenizer",
        "keras_preprocessing.text.Tokenizer",
        "keras.src.preprocessing.text.Tokenizer",
        "tensorflow.python.keras.preprocessing.text.Tokenizer",
        "tf_keras.src.preprocessing.text.Tokenizer",
    ],
)
def test_every_name_that_the_tokenizer_had(name: str) -> None:
    module, cls = name.rsplit(".", 1)
    value = read_pickle(f"c{module}\n{cls}\n)\x81}}b.".encode("latin-1"), "x.pkl")
    assert isinstance(value, PickledObject)
    assert (value.name, value.is_tokenizer, value.state) == (name, True, {})


@pytest.mark.parametrize(
    "name", ["keras.text\nTokenizer.x", "kerasx.text\nTokenizer", "os.text\nTokenizer", "keras\nLambda"]
)
def test_names_that_only_look_like_it(name: str) -> None:
    with pytest.raises(AdoptError, match="which is never imported"):
        read_pickle(f"c{name}\n.".encode(), "x.pkl")


BROKEN = {
    "empty": b"",
    "broken off": pickle.dumps(PLAIN)[:-20],
    "a text": b"hello, world.",
    "nothing on the stack": b".",
    "two values": b"NN.",
    "too few items": b"N\x86.",
    "no mark": b"Nu.",
    "a number of items that is odd": b"}(Nu.",
    "no such memo": b"h\x07.",
    "items of no dict": b"](NNu.",
    "items of no list": b"}Na.",
    "a call of no function": b"N)R.",
    "a call with wrong arguments": b"ccollections\ndefaultdict\n(NNNtR.",
    "attributes of no object": b"}}b.",
    "a length beyond the end": b"\x8d" + b"\xff" * 8 + b".",
    "a huge index": b"Nr\xff\xff\xff\xff.",
    "words that are no text": b"X\x02\x00\x00\x00\xff\xff.",
    "digits without end": b"I" + b"9" * 5000 + b"\n.",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused(content: bytes) -> None:
    if content == BROKEN["a huge index"]:
        assert read_pickle(content, "x.pkl") is None
        return
    with pytest.raises(AdoptError, match=r"^x\.pkl: is no pickle, or is broken off; accepted: "):
        read_pickle(content, "x.pkl")


def test_operations_that_no_plain_data_needs() -> None:
    with pytest.raises(AdoptError, match=r"x\.pkl: holds the operation PERSID; accepted: a pickled Keras Tokenizer"):
        read_pickle(b"Pabc\n.", "x.pkl")


HOSTILE_KEYS = {
    "a tuple nested a million times": b")" + b"\x85" * 900_000,
    "a number that collides": b"\x8a\x0a" + b"\xff" * 9 + b"\x00",
    "None": b"N",
}


@pytest.mark.parametrize("key", HOSTILE_KEYS.values(), ids=HOSTILE_KEYS)
def test_only_words_and_small_numbers_are_keys(key: bytes) -> None:
    with pytest.raises(AdoptError, match="holds a dict with a key of type"):
        read_pickle(b"}" + key + b"Ns.", "x.pkl")


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MAX_OPERATIONS", 1000)
    monkeypatch.setattr(pickles, "MAX_CONTAINERS", 100)
    monkeypatch.setattr(pickles, "MAX_BYTES", 5000)
    for content in (b"N" * 1001 + b".", b"]" * 101 + b".", b"(" * 101 + b".", b")\x85" * 101 + b"."):
        with pytest.raises(AdoptError, match=r"x\.pkl: has more than 1,000 operations or 100 containers"):
            read_pickle(content, "x.pkl")
    with pytest.raises(AdoptError, match=r"x\.pkl: has 5,001 bytes; accepted: a pickle of at most 5,000"):
        read_pickle(b"N" * 5001, "x.pkl")


@pytest.mark.filterwarnings("ignore:invalid (octal )?escape sequence")  # of a string of Python 2's
@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_mutations_end_in_a_value_or_a_sentence(keras_tokenizer: type, protocol: int, count: int) -> None:
    chance = random.Random(protocol)
    tokenizer = keras_tokenizer()
    tokenizer.__dict__.update(word_index={"a": 1, "b": 2}, word_counts=OrderedDict(a=3), oov_token=None)
    content = pickle.dumps((tokenizer, 12), protocol)
    for _ in range(count):
        mutated = bytearray(content)
        for _ in range(chance.randint(1, 8)):
            mutated[chance.randrange(len(mutated))] = chance.randrange(256)
        with suppress(AdoptError):  # anything else fails
            read_pickle(bytes(mutated), "x.pkl")
