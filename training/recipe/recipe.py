"""Recipe: every setting of a training run in one place, read from TOML.

`python -m training knobs` prints its sections with meaning, unit and range.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from training.errors import RecipeError
from training.recipe.base import ConfigSection, Name
from training.recipe.data import DataConfig, Source
from training.recipe.fields import FieldConfig
from training.recipe.loading import EXTENDS, merged, read_content
from training.recipe.model import OF_FIELDS, TEMPLATES, EncoderConfig, NetworkConfig, TokenizerConfig, WordVectorsConfig
from training.recipe.search import Range, TuneConfig
from training.recipe.stages import FitConfig, Stage, StartConfig


class Recipe(ConfigSection):
    """A recipe. Equal recipes, data and seed on one machine give equal models."""

    name: Name = Field(description="what the model is called")
    description: str = Field("", description="a sentence for people")
    seed: int = Field(1, ge=0, le=2**31 - 1, description="of the split and of stages that have none of their own")
    known_answers: list[Name] = Field([], description="sentences of your own that a start of the service is checked on")
    inputs: Literal["text", "fields"] = Field(
        "text",
        exclude_if=lambda inputs: inputs == "text",
        description="what a row is: a text, or fields of a form; default: fields where the recipe names some",
    )
    slices: list[Name] = Field(
        [],
        exclude_if=lambda slices: not slices,
        description="columns by whose values the report tells figures apart, such as those that must not decide; they "
        "need not be fields",
    )
    data: DataConfig = DataConfig()
    fields: list[FieldConfig] = Field([], exclude_if=lambda fields: not fields, description="the fields of a row")
    tokenizer: TokenizerConfig = TokenizerConfig()
    network: NetworkConfig = NetworkConfig()
    vectors: WordVectorsConfig | None = Field(
        None, exclude_if=lambda vectors: vectors is None, description="what the embedding starts from; else chance"
    )
    start: StartConfig | None = Field(
        None, exclude_if=lambda start: start is None, description="the bundle that training goes on from; else none"
    )
    encoder: EncoderConfig | None = Field(
        None, exclude_if=lambda encoder: encoder is None, description="a teacher's network, instead of the served one"
    )
    fit: FitConfig = FitConfig()
    stages: list[Stage] = Field([], description="legs of the training, in order; empty: one, as `[fit]` says")
    tune: TuneConfig | None = Field(
        None, exclude_if=lambda tune: tune is None, description="a search over knobs; it changes nothing in a fit"
    )
    intended_use: str = Field("", description="for the model card, instead of its own sentence")
    limits: str = Field("", description="for the model card, beside its own sentences")

    @property
    def schedule(self) -> list[Stage]:
        """The stages in their order; one that is called `fit` where the recipe names none."""
        return self.stages or [Stage(name="fit", **self.fit.model_dump())]

    @property
    def split_seed(self) -> int:
        """The seed that parts are drawn by."""
        return self.seed if self.data.split_seed is None else self.data.split_seed

    @model_validator(mode="before")
    @classmethod
    def _stages_complete(cls, content: Any) -> Any:
        """What a stage leaves out is as in `[fit]`, written out, so that a dumped recipe says it all."""
        if not isinstance(content, dict):
            return content
        stages, fit = content.get("stages"), content.get("fit")
        if not isinstance(stages, list) or not isinstance(fit, dict):
            return content
        known = {key: value for key, value in fit.items() if key in FitConfig.model_fields}
        try:
            FitConfig.model_validate(known)
        except ValidationError:  # which is told of `[fit]` then, not once more of every stage
            return {**content, "stages": []}
        return {**content, "stages": [{**known, **stage} if isinstance(stage, dict) else stage for stage in stages]}

    @model_validator(mode="before")
    @classmethod
    def _answers_of_the_seed(cls, content: Any) -> Any:
        """Each seed splits the rows otherwise, and a teacher that learned from some of them knows one split."""
        stages = content.get("stages") if isinstance(content, dict) else None
        if not isinstance(stages, list):
            return content
        data = content.get("data")
        seed = data.get("split_seed") if isinstance(data, dict) else None
        seed = content.get("seed", cls.model_fields["seed"].default) if seed is None else seed
        return {**content, "stages": [_with_seed(stage, str(seed)) for stage in stages]}

    @model_validator(mode="before")
    @classmethod
    def _fields_are_inputs(cls, content: Any) -> Any:
        return {"inputs": "fields", **content} if isinstance(content, dict) and content.get("fields") else content

    @model_validator(mode="after")
    def _fields_fit(self) -> "Recipe":
        if self.inputs == "text":
            if self.fields:
                raise ValueError("inputs is 'text' beside [[fields]]; accepted: 'fields', or no [[fields]]")
            return self
        for key, names in (("name", [f.name for f in self.fields]), ("column", [f.source for f in self.fields])):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"fields: two have the {key} {twice[0]!r}; accepted: one")
        if reading := [name for name, config in self._of_texts() if config]:
            raise ValueError(f"inputs is 'fields' beside {', '.join(reading)}, as of texts; accepted: a recipe without")
        return self

    def _of_texts(self) -> Iterator[tuple[str, bool]]:
        """What of a recipe reads texts, and whether it is there."""
        network = NetworkConfig(**{key: getattr(self.network, key) for key in OF_FIELDS})
        yield "[tokenizer]", self.tokenizer != TokenizerConfig()
        yield f"[network] with more than {', '.join(OF_FIELDS)}", self.network != network
        yield "[vectors]", self.vectors is not None
        yield "[encoder]", self.encoder is not None
        yield "known_answers", bool(self.known_answers)
        yield "data.text", self.data.text != DataConfig().text
        for source in self.data.sources:
            reads_texts = source.text or source.append or source.task or source.emoticons == "drop"
            yield f"data.sources.{source.key} with a text or a task", bool(reads_texts)
        for stage in self.schedule:
            yield f"stages.{stage.name} with masked words or teachers", bool(stage.masked_words or stage.is_taught)

    @model_validator(mode="after")
    def _stages_fit(self) -> "Recipe":
        targets, tasks = self.data.target_sources, {source.key for source in self.data.task_sources}
        known = {source.key for source in targets} | tasks
        if self.encoder and self.encoder.templates:
            known.add(TEMPLATES)
        _check_names("tokenizer.sources", self.tokenizer.sources, known)
        for stage in self.stages:
            _check_names(f"stages.{stage.name}.sources", stage.sources, known)
            _check_names(f"stages.{stage.name}.weights", list(stage.weights), known)
            _check_names(f"stages.{stage.name}.group_balances", list(stage.group_balances), known - tasks)
            _check_names(f"stages.{stage.name}.teacher_shares", list(stage.teacher_shares), known - tasks)
        if self.stages and set(self.stages[-1].sources) & tasks and not self.stages[-1].is_taught:
            raise ValueError("the last stage trains what is served; accepted: only sources without a task, or teachers")
        if len({stage.name for stage in self.stages}) < len(self.stages):
            raise ValueError(f"stages: found names {[s.name for s in self.stages]}; accepted: distinct ones")
        return self

    @model_validator(mode="after")
    def _encoder_fits(self) -> "Recipe":
        tasks = {source.key for source in self.data.task_sources}
        others = [stage for stage in self.stages if stage.masked_words or stage.is_taught or tasks & set(stage.sources)]
        if self.encoder and others:
            fault = f"stage {others[0].name!r} learns from a task, a teacher or masked words"
            raise ValueError(f"encoder: {fault}; accepted: the recipe's labels alone")
        return self

    @model_validator(mode="after")
    def _seeds_of_trials_differ(self) -> "Recipe":
        if self.tune and self.tune.seeds > 1 and self.stages and all(s.seed is not None for s in self.stages):
            raise ValueError(f"tune.seeds is {self.tune.seeds}, but every stage has a seed of its own; accepted: 1")
        return self

    @model_validator(mode="after")
    def _padding_fits_masking(self) -> "Recipe":
        if not self.network.masked and not self.tokenizer.fixed_length:
            raise ValueError("network.masked = false needs tokenizer.fixed_length = true")
        if self.network.masked and self.tokenizer.fixed_length:
            raise ValueError(
                "tokenizer.fixed_length = true needs network.masked = false; a masked one reads any length"
            )
        return self


SECTIONS: dict[str, type[ConfigSection]] = {
    "": Recipe,
    "fields": FieldConfig,
    "data": DataConfig,
    "data.sources": Source,
    "tokenizer": TokenizerConfig,
    "network": NetworkConfig,
    "vectors": WordVectorsConfig,
    "start": StartConfig,
    "encoder": EncoderConfig,
    "fit": FitConfig,
    "stages": Stage,
    "tune": TuneConfig,
    "tune.ranges.KNOB": Range,
}


FOLDER = Path(__file__).parents[1] / "recipes"


def recipes_with_ranges() -> list[str]:
    """The names of the project's own recipes that a search can start from."""
    return sorted(path.stem for path in FOLDER.glob("*.toml") if "tune" in read_content(path, find_recipe))


