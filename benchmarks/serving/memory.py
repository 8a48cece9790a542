"""Memory by workers, at the start and under load: python -m benchmarks.serving.memory [--seconds 10].

The sum over all of the service's processes, the one that watches over several workers among them. Pages that they share
are counted in each.
"""

import sys

from benchmarks.serving.load import FORM, run_wrk
from benchmarks.serving.ours import ours, parser

WORKERS = (1, 2)
CONNECTIONS = 64


def main() -> None:
    """Measure and print."""
    own = parser(__doc__)
    own.add_argument("--seconds", type=float, default=10)
    options = own.parse_args()
    lines = ["| workers | memory at the start | under load | requests/s |", "|---:|---:|---:|---:|"]
    for workers in WORKERS:
        with ours(options.bundle, FORM, WORKERS=str(workers)) as (server, bodies):
            before = server.memory
            load = run_wrk(server.port, FORM, bodies, connections=CONNECTIONS, seconds=options.seconds)
            lines.append(f"| {workers} | {_shown(before)} | {_shown(server.memory)} | {load.rate:,.0f} |")
    sys.stdout.write("\n".join(lines) + "\n")


def _shown(size: int) -> str:
    return f"{size / 1024**2:,.0f} MB"


if __name__ == "__main__":
    main()
