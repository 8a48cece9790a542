"""`metadata.json`: what a bundle says of itself."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

SCHEMA_VERSION: Final = 1
SENTIMENT: Final = frozenset({"negative", "neutral", "positive"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class KnownAnswer(_Strict):
    """A sentence of our own and the probabilities that the bundle must give for it, in label order."""

    text: str
    probabilities: list[float]

    @field_validator("text")
    @classmethod
    def _is_unicode(cls, text: str) -> str:
        text.encode()  # a lone surrogate, which JSON can hold, raises a ValueError
        return text


class DataFile(_Strict):
    """The fingerprint of one file that the model learned from: its base name, rows and sha256 (hex)."""

    file: str
    rows: int
    sha256: str


class Metadata(_Strict):
    """The content of `metadata.json`. `extra` keys are refused, so that a misspelt one never passes silently."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str = Field(description="the recipe's name")
    model_version: str = Field(description="first 12 hex digits of a sha256 over network, tokenizer and labels")
    labels: list[str] = Field(min_length=2, description="in the order of the network's outputs")
    files: dict[str, str] = Field(description="file name -> sha256 (hex) of the bundle's other files")
    known_answers: list[KnownAnswer] = Field(min_length=1)
    temperature: float = Field(
        gt=0, allow_inf_nan=False, description="already folded into the last layer; 1 means uncalibrated"
    )
    seed: int
    recipe: dict[str, Any]
    data: list[DataFile]
    split: dict[str, dict[str, int]] = Field(description="part -> label -> rows")
    cleaning: dict[str, int] = Field(description="rule -> rows dropped or merged by it")
    libraries: dict[str, str]
    teachers: dict[str, str] = Field({}, description="folder -> model version of the bundles that it learned from")
    teacher_recipes: dict[str, dict[str, Any]] = Field(
        {}, description="folder -> recipe of those and of their teachers, who come first, to make them again"
    )
    teacher_data: dict[str, list[DataFile]] = Field({}, description="folder -> files that each of these learned from")
    vectors: DataFile | None = Field(None, description="word vectors that the embedding started from; rows: words")
    metrics: dict[str, Any] = Field(description="part -> figures, computed on the served path")

    @property
    def is_sentiment(self) -> bool:
        """Whether the labels are negative and positive, with or without neutral."""
        return {"negative", "positive"} <= {label.casefold() for label in self.labels} <= SENTIMENT
