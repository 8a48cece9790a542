"""What a search makes as great as it can: macro recall on the validation part. The test part has no say in it."""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.recipe.recipe import Recipe


class ValidationRecall:
    """Called with a recipe, trains it and returns the macro recall of the epoch that its last stage keeps.

    Arguments: data files; a folder for bodies that trainings with the same first stages share, or None; whether each
    training is shown on stderr. Raises TrainingError.
    """

    def __init__(self, paths: Sequence[Path], stage_cache: Path | None = None, *, verbose: bool = False) -> None:
        self.paths, self.stage_cache, self.verbose = list(paths), stage_cache, verbose

    def __call__(self, recipe: Recipe) -> float:
        """Train in a folder that is thrown away."""
        with tempfile.TemporaryDirectory() as work:
            return _apart(recipe, self.paths, Path(work), self.stage_cache, self.verbose)


def _apart(*arguments: Any) -> float:
    """`_score` in a process of its own, since TensorFlow keeps what every network of a process was trained with."""
    spawning = multiprocessing.get_context("spawn")
    receiver, sender = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_send_score, args=(sender, *arguments), daemon=True)
    process.start()
    sender.close()  # else the pipe would outlive the process
    try:
        found = receiver.recv()
    except EOFError:
        process.join()
        raise TrainingError(f"a trial's training ended with exit code {process.exitcode} and no figure") from None
    finally:
        process.terminate()
        process.join()
        receiver.close()
    if isinstance(found, TrainingError):
        raise found
    return float(found)


def _send_score(sender: Connection, *arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the search too, which ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        sender.send(_score(*arguments))
    except TrainingError as error:
        sender.send(error)


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _score(recipe: Recipe, paths: Sequence[Path], work: Path, stage_cache: Path | None, verbose: bool) -> float:
    # Here, so that the seconds of TensorFlow's import are after Ctrl-C is seen to.
    from rich.console import Console

    from training.console import Display
    from training.fit.trainer import Trainer
    from training.progress import select_epoch

    display = Display(Console(stderr=True, quiet=not verbose))
    last = recipe.schedule[-1]
    history = Trainer(recipe, paths, work, display, stage_cache).run().history
    return select_epoch(history[last.name], last.keep).macro_recall
