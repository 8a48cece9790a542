"""Regular expressions of tweets, and the pre-tokenizer: words, tags, emoji and marks."""

from tokenizers import Regex, pre_tokenizers

from serving.model import text_rules
from serving.model.text_rules import CONTRACTION, WORD_CHARACTER, Rule

ENTITIES: tuple[Rule, ...] = (
    ("&amp;", "&"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", '"'),
    ("&(?:apos|#0*39|#x27);", "'"),
    ("&nbsp;", " "),
)
# Before NFKC, which would turn an acute accent used as an apostrophe into a space and a combining mark.
QUOTES: tuple[Rule, ...] = (("[‘’‚‛ʼ´`]", "'"), ("[“”„‟«»]", '"'))
# Before NFKC too, which makes letters of these emoji: two of them, or a word with one, are no longer word.
_OF_LETTERS = "[ℹ™Ⓜ㊗㊙🈁🈂🈚🈯🈲-🈺🉐🉑]"
EMOJI_OF_LETTERS: Rule = (rf"(?<=\S)(?={_OF_LETTERS})|(?<={_OF_LETTERS})(?=\S)", " ")
INVISIBLE: tuple[Rule, ...] = (
    (r"[\p{Cc}\x{2028}\x{2029}\x{20E3}]", " "),  # the last is the frame of a key: two keys are no number
    (r"[\p{Cf}\p{Emoji_Modifier}\x{FE0E}\x{FE0F}]", ""),
)

RETWEET = r"(?i)(?<!\w)RT\s+@\w+\s*:?"
HANDLE_SIGN = r"(?<![\w@])@(?=\w)"
REPEATED_HANDLES: Rule = (r"<user>(?:\s+<user>)+", "<user>")
HASHTAG = r"#(?=[\w])"
CAMEL_CASE = r"(?=\p{Lu})(?:(?<=\p{Ll})|(?<=\p{Lu})(?=.\p{Ll}\p{Ll}))"

# Once what is invisible is gone, a sequence of several characters is nothing but emoji side by side.
EMOJI = r"\p{RI}{2}|\p{Extended_Pictographic}"

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
REPEATS: tuple[Rule, ...] = (
    (r"(\p{L})(?=\1\1)", ""),
    (r"([!?.,…])(?=\1\1)", ""),
    (r"(ha|he|hi|ja|lo|xo)(?=\1\1)", ""),
)


TAGS = ("<url>", "<user>", "<rt>", "<hashtag>", *EMOTICONS)

_TAG_NAME = "(?:" + "|".join(tag.strip("<>") for tag in TAGS) + ")"
ANY_TAG = f"<{_TAG_NAME}>"

# Where a word begins, as TOKEN cuts it: the name of a tag is no word.
WORD_START = rf"{text_rules.WORD_START}(?!(?<=<){_TAG_NAME}>)"

# One alternative a kind of token, tried in this order: tag, word, flag, emoji, run of marks, any other sign.
TOKEN = (
    ANY_TAG + rf"|[{WORD_CHARACTER}]+(?:{CONTRACTION}[{WORD_CHARACTER}]*)*"
    rf"|{EMOJI}"
    r"|[!?.]+|[^\s]"
)


def build_pretokenizer() -> pre_tokenizers.PreTokenizer:
    """A pre-tokenizer that cuts a normalized text into words, tags, emoji and marks."""
    # Inverted: what matches stays, and what is between, which is white space alone, goes.
    return pre_tokenizers.Split(Regex(TOKEN), "removed", invert=True)
