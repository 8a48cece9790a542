"""Stemmers as rules of the normalizer, so that they go into tokenizer.json and apply to words never seen in training.

One id for all words of a stem would be simpler, but `tokenizers` reads such a vocabulary and, saving it, keeps only one
word of each id.
"""

from collections.abc import Callable
from typing import Literal

from training.text.patterns import WORD_CHARACTER, WORD_END, WORD_START, Rule

Stemming = Literal["none", "plural", "snowball"]

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


def stemming_rules(choice: Stemming) -> list[Rule]:
    """The rules of a stemmer, for text in lower case. Contractions, tags, and words of one or two letters stay."""
    return _STEMMERS[choice]()


def _plural() -> list[Rule]:
    """The S-stemmer: Harman 1991, How Effective Is Suffixing? (Journal of the ASIS 42(1), 7-15), its table 1.

    Of its three rules, the first that a word has the ending of is the one that counts, exceptions included.
    """
    return [
        _start(),
        (rf"\x01{_LETTER}+?(?<![ae])\Kies{_END}", "y"),
        (rf"\x01{_LETTER}+?(?<![aeio]e)(?<![us])\Ks{_END}", ""),
        (START, ""),
    ]


def _snowball() -> list[Rule]:
    """Porter's English stemmer, version of Snowball 3.1 (https://snowballstem.org/algorithms/english/stemmer.html).

    Steps as numbered there; step 0 and the like, about apostrophes, do not arise.
    """
    irregular = [(f"{WORD_START}(?:{ends}){WORD_END}", to) for to, ends in _IRREGULAR.items()]
    steps = [*_steps_1(), *_steps_2_to_5()]
    # A y that is a consonant is Y for as long as it takes.
    return [_start(_LEFT_ALONE), *irregular, (r"[\x01aeiouy]\Ky", "Y"), *steps, (START, ""), ("Y", "y")]


def _start(left_alone: str = "") -> Rule:
    excepted = f"(?!(?:{left_alone}){WORD_END})" if left_alone else ""
    return (rf"{WORD_START}(?={_LETTER}{{3,{MAX_LETTERS}}}{WORD_END}){excepted}", START)


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


_STEMMERS: dict[Stemming, Callable[[], list[Rule]]] = {"none": list, "plural": _plural, "snowball": _snowball}
