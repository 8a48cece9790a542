"""Dropping stop words, as rules of the normalizer.

The list is scikit-learn's, 318 English words that carry little of a text's topic, "not", "never", "cry" and "serious"
among them: Nothman, Qin and Yurchak 2018, Stop Word Lists in Free Open-source Software Packages
(https://aclanthology.org/W18-2502). It is copied into the bundle, as a pattern.
"""

from typing import Literal

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from training.patterns import Rule
from training.pieces import WORD_END, WORD_START

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
