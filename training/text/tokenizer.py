"""Tokenizer trainer: builds the tokenizer file that training and serving both run.

Everything done to a text is data in that file (https://huggingface.co/docs/tokenizers): a normalizer of Unicode
rules and regular expressions, a pre-tokenizer, a vocabulary, truncation and padding.
"""

import json
from collections import Counter
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from training.recipe.model import TokenizerConfig
from training.text.emoji_names import token_names
from training.text.normalizer import build_normalizer
from training.text.patterns import ANY_TAG, TAGS, build_pretokenizer

PAD, UNKNOWN = "<pad>", "<unk>"
CONTINUATION = "##"
# Characters that are tokens, each of them two: as it begins a word and as it goes on. Three quarters remain for words.
MAX_ALPHABET, ALPHABET_SHARE = 1000, 1 / 8


def build_tokenizer(texts: Iterable[str], config: TokenizerConfig) -> Tokenizer:
    """A tokenizer whose vocabulary is learned from `texts` alone, by frequency.

    Byte-pair encoding as in Sennrich et al. 2016 (https://arxiv.org/abs/1508.07909), tokens after the first of a
    word marked `##`; or whole words. Ids 0 and 1 are the padding and the unknown token; the tags follow. Where the
    recipe asks for all emoji, those that no text holds are the last.
    """
    tokenizer = Tokenizer(_empty_model(config))
    tokenizer.normalizer = build_normalizer(config)
    # The tags have their ids already: counted as words they would get second ones, or waste merges.
    without_tags = pre_tokenizers.Split(Regex(ANY_TAG), "removed")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([without_tags, build_pretokenizer()])
    texts = list(texts)
    tokenizer.train_from_iterator(texts, _trainer(config, texts, tokenizer.normalizer))
    tokenizer.pre_tokenizer = build_pretokenizer()
    tokenizer = _without_added_tokens(tokenizer)
    if config.emoji == "all":
        tokenizer = with_tokens(tokenizer, token_names(tokenizer))
    tokenizer.enable_truncation(config.max_tokens)
    tokenizer.enable_padding(
        direction=config.pad_side, pad_id=0, pad_token=PAD, length=config.max_tokens if config.fixed_length else None
    )
    return tokenizer


def with_tokens(tokenizer: Tokenizer, tokens: Iterable[str]) -> Tokenizer:
    """The tokenizer, its vocabulary longer by those of the tokens that it lacks; they are read where they are words."""
    content = json.loads(tokenizer.to_str())
    vocabulary = content["model"]["vocab"]
    for token in tokens:
        vocabulary.setdefault(token, len(vocabulary))
    return Tokenizer.from_str(json.dumps(content))


def _empty_model(config: TokenizerConfig) -> models.Model:
    if config.model == "word":
        return models.WordLevel({UNKNOWN: 1}, unk_token=UNKNOWN)
    return models.BPE(unk_token=UNKNOWN, fuse_unk=True, continuing_subword_prefix=CONTINUATION, ignore_merges=True)


def _trainer(config: TokenizerConfig, texts: list[str], normalizer: normalizers.Normalizer) -> trainers.Trainer:
    special = [PAD, UNKNOWN, *TAGS]
    size, floor = config.vocabulary, config.min_frequency
    if config.model == "word":
        return trainers.WordLevelTrainer(
            vocab_size=size, min_frequency=floor, special_tokens=special, show_progress=False
        )
    alphabet = _alphabet(texts, normalizer, min(MAX_ALPHABET, int(size * ALPHABET_SHARE)))
    return trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=floor,
        special_tokens=[*special, *(CONTINUATION + character for character in alphabet)],
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
    counts = Counter(character for text in texts for character in normalizer.normalize_str(text))
    ranked = sorted((-count, character) for character, count in counts.items() if not character.isspace())
    return sorted(character for _, character in ranked[:size])


def _without_added_tokens(tokenizer: Tokenizer) -> Tokenizer:
    # Added tokens are matched in the raw text: somebody who types <pad> would write padding into the middle of it.
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(content))
