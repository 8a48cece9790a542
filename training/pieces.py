"""The pieces that a normalized text is cut into: words, tags, emoji and marks."""

from tokenizers import Regex, pre_tokenizers

from training.patterns import EMOJI, EMOTICONS

TAGS = ("<url>", "<user>", "<rt>", "<hashtag>", *EMOTICONS)

_TAG_NAME = "(?:" + "|".join(tag.strip("<>") for tag in TAGS) + ")"
ANY_TAG = f"<{_TAG_NAME}>"

SIGN = r"\p{L}\p{M}\p{N}_"  # what a word is made of, to stand in a character class
_CONTRACTION = r"'[\p{L}\p{M}]"  # begins so

# The ends of a whole word, as PIECES cuts them: there is none within "don't", and the name of a tag is no word.
WORD_START = rf"(?<![{SIGN}])(?!(?<=[{SIGN}]')[\p{{L}}\p{{M}}])(?!(?<=<){_TAG_NAME}>)"
WORD_END = rf"(?![{SIGN}]|{_CONTRACTION})"

# One alternative a kind of piece, tried in this order: tag, word, flag, emoji, run of marks, any other sign.
PIECES = (
    ANY_TAG + rf"|[{SIGN}]+(?:{_CONTRACTION}[{SIGN}]*)*"
    rf"|{EMOJI}"
    r"|[!?.]+|[^\s]"
)


def build_pieces() -> pre_tokenizers.PreTokenizer:
    """What cuts a normalized text into words, tags, emoji and marks."""
    # Inverted: what matches stays, and what is between, which is white space alone, goes.
    return pre_tokenizers.Split(Regex(PIECES), "removed", invert=True)
