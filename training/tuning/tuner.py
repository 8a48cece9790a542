"""A search over the knobs of a recipe: trial by trial, each a training, with the best one always on disk."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from math import inf
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.table import Table
from rich.text import Text

from serving.model.bundle import Bundle, sha256
from training.console import Display
from training.data.checks import check_vectors
from training.data.dataset import load_dataset
from training.data.sources import in_order
from training.errors import DataError, PublishError
from training.model import backend
from training.recipe.loading import as_toml
from training.recipe.recipe import Recipe
from training.tuning.space import Space, Values
from training.tuning.study import Study, Trial

SHOWN = 10


def best(trials: Sequence[Trial]) -> Trial:
    """The trial of the greatest score; of equal ones the first."""
    return max(trials, key=lambda trial: trial.score)


def progress(trials: Sequence[Trial], wanted: int) -> str:
    """A line on the last of these trials; the time left is guessed from all of them."""
    last = trials[-1]
    seconds = sum(trial.seconds for trial in trials) / len(trials) * max(0, wanted - len(trials))
    marks = f"macro recall {last.score:.4f}{'  best' if best(trials) is last else ''}"
    times = f"{_duration(last.seconds)}, about {_duration(seconds)} left"
    return f"{len(trials)}/{wanted}  trial {last.number}  {marks}  {times}  {changes(last.values, trials[0].values)}"


def standings(trials: Sequence[Trial]) -> Table:
    """The best ten; of equal ones the first is the better."""
    table = Table(title=f"Best of {len(trials)} trials, on the validation part", title_justify="left")
    table.add_column("trial", justify="right")
    table.add_column("macro recall", justify="right")
    table.add_column("time", justify="right")
    table.add_column("changed")
    for trial in sorted(trials, key=lambda trial: -trial.score)[:SHOWN]:
        changed = changes(trial.values, trials[0].values)
        table.add_row(str(trial.number), f"{trial.score:.4f}", _duration(trial.seconds), Text(changed))
    return table


def changes(values: Mapping[str, Any], start: Mapping[str, Any]) -> str:
    """The knobs that differ from the start, with their values."""
    changed = [f"{key} = {_short(value)}" for key, value in values.items() if value != start[key]]
    return ", ".join(changed) or "nothing"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


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


Objective = Callable[[Recipe], float]


class Tuner:
    """One search.

    Arguments: a recipe with `[tune]`; data files; the file for the winner; the study's file; a display; and what
    gives a recipe its score, the greater the better. Raises RecipeError, DataError or PublishError before any
    training where the ranges, the data or the winner's place are at fault, BundleError where a teacher is.
    """

    def __init__(
        self, recipe: Recipe, paths: Sequence[Path], out: Path, study: Path, display: Display, objective: Objective
    ) -> None:
        self.recipe, self.display, self.objective = recipe, display, objective
        self.space = Space(recipe)
        self._dataset = load_dataset(paths, recipe.data, recipe.split_seed)
        self._hashes = [(path.name, _hash(path)) for path in in_order(paths, recipe.data)]
        folders = [folder for stage in recipe.schedule for folder in stage.teachers]
        self._teachers = {folder: Bundle.read(Path(folder)).metadata.model_version for folder in folders}
        check_vectors(recipe)
        self._vectors = sha256(Path(recipe.vectors.file)) if recipe.vectors else ""
        self._libraries = {**backend.library_versions(), "optuna": metadata.version("optuna")}
        self._winner = Winner(out, self._facts)
        self._study = Study(study, self.space, recipe.seed, self._identity)

    def run(self, trials: int | None = None, minutes: float | None = None) -> Trial:
        """Try until there are so many finished trials, those of earlier runs among them, and return the best.

        `trials` defaults to the recipe's; after `minutes` no other one begins. The first is the recipe as it stands,
        so the best is no worse than that. The winner's file is written after each. Raises TrainingError, ResumeError
        where the study is of another search.
        """
        wanted = trials or self.space.tune.trials
        end = inf if minutes is None else time.monotonic() + 60 * minutes
        self.display.on_dataset(self._dataset.cleaning, self._dataset.sizes())
        with self._study as study:
            while not study.finished or (len(study.finished) < wanted and time.monotonic() < end):
                self._try(study)
                self._write(study.finished)
                self._show(progress(study.finished, wanted))
            self._write(study.finished)
            self.display.console.print(standings(study.finished))
            return best(study.finished)

    def _try(self, study: Study) -> None:
        values, start = study.ask(), time.monotonic()
        try:
            score = self._score(values, study.finished)
        except Exception:
            study.fail()
            raise
        study.tell(score, time.monotonic() - start)

    def _score(self, values: Values, finished: Sequence[Trial]) -> float:
        for trial in finished:
            if trial.values == values:  # a second training would end at the same figure
                return trial.score
        return fmean(map(self.objective, _seeded(self.space.recipe(values), self.space.tune.seeds)))

    def _show(self, line: str) -> None:
        self.display.console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def _write(self, finished: Sequence[Trial]) -> None:
        found = self.space.recipe(best(finished).values)
        learned_from = [
            *(digest for _, digest in self._hashes),
            *filter(None, [self._vectors]),
            *self._teachers.values(),
        ]
        data = found.data.model_copy(update={"found_on": learned_from})
        self._winner.write(found.model_copy(update={"data": data}), finished)

    @property
    def _identity(self) -> dict[str, Any]:
        """Equal for a search that may go on; how many trials it is to have may change."""
        recipe = self.recipe.model_dump(mode="json", exclude={"tune": {"trials"}})
        return {
            "recipe": recipe,
            "data": self._hashes,
            "teachers": self._teachers,
            **({"vectors": self._vectors} if self._vectors else {}),
            "libraries": self._libraries,
        }

    @property
    def _facts(self) -> list[str]:
        rows = {file.sha256: f", {file.rows:,} rows" for file in self._dataset.files}
        data = [f"data: {name}{rows.get(digest, '')}, sha256 {digest}" for name, digest in self._hashes]
        seeds = self.space.tune.seeds
        mean = [f"figures: means of {seeds} seeds from {self.recipe.seed} on"] if seeds > 1 else []
        teachers = [f"teacher: {folder}, version {version}" for folder, version in self._teachers.items()]
        vectors = [f"word vectors: sha256 {self._vectors}"] if self._vectors else []
        libraries = ", ".join(f"{name} {version}" for name, version in self._libraries.items())
        return [*mean, *data, *teachers, *vectors, f"libraries: {libraries}"]


def _seeded(recipe: Recipe, seeds: int) -> Iterator[Recipe]:
    """The recipe with its own seed and those after it, on one split: another one's validation part may be its test."""
    yield recipe
    data = recipe.data.model_copy(update={"split_seed": recipe.split_seed})
    for number in range(1, seeds):
        yield recipe.model_copy(update={"seed": (recipe.seed + number) % 2**31, "data": data})


def _hash(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
