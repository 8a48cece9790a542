"""Text rules: what is done to a text before the tokenizer file, where that file cannot say it; and stop words, stems.

The pattern of a `Rule` is in Oniguruma's syntax, which the tokenizers library has, so that recipes can write the same
rule into a tokenizer file. That of a `Substitution` is what Python's `re` and Rust's `regex` read alike.
"""

import re
import string
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from tokenizers import Regex, normalizers

Rule = tuple[str, str]  # a pattern, and the literal text that takes the place of what it matches
StopWords = Literal["keep", "drop", "drop_except_negations"]
Stemming = Literal["none", "plural", "snowball"]

MAX_STEPS = 100  # of the cleaning
MAX_PATTERN, MAX_CONTENT = 1000, 64  # characters

# The bare "http" is what cut-off retweets end in. Case is spelt out: (?i) over the whole takes half the time of all
# preprocessing. A host is taken whole or not at all, and has an end: with backtracking, or without one, a long text of
# dots and hyphens is read anew from each of them.
_SCHEME = r"[Hh][Tt][Tt][Pp][Ss]?(?::\S*|(?!\w))"
_WWW = r"[Ww][Ww][Ww]\.\S+|[Pp][Ii][Cc]\.(?i:twitter\.com)/\S+"
_ENDS = ("com", "net", "org", "ly", "co", "gl", "me", "tv", "be", "io", "fm", "us", "uk")
_END = "|".join(r"\." + "".join(f"[{letter.upper()}{letter}]" for letter in end) for end in _ENDS)
_HOST = rf"[A-Za-z0-9](?>[A-Za-z0-9-]{{0,253}})\.(?>[A-Za-z0-9.-]{{0,253}})(?<={_END})/\S*"
URL = rf"(?<![\w@.])(?:{_SCHEME}|{_WWW}|{_HOST})"
HANDLE = r"(?<![\w@])@\w+"

WORD_CHARACTER = r"\p{L}\p{M}\p{N}_"  # what a word is made of, to stand in a character class
CONTRACTION = r"'[\p{L}\p{M}]"  # begins so

# The ends of a whole word: there is none within "don't".
WORD_START = rf"(?<![{WORD_CHARACTER}])(?!(?<=[{WORD_CHARACTER}]')[\p{{L}}\p{{M}}])"
WORD_END = rf"(?![{WORD_CHARACTER}]|{CONTRACTION})"


CleaningStep = Literal[
    "lower", "strip_links", "strip_handles", "strip_digits", "strip_punctuation", "stop_words", "stems"
]
Transform = Callable[[str], str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_ACCEPTED = "accepted: what Python and Rust read alike, without look-around, back-references, flags, nested repetition"
_ESCAPE = r"\\(?:[dDwWsSbBAnrtfv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[^A-Za-z0-9\s])"
# Possessive: a bracket that comes first is a member, and may not be read as the end on a second try.
_CLASS = rf"\[\^?+\]?+(?:{_ESCAPE}|(?!--|&&|~~|\|\|)[^\]\\\[])*\]"
_ATOM = re.compile(rf"{_ESCAPE}|{_CLASS}|\((?:\?:)?(?!\?)|\)|[^\\\[\](){{}}*+?]")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})\??|")


def check_pattern(pattern: str) -> str:
    """Check that Python's `re` and Rust's `regex` read a pattern alike, and that no text takes exponential time.

    Returns:
        The pattern.

    Raises:
        ValueError: it has look-around, a back-reference, a flag or another thing that only one of them has, or repeats
            a group that holds a repetition or alternatives.
    """
    position, starts_of_groups = 0, []
    while position < len(pattern):
        atom, quantifier = _next_atom(pattern, position)
        if atom.startswith("("):
            starts_of_groups.append(position)
        elif atom == ")" and starts_of_groups:
            group = pattern[starts_of_groups.pop() : position].removeprefix("(?:")
            if quantifier not in ("", "?") and re.search(r"[*+?}|]", group):
                raise ValueError(
                    f"{quantifier!r} repeats a group that repeats or has alternatives: {group!r}; {_ACCEPTED}"
                )
        position += len(atom) + len(quantifier)
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{pattern[:40]!r} is no regular expression: {error}; {_ACCEPTED}") from error
    return pattern


