"""The preprocessing contract: builds the tokenizer file that training and serving both run.

Everything done to a text is data in that file (https://huggingface.co/docs/tokenizers): a normalizer of Unicode
rules and regular expressions, a pre-tokenizer, a vocabulary, truncation and padding.
"""

import json
from collections import Counter
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from training.recipe import TokenizerKnobs

PAD, UNKNOWN = "<pad>", "<unk>"
CONTINUATION = "##"

ENTITIES = (
    ("&amp;", "&"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", '"'),
    ("&(?:apos|#0*39|#x27);", "'"),
    ("&nbsp;", " "),
)
# Before NFKC, which would turn an acute accent used as an apostrophe into a space and a combining mark.
QUOTES = (("[‘’‚‛ʼ´`]", "'"), ("[“”„‟«»]", '"'))
INVISIBLE = (
    (r"\p{Emoji_Modifier}|[\x{FE0E}\x{FE0F}\x{20E3}]", ""),
    (r"[\p{Cc}\x{2028}\x{2029}]", " "),
    (r"\p{Cf}", ""),
)

# The last form is the bare "http" that cut-off retweets end in.
URL = (
    r"(?i)(?<![\w@.])(?:https?:\S*|www\.\S+|pic\.twitter\.com/\S+"
    r"|[a-z0-9][a-z0-9.-]*\.(?:com|net|org|ly|co|gl|me|tv|be|io|fm|us|uk)/\S*|https?(?!\w))"
)
RETWEET = r"(?i)(?<!\w)RT\s+@\w+\s*:?"
HANDLE = r"(?<![\w@])@\w+"
HANDLE_SIGN = r"(?<![\w@])@(?=\w)"
REPEATED_HANDLES = (r"<user>(?:\s+<user>)+", "<user>")
HASHTAG = r"#(?=[\w])"
CAMEL_CASE = r"(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll}\p{Ll})"

# A letter that is part of an emoticon must not be part of a word, nor a colon part of a time or a ratio.
EMOTICONS = {
    "<broken>": r"</3+",
    "<heart>": r"<3+",
    "<cry>": r"[:=;]'-?[(\[]+",
    "<smile>": r"(?<!\d)[:=][-o^']?[)\]}]+|(?<![\w)])[(\[][-o^]?[:=](?![\w(])|\^_+\^",
    "<sad>": r"(?<!\d)[:=][-o^]?[(\[{]+|(?<![\w(])\)[-o^]?[:=](?![\w)])",
    "<wink>": r"(?<!\w);[-o^]?[)\]]+",
    "<laugh>": r"(?<!\w)(?:[:=;]-?|[xX])D+(?!\w)",
    "<tongue>": r"(?<!\w)[:=;]-?[pPbÞ](?!\w)",
    "<kiss>": r"(?<!\w)[:=;]-?\*+",
    "<surprise>": r"(?<!\w)[:=]-?[oO](?!\w)",
    "<skeptic>": r"(?<![\w:/])[:=]-?[/\\|](?![\w/])",
}
REPEATS = (
    (r"(\p{L})(?=\1\1)", ""),
    (r"([!?.,…])(?=\1\1)", ""),
    (r"(ha|he|hi|ja|lo|xo)(?=\1\1)", ""),
)
TAGS = ("<url>", "<user>", "<rt>", "<hashtag>", *EMOTICONS)

# One alternative a kind of piece, tried in this order: tag, word, flag, emoji, run of marks, any other sign.
ANY_TAG = r"<(?:" + "|".join(tag.strip("<>") for tag in TAGS) + r")>"
PIECES = (
    ANY_TAG + r"|[\p{L}\p{M}\p{N}_]+(?:'[\p{L}\p{M}]+)*"
    r"|\p{RI}{2}|\p{Extended_Pictographic}"
    r"|[!?.]+|[^\s]"
)


def build_tokenizer(texts: Iterable[str], knobs: TokenizerKnobs) -> Tokenizer:
    """A tokenizer whose vocabulary is learned from `texts` alone, by frequency.

    Byte-pair encoding as in Sennrich et al. 2016 (https://arxiv.org/abs/1508.07909), pieces after the first of a
    word marked `##`; or whole words. Ids 0 and 1 are the padding and the unknown token; the tags follow.
    """
    tokenizer = Tokenizer(_empty_model(knobs))
    tokenizer.normalizer = build_normalizer(knobs)
    # The tags have their ids already: counted as words they would get second ones, or waste merges.
    without_tags = pre_tokenizers.Split(Regex(ANY_TAG), "removed")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([without_tags, build_pieces()])
    texts = list(texts)
    tokenizer.train_from_iterator(texts, _trainer(knobs, texts, tokenizer.normalizer))
    tokenizer.pre_tokenizer = build_pieces()
    tokenizer = _without_added_tokens(tokenizer)
    tokenizer.enable_truncation(knobs.max_tokens)
    tokenizer.enable_padding(
        direction=knobs.pad_side, pad_id=0, pad_token=PAD, length=knobs.max_tokens if knobs.fixed_length else None
    )
    return tokenizer


def _empty_model(knobs: TokenizerKnobs) -> models.Model:
    if knobs.model == "word":
        return models.WordLevel({UNKNOWN: 1}, unk_token=UNKNOWN)
    return models.BPE(unk_token=UNKNOWN, fuse_unk=True, continuing_subword_prefix=CONTINUATION, ignore_merges=True)


def _trainer(knobs: TokenizerKnobs, texts: list[str], normalizer: normalizers.Normalizer) -> trainers.Trainer:
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


def build_pieces() -> pre_tokenizers.PreTokenizer:
    """What cuts a normalized text into words, tags, emoji and marks."""
    return pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(PIECES), "isolated")])


def build_normalizer(knobs: TokenizerKnobs) -> normalizers.Normalizer:
    """The rules that a text goes through before it is cut, in their order."""
    rules = [_replace(*rule) for rule in (*ENTITIES, *QUOTES)]
    rules += [normalizers.NFKC(), *(_replace(*rule) for rule in INVISIBLE)]
    rules += [_replace(URL, " <url> " if knobs.urls == "tag" else " ")]
    rules += [_replace(RETWEET, " <rt> " if knobs.retweets == "tag" else " ")]
    rules += _handle_rules(knobs)
    if knobs.emoticons != "keep":
        rules += [_replace(p, f" {tag} " if knobs.emoticons == "tag" else " ") for tag, p in EMOTICONS.items()]
    if knobs.split_camel_case:
        rules.append(_replace(CAMEL_CASE, " "))
    rules.append(_replace(HASHTAG, " <hashtag> " if knobs.hashtags == "tag" else " "))
    if knobs.lowercase:
        rules.append(normalizers.Lowercase())
    if knobs.shorten_repeats:
        rules += [_replace(*rule) for rule in REPEATS]
    return normalizers.Sequence(rules)


def _handle_rules(knobs: TokenizerKnobs) -> list[normalizers.Normalizer]:
    if knobs.handles == "word":
        return [_replace(HANDLE_SIGN, " ")]
    return [_replace(HANDLE, " <user> " if knobs.handles == "tag" else " "), _replace(*REPEATED_HANDLES)]


def _replace(pattern: str, content: str) -> normalizers.Normalizer:
    return normalizers.Replace(Regex(pattern), content)
