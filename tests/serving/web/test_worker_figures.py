import os
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from serving.web.metrics import WorkersCollector

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="told by /proc")


def figures(shared: Path, *pids: int) -> str:
    for pid in pids:
        for mode in ("livesum", "livemax"):
            (shared / f"gauge_{mode}_{pid}.db").touch()
    (shared / "counter_7.db").touch()
    registry = CollectorRegistry()
    registry.register(WorkersCollector(shared))
    return generate_latest(registry).decode()


def test_each_worker_by_its_pid(tmp_path: Path) -> None:
    text = figures(tmp_path, os.getpid(), os.getppid())
    for pid in (os.getpid(), os.getppid()):
        assert f'process_resident_memory_bytes{{pid="{pid}"}}' in text
        assert f'process_cpu_seconds_total{{pid="{pid}"}}' in text
    assert text.count("# TYPE process_resident_memory_bytes gauge") == 1
    assert 'pid="7"' not in text, "one that is dead has only counters left"


def test_one_that_has_just_died_is_left_out(tmp_path: Path) -> None:
    assert figures(tmp_path, 2**31) == ""
