"""Run what has no result yet, and draw the log: python -m benchmarks.quality --data FILES... [--only NAME...]."""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.quality.log import LOG, log
from benchmarks.quality.results import Result, append_result, data_digest, digest, of_trial, read_results
from benchmarks.quality.trial import Trial, read_trials
from serving.errors import BundleError
from serving.model.bundle import Bundle, sha256
from training.console import Display
from training.errors import DataError, TrainingError
from training.fit.trainer import Trainer
from training.model.backend import keras
from training.progress import select_epoch


def main() -> None:
    """Train what is missing: one seed of every trial, then the next."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", default=[])
    parser.add_argument("--only", nargs="+", default=[], help="names of trials; default: all")
    parser.add_argument("--stage-cache", type=Path, help="folder for pre-trained bodies")
    options = parser.parse_args()
    trials = read_trials()
    names = [trial.name for trial in trials]
    if unknown := sorted(set(options.only) - set(names)):
        parser.error(f"--only: found {unknown}; accepted: {', '.join(names)}")
    chosen = [trial for trial in trials if not trial.removed and (not options.only or trial.name in options.only)]
    try:
        for trial, seed in _missing(chosen, options.data) if options.data else []:
            append_result(_run(trial, seed, options.data, options.stage_cache))
            _draw(trials)
    except TrainingError as error:
        parser.error(str(error))
    _draw(trials)


def _missing(trials: Sequence[Trial], paths: Sequence[Path]) -> list[tuple[Trial, int]]:
    results = read_results()
    data = {trial.name: learned_from(trial, paths) for trial in trials}
    done = {(trial.name, result.seed) for trial in trials for result in of_trial(trial, results, data[trial.name])}
    seeds = sorted({seed for trial in trials for seed in trial.seeds})
    pairs = [(trial, seed) for seed in seeds for trial in trials if seed in trial.seeds]
    return [(trial, seed) for trial, seed in pairs if (trial.name, seed) not in done]


def _run(trial: Trial, seed: int, paths: Sequence[Path], cache: Path | None) -> Result:
    recipe, display = trial.recipe(seed), Display(Console(stderr=True))
    display.on_note(f"{trial.name}, seed {seed}")
    start, used = time.process_time(), _used(trial, paths)
    with tempfile.TemporaryDirectory() as folder:
        history = Trainer(recipe, used, Path(folder), display, cache).run().history
    keras.backend.clear_session()
    last = recipe.schedule[-1]
    kept = select_epoch(history[last.name], last.keep)
    seconds = round(time.process_time() - start, 1)
    figures = (round(kept.macro_recall, 5), round(kept.validation_loss, 5))
    return Result(trial.name, seed, *figures, seconds, digest(recipe), learned_from(trial, paths))


def _used(trial: Trial, paths: Sequence[Path]) -> list[Path]:
    names = {source.file for source in trial.recipe(trial.seeds[0]).data.sources}
    return [path for path in paths if path.name in names]


def learned_from(trial: Trial, paths: Sequence[Path]) -> str:
    """The digest of all that its trainings learn from: the data, word vectors, teachers.

    Raises:
        DataError: A file or a teacher cannot be read.
    """
    recipe = trial.recipe(trial.seeds[0])
    stages = [stage for seed in trial.seeds for stage in trial.recipe(seed).stages]
    answers = {Path(file) for stage in stages for file in stage.teacher_files}
    files = [*_used(trial, paths), *([Path(recipe.vectors.file)] if recipe.vectors else []), *answers]
    folders = {folder for stage in recipe.stages for folder in stage.teachers}
    try:
        teachers = {folder: Bundle.read(Path(folder)).metadata.model_version for folder in folders}
        return data_digest({path.name: sha256(path) for path in files} | teachers)
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from error
    except BundleError as error:
        raise DataError(f"{trial.name}: stages.teachers: {error}") from error


def _draw(trials: Sequence[Trial]) -> None:
    LOG.write_text(log(trials, read_results()), encoding="utf-8")


if __name__ == "__main__":
    main()
