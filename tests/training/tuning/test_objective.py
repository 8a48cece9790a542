import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.tuning.trials import die, half, refuse
from training.errors import DataError, TrainingError
from training.tuning.objective import run_in_subprocess

ROOT = Path(__file__).parents[3]


def test_what_the_process_returns_is_returned() -> None:
    assert run_in_subprocess(half) == 0.5


def test_an_error_of_the_training_is_raised() -> None:
    with pytest.raises(DataError, match=r"no\.csv: cannot be read"):
        run_in_subprocess(refuse)


def test_a_process_that_dies_is_an_error() -> None:
    with pytest.raises(TrainingError, match="ended with exit code 3 and no figure"):
        run_in_subprocess(die)


def test_the_process_ends_with_a_search_that_is_killed(tmp_path: Path) -> None:
    """One that was left behind would hold the pipes open, and `run` would wait for it."""
    code = """
import os, sys, threading, time
from pathlib import Path
from tests.training.tuning.trials import wait
from training.tuning.objective import run_in_subprocess
begun = Path(sys.argv[1])
def kill_once_begun():
    while not begun.exists():
        time.sleep(0.05)
    os.kill(os.getpid(), 9)
threading.Thread(target=kill_once_begun).start()
run_in_subprocess(wait, begun)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "begun")]
    killed = subprocess.run(command, cwd=ROOT, timeout=40, check=False, capture_output=True)
    assert killed.returncode == -9
