import gc
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from serving.interpreter import collect_seldom, processors, switch_every


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


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes keep to processors on Linux only")
def test_processors_are_those_that_the_process_may_run_on() -> None:
    program = "from serving.interpreter import processors; print(processors())"
    done = subprocess.run(
        [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}}); {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"
    assert 1 <= processors() <= (os.cpu_count() or 1)
