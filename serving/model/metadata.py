"""Schema of `metadata.json`, which describes a bundle."""

from collections.abc import Mapping, Sequence
from math import floor
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from serving.model.text_rules import TextRules

SCHEMA_VERSION: Final = 2
ACCEPTED_VERSIONS: Final = (1, 2)
SENTIMENT: Final = frozenset({"negative", "neutral", "positive"})

DEFAULT_THRESHOLD: Final = 0.5  # above which the second of two labels is the more probable one

# Shares of the rows for which it is told from which probability on they are answered, and how often wrongly.
COVERAGES: Final = (0.9, 0.8, 0.7)

# What an adopted bundle cannot know, so that these have defaults; what training wrote has all of them.
KNOWN_BY_TRAINING: Final = ("seed", "recipe", "data", "split", "cleaning", "metrics")

# One field of a row: a number, a category's value, or nothing; and a row, which is a text or named fields.
FieldValue = float | str | None
Row = str | Mapping[str, FieldValue]

Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class KnownAnswer(_Strict):
    """A sentence of our own and the probabilities that the bundle must give for it, in label order."""

    text: str
    probabilities: list[float]

    @property
    def row(self) -> str:
        """The text."""
        return self.text

    @field_validator("text")
    @classmethod
    def _is_unicode(cls, text: str) -> str:
        text.encode()  # a lone surrogate, which JSON can hold, raises a ValueError
        return text


class KnownRow(_Strict):
    """Fields of our own and the probabilities that the bundle must give for them, in label order."""

    fields: dict[str, FieldValue]
    probabilities: list[float]

    @property
    def row(self) -> Mapping[str, FieldValue]:
        """The fields."""
        return self.fields


class DataFile(_Strict):
    """The fingerprint of one file that the model learned from: its base name, rows and sha256 (hex)."""

    file: str
    rows: int
    sha256: str


class AdoptedFile(_Strict):
    """A file of others that an adopted bundle was made of: its base name and sha256 (hex)."""

    file: str
    sha256: str


class Threshold(_Strict):
    """The least probability from which a label may be trusted, found on the validation part.

    Of the rows of the validation part that the model gives `label` with at least `probability`, a share of at least
    `precision_at_least` truly has it. It is the lowest such probability; a label that reaches the precision nowhere
    has no entry.
    """

    label: str
    precision_at_least: Share = Field(description="the precision that was asked for, such as 0.9")
    probability: Share = Field(description="the least probability of the label from which on it is reached")
    coverage: Share = Field(description="the share of the part's rows that are given the label with at least it")


class CoveragePoint(_Strict):
    """One point of the risk-coverage curve of the validation part.

    Answering only the most confident rows, those whose winning label has at least `probability`, answers a share of
    `coverage` of all rows, and a share of `risk` of the answered ones wrongly. See El-Yaniv and Wiener 2010, "On the
    Foundations of Noise-free Selective Classification", and Geifman and El-Yaniv 2017, "Selective Classification for
    Deep Neural Networks", https://arxiv.org/abs/1705.08500.
    """

    coverage: Share
    risk: Share
    probability: Share

    @property
    def min_probability(self) -> float:
        """The probability in three digits, rounded down, so that these rows have it: a value for MIN_PROBABILITY."""
        return floor(self.probability * 1000) / 1000


