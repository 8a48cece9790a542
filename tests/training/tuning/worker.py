"""A process of a search that several share, with a made-up objective: STORAGE OUT DATA BEAT_SECONDS TRIALS [MET].

With MET, a folder, its first trial ends when a second process has begun one. Without, its second trial never ends. It
prints the number of its trial as each begins.
"""

import io
import itertools
import sys
import time
import uuid
from pathlib import Path

from rich.console import Console

from tests.training.tuning.trials import by_rate, recipe
from training.console import Display
from training.recipe.recipe import Recipe
from training.tuning.search import Search


def main(storage: str, out: str, data: str, beat_seconds: str, trials: str, met: str | None = None) -> None:
    counter = itertools.count()

    def objective(chosen: Recipe) -> float:
        number = next(counter)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        if met and number == 0:
            (Path(met) / uuid.uuid4().hex).touch()
            while len(list(Path(met).iterdir())) < 2:
                time.sleep(0.05)
        elif met is None and number == 1:
            time.sleep(600)
        return by_rate(chosen)

    display = Display(Console(file=io.StringIO()))
    Search(recipe(), [Path(data)], Path(out), storage, display, objective, float(beat_seconds)).run(int(trials))


if __name__ == "__main__":
    main(*sys.argv[1:])
