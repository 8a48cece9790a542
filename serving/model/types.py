"""Types of a prediction; which texts are blank, and how figures are rounded."""

from dataclasses import dataclass
from unicodedata import category

import numpy as np
import numpy.typing as npt

from serving.model.metadata import FieldValue

Probabilities = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float32]

# Of probabilities and weights in JSON and files: six digits. Calibration is far coarser, and float32 has seven.
STEPS = 10**6

# General categories (Unicode Standard, section 4.5) of controls, format characters such as the zero-width ones, spaces,
# and marks, which show only on another character: accents, variation selectors, keycaps.
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"})
# Letters and a symbol by their categories, which have no ink: the fillers of Hangul, and Braille without a dot.
_INVISIBLE_CHARACTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")


def is_blank(text: str) -> bool:
    """Whether a text has nothing that a reader could see: it is empty, or all of it is invisible."""
    # Distinct characters of the others only: this runs on the event loop, for texts that anybody sends.
    return not text or (_is_invisible(text[0]) and all(map(_is_invisible, set(text))))


def _is_invisible(character: str) -> bool:
    return category(character) in _INVISIBLE_CATEGORIES or character in _INVISIBLE_CHARACTERS


def rounded(value: float) -> float:
    """A probability or a weight as it is written, with six digits; never a negative zero."""
    return round(value * STEPS) / STEPS  # a third of the time that `round` with a number of digits takes


@dataclass(frozen=True, slots=True)
class WeighedWord:
    """A word of an explained text, and how much it speaks for the label.

    Attributes:
        word: `text[start:end]`.
        start: counted in Unicode code points.
        end: behind its last character.
        weight: the label's probability less its probability without the word, so from -1 to 1; 0 where leaving the word
            out changes nothing that the network reads; None where the network does not read that far.
    """

    word: str
    start: int
    end: int
    weight: float | None


@dataclass(frozen=True, slots=True)
class WeighedField:
    """A field of an explained row, and how much its value speaks for the label.

    Attributes:
        name: of the field.
        value: that it has; None where it is missing.
        weight: the label's probability less its probability where the field is missing, so from -1 to 1.
    """

    name: str
    value: FieldValue
    weight: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one text, or one row of fields.

    Attributes:
        label: the most probable one.
        probability: the label's.
        probabilities: of all labels, in the bundle's order; they sum to 1.
        truncated: whether the text had more tokens than the model reads, so that some were not looked at.
        in_vocabulary: the share of the text's characters, from 0 to 1, that the model has pieces for; see
            `Encoder.encode_with_shares`.
        explanation: the text's words with their weights, where they were asked for.
        cut: how many tokens were not read.
        weighed_fields: the row's fields with their weights, where they were asked for.
    """

    label: str
    probability: float
    probabilities: dict[str, float]
    truncated: bool = False
    in_vocabulary: float = 1.0
    explanation: tuple[WeighedWord, ...] | None = None
    cut: int = 0
    weighed_fields: tuple[WeighedField, ...] | None = None

    def is_uncertain(self, min_probability: float) -> bool:
        """Whether the label's probability, as it is written, is below this one."""
        return rounded(self.probability) < min_probability
