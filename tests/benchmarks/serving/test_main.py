import pytest

from benchmarks.serving.__main__ import Row, table
from benchmarks.serving.client import Tally
from benchmarks.serving.contenders import EMPTY
from benchmarks.serving.load import Load, joined
from benchmarks.serving.overload import report


def load(rate: float, failed: int = 0) -> Load:
    return Load(int(rate), rate, 0.005, 0.0201, failed)


def test_the_table() -> None:
    rows = [
        Row(EMPTY.name, 1, load(4000), load(2000), 4100, 0, 50 * 1024**2, 0.5),
        Row("ours", 32, load(100, failed=3), load(50), 3200, 4000, 160 * 1024**2, 1.25),
        Row("another", fault="could not be installed: no wheel"),
    ]
    assert table(rows).splitlines()[2:] == [
        f"| {EMPTY.name} | 4,000.0 | 0.98 | 4,000 | 5.0 ms, 20.1 ms | 50 MB | 0.5 s |",
        "| ours (3 failed) | 100.0 | 0.031 | 3,200 | 5.0 ms, 20.1 ms | 160 MB | 1.2 s |",
        "| another | could not be installed: no wheel | | | | | |",
        "",
        "ours: 80% of the predictor alone, 4,000 texts/s.",
    ]


def test_runs_joined() -> None:
    both = joined([Load(10, 2.0, 0.001, 0.1, 1), Load(30, 4.0, 0.003, 0.3, 2)])
    assert (both.requests, both.rate, both.failed) == (40, 3.0, 3)
    assert both.p50 == pytest.approx(0.002)
    assert both.p99 == pytest.approx(0.2)


def test_the_report_of_an_overload() -> None:
    text = report(1000, Tally([0.1, 0.2], [0.01], lost=1, wrong=0, sent=6000, unsent=500), 2.0, 1024**2, 2 * 1024**2)
    assert "| sent | 3,000 requests a second |" in text
    assert "| not sent, for no connection was free | 250 a second |" in text
    assert "| accepted | 2; p50 200.0 ms, p99 200.0 ms |" in text
    assert "| refused with 503 | 1; p50 10.0 ms, p99 10.0 ms |" in text
    assert "| lost | 1 |" in text
