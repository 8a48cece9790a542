import gc
import sys

import pytest

from serving.process import collect_seldom, switch_every

pytestmark = pytest.mark.usefixtures("interpreter_as_before")


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
