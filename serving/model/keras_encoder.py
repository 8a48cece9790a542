"""Encoder of adopted bundles: texts to ids as Keras's Tokenizer and pad_sequences, or TextVectorization, do it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding

from serving.errors import BundleError
from serving.model.text_rules import Substitution, TextRules
from serving.model.tokenizer import MAX_GROWTH, MAX_TOKENS, Encoded, Encoder, Ids, panics_as_errors

NO_ID = -1  # no token's


class KerasEncoder(Encoder):
    """The preprocessing of an adopted bundle. Safe to call from several threads.

    Text rules come before the tokenizer file. Truncation and padding are as that file says, but done here: Keras leaves
    out unknown words before them.

    Args:
        content: the text of a Hugging Face `tokenizers` file.
        rules: what is done to a text before it.
        name: the file's, for sentences.

    Raises:
        BundleError: it is no such file, or has no padding or unknown token.
    """

    def __init__(self, content: str, rules: TextRules, *, name: str = "tokenizer.json") -> None:
        super().__init__(content, name=name)
        padding, truncation = self._tokenizer.padding or {}, self._tokenizer.truncation or {}
        self._transforms = rules.transforms()
        self._texts_of_rules = [
            (number, step.content * 4)
            for number, step in enumerate(rules.cleaning, 1)
            if isinstance(step, Substitution)
        ]
        self._dropped_id = self.unknown_id if rules.drop_unknown else NO_ID
        self._max_tokens: int = truncation.get("max_length", MAX_TOKENS)
        self._pads_left = padding.get("direction") == "left"
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    @property
    def vocabulary_size(self) -> int:
        """One more than the highest id that a text can get, padding's included."""
        ids = {*self._tokenizer.get_vocab(with_added_tokens=True).values(), self.pad_id} - {self._dropped_id}
        return max(ids) + 1

    def check_growth(self, texts: Sequence[str]) -> None:
        """Check that the rules make neither these texts nor what they put in themselves endlessly long.

        Raises:
            BundleError: they do.
        """
        for start, text in [*((0, text) for text in texts), *self._texts_of_rules]:
            prepared = text
            for number, transform in enumerate(self._transforms[start:], start + 1):
                prepared = transform(prepared)
                if len(prepared) > MAX_GROWTH * (len(text) + 8):
                    raise BundleError(
                        f"text_rules: {text[:40]!r} becomes {len(prepared):,} characters long by rule {number}; "
                        f"accepted: rules that make a text at most {MAX_GROWTH} times as long"
                    )
        super().check_growth(texts)

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Token ids of each text, in order. A text of which nothing is left is padding alone."""
        with panics_as_errors():
            encodings = self._tokenizer.encode_batch_fast(self._prepare(texts))
        return [self._cut_and_pad(encoding)[0] for encoding in encodings]

    def encode_with_shares(self, texts: Sequence[str]) -> tuple[list[Encoded], list[float]]:
        """As `encode`, and the share of the characters in each text's words whose words are in the vocabulary."""
        with panics_as_errors():
            encodings = self._tokenizer.encode_batch(self._prepare(texts))
        encoded, shares = [], []
        for encoding in encodings:
            item, kept = self._cut_and_pad(encoding)
            encoded.append(item)
            shares.append(self._share(encoding, self._span(kept) if item.cut else slice(None)))
        return encoded, shares

    def tokens(self, text: str) -> list[str]:
        """The words of one text that the network reads, for people to look at."""
        (encoding,) = self._tokenizer.encode_batch(self._prepare([text]))
        _, kept = self._cut_and_pad(encoding)
        return [encoding.tokens[index] for index in kept]

    def _prepare(self, texts: Sequence[str]) -> list[str]:
        prepared = list(texts)
        for transform in self._transforms:
            prepared = [transform(text) for text in prepared]
        return prepared

    def _cut_and_pad(self, encoding: Encoding) -> tuple[Encoded, npt.NDArray[np.intp]]:
        """The ids for the network, and which of the tokens they are of."""
        ids = np.array(encoding.ids, dtype=np.int32)
        kept = np.flatnonzero(ids != self._dropped_id)
        cut = max(len(kept) - self._max_tokens, 0)
        if cut:
            kept = kept[cut:] if self.cuts_left else kept[:-cut]
        return Encoded(self._pad(ids[kept]), cut), kept

    def _span(self, kept: npt.NDArray[np.intp]) -> slice:
        """The tokens that are not cut off, with those between them that are dropped."""
        return slice(int(kept[0]), None) if self.cuts_left else slice(int(kept[-1]) + 1)

    def _pad(self, ids: Ids) -> Ids:
        if self.fixed_length is None or len(ids) >= self.fixed_length:
            return ids
        padded = np.full(self.fixed_length, self.pad_id, dtype=np.int32)
        start = self.fixed_length - len(ids) if self._pads_left else 0
        padded[start : start + len(ids)] = ids
        return padded

    def _share(self, encoding: Encoding, tokens_read: slice) -> float:
        lengths = [end - start for start, end in encoding.offsets[tokens_read]]
        tokens = zip(encoding.ids[tokens_read], lengths, strict=True)
        known = sum(length for token_id, length in tokens if token_id != self.unknown_id)
        return known / sum(lengths) if known else 0.0
