import os
import time
from pathlib import Path

import pytest

from benchmarks.serving.beside import Turn, processor_seconds, report, worktree


def test_the_report_compares_neighbouring_turns() -> None:
    text = report(("abc", "today"), [(Turn(1000, 0.4), Turn(1100, 0.4)), (Turn(500, 0.5), Turn(450, 0.45))])
    assert "| abc | 750 ± 354 | 0.450 ± 0.071 |" in text
    assert "| today | 775 ± 460 | 0.425 ± 0.035 |" in text
    assert "| today / abc | 1.000 ± 0.141 | 0.950 ± 0.071 |" in text


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="told by /proc")
def test_processor_seconds_are_those_of_the_process() -> None:
    before, begin = processor_seconds(os.getpid()), time.process_time()
    while time.process_time() - begin < 0.2:
        pass
    assert processor_seconds(os.getpid()) - before == pytest.approx(0.2, abs=0.1)


def test_an_unknown_revision_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"error: git worktree add: .*no-such-revision"):
        worktree("no-such-revision", tmp_path / "tree").__enter__()
