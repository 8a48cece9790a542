"""A recipe: every knob of a training run in one place, read from TOML.

The tables below are the whole of it. `python -m training knobs` prints them with meaning, unit and range.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from training.errors import RecipeError

Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Part = Literal["train", "validation", "test"]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Source(_Table):
    """`[[data.sources]]`: what is special about one file. A file may stand in several, with different `where`."""

    file: Name = Field(description="base name of the file that this is about")
    text: Name | None = Field(None, description="its column of texts; default: data.text")
    label: Name | None = Field(None, description="its column of labels; default: data.label")
    encoding: Name | None = Field(None, description="its encoding; default: data.encoding")
    where: dict[str, list[str]] = Field({}, description="column -> values: only rows that have one of them")
    where_not: dict[str, list[str]] = Field({}, description="column -> values: only rows that have none of them")
    part: Part | None = Field(None, description="put all its rows into this part; default: split them")
    weight: float = Field(1.0, gt=0, le=100, description="weight of each of its rows in the training loss")


class Data(_Table):
    """`[data]`: which columns hold what, and which labels there are."""

    text: Name = Field("text", description="column of texts")
    label: Name = Field("label", description="column of labels")
    encoding: Name = Field("utf-8", description="encoding of text files, as Python names it")
    labels: list[Name] = Field([], description="accepted labels in output order; empty: those found, sorted")
    rename: dict[str, Name] = Field({}, description="label in the file -> label in the bundle")
    ignore: list[str] = Field([], description="labels whose rows are dropped (and counted)")
    validation: Fraction = Field(0.1, description="fraction of rows for validation, which every choice is made on")
    test: Fraction = Field(0.1, description="fraction of rows for the test, which no choice is made on")
    quoted: bool = Field(True, description="in CSV and TSV, cells may be quoted (RFC 4180); false: a quote is a sign")
    sources: list[Source] = Field([], description="per-file differences; empty: every file uses the keys above")

    @model_validator(mode="after")
    def _fits(self) -> "Data":
        if self.validation + self.test >= 1:
            raise ValueError(f"validation + test is {self.validation + self.test:g}; accepted: less than 1")
        if len({label.casefold() for label in self.labels}) < len(self.labels):
            raise ValueError(f"labels are {self.labels}; accepted: distinct ones, not only in case")
        return self


class TokenizerKnobs(_Table):
    """`[tokenizer]`: the preprocessing, all of it written into tokenizer.json."""

    model: Literal["word", "bpe"] = Field("bpe", description="whole words, or byte-pair-encoded pieces of them")
    vocabulary: int = Field(8000, ge=50, le=100_000, description="vocabulary size in tokens, the special ones included")
    min_frequency: int = Field(2, ge=1, le=1000, description="a word or merge rarer than this is not learned")
    max_tokens: int = Field(64, ge=1, le=2048, description="truncation: only the first so many tokens are read")
    fixed_length: bool = Field(False, description="pad each text to max_tokens (what an unmasked network needs)")
    pad_side: Literal["right", "left"] = Field("right", description="where padding goes; left only with fixed_length")
    urls: Literal["tag", "drop"] = Field("tag", description="a link becomes <url>, or nothing")
    handles: Literal["tag", "word", "drop"] = Field("tag", description="@name becomes <user>, or name, or nothing")
    retweets: Literal["tag", "drop"] = Field("drop", description="'RT @name:' at any place becomes <rt>, or nothing")
    hashtags: Literal["tag", "word"] = Field("tag", description="#word becomes <hashtag> word, or just word")
    emoticons: Literal["tag", "keep", "drop"] = Field("tag", description=":-) becomes <smile>, stays, or goes")
    split_camel_case: bool = Field(True, description="#WorstShowEver is read as three words")
    lowercase: bool = Field(True, description="case is ignored")
    shorten_repeats: bool = Field(True, description="sooooo becomes soo, !!!! becomes !!, hahahaha becomes haha")

    @model_validator(mode="after")
    def _padding_fits(self) -> "TokenizerKnobs":
        if self.pad_side == "left" and not self.fixed_length:
            raise ValueError("pad_side = 'left' needs fixed_length = true; accepted otherwise: 'right'")
        return self


class NetworkKnobs(_Table):
    """`[network]`: Embedding, spatial dropout, stacked LSTMs, pooling, dense softmax."""

    embedding: int = Field(128, ge=1, le=1024, description="units of a token's vector")
    masked: bool = Field(True, description="padding is masked, so an answer cannot depend on it")
    spatial_dropout: Fraction = Field(0.2, description="fraction of embedding channels dropped in training")
    lstm: list[Annotated[int, Field(ge=1, le=1024)]] = Field(
        [128], min_length=1, max_length=4, description="units of each stacked LSTM, first to last"
    )
    bidirectional: bool = Field(False, description="each LSTM reads both ways; its output is twice as wide")
    lstm_dropout: Fraction = Field(0.0, description="fraction of channels dropped between LSTMs in training")
    pooling: list[Literal["last", "max", "average", "attention"]] = Field(
        ["last"], min_length=1, max_length=4, description="how the steps become one vector; several are concatenated"
    )
    dropout: Fraction = Field(0.2, description="fraction of pooled features dropped in training")

    @model_validator(mode="after")
    def _pooling_fits(self) -> "NetworkKnobs":
        if len(set(self.pooling)) < len(self.pooling):
            raise ValueError(f"pooling names one twice: {self.pooling}; accepted: each of them once")
        if "last" in self.pooling and len(self.pooling) > 1:
            raise ValueError(f"pooling is {self.pooling}; accepted: 'last' alone, or any of the others together")
        return self


class FitKnobs(_Table):
    """`[fit]`: the schedule."""

    epochs: int = Field(10, ge=1, le=1000, description="passes over the training part, at most")
    patience: int = Field(
        3, ge=1, le=1000, description="epochs without a better validation macro recall before the stop"
    )
    batch_size: int = Field(64, ge=1, le=4096, description="texts a step")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="of AdamW, at its highest")
    schedule: Literal["constant", "cosine"] = Field("constant", description="cosine falls to 5% over `epochs`")
    weight_decay: float = Field(0.0, ge=0, le=1, description="of AdamW, decoupled")
    averaging: Fraction = Field(
        0.0, description="momentum of a running mean of the weights, which is what is kept; 0: none"
    )
    clip_norm: float = Field(1.0, gt=0, le=1000, description="the global norm that gradients are clipped to")
    class_weights: Literal["balanced", "none"] = Field(
        "balanced", description="weight rows by 1 / share of their class"
    )
    label_smoothing: Fraction = Field(0.0, description="share of the target spread over all classes")
    word_dropout: Fraction = Field(0.0, description="fraction of tokens read as <unk> in training")


class Recipe(_Table):
    """A whole recipe. Frozen; equal recipes, data and seed on one machine give equal models."""

    name: Name = Field(description="what the model is called")
    description: str = Field("", description="a sentence for people")
    seed: int = Field(1, ge=0, le=2**31 - 1, description="of the split, the weights, the shuffling and the dropout")
    known_answers: list[Name] = Field([], description="sentences of your own that a start of the service is checked on")
    data: Data = Data()
    tokenizer: TokenizerKnobs = TokenizerKnobs()
    network: NetworkKnobs = NetworkKnobs()
    fit: FitKnobs = FitKnobs()

    @model_validator(mode="after")
    def _padding_fits_masking(self) -> "Recipe":
        if not self.network.masked and not self.tokenizer.fixed_length:
            raise ValueError("network.masked = false needs tokenizer.fixed_length = true")
        if self.network.masked and self.tokenizer.fixed_length:
            raise ValueError(
                "tokenizer.fixed_length = true needs network.masked = false; a masked one reads any length"
            )
        return self


def find_recipe(name: Path) -> Path:
    """A recipe by its path, or by the name of one that comes with the project. Raises RecipeError."""
    own = Path(__file__).parent / "recipes"
    for candidate in (name, own / name, own / f"{name}.toml", own.parent / name):
        if candidate.is_file():
            return candidate
    names = ", ".join(sorted(path.stem for path in own.glob("*.toml")))
    raise RecipeError(f"{name}: no such recipe; accepted: a TOML file, or one of {names}")


def read_recipe(path: Path, *, seed: int | None = None, data: Mapping[str, str] | None = None) -> Recipe:
    """Read and validate a TOML recipe.

    `seed` and the keys in `data` (`text`, `label`, `encoding`) replace the recipe's own. Raises RecipeError naming
    the file, each bad key, the value found and what is accepted.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror}); accepted: a recipe as TOML") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeError(f"{path}: is not TOML in UTF-8: {error}") from error
    try:
        content = content if seed is None else {**content, "seed": seed}
        return Recipe.model_validate(_with_columns(content, data) if data else content)
    except ValidationError as error:
        raise RecipeError(f"{path}: " + "; ".join(_sentence(e) for e in error.errors())) from error


def _with_columns(content: dict[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    table = content.get("data", {})
    sources = table.get("sources", []) if isinstance(table, dict) else None
    if not isinstance(sources, list) or not all(isinstance(source, dict) for source in sources):
        return content  # whose own fault is told instead
    kept = [{k: v for k, v in source.items() if k not in columns} for source in sources]
    return {**content, "data": {**table, **columns, **({"sources": kept} if kept else {})}}


def _sentence(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "recipe"
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key; accepted: {', '.join(_accepted(error['loc'][:-1]))}"
    if error["type"] == "missing":
        return f"{key}: missing"
    return f"{key}: found {error['input']!r}; {error['msg'].removeprefix('Value error, ')}"


def _accepted(location: tuple[str | int, ...]) -> list[str]:
    tables: dict[str, type[BaseModel]] = {
        "": Recipe, "data": Data, "data.sources": Source, "tokenizer": TokenizerKnobs, "network": NetworkKnobs,
        "fit": FitKnobs,
    }  # fmt: skip
    table = ".".join(part for part in location if isinstance(part, str))
    return list(tables[table].model_fields)
