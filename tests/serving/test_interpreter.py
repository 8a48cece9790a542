import gc
import sys
from collections.abc import Iterator

import pytest

from serving.interpreter import collect_seldom, switch_often


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)


def test_a_turn_is_shorter_than_a_batch() -> None:
    switch_often()
    assert 0 < sys.getswitchinterval() < 0.001


def test_cycles_are_still_collected_but_seldom() -> None:
    older = gc.get_threshold()[1:]
    collect_seldom()
    assert 10_000 < gc.get_threshold()[0] < 1_000_000
    assert gc.get_threshold()[1:] == older
    assert gc.isenabled()
