"""Pre-trained embedding: words of a file of vectors join the vocabulary, and their rows are set.

Vectors of words from much other text help where the labelled rows are few: Kim 2014
(https://arxiv.org/abs/1408.5882), section 3.
"""

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
from training.text.emoji_names import token_names
from training.text.tokenizer import with_tokens
from training.types import Floats

# Of names of emoji: with "face", that of anger is as near to joy as to anger.
SHARED_WORDS = frozenset({"face", "with", "of", "on", "and", "the"})


class PretrainedEmbedding:
    """Word vectors for a network's embedding.

    Args:
        config: The recipe's `[vectors]`.
        units: Of the embedding: numbers in each vector.
        stems: Whether the tokenizer reads stems of words.
        emoji: Whether emoji that the file lacks start from the words of their names.

    Raises:
        DataError: The file cannot be read or does not fit.
    """

    def __init__(self, config: WordVectorsConfig, units: int, *, stems: bool = False, emoji: bool = False) -> None:
        self._config, self._stems, self._emoji = config, stems, emoji
        self._vectors = WordVectors(Path(config.file), units)

    @property
    def file(self) -> DataFile:
        """The file's fingerprint; its rows are words."""
        return fingerprint(self._vectors.path, sum(1 for _ in self._vectors.words()))

    def extend_vocabulary(self, tokenizer: Tokenizer) -> Tokenizer:
        """The tokenizer, its vocabulary longer by the file's first words that preprocessing leaves whole, or by stems.

        Where it keeps case, words in lower case join also as they begin a sentence, as files may have no others; where
        it does not, the file's words join in lower case.
        """
        words = islice(self._vectors.words(), self._config.words)
        return with_tokens(tokenizer, [form for word in words for form in self._forms(word, tokenizer)])

    def initialize(self, network: keras.Model, tokenizer: Tokenizer) -> int:
        """Set the embedding's rows of the tokens that have a vector, whatever their case; returns how many.

        As written, or else in lower case, or else as the file's first word of the same letters, or of the same stem.
        With BPE that is also a piece that only begins words, where it is a word of the file. Of an emoji that the file
        lacks, it is the mean of the telling words of its name.
        """
        embedding, vocabulary = network.layers[0], tokenizer.get_vocab()
        vectors = self._vectors.of({form for token in vocabulary for form in (token, token.lower())})
        missing = {token.lower() for token in vocabulary} - vectors.keys()
        vectors |= self._vectors.of(missing, str.lower)
        if self._stems:
            vectors |= self._vectors.of(missing - vectors.keys(), lambda word: _normalized(word, tokenizer))
        if self._emoji:
            vectors = self._of_names(tokenizer) | vectors
        table, count = np.array(embedding.get_weights()[0]), 0
        for token, token_id in vocabulary.items():
            vector = vectors.get(token, vectors.get(token.lower()))
            if vector is not None:
                table[token_id], count = vector, count + 1
        embedding.set_weights([table])
        return count

    def _of_names(self, tokenizer: Tokenizer) -> dict[str, Floats]:
        """The mean vector of the words of each emoji's name that the file has, without those that many share."""
        names = token_names(tokenizer)
        vectors = self._vectors.of({word for words in names.values() for word in words})
        means: dict[str, Floats] = {}
        for token, words in names.items():
            known = [word for word in words if word in vectors]
            if known:
                telling = [word for word in known if word not in SHARED_WORDS] or known
                means[token] = np.mean([vectors[word] for word in telling], axis=0)
        return means

    def _forms(self, word: str, tokenizer: Tokenizer) -> Iterator[str]:
        """What preprocessing writes for a word, where that is one piece."""
        for form in (word, word.capitalize() if word.islower() else word.lower()):
            text = _normalized(form, tokenizer)
            is_kept = text == form or (self._stems and word.isalpha())
            if is_kept and [token for token, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)] == [text]:
                yield text


def _normalized(word: str, tokenizer: Tokenizer) -> str:
    text: str = tokenizer.normalizer.normalize_str(word)
    return text
