"""Normalizer of the tokenizer file: the rules that a text goes through before it is cut into tokens."""

from typing import Literal

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from tokenizers import Regex, normalizers

from training.recipe.model import TokenizerConfig
from training.text import patterns
from training.text.patterns import Rule
from training.text.stemming import stemming_rules

StopWords = Literal["keep", "drop", "drop_except_negations"]

NEGATIONS = frozenset(
    "cannot cant couldnt hasnt neither never no nobody none noone nor not nothing nowhere without".split()  # noqa: SIM905
)


def stop_word_rules(choice: StopWords) -> list[Rule]:
    """One rule that drops whole words in any case, or none. A contraction, such as "don't" or "it's", stays."""
    if choice == "keep":
        return []
    dropped = ENGLISH_STOP_WORDS - NEGATIONS if choice == "drop_except_negations" else ENGLISH_STOP_WORDS
    return [(f"(?i){patterns.WORD_START}(?:{'|'.join(sorted(dropped))}){patterns.WORD_END}", " ")]


def build_normalizer(config: TokenizerConfig) -> normalizers.Normalizer:
    """The rules that a text goes through before it is cut, in their order."""
    before = [*_replaced(*patterns.ENTITIES, *patterns.QUOTES), normalizers.NFKC()]
    case = [normalizers.Lowercase()] if config.lowercase else []
    return normalizers.Sequence([*before, *_replaced(*_tweet_rules(config)), *case, *_replaced(*_word_rules(config))])


def _tweet_rules(config: TokenizerConfig) -> list[Rule]:
    rules = [*patterns.INVISIBLE, (patterns.URL, " <url> " if config.urls == "tag" else " ")]
    rules.append((patterns.RETWEET, " <rt> " if config.retweets == "tag" else " "))
    rules += _handle_rules(config)
    if config.emoticons != "keep":
        rules += [
            (pattern, f" {tag} " if config.emoticons == "tag" else " ") for tag, pattern in patterns.EMOTICONS.items()
        ]
    if config.emoji == "drop":
        rules.append((patterns.EMOJI, " "))
    if config.split_camel_case:
        rules.append((patterns.CAMEL_CASE, " "))
    rules.append((patterns.HASHTAG, " <hashtag> " if config.hashtags == "tag" else " "))
    return rules


def _handle_rules(config: TokenizerConfig) -> list[Rule]:
    if config.handles == "word":
        return [(patterns.HANDLE_SIGN, " ")]
    return [(patterns.HANDLE, " <user> " if config.handles == "tag" else " "), patterns.REPEATED_HANDLES]


def _word_rules(config: TokenizerConfig) -> list[Rule]:
    # Stop words before stemming, which would change them.
    repeats = patterns.REPEATS if config.shorten_repeats else ()
    return [*repeats, *stop_word_rules(config.stop_words), *stemming_rules(config.stemming)]


def _replaced(*rules: Rule) -> list[normalizers.Normalizer]:
    return [normalizers.Replace(Regex(pattern), content) for pattern, content in rules]
