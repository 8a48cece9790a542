"""Generator of short texts from templates, for a transfer set: texts without labels that teachers answer.

Tweets hold few negations, comparisons and plain statements, and what a teacher knows of them does not reach its student
by tweets alone. Tang et al. 2019, Distilling Task-Specific Knowledge from BERT into Simple Neural Networks
(https://arxiv.org/abs/1903.12136), section 3.3, augment their transfer set for the same reason.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from training.data.cleaning import text_key
from training.errors import DataError

TEMPLATES: Final = Path(__file__).with_suffix(".toml")
MIN_WORDS: Final = 3  # of texts that must differ in more than a word: "so cute" is no copy of "so sad"
MAX_DRAWS: Final = 20  # for each text, on average: where so many give too few, next to all is drawn

_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"\w+|[^\w\s]")


def made_up_texts(
    rows: int, seed: int, excluded: Collection[str], draws: int = MAX_DRAWS, *, labelled: bool = False
) -> pd.DataFrame:
    """Distinct short texts.

    Args:
        rows: How many.
        seed: Of the draws.
        excluded: Texts of which none may come out, whatever its case and punctuation; of three words or more, also
            none that differs from one of them in a single word, such as a name.
        draws: How many for each text, on average, before it gives up.
        labelled: Only of templates whose label is plain.

    Returns:
        A frame with columns `text` and `kind`, that of the template; labelled, also `label`.

    Raises:
        DataError: The templates do not have so many.
    """
    content = tomllib.loads(TEMPLATES.read_text(encoding="utf-8"))
    excluded_keys = {text_key(text) for text in excluded}
    excluded_shapes = {shape for text in excluded for shape in _shapes(text)}
    texts: dict[str, tuple[str, str, str]] = {}
    for text, kind, label in _drawn(content, rows * draws, seed, labelled=labelled):
        if (key := text_key(text)) not in excluded_keys and excluded_shapes.isdisjoint(_shapes(text)):
            texts.setdefault(key, (text, kind, label))
        if len(texts) == rows:
            frame = pd.DataFrame(list(texts.values()), columns=["text", "kind", "label"])
            return frame if labelled else frame[["text", "kind"]]
    raise DataError(f"--rows: in {rows * draws:,} draws found {len(texts):,} distinct texts; accepted: at most as many")


def _drawn(content: Mapping[str, Any], draws: int, seed: int, *, labelled: bool) -> Iterator[tuple[str, str, str]]:
    """Text, kind and label of each draw: the kind first, so that none is rare, then the label, then a template."""
    rng = np.random.default_rng(seed)
    kinds = content["labelled"] if labelled else {kind: {"": each} for kind, each in content["templates"].items()}
    for _ in range(draws):
        kind = _one_of(list(kinds), rng)
        label = _one_of(list(kinds[kind]), rng) if labelled else ""
        yield _styled(_filled(_one_of(kinds[kind][label], rng), content["lists"], rng), rng), kind, label


def _filled(template: str, lists: Mapping[str, Sequence[str]], rng: np.random.Generator) -> str:
    def entry(slot: re.Match[str]) -> str:
        return _filled(_one_of(lists[slot[1]], rng), lists, rng)

    return _SLOT.sub(entry, template)


def _styled(text: str, rng: np.random.Generator) -> str:
    """As people type: half of the texts as sentences, some in capitals, some with more marks than needed."""
    style = rng.random()
    if style < 0.5:
        return text[0].upper() + text[1:] + ("" if text[-1] in "?!" or not text[-1].isalnum() else ".")
    if style < 0.55:
        return text.upper()
    return f"{text}{'!!' if style < 0.65 and text[-1].isalnum() else ''}"


def _one_of(entries: Sequence[str], rng: np.random.Generator) -> str:
    return entries[int(rng.integers(len(entries)))]


def _shapes(text: str) -> Iterator[tuple[str, ...]]:
    """The words of a text with each left out in turn: texts that share a shape differ in one word at most."""
    words = [word for word in _WORD.findall(text.lower()) if word[0].isalnum() or not word.isascii()]
    if len(words) >= MIN_WORDS:
        for place in range(len(words)):
            yield (*words[:place], "", *words[place + 1 :])
