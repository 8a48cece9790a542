"""Which knobs of a recipe a search may vary, and where in it each of them stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from training.data_knobs import Source
from training.errors import RecipeError
from training.fields import Table
from training.network_knobs import NetworkKnobs
from training.recipe import Recipe
from training.schedule import FitKnobs, Stage
from training.tokenizer_knobs import TokenizerKnobs

Path = tuple[str | int, ...]

# The best epoch's figure is the greatest of several, the last one's is not: they do not compare.
_NO_KNOBS = {"name", "seed", "weights", "group_balances", "teachers", "keep"}


@dataclass(frozen=True, slots=True)
class Knob:
    """`key`: as `[tune.ranges]` names it; `path`: keys and places that lead to it; `kind`: its type in JSON Schema."""

    key: str
    path: Path
    kind: str

    def read(self, content: Any) -> Any:
        """Its value in a recipe that was dumped."""
        for part in self.path:
            content = content[part]
        return content

    def write(self, content: Any, value: Any) -> None:
        """Set its value in a recipe that was dumped."""
        for part in self.path[:-1]:
            content = content[part]
        content[self.path[-1]] = value


def searchable_knob(recipe: Recipe, key: str) -> Knob:
    """The knob of this key. Raises RecipeError where it is none, or none that figures could be compared over."""
    knobs = {knob.key: knob for knob in _knobs(recipe)}
    if key not in knobs:
        raise RecipeError(f"tune.ranges: found {key!r}; accepted: {_accepted(recipe, key, list(knobs))}")
    return knobs[key]


def _knobs(recipe: Recipe) -> Iterator[Knob]:
    yield from _of_table("tokenizer", TokenizerKnobs, ("tokenizer",))
    # Vectors are as long as they are.
    yield from _of_table("network", NetworkKnobs, ("network",), {"embedding"} if recipe.vectors else ())
    if not recipe.stages:  # where there are some, each has its own copy of `[fit]`, which is what counts
        yield from _of_table("fit", FitKnobs, ("fit",), _NO_KNOBS)
    for place, stage in enumerate(recipe.stages):
        yield from _of_table(f"stages.{stage.name}", Stage, ("stages", place), _NO_KNOBS)
    # Of the data only what leaves the validation part as it is: the trials are measured on it.
    others = Source.model_fields.keys() - {"weight"}
    keys = [source.key for source in recipe.data.sources]
    for place, name in enumerate(keys):
        if keys.count(name) == 1:
            yield from _of_table(f"data.sources.{name}", Source, ("data", "sources", place), others)


def _of_table(prefix: str, table: type[Table], path: Path, left_out: Any = ()) -> Iterator[Knob]:
    for name, schema in table.model_json_schema()["properties"].items():
        if name not in left_out:
            yield Knob(f"{prefix}.{name}", (*path, name), schema.get("type", "string"))


def _accepted(recipe: Recipe, key: str, known: list[str]) -> str:
    """The knobs beside the one that was meant; where its table is unknown, the tables."""
    owner = key.rpartition(".")[0]
    if owner == "fit" and recipe.stages:
        return ", ".join(f"stages.{stage.name}.{key.rpartition('.')[2]}" for stage in recipe.stages)
    beside = [name for name in known if name.rpartition(".")[0] == owner]
    return ", ".join(beside or dict.fromkeys(f"{name.rpartition('.')[0]}.KEY" for name in known))
