"""The table of knobs, drawn from the recipe's own classes."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from training.recipe.data import DataConfig, Source
from training.recipe.loading import EXTENDS
from training.recipe.model import NetworkConfig, TokenizerConfig, WordVectorsConfig
from training.recipe.recipe import Recipe
from training.recipe.search import Range, TuneConfig
from training.recipe.stages import FitConfig, Stage

TABLES: dict[str, type[BaseModel]] = {
    "": Recipe,
    "data": DataConfig,
    "data.sources": Source,
    "tokenizer": TokenizerConfig,
    "network": NetworkConfig,
    "vectors": WordVectorsConfig,
    "fit": FitConfig,
    "stages": Stage,
    "tune": TuneConfig,
    "tune.ranges.KNOB": Range,
}


EXTENDED = "| string | none | name or path of a recipe that this one is laid over, key by key; lists replaced whole |"


def knob_table() -> str:
    """Markdown: key, accepted values, default, meaning."""
    lines = ["| key | accepted | default | meaning |", "|---|---|---|---|", f"| `{EXTENDS}` {EXTENDED}"]
    return "\n".join([*lines, *(row for prefix, table in TABLES.items() for row in _rows(prefix, table))])


def _rows(prefix: str, table: type[BaseModel]) -> Iterator[str]:
    schema = table.model_json_schema()["properties"]
    for name, field in table.model_fields.items():
        if name in TABLES or f"{prefix}.{name}" in TABLES:
            continue
        key = f"{prefix}.{name}" if prefix else name
        yield f"| `{key}` | {_accepted(schema[name])} | {_default(field)} | {field.description} |"


def _accepted(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_accepted(option) for option in schema["anyOf"] if option.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_accepted(schema['items'])}"
    low, high = (_bound(schema, *keys) for keys in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")))
    return f"{schema.get('type', 'table')}{f' {low} to {high}' if high else ''}"


def _bound(schema: dict[str, Any], inclusive: str, exclusive: str) -> str:
    if inclusive in schema:
        return f"{schema[inclusive]:g}"
    return f"{schema[exclusive]:g} (not itself)" if exclusive in schema else ""


def _default(field: FieldInfo) -> str:
    return "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
