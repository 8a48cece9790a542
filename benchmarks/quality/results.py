"""What trials came to: one JSON line a training, in a file that is committed."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev

from benchmarks.quality.trial import FOLDER, Trial
from training.recipe.recipe import Recipe

RESULTS = FOLDER / "results.jsonl"


@dataclass(frozen=True)
class Result:
    """One training: figures of the epoch that it kept on the validation part, and what it was a training of.

    Attributes:
        trial: Name of the trial.
        seed: Of the recipe.
        macro_recall: Of the validation part.
        validation_loss: In nats.
        seconds: Of processor time, on the machine and beside the work of that day, where a body out of the cache takes
            none: nothing to compare trials by.
        recipe: Digest of the recipe.
        data: Digest of what was learned from.
    """

    trial: str
    seed: int
    macro_recall: float
    validation_loss: float
    seconds: float
    recipe: str
    data: str


def digest(recipe: Recipe) -> str:
    """12 hex digits over all of a recipe that shapes a network; another recipe's result is not taken for this one's.

    What is at its default does not count, so that a key that comes later leaves the results of today as they are. Nor
    does where word vectors are: what they are counts as data.
    """
    descriptive = {"name", "description", "known_answers", "tune", "intended_use", "limits"}
    vectors = {"vectors": {"file", "about", "terms"}} if recipe.vectors else {}
    content = recipe.model_dump(
        mode="json", exclude={**dict.fromkeys(descriptive, True), **vectors}, exclude_defaults=True
    )
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def data_digest(hashes: Mapping[str, str]) -> str:
    """12 hex digits over what was learned from: name of a file -> sha256, folder of a teacher -> its version."""
    return hashlib.sha256(json.dumps(dict(hashes), sort_keys=True).encode()).hexdigest()[:12]


def read_results(path: Path = RESULTS) -> list[Result]:
    """All results so far, oldest first."""
    return (
        [Result(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    )


def append_result(result: Result, path: Path = RESULTS) -> None:
    """Add one line."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result)) + "\n")


def of_trial(trial: Trial, results: Sequence[Result], data: str = "") -> Iterator[Result]:
    """The results of this very trial, the last one of each seed; with `data`, a digest, only those on these files.

    Of a trial that was removed, all by its name: it has no recipe to compare theirs with.
    """
    for seed in trial.seeds:
        recipe = "" if trial.removed else digest(trial.recipe(seed))
        of_seed = [result for result in results if (result.trial, result.seed) == (trial.name, seed)]
        same = [r for r in of_seed if recipe in ("", r.recipe) and data in ("", r.data)]
        yield from same[-1:]


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation, 0 for a single value."""
    return mean(values), stdev(values) if len(values) > 1 else 0.0
