import os

import pytest

from benchmarks.serving.cores import worth


def test_one_process_is_worth_itself() -> None:
    assert worth(1, 0.5) == pytest.approx(1, rel=0.6)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes keep to processors on Linux only")
def test_two_on_one_core_are_worth_about_one() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        # Other work on this core can take from the one's turns and spare the two's, but hardly three times.
        assert any(worth(2, 1.0) < 1.6 for _ in range(3))
    finally:
        os.sched_setaffinity(0, before)
