"""Our own service and what wrk sends it: what each of the long measurements starts with."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.serving.contenders import OURS
from benchmarks.serving.load import ROOT, Shape, need_wrk, tweets, write_bodies
from benchmarks.serving.processes import NotRunnableError, Running, running


def parser(description: str | None) -> argparse.ArgumentParser:
    """A command line that names the bundle."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bundle", type=Path, default=ROOT / "artifacts")
    return parser


@contextmanager
def ours(bundle: Path, shape: Shape, **settings: str) -> Iterator[tuple[Running, Path]]:
    """The service with this bundle and these settings, and the file of bodies in this shape; both are gone at the end.

    Ends the process with a sentence where wrk is missing or the service does not start.
    """
    need_wrk()
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies"
        write_bodies(tweets(), shape, bodies)
        try:
            with running(
                replace(OURS, variables={**OURS.variables, **settings}),
                bundle.resolve(),
                "text=first",
                Path(folder) / "log",
            ) as server:
                yield server, bodies
        except NotRunnableError as error:
            sys.exit(f"error: the service {error}")
