"""Objective of a search: macro recall on the validation part. The test part has no say in it."""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.recipe.recipe import Recipe


class ValidationRecall:
    """Trains a recipe and returns the macro recall of the epoch that its last stage keeps.

    Args:
        paths: Data files.
        stage_cache: A folder for pre-trained bodies that trainings with the same first stages share, or None.
        verbose: Whether each training is shown on stderr.
    """

    def __init__(self, paths: Sequence[Path], stage_cache: Path | None = None, *, verbose: bool = False) -> None:
        self.paths, self.stage_cache, self.verbose = list(paths), stage_cache, verbose

    def __call__(self, recipe: Recipe) -> float:
        """Train in a folder that is thrown away. Raises TrainingError."""
        with tempfile.TemporaryDirectory() as work:
            return run_in_subprocess(_train, recipe, self.paths, Path(work), self.stage_cache, self.verbose)


def run_in_subprocess(function: Callable[..., float], *arguments: Any) -> float:
    """Call a function in a process of its own, since TensorFlow keeps what every network of a process was trained with.

    The process ends with this one, however that ends. Ctrl-C is left to this one.

    Raises:
        TrainingError: The function raised it, or its process ended before it returned.
    """
    spawning = multiprocessing.get_context("spawn")
    receiver, sender = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_send_result, args=(sender, function, *arguments), daemon=True)
    process.start()
    sender.close()  # else the pipe would outlive the process
    try:
        result = receiver.recv()
    except EOFError:
        process.join()
        raise TrainingError(f"a trial's training ended with exit code {process.exitcode} and no figure") from None
    finally:
        process.terminate()
        process.join()
        receiver.close()
    if isinstance(result, TrainingError):
        raise result
    return float(result)


def _send_result(sender: Connection, function: Callable[..., float], *arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        sender.send(function(*arguments))
    except TrainingError as error:
        sender.send(error)


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _train(recipe: Recipe, paths: Sequence[Path], work: Path, stage_cache: Path | None, verbose: bool) -> float:
    # Imported here, so that the seconds of TensorFlow's import come after Ctrl-C is seen to.
    from rich.console import Console

    from training.console import Display
    from training.fit.trainer import Trainer
    from training.progress import select_epoch

    display = Display(Console(stderr=True, quiet=not verbose))
    last_stage = recipe.schedule[-1]
    history = Trainer(recipe, paths, work, display, stage_cache).run().history
    return select_epoch(history[last_stage.name], last_stage.keep).macro_recall
