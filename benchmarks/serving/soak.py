"""Memory over a million predictions: python -m benchmarks.serving.soak [--predictions 1000000]."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.serving.contenders import OURS
from benchmarks.serving.load import MANY, ROOT, need_wrk, run_wrk, tweets, write_bodies
from benchmarks.serving.processes import Running, running

FIRST = 100_000
SLICE = 5.0


def main() -> None:
    """Print resident memory after the first 100,000 and at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=ROOT / "artifacts")
    parser.add_argument("--predictions", type=int, default=1_000_000)
    options = parser.parse_args()
    need_wrk()
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies"
        write_bodies(tweets(), MANY, bodies)
        with running(OURS, options.bundle.resolve(), "text=first", Path(folder) / "log") as server:
            done = predict(server, bodies, min(FIRST, options.predictions))
            before = server.memory
            done += predict(server, bodies, options.predictions - done)
            after = server.memory
    sys.stdout.write(
        f"{done:,} predictions: {before / 1024**2:.1f} MB after the first {FIRST:,}, "
        f"{after / 1024**2:.1f} MB at the end, {after / before - 1:+.1%}\n"
    )


def predict(server: Running, bodies: Path, wanted: int) -> int:
    """Ask until so many texts have been answered; returns how many were."""
    done = 0
    while done < wanted:
        load = run_wrk(server.port, MANY, bodies, connections=8, seconds=SLICE)
        if load.failed:
            sys.exit(f"error: {load.failed:,} requests failed")
        done += load.requests * MANY.texts
    return done


if __name__ == "__main__":
    main()
