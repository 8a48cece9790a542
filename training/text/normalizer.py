"""The rules that a text goes through before it is cut, as a normalizer of the tokenizer file."""

from typing import Literal

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from tokenizers import Regex, normalizers

from training.recipe.model import TokenizerConfig
from training.text.patterns import (
    CAMEL_CASE,
    EMOJI,
    EMOTICONS,
    ENTITIES,
    HANDLE,
    HANDLE_SIGN,
    HASHTAG,
    INVISIBLE,
    QUOTES,
    REPEATED_HANDLES,
    REPEATS,
    RETWEET,
    URL,
    WORD_END,
    WORD_START,
    Rule,
)
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
    return [(f"(?i){WORD_START}(?:{'|'.join(sorted(dropped))}){WORD_END}", " ")]


def build_normalizer(knobs: TokenizerConfig) -> normalizers.Normalizer:
    """The rules that a text goes through before it is cut, in their order."""
    before = [*_replaced(*ENTITIES, *QUOTES), normalizers.NFKC()]
    case = [normalizers.Lowercase()] if knobs.lowercase else []
    return normalizers.Sequence([*before, *_replaced(*_tweet_rules(knobs)), *case, *_replaced(*_word_rules(knobs))])


def _tweet_rules(knobs: TokenizerConfig) -> list[Rule]:
    rules = [*INVISIBLE, (URL, " <url> " if knobs.urls == "tag" else " ")]
    rules.append((RETWEET, " <rt> " if knobs.retweets == "tag" else " "))
    rules += _handle_rules(knobs)
    if knobs.emoticons != "keep":
        rules += [(pattern, f" {tag} " if knobs.emoticons == "tag" else " ") for tag, pattern in EMOTICONS.items()]
    if knobs.emoji == "drop":
        rules.append((EMOJI, " "))
    if knobs.split_camel_case:
        rules.append((CAMEL_CASE, " "))
    rules.append((HASHTAG, " <hashtag> " if knobs.hashtags == "tag" else " "))
    return rules


def _handle_rules(knobs: TokenizerConfig) -> list[Rule]:
    if knobs.handles == "word":
        return [(HANDLE_SIGN, " ")]
    return [(HANDLE, " <user> " if knobs.handles == "tag" else " "), REPEATED_HANDLES]


def _word_rules(knobs: TokenizerConfig) -> list[Rule]:
    # Stop words before stemming, which would change them.
    repeats = REPEATS if knobs.shorten_repeats else ()
    return [*repeats, *stop_word_rules(knobs.stop_words), *stemming_rules(knobs.stemming)]


def _replaced(*rules: Rule) -> list[normalizers.Normalizer]:
    return [normalizers.Replace(Regex(pattern), content) for pattern, content in rules]
