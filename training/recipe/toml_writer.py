"""A recipe's dictionary as TOML, so that a report holds what makes its model again."""

import json
from collections.abc import Mapping
from typing import Any


def as_toml(content: Mapping[str, Any]) -> str:
    """TOML of plain values, lists and tables; keys that are None are left out, as TOML has no such value."""
    return "\n".join(_table(content, ())).strip() + "\n"


def _table(table: Mapping[str, Any], above: tuple[str, ...]) -> list[str]:
    given = {key: value for key, value in table.items() if value is not None}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in given.items() if not _own_lines(value)]
    for key, value in given.items():
        path = (*above, key)
        name = ".".join(map(_key, path))
        if isinstance(value, Mapping):
            lines += ["", f"[{name}]", *_table(value, path)]
        elif _own_lines(value):
            lines += [line for item in value for line in ("", f"[[{name}]]", *_inside(item))]
    return lines


def _own_lines(value: Any) -> bool:
    """Whether it is a table, or a list of them, which follow the plain values of the table that they are in."""
    listed = isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
    return listed or isinstance(value, Mapping)


def _inside(item: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in item.items() if value is not None]


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        given = [f"{_key(key)} = {_value(item)}" for key, item in value.items() if item is not None]
        return f"{{ {', '.join(given)} }}" if given else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value) if isinstance(value, bool) else repr(value)
