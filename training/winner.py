"""The best trial of a search as a recipe file, which says in its first lines where it is from."""

import os
from collections.abc import Sequence
from pathlib import Path

from training.errors import PublishError
from training.recipe import Recipe
from training.report.toml import as_toml
from training.standings import best, changes
from training.study import Trial

HEADER = "# Found by `python -m training tune`"


class Winner:
    """Arguments: the file; sentences for its head, of data and libraries.

    Raises PublishError where the file may not be written: it does not end in .toml, or something else stands there.
    """

    def __init__(self, path: Path, facts: Sequence[str]) -> None:
        if path.suffix != ".toml":
            raise PublishError(f"--out: found {path}; accepted: a file that ends in .toml")
        if path.is_dir() or (path.exists() and not _is_winner(path)):
            raise PublishError(f"{path}: is not the winner of a search; accepted: a new file, or one to replace")
        self.path, self.facts = path, list(facts)

    def write(self, recipe: Recipe, trials: Sequence[Trial]) -> None:
        """Write the recipe of the best of these trials, whole or not at all. Raises PublishError."""
        head = [HEADER, *(f"# {_printable(sentence)}" for sentence in (*_sentences(trials), *self.facts))]
        content = "\n".join([*head, "", as_toml(recipe.model_dump(mode="json"))])
        partial = self.path.with_name(f"{self.path.name}.partial")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
        except OSError as error:
            raise PublishError(f"{self.path}: cannot be written ({error.strerror})") from error


def _sentences(trials: Sequence[Trial]) -> list[str]:
    start, found = trials[0], best(trials)
    return [
        f"trial {found.number}, the best of {len(trials)} on the validation part: macro recall {found.score:.4f}, "
        f"where the recipe as it stood has {start.score:.4f}",
        f"changed: {changes(found.values, start.values)}",
    ]


def _is_winner(path: Path) -> bool:
    content = path.read_text(encoding="utf-8", errors="replace")
    return content.startswith(HEADER) and "\n[tune" not in content  # a recipe with ranges is for a search to read


def _printable(sentence: str) -> str:
    """Without what a comment of TOML cannot hold, as a file's name can."""
    return "".join(sign if sign.isprintable() else "?" for sign in sentence)
