"""Sections `[data]` and `[[data.sources]]`: the rows that a recipe learns from."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from serving.tables.chunk import MISSING
from training.recipe.base import ConfigSection, Fraction, Name, Part


def _bool_as_word(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


# TOML's own true and false are accepted too.
Header = Annotated[Literal["auto", "true", "false"], BeforeValidator(_bool_as_word)]


class Source(ConfigSection):
    """`[[data.sources]]`: what is special about one file. A file may stand in several, with different `where`."""

    file: Name = Field(description="base name of the file that this is about")
    name: Name | None = Field(None, description="what stages and reports call it; default: the file's name")
    text: Name | None = Field(None, description="its column of texts; default: data.text")
    label: Name | None = Field(None, description="its column of labels; default: data.label")
    group: Name | None = Field(None, description="column whose values reports tell apart; default: none, one group")
    encoding: Name | None = Field(None, description="its encoding; default: data.encoding")
    header: Header | None = Field(None, description="whether its first row holds names; default: data.header")
    where: dict[str, list[str]] = Field({}, description="column -> values: only rows that have one of them")
    where_not: dict[str, list[str]] = Field({}, description="column -> values: only rows that have none of them")
    rows: int | None = Field(None, ge=1, description="at most so many of its rows, drawn by the seed of the split")
    emoticons: Literal["keep", "drop"] = Field(
        "keep", description="drop: they are cut out of its texts first, as where they made the labels"
    )
    append: Name | None = Field(
        None, description="column whose value is put after each text, such as the emoji that was taken out of it"
    )
    ngram: int = Field(
        0,
        ge=0,
        le=20,
        description="of each text only some words in a row, 1 to so many, drawn by the seed of the split; with a task "
        "alone; 0: all words",
    )
    task: Name | None = Field(
        None, description="a task of its own, with the labels found, for stages only; default: the recipe's labels"
    )
    part: Part | None = Field(None, description="put all its rows into this part; default: split them")
    hold_out: Fraction = Field(
        0.0, description="fraction of its rows that nothing learns from and the report measures by group"
    )
    weight: float = Field(1.0, gt=0, le=100, description="weight of each of its rows in the training loss")
    about: str = Field("", description="what it is, for the model card")
    terms: str = Field("", description="the terms that it is under, for the model card")

    @property
    def key(self) -> str:
        """What stages and reports call it."""
        return self.name or self.file

    @model_validator(mode="after")
    def _task_is_for_stages(self) -> "Source":
        if self.task and (self.part or self.hold_out):
            raise ValueError(
                f"task = {self.task!r}: its rows only train; accepted: neither part nor hold_out beside it"
            )
        if self.ngram and not self.task:
            raise ValueError("ngram needs a task: a few words of a text may have another label than the text")
        if self.hold_out and self.part != "train":
            raise ValueError("hold_out needs part = 'train'; other rows are split, or measured, anyway")
        return self


class DataConfig(ConfigSection):
    """`[data]`: which columns hold what, and which labels there are."""

    text: Name = Field("text", description="column of texts")
    label: Name = Field("label", description="column of labels")
    encoding: Name = Field("utf-8", description="encoding of text files, as Python names it")
    header: Header = Field(
        "auto",
        description="whether the first row of CSV and TSV holds the columns' names; false: they are called column_1, "
        "column_2, ...; auto: by how that row reads",
    )
    labels: list[Name] = Field([], description="accepted labels in output order; empty: those found, sorted")
    rename: dict[str, Name] = Field({}, description="label in the file -> label in the bundle; a task keeps its own")
    ignore: list[str] = Field([], description="labels whose rows are dropped (and counted)")
    missing: list[str] = Field(
        list(MISSING),
        description="texts and labels that stand for a missing value, whose rows are dropped (and counted), unless "
        "they are among data.labels or what data.rename makes",
    )
    validation: Fraction = Field(0.1, description="fraction of rows for validation, which every choice is made on")
    test: Fraction = Field(0.1, description="fraction of rows for the test, which no choice is made on")
    split_seed: int | None = Field(None, ge=0, le=2**31 - 1, description="of the split; default: the recipe's seed")
    quoted: bool = Field(True, description="in CSV and TSV, cells may be quoted (RFC 4180); false: a quote is a sign")
    bundled: Literal["iris"] | None = Field(
        None,
        exclude_if=lambda bundled: bundled is None,
        description="rows that come with scikit-learn, which are read where no file is named",
    )
    about: str = Field("", description="what the data are, for the model card; a source may say its own")
    terms: str = Field("", description="the terms that they are under, for the model card")
    found_on: list[Name] = Field(
        [],
        description="what a search found the recipe on: sha256 of files and word vectors, versions of teachers; others "
        "are noted before training",
    )
    sources: list[Source] = Field([], description="per-file differences; empty: every file uses the keys above")

    @property
    def target_sources(self) -> list[Source]:
        """Those that carry the recipe's labels."""
        return [source for source in self.sources if not source.task]

    @property
    def task_sources(self) -> list[Source]:
        """Those with labels of their own, which only pre-train."""
        return [source for source in self.sources if source.task]

    @property
    def second_columns(self) -> set[str]:
        """Keys of those with labels of their own whose file holds the recipe's labels too."""
        files = {source.file for source in self.target_sources}
        return {source.key for source in self.task_sources if source.file in files}

    @model_validator(mode="after")
    def _fits(self) -> "DataConfig":
        if self.validation + self.test >= 1:
            raise ValueError(f"validation + test is {self.validation + self.test:g}; accepted: less than 1")
        if len({label.casefold() for label in self.labels}) < len(self.labels):
            raise ValueError(f"labels are {self.labels}; accepted: distinct ones, not only in case")
        shared = {source.key for source in self.target_sources} & {source.key for source in self.task_sources}
        if shared:
            raise ValueError(f"{sorted(shared)} name sources with and without a task; accepted: a name for each kind")
        if self.sources and not self.target_sources:
            raise ValueError("every source has a task of its own; accepted: at least one with the recipe's labels")
        return self