def _next_atom(pattern: str, position: int) -> tuple[str, str]:
    atom = _ATOM.match(pattern, position)
    if atom is None:
        raise ValueError(f"{pattern[position : position + 20]!r} at character {position + 1}; {_ACCEPTED}")
    quantifier = _QUANTIFIER.match(pattern, atom.end())
    return atom[0], quantifier[0] if quantifier else ""


class Substitution(_Strict):
    """Python's `re.sub(pattern, content, text)`."""

    pattern: Annotated[str, AfterValidator(check_pattern)] = Field(min_length=1, max_length=MAX_PATTERN)
    content: str = Field(max_length=MAX_CONTENT, pattern=r"^[^\\]*$", description="literal: no backslash")


class TextRules(_Strict):
    """What is done to a text before the tokenizer file, in the order of these fields."""

    cleaning: list[CleaningStep | Substitution] = Field([], max_length=MAX_STEPS)
    lower: Literal["unicode", "ascii"] | None = Field(None, description="Python's str.lower, or A to Z alone")
    filters: str = Field("", max_length=MAX_PATTERN, description="each of these characters is replaced")
    filter_content: str = Field(" ", max_length=MAX_CONTENT, description="what takes the place of each")
    drop_unknown: bool = Field(False, description="whether words that are not in the vocabulary are left out")

    def transforms(self) -> list[Transform]:
        """The rules as functions, to be called in this order."""
        steps = [_substitute(step) if isinstance(step, Substitution) else _CLEANING[step]() for step in self.cleaning]
        if self.lower is not None:
            steps.append(str.lower if self.lower == "unicode" else _translate(_ASCII_LOWER))
        if self.filters:
            steps.append(_translate(dict.fromkeys(map(ord, self.filters), self.filter_content)))
        return steps


_ASCII_LOWER: dict[int, str] = {ord(letter): letter.lower() for letter in string.ascii_uppercase}


def _substitute(step: Substitution) -> Transform:
    pattern = re.compile(step.pattern)
    return lambda text: pattern.sub(step.content, text)


def _translate(table: dict[int, str]) -> Transform:
    return lambda text: text.translate(table)


def _replace(rules: list[Rule]) -> Transform:
    return normalizers.Sequence(
        [normalizers.Replace(Regex(pattern), content) for pattern, content in rules]
    ).normalize_str


def _stem() -> Transform:
    normalize = _replace([(f"[{START}{CUT}]", " "), *stemming_rules("snowball")])
    return lambda text: normalize(text.lower())


_CLEANING: dict[CleaningStep, Callable[[], Transform]] = {
    "lower": lambda: str.lower,
    "strip_links": lambda: _replace([(URL, " ")]),
    "strip_handles": lambda: _replace([(HANDLE, " ")]),
    "strip_digits": lambda: _replace([(r"\p{Nd}+", "")]),
    "strip_punctuation": lambda: _translate(dict.fromkeys(map(ord, string.punctuation), "")),
    "stop_words": lambda: _replace(stop_word_rules("drop")),
    "stems": _stem,
}

# Those of scikit-learn, which has them from the Glasgow Information Retrieval Group.
STOP_WORDS = frozenset(
    """
    a about above across after afterwards again against all almost alone along already also although always am among
    amongst amoungst amount an and another any anyhow anyone anything anyway anywhere are around as at back be became
    because become becomes becoming been before beforehand behind being below beside besides between beyond bill both
    bottom but by call can cannot cant co con could couldnt cry de describe detail do done down due during each eg
    eight either eleven else elsewhere empty enough etc even ever every everyone everything everywhere except few
    fifteen fifty fill find fire first five for former formerly forty found four from front full further get give go
    had has hasnt have he hence her here hereafter hereby herein hereupon hers herself him himself his how however
    hundred i ie if in inc indeed interest into is it its itself keep last latter latterly least less ltd made many may
    me meanwhile might mill mine more moreover most mostly move much must my myself name namely neither never
    nevertheless next nine no nobody none noone nor not nothing now nowhere of off often on once one only onto or other
    others otherwise our ours ourselves out over own part per perhaps please put rather re same see seem seemed seeming
    seems serious several she should show side since sincere six sixty so some somehow someone something sometime
    sometimes somewhere still such system take ten than that the their them themselves then thence there thereafter
    thereby therefore therein thereupon these they thick thin third this those though three through throughout thru
    thus to together too top toward towards twelve twenty two un under until up upon us very via was we well were what
    whatever when whence whenever where whereafter whereas whereby wherein whereupon wherever whether which while
    whither who whoever whole whom whose why will with within without would yet you your yours yourself yourselves
    """.split()  # noqa: SIM905
)
NEGATIONS = frozenset(
    "cannot cant couldnt hasnt neither never no nobody none noone nor not nothing nowhere without".split()  # noqa: SIM905
)


