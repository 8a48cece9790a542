"""`promote` beside real processes: a service that it tells, and its own end at the worst moments."""

import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from serving.model.bundle import Bundle
from serving.model.predictor import Predictor
from tests.bundles import TINY, UNMASKED
from tests.deploy.services import ROOT, environment, free_port, http_client, running
from tests.faults.processes import wait_until
from tests.training.commands.gold import known
from tests.training.helpers import write_csv
from training.commands.promote import promote, rollback
from training.console import Display
from training.errors import DataError, PublishError
from training.export.publish import check_replaceable, previous_folder

LIMIT = 120  # seconds; more than anything takes on a busy machine
OLD, NEW = UNMASKED, TINY

# Ends itself by SIGKILL instead of the rename of that number.
KILLED = """
import os, signal, sys
from pathlib import Path
from training.__main__ import main

left, rename = int(sys.argv.pop(1)), Path.rename

def rename_or_die(self, to):
    global left
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return rename(self, to)

Path.rename = rename_or_die
main()
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def over(tmp_path: Path) -> Path:
    """The folder that is served."""
    return Path(shutil.copytree(OLD, tmp_path / "models" / "served"))


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "gold.csv", known(200))


@pytest.fixture
def arguments(over: Path, gold: Path) -> list[str]:
    """Of a promote that replaces."""
    return ["promote", str(NEW), "--over", str(over), "--data", str(gold)]


@pytest.fixture
def run() -> Run:
    """Runs a Python program from the project's folder."""

    def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False, **options)

    return run


def version(folder: Path) -> str:
    return Bundle.read(folder).metadata.model_version


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_running_service_takes_the_new_model_up_and_the_old_one_again(
    workers: str, over: Path, arguments: list[str], run: Run, tmp_path: Path
) -> None:
    port = free_port()
    env = environment(MODEL_DIR=str(over), PORT=str(port), WORKERS=workers)
    command = [sys.executable, "-m", "serving.server"]
    with running(command, port=port, log=tmp_path / "log", cwd=ROOT, env=env) as service:

        def served() -> str:
            with http_client(service) as client:  # a new connection, which any of the workers may take
                return client.get("/healthz").headers["X-Model-Version"]

        def is_served(expected: str) -> bool:
            return [served() for _ in range(10)] == [expected] * 10

        wait_until(lambda: service.output.count("Application startup complete") == int(workers))
        assert is_served(version(OLD))
        pid = str(service.process.pid)
        promoted = run("-m", "training", *arguments, "--pid", pid)
        assert promoted.returncode == 0, promoted.stderr
        assert f"Process {pid} was told." in promoted.stderr
        wait_until(lambda: is_served(version(NEW)))
        back = run("-m", "training", "promote", "--over", over, "--rollback", "--pid", pid)
        assert back.returncode == 0, back.stderr
        wait_until(lambda: is_served(version(OLD)))


def test_a_process_that_is_not_there_is_told_before_anything_is_done(
    over: Path, arguments: list[str], run: Run
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    done = run("-m", "training", *arguments, "--pid", ended.pid)
    assert done.returncode == 1
    assert f"--pid {ended.pid}: cannot be told (No such process), and nothing was replaced" in done.stderr
    assert version(over) == version(OLD)
    assert [path.name for path in over.parent.iterdir()] == ["served"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="what a process does on a signal stands in /proc")
def test_a_process_that_the_signal_would_end_is_not_sent_one(over: Path, arguments: list[str], run: Run) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        done = run("-m", "training", *arguments, "--pid", other.pid)
        assert done.returncode == 1
        assert f"--pid {other.pid}: the process has no handler for SIGHUP, which would end it" in done.stderr
        assert other.poll() is None
    assert other.returncode == 1, "its input ended, and no signal"
    assert version(over) == version(OLD)


@contextmanager
def heeding(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A program with these arguments that exits with 3 on SIGHUP, and else with its input."""
    program = "import signal; signal.signal(signal.SIGHUP, lambda *_: exit(3)); print('ready', flush=True); input()"
    command, pipe = [sys.executable, "-c", program, *arguments], subprocess.PIPE
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="what a process runs stands in /proc")
def test_another_program_that_heeds_the_signal_is_told_nothing(over: Path, arguments: list[str], run: Run) -> None:
    """As `make serve`, whose id is not that of the service."""
    with heeding("serve", "API_KEYS=secret") as other:
        done = run("-m", "training", *arguments, "--pid", other.pid)
        name = Path(sys.executable).name
        assert f"--pid {other.pid}: the process is of {name!r}, not of the service, and nothing" in done.stderr
        assert "secret" not in done.stderr
        assert other.poll() is None
    assert (done.returncode, version(over)) == (1, version(OLD))


def test_no_process_is_told_of_what_was_not_replaced(over: Path, gold: Path, display: Display) -> None:
    with heeding("serving.server") as other:
        promote(NEW, over, [gold], display, dry_run=True, pid=other.pid)
        with pytest.raises(DataError):
            promote(NEW, over, [gold], display, {"text": "none"}, pid=other.pid)
        assert other.poll() is None
        promote(NEW, over, [gold], display, pid=other.pid)
        assert other.wait(LIMIT) == 3


@pytest.mark.parametrize(("renames", "found"), [(0, OLD), (1, OLD), (2, NEW)])
def test_a_kill_at_the_swap_leaves_a_whole_bundle(
    renames: int, found: Path, over: Path, gold: Path, arguments: list[str], run: Run, display: Display
) -> None:
    """Before the old one goes aside, before the new one comes, before the old one is kept."""
    assert run("-c", KILLED, renames, *arguments).returncode == -signal.SIGKILL
    check_replaceable(over)
    assert Predictor.load(over).metadata.model_version == version(found)
    if found == OLD:
        with pytest.raises(PublishError, match="no bundle is kept"):
            rollback(over, display)
        promote(NEW, over, [gold], display)
    assert version(over) == version(NEW)
    rollback(over, display)
    assert version(over) == version(OLD)
    assert sorted(path.name for path in over.parent.iterdir()) == [".served.previous", "served"]


@pytest.mark.parametrize(("renames", "found"), [(0, NEW), (1, NEW), (2, OLD)])
def test_a_kill_in_a_rollback_loses_neither(
    renames: int, found: Path, over: Path, gold: Path, run: Run, display: Display
) -> None:
    promote(NEW, over, [gold], display)
    assert run("-c", KILLED, renames, "promote", "--over", over, "--rollback").returncode == -signal.SIGKILL
    check_replaceable(over)
    versions = {version(over), version(previous_folder(over))}
    assert (version(over), versions) == (version(found), {version(OLD), version(NEW)})
    rollback(over, display)
    assert version(over) == ({version(OLD), version(NEW)} - {version(found)}).pop()


def test_a_disk_that_takes_no_more_leaves_what_was_there(over: Path, arguments: list[str], run: Run) -> None:
    """As a limit on files' sizes, which writing meets as it meets a full disk."""
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (10_000, 10_000))
    done = run("-m", "training", *arguments, preexec_fn=limit)
    assert done.returncode == 1
    assert "cannot be written (File too large); what was there is untouched" in done.stderr
    assert version(over) == version(OLD)
    assert [path.name for path in over.parent.iterdir()] == ["served"]
