"""Intended use and limits of a model, for its model card."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from serving.model.metadata import Metadata

NOT_FOR: Final = (
    "Decisions about a person, such as hiring, lending, insurance, policing, health or a ban.",
    "Finding out what one person feels or believes: it judges how a text reads, not its author.",
    "Acting on single answers without a person who looks at them.",
)
LIMITS: Final = (
    "It knows the kinds of text that it was trained on. On others the figures here do not hold.",
    "It knows no other answer than its labels: a text that none of them fits gets one of them all the same.",
    "Labels are people's judgements. Annotators disagree, what is kept is mostly their majority, and their mistakes "
    "and habits are learned with the rest.",
    "Probabilities are calibrated on the validation part. On other texts they can be too sure.",
)
SENTIMENT_LIMITS: Final = (
    "English only. A text in another language gets a label too, and it means nothing.",
    "Sarcasm and irony are mostly taken at their word.",
    "It judges the whole text. What a text says of one person, brand or thing in it can be another sentiment, and a "
    "fact can be good news for one reader and bad for the next.",
    "Tweets that it learned from are by English-speaking Twitter users of the years in which they were collected: a "
    "sample neither of those who speak English nor of today's users, and words change.",
    "Dialects, such as African American English, and the English of second-language speakers are rare in such data. "
    "No figure here is by dialect, and such texts may be misread more often.",
    "Annotators disagree on many tweets, above all between neutral and the others. A label is mostly their majority, "
    "and seldom the author's own word.",
    "Mentions of groups of people can move an answer by themselves, because of what was said of them in the data.",
    "Probabilities are calibrated on the validation part. On other texts they can be too sure.",
)


@dataclass(frozen=True, slots=True)
class Use:
    """Sentences, each a point of its own."""

    intended: Sequence[str]
    not_for: Sequence[str]
    limits: Sequence[str]


def use_of(metadata: Metadata) -> Use:
    """What holds for such labels. A recipe's `intended_use` stands instead of it, its `limits` beside it."""
    intended = _points(metadata, "intended_use") or [_intended(metadata)]
    limits = SENTIMENT_LIMITS if metadata.is_sentiment else LIMITS
    return Use(intended, NOT_FOR, [*limits, *_points(metadata, "limits")])


def _intended(metadata: Metadata) -> str:
    what = (
        "Telling how short English texts such as tweets sound"
        if metadata.is_sentiment
        else "Sorting short texts like those it was trained on"
    )
    return f"{what}: many of them, to count, to sort or to look closer at, where single mistakes do little harm."


def _points(metadata: Metadata, key: str) -> list[str]:
    """Paragraphs of a key of the recipe."""
    text = str(metadata.recipe.get(key) or "")
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip()]
