"""Writer of an adopted bundle's preprocessing: the tokenizer file and the text rules that make Keras's ids."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from serving.adopt.tokenizers import KerasTokenizer
from serving.errors import AdoptError
from serving.model.text_rules import CleaningStep, Substitution, TextRules
from serving.model.tokenizer import MAX_TOKENS

Side = Literal["pre", "post"]

WHITE_SPACE = r"[ \t\n\x0B\f\r]+"  # where TextVectorization splits


@dataclass(frozen=True, slots=True)
class PadSequences:
    """The arguments of Keras's `pad_sequences`, with its defaults.

    Attributes:
        max_length: how many ids each text gets; None: as many as it has.
        padding: the side that padding is added to.
        truncating: the side that ids beyond the length are cut from.
        padding_id: of padding.
    """

    max_length: int | None = None
    padding: Side = "pre"
    truncating: Side = "pre"
    padding_id: int = 0


def preprocessing(
    tokenizer: KerasTokenizer,
    sequences: PadSequences,
    *,
    rows: int,
    masked: bool,
    unpadded: bool = False,
    cleaning: Sequence[CleaningStep | Substitution] = (),
) -> tuple[str, TextRules]:
    """What a bundle has to hold so that it makes the ids of texts that Keras made.

    Args:
        tokenizer: the vocabulary and settings.
        sequences: how ids are cut and padded.
        rows: of the network's Embedding.
        masked: whether the network masks padding, so that it needs none.
        unpadded: whether Keras pads a single text not at all, where no length is given.
        cleaning: what is done to a text before.

    Returns:
        The text of `tokenizer.json`, and `text_rules` of the metadata.

    Raises:
        AdoptError: an id has no row in the Embedding, or the length is missing or too large.
    """
    words = {
        word: word_id
        for word, word_id in tokenizer.word_index.items()
        if (not tokenizer.num_words or word_id < tokenizer.num_words) and _is_unicode(word)
    }
    unknown_id = _unknown_id(tokenizer)
    highest_id = max([*words.values(), sequences.padding_id, unknown_id or 0])
    if highest_id >= rows:
        raise AdoptError(
            f"{tokenizer.form}: has ids up to {highest_id:,}, the network's Embedding has {rows:,} rows, so ids up to "
            f"{rows - 1:,}; accepted: --num-words of at most {rows:,}, from which on words are unknown"
        )
    pads_by_batch = (masked and sequences.padding_id == 0) or (unpadded and sequences.max_length is None)
    unknown = tokenizer.oov_token or _unused_name("<unk>", words)
    vocabulary = {**words, unknown: highest_id + 1 if unknown_id is None else unknown_id}
    content = {
        "version": "1.0",
        **_truncation_and_padding(sequences, pads_by_batch=pads_by_batch),
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": _pre_tokenizer(tokenizer),
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": unknown},
    }
    return json.dumps(content, ensure_ascii=False, indent=1), _text_rules(tokenizer, unknown_id is None, cleaning)


def _text_rules(
    tokenizer: KerasTokenizer, drop_unknown: bool, cleaning: Sequence[CleaningStep | Substitution]
) -> TextRules:
    has_filters = tokenizer.filter_content is not None or not tokenizer.char_level
    filter_content = tokenizer.split if tokenizer.filter_content is None else tokenizer.filter_content
    try:
        return TextRules(
            cleaning=list(cleaning),
            lower=tokenizer.lower,
            filters=tokenizer.filters if has_filters else "",
            filter_content=filter_content or "",
            drop_unknown=drop_unknown,
        )
    except ValidationError as error:
        faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()[:3])
        raise AdoptError(f"{tokenizer.form}: {faults}") from error


def _truncation_and_padding(sequences: PadSequences, *, pads_by_batch: bool) -> dict[str, Any]:
    length = sequences.max_length
    if length is None and not pads_by_batch:
        raise AdoptError(
            "The network takes texts of any length, and reads their padding; wanted: --max-length, the ids that each "
            "text is padded to, which the notebook gives to pad_sequences as maxlen"
        )
    if length is not None and not 1 <= length <= MAX_TOKENS:
        raise AdoptError(f"--max-length is {length:,}; accepted: 1 to {MAX_TOKENS:,}")
    directions = {"pre": "Left", "post": "Right"}
    truncation = {
        "direction": directions[sequences.truncating],
        "max_length": length,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    padding = {
        # Padding that is masked changes no answer, and costs time.
        "strategy": "BatchLongest" if pads_by_batch else {"Fixed": length},
        "direction": "Right" if pads_by_batch else directions[sequences.padding],
        "pad_to_multiple_of": None,
        "pad_id": sequences.padding_id,
        "pad_type_id": 0,
        "pad_token": "<pad>",
    }
    return {"truncation": truncation if length else None, "padding": padding}


def _pre_tokenizer(tokenizer: KerasTokenizer) -> dict[str, Any]:
    if tokenizer.char_level:
        return {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "behavior": "Isolated", "invert": False}
    pattern = {"Regex": WHITE_SPACE} if tokenizer.split is None else {"String": tokenizer.split}
    return {"type": "Split", "pattern": pattern, "behavior": "Removed", "invert": False}


def _unknown_id(tokenizer: KerasTokenizer) -> int | None:
    if tokenizer.oov_token is None:
        return tokenizer.unknown_id
    if tokenizer.oov_token not in tokenizer.word_index:
        raise AdoptError(
            f"{tokenizer.form}: its oov_token {tokenizer.oov_token[:40]!r} has no id in its word_index, so that Keras "
            "fails on unknown words; accepted: one that has an id"
        )
    return tokenizer.word_index[tokenizer.oov_token]


def _unused_name(name: str, words: Mapping[str, int]) -> str:
    while name in words:
        name = f"<{name}>"
    return name


def _is_unicode(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:  # a lone surrogate, which no text that is served has
        return False
    return True
