"""What a bundle answers on one core: python -m benchmarks.inference BUNDLE DATA [--text-column text] [--rows 5000].

Prints tweets a second for many at once, and the median and 99th percentile of one at a time, all through
`serving.model.predictor`, preprocessing included.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from serving.model.predictor import Predictor
from training.data.readers import column, read_table

ALONE = 1000  # tweets that are asked one at a time


def main() -> None:
    """Measure on the first core that this process may use."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--rows", type=int, default=5000)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    else:
        Console(stderr=True).print("This system cannot hold a process to one core; the figures are of all of them.")
    texts = column(read_table(options.data, "utf-8"), options.text_column, options.data).tolist()[: options.rows]
    predictor = Predictor.load(options.bundle)
    sys.stdout.write(table(predictor, texts) + "\n")


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