def stop_word_rules(choice: StopWords, word_start: str = WORD_START) -> list[Rule]:
    """One rule that drops whole words in any case, or none. A contraction, such as "don't" or "it's", stays.

    Args:
        choice: which words.
        word_start: a pattern of the place where a word begins.
    """
    if choice == "keep":
        return []
    dropped = STOP_WORDS - NEGATIONS if choice == "drop_except_negations" else STOP_WORDS
    return [(f"(?i){word_start}(?:{'|'.join(sorted(dropped))}){WORD_END}", " ")]


# Control characters: those of the text itself are gone by then. START stands before each word that is to be stemmed,
# CUT where its ending was.
START, CUT = "\x01", "\x02"
MAX_LETTERS = 40  # a longer run is no word, and would cost time by its square

_LETTER = f"[{WORD_CHARACTER}]"
_END = f"(?!{_LETTER})"
_VOWEL, _OTHER = "[aeiouy]", f"[{WORD_CHARACTER}&&[^aeiouy]]"

# The regions R1 and R2 of a word begin after these. Atomic: a shorter way to match them would move the region.
_TO_R1 = rf"(?>arsen|commun|emerg|gener|inter|later|organ|past|univers|{_OTHER}*{_VOWEL}+{_OTHER})"
_TO_R2 = rf"(?>{_TO_R1}{_OTHER}*{_VOWEL}+{_OTHER})"
_R1, _R2 = (rf"\x01{to}{_LETTER}*?\K" for to in (_TO_R1, _TO_R2))
# What a short syllable ends in, to be looked for behind.
_SHORT = (rf"{_OTHER}{_VOWEL}[{WORD_CHARACTER}&&[^aeiouywxY]]", rf"\x01{_VOWEL}{_OTHER}", "past")
_AFTER_SHORT = "(?:" + "|".join(f"(?<={syllable})" for syllable in _SHORT) + ")"
_NOT_AFTER_SHORT = "".join(f"(?<!{syllable})" for syllable in _SHORT)

_IRREGULAR: dict[str, str] = {
    "": r"ski\Ks|(?:idl|gentl|singl)\Ky",
    "i": r"(?:ugl|earl|onl)\Ky",
    "y": r"sk\Kies",
}
_LEFT_ALONE = "andes|atlas|bias|cosmos|howe|news|sky|skis|skies|idly|gently|singly|ugly|early|only"

# Replacement -> endings. The order matters: what one leaves must not be an ending of a later one of its step.
_STEP_2 = {
    "ate": "ational|(?<!iz)ation|ator",
    "tion": "tional",
    "ence": "enci",
    "ance": "anci",
    "ize": "izer|ization",
    "able": "abli",
    "al": "alli|aliti|alism",
    "ful": "fulli|fulness",
    "less": "lessli",
    "ous": "ousli|ousness",
    "ent": "entli",
    "ive": "iviti|iveness",
    "ble": "biliti|(?<!a)bli",
    "og": "(?<=l)ogi|ogist",
    "": "(?<!ent)(?<=[cdeghkmnrt])li",
}
_STEP_3 = {"ic": "icate|iciti|ical", "ate": "ational", "tion": "tional", "al": "alize"}
_STEP_4 = (
    "ic|[ae]nce|[ai]ble|ate|ive|ize|iti|al|ism|(?<=[st])ion|er|ous|ant|ement|(?<!e)ment|(?<!m)ent"  # longest first
)


