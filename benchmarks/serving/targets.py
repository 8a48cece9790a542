"""What the service is to reach beside others in one run, and whether it did."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import ge, le

from benchmarks.serving.contenders import CONTENDERS, OURS, OURS_MANY, TUTORIAL
from benchmarks.serving.row import Row

Target = tuple[str, str, str, bool]  # what, asked, found, whether it is reached

MB = 1024**2
OTHERS = {one.name for one in CONTENDERS if one.packages}


def targets(rows: Sequence[Row]) -> str:
    """Markdown: one line for each target whose servers were all measured."""
    lines = [
        f"| {what} | {asked} | {found} | {'reached' if reached else 'missed'} |"
        for what, asked, found, reached in _targets({row.name: row for row in rows if row.full and row.half})
    ]
    return "\n".join(["| target | asked | found | |", "|---|---:|---:|---|", *lines])


def _targets(rows: Mapping[str, Row]) -> Iterator[Target]:
    ours = rows.get(OURS.name)
    if ours:
        assert ours.half
        yield _target("form, of the empty endpoint", ge, 0.8, _speed(ours), "{:.2f}")
        yield _target("form, p99 at half the load", le, 20, ours.half.p99 * 1000, "{:.1f} ms")
        yield _target("form, memory", le, 200, ours.memory / MB, "{:.0f} MB")
    many = rows.get(OURS_MANY.name)
    if many:
        assert many.full
        rate = many.full.rate * many.texts / many.alone
        yield _target("32 texts a request, of the predictor alone", ge, 0.85, rate, "{:.2f}")
    tutorial = rows.get(TUTORIAL.name)
    if ours and tutorial:
        yield _target("form, of the tutorial's way", ge, 300, _speed(ours) / _speed(tutorial), "{:,.0f}")
    peers = [row for name, row in rows.items() if name in OTHERS]
    if ours and peers:
        yield _target("form, of the best other server", ge, 2, _speed(ours) / max(map(_speed, peers)), "{:.1f}")
        least = min(row.memory for row in peers) / MB
        yield _target("form, memory beside the least of the others", le, least, ours.memory / MB, "{:.0f} MB")


def _target(what: str, holds: Callable[[float, float], bool], asked: float, found: float, shown: str) -> Target:
    bound = "at least" if holds is ge else "at most"
    return what, f"{bound} {shown.format(asked)}", shown.format(found), holds(found, asked)


def _speed(row: Row) -> float:
    """Requests per second, of the empty endpoint's in the turns between: the machine's speed drifts."""
    assert row.full
    return row.full.rate / row.empty
