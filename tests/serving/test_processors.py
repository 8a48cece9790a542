import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.processors import processors


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes keep to processors on Linux only")
def test_processors_are_those_that_the_process_may_run_on() -> None:
    program = "from serving.processors import processors; print(processors())"
    done = subprocess.run(
        [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}}); {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"
    assert 1 <= processors() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("quota", "found"), [("150000 100000\n", 1), ("50000 100000\n", 1), ("200000 100000\n", 2), ("max 100000\n", 2)]
)
def test_a_containers_share_of_time_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, found: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    path = tmp_path / "cpu.max"
    path.write_text(quota)
    assert processors(path) == found


@pytest.mark.parametrize("quota", ["", "max", "much of it"])
def test_a_quota_that_says_nothing_leaves_what_the_process_may_run_on(tmp_path: Path, quota: str) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(quota)
    assert processors(path) == processors(tmp_path / "none")
