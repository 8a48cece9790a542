"""What was measured of one server, and the table of all of them."""

from dataclasses import dataclass

from benchmarks.serving.load import Load

ENOUGH = 100
"""Requests of which a 99th percentile is told."""
NEAR = 0.05
"""How far from half the load may be without a word."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `fault` says why there are no figures. Bytes and seconds.

    `empty`: requests per second of the empty endpoint in the turns between. `alone`: texts per second of the predictor
    by itself, one thread, likewise, where a request holds many. `connections`: how many asked at once.
    """

    name: str
    texts: int = 1
    connections: int = 64
    full: Load | None = None
    half: Load | None = None
    empty: float = 0.0
    alone: float = 0.0
    memory: int = 0
    first_answer: float = 0.0
    fault: str = ""


def table(rows: list[Row]) -> str:
    """Markdown; the ratio is to the empty endpoint's requests in the turns between."""
    head = [
        "| server | connections | requests/s | of the empty one | texts/s | p50, p99 at half the load | memory "
        "| first answer |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines = [*head, *map(line, rows)]
    many = [
        f"{row.name}: {row.full.rate * row.texts / row.alone:.0%} of the predictor alone, {row.alone:,.0f} texts/s."
        for row in rows
        if row.full and row.alone
    ]
    return "\n".join([*lines, *(["", *many] if many else [])])


def line(row: Row) -> str:
    """The row in Markdown."""
    if row.full is None or row.half is None:
        return f"| {row.name} | {row.fault} | | | | | | |"
    failed = row.full.failed + row.half.failed
    cells = [
        row.name + (f" ({failed:,} failed)" if failed else ""),
        f"{row.connections}",
        f"{row.full.rate:,.1f}",
        f"{row.full.rate / row.empty:.2g}" if row.empty else "",
        f"{row.full.rate * row.texts:,.0f}",
        _latency(row.half, row.full.rate),
        f"{row.memory / 1024**2:,.0f} MB",
        f"{row.first_answer:.1f} s",
    ]
    return f"| {' | '.join(cells)} |"


def _latency(half: Load, full_rate: float) -> str:
    """Its median and, of so many that it says something, its 99th percentile; the share of the load where not half."""
    p99 = f"{half.p99 * 1000:,.1f} ms" if half.requests >= ENOUGH else "too few"
    share = half.rate / full_rate if full_rate else 0.0
    return f"{half.p50 * 1000:,.1f} ms, {p99}" + ("" if abs(share - 0.5) <= NEAR else f" (at {share:.0%})")
