from benchmarks.serving.client import Tally
from benchmarks.serving.overload import report


def test_the_report_of_an_overload() -> None:
    text = report(1000, Tally([0.1, 0.2], [0.01], lost=1, wrong=0, sent=6000, unsent=500), 2.0, 1024**2, 2 * 1024**2)
    assert "| sent | 3,000 requests a second |" in text
    assert "| not sent, for no connection was free | 250 a second |" in text
    assert "| accepted | 2; p50 200.0 ms, p99 200.0 ms |" in text
    assert "| refused with 503 | 1; p50 10.0 ms, p99 10.0 ms |" in text
    assert "| lost | 1 |" in text
