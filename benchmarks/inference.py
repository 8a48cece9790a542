"""What a bundle answers on one core: python -m benchmarks.inference BUNDLE DATA [--text-column text] [--rows 5000].

Prints tweets a second for many at once, and the median and 99th percentile of one at a time, all through
`serving.model.predictor`, preprocessing included. With `--beside BUNDLE` instead its rates beside that one's, in turns.
So with `--fields BUNDLE`, which reads as many rows of fields: the ratio is what such a row costs beside a tweet.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.fields import drawn_rows
from serving.model.predictor import Predictor
from training.data.readers import column, read_table

ALONE = 1000  # tweets that are asked one at a time
TURNS = 9  # of each of two bundles

Way = tuple[Predictor, list[Any]]  # a bundle, and the rows that it is given


def main() -> None:
    """Measure on the first core that this process may use."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--rows", type=int, default=5000)
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--beside", type=Path, metavar="BUNDLE", help="another bundle")
    others.add_argument("--fields", type=Path, metavar="BUNDLE", help="one of fields")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    else:
        Console(stderr=True).print("This system cannot hold a process to one core; the figures are of all of them.")
    texts = column(read_table(options.data, "utf-8"), options.text_column, options.data).tolist()[: options.rows]
    predictor = Predictor.load(options.bundle)
    beside = options.beside or options.fields
    if beside is None:
        sys.stdout.write(f"{table(predictor, texts)}\n")
        return
    other = Predictor.load(beside)
    rows = list(drawn_rows(other.fields, len(texts))) if other.fields else texts
    sys.stdout.write(f"{comparison((predictor, texts), (other, rows))}\n")


def comparison(this: Way, other: Way) -> str:
    """Markdown: two bundles on as many rows, in turns, and the median of the ratios of a turn."""
    measures: dict[str, Callable[[Predictor, list[Any]], object]] = {
        "preprocessing and network": lambda bundle, rows: bundle.predict(rows),
        "preprocessing alone": lambda bundle, rows: bundle.input.encode(rows),
        "one at a time": lambda bundle, rows: [bundle.predict([row]) for row in rows],
    }
    lines = []
    for name, work in measures.items():
        seconds = np.array([[_seconds(work, way) for way in (this, other)] for _ in range(TURNS + 1)])[1:]
        rates = len(this[1]) / np.median(seconds, axis=0)
        ratio = np.median(seconds[:, 1] / seconds[:, 0])
        lines.append(f"| {name} | {rates[0]:,.0f} | {rates[1]:,.0f} | {ratio:.2f} |")
    head = f"| rows a second on one core, {len(this[1]):,} of them | this bundle | the other | ratio |"
    return "\n".join([head, "|---|---:|---:|---:|", *lines])


def _seconds(work: Callable[[Predictor, list[Any]], object], way: Way) -> float:
    start = time.perf_counter()
    work(*way)
    return time.perf_counter() - start


def table(predictor: Predictor, texts: list[str]) -> str:
    """Markdown: the figures of these texts."""
    predictor.predict(texts[:200])
    start = time.perf_counter()
    predictor.predict(texts)
    rate = len(texts) / (time.perf_counter() - start)
    alone = np.array([_milliseconds(predictor, text) for text in texts[:ALONE]])
    rows = [
        (f"tweets a second, {len(texts):,} at once", f"{rate:,.0f}"),
        ("one tweet, median", f"{np.median(alone):.2f} ms"),
        ("one tweet, 99th percentile", f"{np.percentile(alone, 99):.2f} ms"),
    ]
    return "\n".join(["| on one core | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)])


def _milliseconds(predictor: Predictor, text: str) -> float:
    start = time.perf_counter()
    predictor.predict([text])
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    main()
