"""Regular expressions of what tweets are made of, beside words: links, handles, hashtags, emoticons, repeats."""

Rule = tuple[str, str]  # a pattern, and the literal text that takes the place of what it matches

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
INVISIBLE: tuple[Rule, ...] = (
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
REPEATED_HANDLES: Rule = (r"<user>(?:\s+<user>)+", "<user>")
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
REPEATS: tuple[Rule, ...] = (
    (r"(\p{L})(?=\1\1)", ""),
    (r"([!?.,…])(?=\1\1)", ""),
    (r"(ha|he|hi|ja|lo|xo)(?=\1\1)", ""),
)
