"""Recipes as TOML: read, laid over the recipe that they extend, and written."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from training.errors import RecipeError

EXTENDS = "extends"


def read_content(path: Path, find: Callable[[Path], Path], chain: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A recipe's TOML, merged over that of the recipe that its `extends` names.

    Sections are merged, everything else, lists of sources or stages too, is replaced.

    Args:
        path: The file.
        find: A name to the file of a recipe; a file beside `path` comes first.
        chain: Recipes that extend this one.

    Raises:
        RecipeError: A file cannot be read, is not TOML, or recipes extend each other in a circle.
    """
    if path.resolve() in chain:
        raise RecipeError(f"{path}: {EXTENDS} itself, by way of {len(chain)} recipes; accepted: no circle")
    content = _toml(path)
    base = content.pop(EXTENDS, None)
    if base is None:
        return content
    if not isinstance(base, str):
        raise RecipeError(f"{path}: {EXTENDS}: found {base!r}; accepted: the name or the path of one recipe")
    beside = path.parent / base
    base_path = beside if beside.is_file() else find(Path(base))
    combined: dict[str, Any] = merged(read_content(base_path, find, (*chain, path.resolve())), content)
    return combined


def as_toml(content: Mapping[str, Any]) -> str:
    """TOML of a recipe's dictionary. Keys that are None are left out, as TOML has no such value."""
    return tomli_w.dumps(_without_none(content))


def merged(base: Any, over: Any) -> Any:
    """`base` with the keys of `over`; where both have a section, the sections merged."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return {**base, **{key: merged(base[key], value) if key in base else value for key, value in over.items()}}


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list | tuple) else value


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror}); accepted: a recipe as TOML") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeError(f"{path}: is not TOML in UTF-8: {error}") from error
