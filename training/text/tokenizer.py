"""The preprocessing contract: builds the tokenizer file that training and serving both run.

Everything done to a text is data in that file (https://huggingface.co/docs/tokenizers): a normalizer of Unicode
rules and regular expressions, a pre-tokenizer, a vocabulary, truncation and padding.
"""

import json
from collections import Counter
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from training.recipe.model import TokenizerConfig
from training.text.normalizer import build_normalizer
from training.text.patterns import ANY_TAG, TAGS, build_pretokenizer

PAD, UNKNOWN = "<pad>", "<unk>"
CONTINUATION = "##"


def build_tokenizer(texts: Iterable[str], knobs: TokenizerConfig) -> Tokenizer:
    """A tokenizer whose vocabulary is learned from `texts` alone, by frequency.

    Byte-pair encoding as in Sennrich et al. 2016 (https://arxiv.org/abs/1508.07909), pieces after the first of a
    word marked `##`; or whole words. Ids 0 and 1 are the padding and the unknown token; the tags follow.
    """
    tokenizer = Tokenizer(_empty_model(knobs))
    tokenizer.normalizer = build_normalizer(knobs)
    # The tags have their ids already: counted as words they would get second ones, or waste merges.
    without_tags = pre_tokenizers.Split(Regex(ANY_TAG), "removed")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([without_tags, build_pretokenizer()])
    texts = list(texts)
    tokenizer.train_from_iterator(texts, _trainer(knobs, texts, tokenizer.normalizer))
    tokenizer.pre_tokenizer = build_pretokenizer()
    tokenizer = _without_added_tokens(tokenizer)
    tokenizer.enable_truncation(knobs.max_tokens)
    tokenizer.enable_padding(
        direction=knobs.pad_side, pad_id=0, pad_token=PAD, length=knobs.max_tokens if knobs.fixed_length else None
    )
    return tokenizer


def _empty_model(knobs: TokenizerConfig) -> models.Model:
    if knobs.model == "word":
        return models.WordLevel({UNKNOWN: 1}, unk_token=UNKNOWN)
    return models.BPE(unk_token=UNKNOWN, fuse_unk=True, continuing_subword_prefix=CONTINUATION, ignore_merges=True)


def _trainer(knobs: TokenizerConfig, texts: list[str], normalizer: normalizers.Normalizer) -> trainers.Trainer:
    special = [PAD, UNKNOWN, *TAGS]
    size, floor = knobs.vocabulary, knobs.min_frequency
    if knobs.model == "word":
        return trainers.WordLevelTrainer(
            vocab_size=size, min_frequency=floor, special_tokens=special, show_progress=False
        )
    alphabet = _alphabet(texts, normalizer, min(1000, size // 8))
    return trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=floor,
        special_tokens=[*special, *(CONTINUATION + letter for letter in alphabet)],
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        continuing_subword_prefix=CONTINUATION,
        show_progress=False,
    )


def _alphabet(texts: list[str], normalizer: normalizers.Normalizer, size: int) -> list[str]:
    """The most frequent characters, in an order of their own.

    The trainer by itself numbers them as they come out of a hash map, which differs from run to run and, through ties
    between merges, changes the vocabulary.
    """
    counts = Counter(letter for text in texts for letter in normalizer.normalize_str(text))
    ranked = sorted((-count, letter) for letter, count in counts.items() if not letter.isspace())
    return sorted(letter for _, letter in ranked[:size])


def _without_added_tokens(tokenizer: Tokenizer) -> Tokenizer:
    # Added tokens are matched in the raw text: somebody who types <pad> would write padding into the middle of it.
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(content))