def find_recipe(name: Path) -> Path:
    """A recipe by its path, or by the name of one that comes with the project.

    Raises:
        RecipeError: There is none.
    """
    for candidate in (name, FOLDER / name, FOLDER / f"{name}.toml", FOLDER.parent / name):
        if candidate.is_file():
            return candidate
    names = ", ".join(sorted(path.stem for path in FOLDER.glob("*.toml")))
    raise RecipeError(f"{name}: no such recipe; accepted: a TOML file, or one of {names}")


def read_recipe(
    path: Path, *, seed: int | None = None, data: Mapping[str, str] | None = None, start: Path | None = None
) -> Recipe:
    """Read and validate a TOML recipe, laid over the one that its `extends` names.

    Args:
        path: The file.
        seed: Instead of the recipe's.
        data: `text`, `label`, `encoding` or `header`, instead of those of `[data]` and of its sources without a task.
        start: Instead of `start.bundle`.

    Raises:
        RecipeError: The sentence names the file, each bad key, the value found and what is accepted.
    """
    content = read_content(path, find_recipe)
    try:
        content = content if seed is None else {**content, "seed": seed}
        content = content if start is None else merged(content, {"start": {"bundle": str(start)}})
        return Recipe.model_validate(_with_columns(content, data) if data else content)
    except ValidationError as error:
        raise RecipeError(f"{path}: {describe_faults(error)}") from error


