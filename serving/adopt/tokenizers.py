"""Readers of Keras tokenizers in the files that people keep them in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from serving.adopt.pickles import MAX_BYTES, PickledObject, read_pickle
from serving.errors import AdoptError

KERAS_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'  # those of Tokenizer by default
STANDARDIZED = KERAS_FILTERS.strip() + "'"  # what TextVectorization strips
# Of 300,000 words. In memory a short string takes twelve times its JSON, an empty container thirty times.
MAX_JSON_BYTES, MAX_JSON_CONTAINERS = 24 * 1024**2, 100_000
MAX_JSON_LAYERS = 4  # JSON within JSON: people dump what Tokenizer.to_json dumped, whose config holds more of it
MAX_ID = 2**31 - 1
MAX_WORDS = 1_000_000  # more than any Embedding that is served has rows

# How people name a dict of words and ids, and a length, where they keep them beside other things.
_WORD_INDEX_KEYS = ("word_index", "word2idx", "word_to_index", "word2index", "word2id", "word_to_id", "vocab")
_LENGTH_KEYS = ("max_length", "maxlen", "max_len", "max_sequence_length", "MAX_SEQUENCE_LENGTH")


@dataclass(frozen=True, slots=True)
class KerasTokenizer:
    """The settings and vocabulary of a Keras `Tokenizer`, or of another way from texts to ids that Keras has.

    Attributes:
        form: what it was read from, for people.
        word_index: word -> id.
        num_words: ids from this on count as unknown; None or 0: none do.
        oov_token: the word whose id unknown words get; None: they are left out.
        unknown_id: the id of unknown words, where `oov_token` does not say it.
        lower: by Python's `str.lower`, of A to Z alone, or not at all.
        filters: characters that are replaced by `filter_content`.
        filter_content: None: the split; then these are the filters of a Tokenizer, which has none at `char_level`.
        split: what is between words; None: white space.
        char_level: whether each character is a word.
        max_length: how many ids a text gets, where the file says it.
    """

    form: str
    word_index: Mapping[str, int]
    num_words: int | None = None
    oov_token: str | None = None
    unknown_id: int | None = None
    lower: Literal["unicode", "ascii"] | None = "unicode"
    filters: str = KERAS_FILTERS
    filter_content: str | None = None
    split: str | None = " "
    char_level: bool = False
    max_length: int | None = None


def read_tokenizer(path: Path) -> KerasTokenizer:
    """Read a tokenizer file: JSON, a pickle, or a dict by `numpy.save`.

    Raises:
        AdoptError: it is none of them, or holds no words with ids.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise AdoptError(f"{path.name}: cannot be read: {error.strerror}") from error
    if not content:
        raise AdoptError(f"{path.name}: has {size:,} bytes; accepted: a tokenizer of 1 to {MAX_BYTES:,}")
    return tokenizer_from(_parse(content, path.name), path.name)


