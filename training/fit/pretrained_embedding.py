"""An embedding that starts from word vectors: words join the vocabulary, and their rows are set.

Vectors of words from much other text help where the labelled rows are few: Kim 2014
(https://arxiv.org/abs/1408.5882), section 3.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from serving.model.metadata import DataFile
from training.data.readers import fingerprint
from training.data.word_vectors import WordVectors
from training.model.backend import keras
from training.recipe.model import WordVectorsConfig


class PretrainedEmbedding:
    """Arguments: the recipe's `[vectors]`; units of the embedding; whether the tokenizer reads `stems` of words.

    Raises DataError where the file does not fit.
    """

    def __init__(self, knobs: WordVectorsConfig, units: int, *, stems: bool = False) -> None:
        self._knobs, self._stems = knobs, stems
        self._vectors = WordVectors(Path(knobs.file), units)

    @property
    def file(self) -> DataFile:
        """What is remembered of the file; its rows are words."""
        return fingerprint(self._vectors.path, sum(1 for _ in self._vectors.words()))

    def join(self, tokenizer: Tokenizer) -> Tokenizer:
        """The tokenizer, its vocabulary longer by the file's first words that preprocessing leaves whole, or by stems.

        Where it keeps case, words in lower case join also as they begin a sentence, as files may have no others; where
        it does not, the file's words join in lower case.
        """
        content = json.loads(tokenizer.to_str())
        vocabulary = content["model"]["vocab"]
        for word in islice(self._vectors.words(), self._knobs.words):
            for form in self._forms(word, tokenizer):
                vocabulary.setdefault(form, len(vocabulary))
        return Tokenizer.from_str(json.dumps(content))

    def give(self, network: keras.Model, tokenizer: Tokenizer) -> int:
        """Set the embedding's rows of the tokens that have a vector, whatever their case; returns how many.

        As written, or else in lower case, or else as the file's first word of the same letters, or of the same stem.
        With BPE that is also a piece that only begins words, where it is a word of the file.
        """
        embedding, vocabulary = network.layers[0], tokenizer.get_vocab()
        found = self._vectors.of({form for token in vocabulary for form in (token, token.lower())})
        left = {token.lower() for token in vocabulary} - found.keys()
        found |= self._vectors.of(left, str.lower)
        if self._stems:
            found |= self._vectors.of(left - found.keys(), lambda word: _written(word, tokenizer))
        table = np.array(embedding.get_weights()[0])
        rows = {number: found.get(token, found.get(token.lower())) for token, number in vocabulary.items()}
        known = {number: vector for number, vector in rows.items() if vector is not None}
        for number, vector in known.items():
            table[number] = vector
        embedding.set_weights([table])
        return len(known)

    def _forms(self, word: str, tokenizer: Tokenizer) -> Iterator[str]:
        """What preprocessing writes for a word, where that is one piece."""
        for form in (word, word.capitalize() if word.islower() else word.lower()):
            text = _written(form, tokenizer)
            left_whole = text == form or (self._stems and word.isalpha())
            if left_whole and [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)] == [text]:
                yield text


def _written(word: str, tokenizer: Tokenizer) -> str:
    text: str = tokenizer.normalizer.normalize_str(word)
    return text