def describe_faults(error: ValidationError) -> str:
    """Each bad key of a recipe, the value found and what is accepted."""
    return "; ".join(_sentence(fault) for fault in error.errors())


def _with_seed(stage: Any, seed: str) -> Any:
    files = stage.get("teacher_files") if isinstance(stage, dict) else None
    if not isinstance(files, list):
        return stage
    named = [file.replace("{seed}", seed) if isinstance(file, str) else file for file in files]
    return {**stage, "teacher_files": named}


def _check_names(where: str, names: list[str], known: set[str]) -> None:
    if unknown := sorted(set(names) - known):
        raise ValueError(f"{where}: unknown sources {unknown}; accepted: {', '.join(sorted(known)) or 'none'}")


def _with_columns(content: dict[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """The content with other columns; a source with a task of its own keeps what it had."""
    section = content.get("data", {})
    sources = section.get("sources", []) if isinstance(section, dict) else None
    if not isinstance(sources, list) or not all(isinstance(source, dict) for source in sources):
        return content  # which the validation then refuses
    before = {key: section.get(key, DataConfig.model_fields[key].default) for key in columns}
    changed = [{**before, **s} if s.get("task") else {k: v for k, v in s.items() if k not in columns} for s in sources]
    return {**content, "data": {**section, **columns, **({"sources": changed} if changed else {})}}


def _sentence(fault: Any) -> str:
    key = ".".join(str(part) for part in fault["loc"]) or "recipe"
    if fault["type"] == "extra_forbidden":
        return f"{key}: unknown key; accepted: {', '.join(_accepted_keys(fault['loc'][:-1]))}"
    if fault["type"] == "missing":
        return f"{key}: missing"
    is_section = isinstance(fault["input"], Mapping) and fault["input"]  # of which the sentence names what is wrong
    found = "" if is_section else f"found {fault['input']!r}; "
    return f"{key}: {found}{fault['msg'].removeprefix('Value error, ')}"


def _accepted_keys(location: tuple[str | int, ...]) -> list[str]:
    names = [part for part in location if isinstance(part, str)]
    if names[:2] == ["tune", "ranges"]:
        names[2:] = ["KNOB"]  # what stands there is a setting's key
    return list(SECTIONS[".".join(names)].model_fields)


KNOB_HEADINGS = ("key", "accepted", "default", "meaning")
EXTENDED = "name or path of a recipe that this one is laid over, key by key; lists are replaced as a whole"


def knob_table() -> str:
    """The knobs as a table in Markdown."""
    rows = [KNOB_HEADINGS, ["---"] * len(KNOB_HEADINGS), *knob_rows()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def knob_rows() -> Iterator[Sequence[str]]:
    """Key, accepted values, default and meaning of each knob, with code in backticks."""
    yield f"`{EXTENDS}`", "string", "none", EXTENDED
    for prefix, section in SECTIONS.items():
        yield from _rows(prefix, section)


def _rows(prefix: str, section: type[ConfigSection]) -> Iterator[Sequence[str]]:
    schema = section.model_json_schema()["properties"]
    for name, field in section.model_fields.items():
        if name in SECTIONS or f"{prefix}.{name}" in SECTIONS:
            continue
        key = f"{prefix}.{name}" if prefix else name
        yield f"`{key}`", _accepted_values(schema[name]), _default(field), str(field.description)


def _accepted_values(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_accepted_values(option) for option in schema["anyOf"] if option.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_accepted_values(schema['items'])}"
    low, high = (_bound(schema, *keys) for keys in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")))
    return f"{schema.get('type', 'table')}{f' {low} to {high}' if high else ''}"


def _bound(schema: dict[str, Any], inclusive: str, exclusive: str) -> str:
    if inclusive in schema:
        return f"{schema[inclusive]:g}"
    return f"{schema[exclusive]:g} (not itself)" if exclusive in schema else ""


def _default(field: FieldInfo) -> str:
    return "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
