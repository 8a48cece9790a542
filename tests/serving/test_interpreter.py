import gc
import sys
from collections.abc import Iterator

import pytest

from serving.interpreter import collect_seldom, switch_every


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_turns_are_as_long_as_said() -> None:
    switch_every(0.002)
    assert sys.getswitchinterval() == pytest.approx(0.002)


def test_cycles_are_still_collected_but_seldom() -> None:
    older = gc.get_threshold()[1:]
    collect_seldom()
    assert 2_000 < gc.get_threshold()[0] < 50_000
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[1:] == older
    assert gc.isenabled()
