"""Reader of word vectors in text files, as GloVe, word2vec and fastText publish them."""

import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np

from training.data.readers import open_text
from training.errors import DataError
from training.types import Floats


class WordVectors:
    """A file with a word and its numbers a line, the most frequent words first; also gzipped.

    The formats of GloVe (https://nlp.stanford.edu/projects/glove/), and of word2vec and fastText, whose first line
    counts words and numbers.

    Args:
        path: The file.
        dimensions: Numbers that each word must have.

    Raises:
        DataError: The file cannot be read, is of another size, or holds what is no number.
    """

    def __init__(self, path: Path, dimensions: int) -> None:
        self.path, self.dimensions = path, dimensions
        first = next(self._entries(), None)
        if first is None:
            raise DataError(
                f"{self.path}: holds no vector; accepted: lines of a word and its {self.dimensions} numbers, with "
                "spaces between"
            )
        number, _, values = first
        self._parsed(number, values)

    def words(self) -> Iterator[str]:
        """Each in the file's order."""
        return (word for _, word, _ in self._entries())

    def of(self, words: Collection[str], key: Callable[[str], str] = str) -> dict[str, Floats]:
        """The vectors of those words that are in the file.

        Args:
            words: Words to look for.
            key: What a word of the file is compared as, such as `str.lower`.

        Returns:
            Word -> float32 (dimensions,), of the first line where the file has two.
        """
        vectors: dict[str, Floats] = {}
        for number, word, values in self._entries():
            if (compared := key(word)) in words and compared not in vectors:
                vectors[compared] = self._parsed(number, values)
        return vectors

    def _entries(self) -> Iterator[tuple[int, str, str]]:
        """Number of the line, word, and its numbers, unread."""
        try:
            # Word2vec cuts words at bytes: what is no UTF-8 is a word that nobody asks for.
            with open_text(self.path, "utf-8-sig", errors="replace", newline="\n") as file:
                for number, line in enumerate(file, start=1):
                    word, _, values = line.rstrip(" \r\n").partition(" ")
                    if values and not (number == 1 and _counts(word, values)):
                        yield number, word, values
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(
                f"{self.path}: word vectors cannot be read: {reason}; accepted: a text file, as of GloVe; "
                "data/README.md tells where to get one"
            ) from error

    def _parsed(self, number: int, values: str) -> Floats:
        try:
            vector = np.array(values.split(), dtype=np.float32)
        except ValueError as error:
            raise DataError(f"{self.path}, line {number}: {error}; accepted: a word and its numbers") from error
        if len(vector) != self.dimensions or not np.isfinite(vector).all():
            raise DataError(
                f"{self.path}, line {number}: found {len(vector)} numbers; accepted: {self.dimensions} finite ones, as "
                "network.embedding says"
            )
        return vector


def _counts(word: str, values: str) -> bool:
    """Whether a first line is `words dimensions`: a vector of one number is none."""
    return word.isdecimal() and values.isdecimal()
