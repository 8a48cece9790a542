"""Normalizer of the tokenizer file: the rules that a text goes through before it is cut into tokens."""

from tokenizers import Regex, normalizers

from serving.model.text_rules import HANDLE, URL, Rule, stemming_rules, stop_word_rules
from training.recipe.model import TokenizerConfig
from training.text import patterns


def build_normalizer(config: TokenizerConfig) -> normalizers.Normalizer:
    """The rules that a text goes through before it is cut, in their order."""
    letters = [patterns.EMOJI_OF_LETTERS] if config.emoji == "all" else []
    before = [*_replaced(*patterns.ENTITIES, *patterns.QUOTES, *letters), normalizers.NFKC()]
    case = [normalizers.Lowercase()] if config.lowercase else []
    return normalizers.Sequence([*before, *_replaced(*_tweet_rules(config)), *case, *_replaced(*_word_rules(config))])


def _tweet_rules(config: TokenizerConfig) -> list[Rule]:
    rules = [*patterns.INVISIBLE, (URL, " <url> " if config.urls == "tag" else " ")]
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
    return [(HANDLE, " <user> " if config.handles == "tag" else " "), patterns.REPEATED_HANDLES]


def _word_rules(config: TokenizerConfig) -> list[Rule]:
    # Stop words before stemming, which would change them.
    repeats = patterns.REPEATS if config.shorten_repeats else ()
    start = patterns.WORD_START
    return [*repeats, *stop_word_rules(config.stop_words, start), *stemming_rules(config.stemming, start)]


def _replaced(*rules: Rule) -> list[normalizers.Normalizer]:
    return [normalizers.Replace(Regex(pattern), content) for pattern, content in rules]
