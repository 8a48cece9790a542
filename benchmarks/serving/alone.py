"""python -m benchmarks.serving.alone BUNDLE TEXTS SECONDS: texts per second of the predictor, so many in each call."""

import sys
import time
from pathlib import Path

from benchmarks.serving.load import tweets
from serving.model.predictor import Predictor


def main() -> None:
    """Print the rate, of one thread where the tokenizer is kept to it."""
    bundle, size, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    predictor, texts = Predictor.load(bundle), tweets()
    groups = [texts[start : start + size] for start in range(0, len(texts) - size + 1, size)]
    for group in groups[:8]:
        predictor.predict(group)
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        done += len(predictor.predict(groups[done // size % len(groups)]))
    sys.stdout.write(f"{done / (time.perf_counter() - start)}\n")


if __name__ == "__main__":
    main()
