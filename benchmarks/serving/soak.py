"""Memory over a million predictions: python -m benchmarks.serving.soak [--predictions 1000000]."""

import sys
from pathlib import Path

from benchmarks.serving.load import MANY, run_wrk
from benchmarks.serving.ours import ours, parser
from benchmarks.serving.processes import Running

FIRST = 100_000
SLICE = 5.0

CONNECTIONS = 3
"""So few that the requests of a slice find room in the queue beside those that the slice before broke off."""


def main() -> None:
    """Print resident memory after the first 100,000 and at the end."""
    own = parser(__doc__)
    own.add_argument("--predictions", type=int, default=1_000_000)
    options = own.parse_args()
    with ours(options.bundle, MANY) as (server, bodies):
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
        load = run_wrk(server.port, MANY, bodies, connections=CONNECTIONS, seconds=SLICE)
        if load.failed:
            sys.exit(f"error: {load.failed:,} requests failed")
        done += load.requests * MANY.texts
    return done


if __name__ == "__main__":
    main()
