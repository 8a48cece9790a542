"""Reference of all settings of a recipe as a Markdown table, drawn from the classes."""

from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from training.recipe.base import ConfigSection
from training.recipe.loading import EXTENDS
from training.recipe.recipe import SECTIONS

EXTENDED = "| string | none | name or path of a recipe that this one is laid over, key by key; lists replaced whole |"


def knob_table() -> str:
    """Markdown: key, accepted values, default, meaning."""
    lines = ["| key | accepted | default | meaning |", "|---|---|---|---|", f"| `{EXTENDS}` {EXTENDED}"]
    return "\n".join([*lines, *(row for prefix, section in SECTIONS.items() for row in _rows(prefix, section))])


def _rows(prefix: str, section: type[ConfigSection]) -> Iterator[str]:
    schema = section.model_json_schema()["properties"]
    for name, field in section.model_fields.items():
        if name in SECTIONS or f"{prefix}.{name}" in SECTIONS:
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