def _parse(content: bytes, name: str) -> Any:
    if content.startswith(b"version https://git-lfs"):
        raise AdoptError(f"{name}: is a pointer of Git LFS, not the file itself; `git lfs pull` fetches that")
    if content.startswith(b"\x93NUMPY"):
        return read_pickle(_object_array(content, name), name)
    if content.startswith(b"\x80"):
        return read_pickle(content, name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if text.lstrip()[:1] in ("{", "[", '"'):
        return _parse_json(text, name)
    if content.endswith(b"."):  # a pickle of protocol 0 or 1
        return read_pickle(content, name)
    raise AdoptError(
        f"{name}: is neither JSON in UTF-8 nor a pickle; accepted: Tokenizer.to_json(), a word_index, a pickled "
        "Tokenizer or dict, a dict by numpy.save"
    )


def _parse_json(text: str, name: str) -> Any:
    containers = text.count("{") + text.count("[")
    if len(text) > MAX_JSON_BYTES or containers > MAX_JSON_CONTAINERS:
        raise AdoptError(
            f"{name}: has {len(text):,} characters and {containers:,} brackets; accepted: JSON of at most "
            f"{MAX_JSON_BYTES:,} and {MAX_JSON_CONTAINERS:,}"
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AdoptError(f"{name}: is JSON that is broken off; accepted: the file as it was written") from error


def _object_array(content: bytes, name: str) -> bytes:
    """The pickle within a file of `numpy.save` (format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)."""
    width = 2 if content[6:7] == b"\x01" else 4
    start = 8 + width
    end = start + int.from_bytes(content[8:start], "little")
    if b"'|O'" not in content[start:end]:
        raise AdoptError(f"{name}: is an array of numbers or strings; accepted of numpy.save: a dict of words and ids")
    return content[end:]


def tokenizer_from(value: Any, name: str) -> KerasTokenizer:
    """The tokenizer that a parsed file holds.

    Args:
        value: plain data, of JSON or of `read_pickle`.
        name: the file's, for sentences.

    Raises:
        AdoptError: it holds no words with ids.
    """
    value = _without_json_layers(value, name)
    if isinstance(value, PickledObject) and value.is_tokenizer and isinstance(value.state, dict):
        return _from_settings(value.state, "pickled Tokenizer", name)
    if isinstance(value, PickledObject) and value.name == "numpy.ndarray" and isinstance(value.state, tuple):
        return tokenizer_from(_only_item(value.state[-1], name), name)
    if isinstance(value, list | tuple) and len(value) == 2 and _is_id(value[1]):
        return replace(tokenizer_from(value[0], name), max_length=value[1])
    if isinstance(value, list | tuple) and list(value[:2]) == ["", "[UNK]"]:
        return from_text_vectorization(value, {}, name)
    if isinstance(value, dict):
        return _from_dict(value, name)
    raise AdoptError(
        f"{name}: holds {_type_name(value)}; accepted: a Keras Tokenizer, a dict of words and their ids, "
        "the vocabulary of a TextVectorization"
    )


def _from_dict(value: dict[Any, Any], name: str) -> KerasTokenizer:
    if isinstance(value.get("config"), dict):
        return _from_settings(value["config"], "Tokenizer.to_json()", name)
    if "tokenizer" in value and not _is_id(value["tokenizer"]):
        return replace(tokenizer_from(value["tokenizer"], name), max_length=_max_length(value))
    key = next((key for key in _WORD_INDEX_KEYS if isinstance(value.get(key), dict | str)), None)
    if key is not None:
        return _from_settings({**value, "word_index": value[key]}, f"dict with {key}", name)
    if value and all(isinstance(word, str) for word in value.values()):
        value = {word: _as_id(key) for key, word in value.items()}
    return KerasTokenizer("word index", _checked_word_index(value, name))


def _from_settings(settings: Mapping[str, Any], form: str, name: str) -> KerasTokenizer:
    if settings.get("analyzer") is not None:
        raise AdoptError(f"{name}: its Tokenizer has an analyzer, a function of its own; accepted: one without")
    word_index = _without_json_layers(settings.get("word_index"), name)
    lower, split = _setting(settings, "lower", bool, True, name), _setting(settings, "split", str, " ", name)
    filters = settings.get("filters", KERAS_FILTERS)
    if isinstance(filters, list | tuple) and all(isinstance(sign, str) and len(sign) == 1 for sign in filters):
        filters = "".join(filters)
    if not split:
        raise AdoptError(f"{name}: its split is empty; accepted: what stands between words")
    return KerasTokenizer(
        form=form,
        word_index=_checked_word_index(word_index, name),
        num_words=_setting(settings, "num_words" if "num_words" in settings else "nb_words", int, None, name),
        oov_token=_setting(settings, "oov_token", str, None, name),
        lower="unicode" if lower else None,
        filters=_setting({"filters": filters}, "filters", str, KERAS_FILTERS, name),
        split=split,
        char_level=_setting(settings, "char_level", bool, False, name),
        max_length=_max_length(settings),
    )


def _setting(settings: Mapping[str, Any], key: str, kind: type, default: Any, name: str) -> Any:
    value = settings.get(key, default)
    if value is not default and type(value) is not kind:
        raise AdoptError(f"{name}: {key} is {_type_name(value)}; accepted: {kind.__name__}")
    return value


def from_text_vectorization(vocabulary: Sequence[str], config: Mapping[str, Any], name: str) -> KerasTokenizer:
    """The tokenizer that a `TextVectorization` layer is.

    Args:
        vocabulary: its words, with or without the two that stand for padding and for unknown words.
        config: the layer's; what is missing has the layer's default.
        name: the file's, for sentences.

    Raises:
        AdoptError: it does what cannot be done without TensorFlow, or gives no sequence of ids.
    """
    accepted: dict[str, tuple[Any, ...]] = {
        "standardize": ("lower_and_strip_punctuation", "lower", "strip_punctuation", None),
        "split": ("whitespace", "character"),
        "ngrams": (None,),
        "output_mode": ("int",),
        "ragged": (False, None),
        "encoding": ("utf-8",),
    }
    options = {key: config.get(key, values[0]) for key, values in accepted.items()}
    for key, values in accepted.items():
        if options[key] not in values:
            raise AdoptError(
                f"{name}: its TextVectorization has {key} {str(options[key])[:60]!r}; accepted: "
                f"{', '.join(map(repr, values))}"
            )
    standardize = options["standardize"] or ""
    words = vocabulary[2:] if list(vocabulary[:2]) == ["", "[UNK]"] else vocabulary
    return KerasTokenizer(
        form="TextVectorization",
        # Backwards, so that of equal words the first has its id.
        word_index=_checked_word_index({words[i]: i + 2 for i in reversed(range(len(words)))}, name),
        unknown_id=1,
        lower="ascii" if standardize.startswith("lower") else None,
        filters=STANDARDIZED if standardize.endswith("strip_punctuation") else "",
        filter_content="",
        split=None,
        char_level=options["split"] == "character",
        max_length=config.get("output_sequence_length"),
    )


def _checked_word_index(value: Any, name: str) -> dict[str, int]:
    if not isinstance(value, dict) or not value:
        raise AdoptError(
            f"{name}: has no words. A Tokenizer that was never fitted has none, and neither has one_hot, whose ids are "
            "Python's hashes, other ones in each process: nobody can know them again"
        )
    if len(value) > MAX_WORDS:
        raise AdoptError(f"{name}: has {len(value):,} words; accepted: at most {MAX_WORDS:,}")
    for word, word_id in value.items():
        if not isinstance(word, str) or not _is_id(word_id):
            raise AdoptError(
                f"{name}: has {_type_name(word)} with {_type_name(word_id)} as id; accepted: words with ids "
                f"of 0 to {MAX_ID:,}"
            )
    return value


def _without_json_layers(value: Any, name: str) -> Any:
    for _ in range(MAX_JSON_LAYERS):
        if not isinstance(value, str):
            return value
        value = _parse_json(value, name)
    raise AdoptError(f"{name}: is JSON within JSON, and so on; accepted: at most {MAX_JSON_LAYERS} layers of it")


def _only_item(value: Any, name: str) -> Any:
    if not isinstance(value, list) or len(value) != 1:
        raise AdoptError(f"{name}: is an array of several objects; accepted of numpy.save: a dict of words and ids")
    return value[0]


def _max_length(settings: Mapping[str, Any]) -> int | None:
    return next((settings[key] for key in _LENGTH_KEYS if _is_id(settings.get(key))), None)


def _as_id(key: Any) -> Any:
    return int(key) if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 11 else key


def _is_id(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_ID


def _type_name(value: Any) -> str:
    if isinstance(value, PickledObject):
        return f"an object of {value.name[:60]}"
    return f"{value[:40]!r}" if isinstance(value, str) else f"a value of type {type(value).__name__}"
