"""What an explanation costs on one core: python -m benchmarks.explanation [BUNDLE] [--times 200].

Explains tweets of 10 to 30 words, one at a time, through `Predictor`, preprocessing included; beside it what
the prediction alone costs, and a text of 10,000 characters.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console

from serving.model.predictor import Predictor, text_input

TWEET = (
    "So the 8:15 train was late today and nobody said a single word about it @railco "
    "you really need to do better than this :( #fail please fix it now"
)
TEXTS = {
    "10 words": " ".join(TWEET.split()[:10]),
    "20 words": " ".join(TWEET.split()[:20]),
    "30 words": TWEET,
    "10,000 characters": (f"{TWEET} " * 100)[:10_000],
}


def main() -> None:
    """Measure on the first core that this process may use."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path, nargs="?", default=Path("artifacts"))
    parser.add_argument("--times", type=int, default=200)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    else:
        Console(stderr=True).print("This system cannot hold a process to one core; the figures are of all of them.")
    sys.stdout.write(table(Predictor.load(options.bundle), options.times) + "\n")


def table(predictor: Predictor, times: int) -> str:
    """Markdown: each text's words, tokens, and median and 99th percentile in milliseconds."""
    rows = [_row(predictor, name, text, times) for name, text in TEXTS.items()]
    head = [
        "| text | tokens | answer, median | with explanation, median | 99th percentile |",
        "|---|---:|---:|---:|---:|",
    ]
    return "\n".join([*head, *rows])


def _row(predictor: Predictor, name: str, text: str, times: int) -> str:
    (encoded,) = text_input(predictor).encoder.encode([text])
    plain = _milliseconds(lambda: predictor.predict([text]), times)
    explained = _milliseconds(lambda: predictor.explain(text), times)
    figures = (np.median(plain), np.median(explained), np.percentile(explained, 99))
    return " | ".join([f"| {name}", f"{len(encoded.ids)}", *(f"{figure:.1f} ms" for figure in figures)]) + " |"


def _milliseconds(call: Callable[[], object], times: int) -> list[float]:
    call()
    return [_once(call) for _ in range(times)]


def _once(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    main()