def stemming_rules(choice: Stemming, word_start: str = WORD_START) -> list[Rule]:
    """The rules of a stemmer, for text in lower case. Contractions, and words of one or two letters, stay.

    Args:
        choice: which stemmer.
        word_start: a pattern of the place where a word begins.
    """
    return _STEMMERS[choice](word_start)


def _plural(word_start: str) -> list[Rule]:
    """The S-stemmer: Harman 1991, How Effective Is Suffixing? (Journal of the ASIS 42(1), 7-15), its table 1.

    Of its three rules, the first that a word has the ending of is the one that counts, exceptions included.
    """
    return [
        _start(word_start),
        (rf"\x01{_LETTER}+?(?<![ae])\Kies{_END}", "y"),
        (rf"\x01{_LETTER}+?(?<![aeio]e)(?<![us])\Ks{_END}", ""),
        (START, ""),
    ]


def _snowball(word_start: str) -> list[Rule]:
    """Porter's English stemmer, version of Snowball 3.1 (https://snowballstem.org/algorithms/english/stemmer.html).

    Steps as numbered there; step 0 and the like, about apostrophes, do not arise.
    """
    irregular = [(f"{word_start}(?:{ends}){WORD_END}", to) for to, ends in _IRREGULAR.items()]
    steps = [*_steps_1(), *_steps_2_to_5()]
    # A y that is a consonant is Y for as long as it takes.
    return [_start(word_start, _LEFT_ALONE), *irregular, (r"[\x01aeiouy]\Ky", "Y"), *steps, (START, ""), ("Y", "y")]


def _start(word_start: str, left_alone: str = "") -> Rule:
    excepted = f"(?!(?:{left_alone}){WORD_END})" if left_alone else ""
    return (rf"{word_start}(?={_LETTER}{{3,{MAX_LETTERS}}}{WORD_END}){excepted}", START)


def _steps_1() -> list[Rule]:
    plural = rf"{_LETTER}*ss\Kes|{_LETTER}{{2,}}i\Ke[sd]|{_LETTER}?ie\K[sd]|{_OTHER}*{_VOWEL}{_LETTER}+?(?<![us])\Ks"
    eed = rf"(?!(?:succ|proc|exc)eed(?:ly)?{_END}){_TO_R1}{_LETTER}*?ee\Kd(?:ly)?"
    kept = rf"(?!(?:even|cann|inn|earr|herr|out)ing{_END})"
    cut = rf"{_OTHER}*{_VOWEL}{_LETTER}*?\K(?:(?<!e)ed(?:ly)?|ing(?:ly)?)"
    return [
        (rf"\x01(?:{plural}){_END}", ""),
        (rf"\x01{eed}{_END}", ""),
        (rf"\x01{_OTHER}\Kying{_END}", "ie"),
        (rf"\x01{kept}{cut}{_END}", CUT),
        (r"(?<=at|bl|iz)\x02", "e"),
        (r"(?<!\x01[aeo])([bdfgmnprt])\K\1\x02", ""),
        (rf"\x01{_TO_R1}\K{_AFTER_SHORT}\x02", "e"),
        (CUT, ""),
        (rf"\x01{_LETTER}+{_OTHER}\K[yY]{_END}", "i"),
    ]


def _steps_2_to_5() -> list[Rule]:
    final = rf"{_R2}e|{_R1}{_NOT_AFTER_SHORT}e|{_R2}(?<=l)l"
    return [
        *((f"{_R1}(?:{endings}){_END}", to) for step in (_STEP_2, _STEP_3) for to, endings in step.items()),
        (f"(?:{_R1}(?:ful|ness)|{_R2}ative){_END}", ""),
        (f"{_R2}(?:{_STEP_4}){_END}", ""),
        (f"(?:{final}){_END}", ""),
    ]


_STEMMERS: dict[Stemming, Callable[[str], list[Rule]]] = {
    "none": lambda _: [],
    "plural": _plural,
    "snowball": _snowball,
}