class Metadata(_Strict):
    """The content of `metadata.json`. Unknown keys are refused, so that a misspelt one never passes silently.

    A file of schema 1 is read as one of schema 2 whose new keys have their defaults.
    """

    schema_version: Literal[1, 2] = SCHEMA_VERSION
    name: str = Field(description="the recipe's name, or that of an adopted model")
    model_version: str = Field(description="first 12 hex digits of a sha256 over network, tokenizer and labels")
    inputs: Literal["text", "fields"] = Field("text", description="what one row is: a text, or named fields")
    origin: Literal["trained", "adopted"] = Field(
        "trained", description="trained by this project, or adopted: made by others from a Keras model and a tokenizer"
    )
    labels: list[str] = Field(min_length=2, description="in the order of the network's outputs")
    files: dict[str, str] = Field(description="name -> sha256 (hex) of the network and the tokenizer; not of a report")
    known_answers: list[KnownAnswer | KnownRow] = Field(min_length=1)
    temperature: float = Field(
        gt=0, allow_inf_nan=False, description="already folded into the last layer; 1 means uncalibrated"
    )
    keras_import: str | None = Field(
        None,
        description="the Python module to import before keras.models.load_model, since it registers a layer of the "
        "network; null: Keras knows every layer",
    )
    text_rules: TextRules | None = Field(
        None, description="what is done to a text before the tokenizer's file, where that file cannot say it"
    )
    decision_threshold: float = Field(
        DEFAULT_THRESHOLD,
        gt=0,
        lt=1,
        description="of two labels, the second is the answer where its probability is above this",
    )
    adopted_files: list[AdoptedFile] = Field([], description="what an adopted bundle was made of")
    seed: int | None = None
    recipe: dict[str, Any] = {}
    data: list[DataFile] = []
    split: dict[str, dict[str, int]] = Field({}, description="part -> label -> rows")
    cleaning: dict[str, int] = Field({}, description="rule -> rows dropped or merged by it")
    libraries: dict[str, str]
    teachers: dict[str, str] = Field({}, description="folder -> model version of the bundles that it learned from")
    teacher_recipes: dict[str, dict[str, Any]] = Field(
        {}, description="folder -> recipe of those and of their teachers, who come first, to make them again"
    )
    teacher_data: dict[str, list[DataFile]] = Field({}, description="folder -> files that each of these learned from")
    vectors: DataFile | None = Field(None, description="word vectors that the embedding started from; rows: words")
    metrics: dict[str, Any] = Field({}, description="part -> figures, computed on the served path")
    thresholds: list[Threshold] = Field([], description="from which probability on a label is how often right")
    risk_coverage: list[CoveragePoint] = Field(
        [], description="by rising coverage: the error rate among the most confident share of the rows"
    )

    @property
    def is_sentiment(self) -> bool:
        """Whether the labels are negative and positive, with or without neutral."""
        return {"negative", "positive"} <= {label.casefold() for label in self.labels} <= SENTIMENT

    @property
    def start_note(self) -> str:
        """What a network that goes on from a bundle owes to it, and what its figures are worth; else empty."""
        start = self.recipe.get("start")
        if not isinstance(start, dict):
            return ""
        bundle, weight = start.get("bundle"), start.get("weight")
        share = f"{weight:.0%}" if isinstance(weight, float | int) else "–"
        return (
            f"It goes on from {bundle}, version {self.teachers.get(str(bundle), '–')}: a share of {share} of each of "
            "those weights stays, and the calibration is that one's. The rows were chosen, as corrections are, so that "
            "figures on them say little about other texts."
        )

    def coverage_points(self, shares: Sequence[float] = COVERAGES) -> dict[float, CoveragePoint]:
        """Share -> the first point of the curve with at least this coverage; empty where there is no curve."""
        points = {share: next((p for p in self.risk_coverage if p.coverage >= share), None) for share in shares}
        return {share: point for share, point in points.items() if point}

    @field_validator("schema_version")
    @classmethod
    def _read_as_latest(cls, _: int) -> Literal[1, 2]:
        return SCHEMA_VERSION

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        missing = [
            name for name in KNOWN_BY_TRAINING if name not in self.model_fields_set or getattr(self, name) is None
        ]
        if self.origin == "trained" and missing:
            raise ValueError(f"{', '.join(missing)} missing; accepted without them: origin adopted")
        return self

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        if self.decision_threshold != DEFAULT_THRESHOLD and len(self.labels) != 2:
            raise ValueError(
                f"decision_threshold {self.decision_threshold} with {len(self.labels)} labels; accepted: with two"
            )
        unknown = {threshold.label for threshold in self.thresholds} - set(self.labels)
        if unknown:
            raise ValueError(f"thresholds name {sorted(unknown)}; accepted: {self.labels}")
        return self
