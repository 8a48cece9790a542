"""Files with real Ray: its outputs are those of plain `score`, whatever is killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster import (
    differing,
    lose_a_node,
    outputs,
    quiet,
    score_command,
    stopped_in_the_middle,
    wait_for_outputs,
    workers,
    write_files,
)
from serving.scoring.manifest import MANIFEST
from tests.faults.processes import wait_until

pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-cluster.txt")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")]

FILES, ROWS = 8, 5_000  # some seconds of work for two processes, so that there is a middle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pristine_bundle: Path) -> Path:
    """A folder with inputs, and what plain `score` makes of them."""
    folder = tmp_path_factory.mktemp("cluster")
    write_files(folder / "in", FILES, ROWS)
    subprocess.run(score_command(pristine_bundle, folder, "plain"), check=True, env=quiet())
    return folder


def killed_in_the_middle(folder: Path) -> bool:
    """Whether a worker that had begun an output and not ended it was there, and is killed."""
    if pid := stopped_in_the_middle(folder):
        os.kill(pid, signal.SIGKILL)
    return pid is not None


@pytest.fixture
def _others() -> Iterator[None]:
    """No worker of another test is there, before or after."""
    wait_until(lambda: not workers())
    yield
    wait_until(lambda: not workers())


@pytest.mark.usefixtures("_others")
def test_a_worker_that_is_killed_loses_and_doubles_nothing(folder: Path, pristine_bundle: Path) -> None:
    command = score_command(pristine_bundle, folder, "killed", "--ray")
    process = subprocess.Popen(command, env=quiet(), stderr=subprocess.PIPE, text=True)
    wait_for_outputs(process, folder / "killed", 1)
    wait_until(lambda: killed_in_the_middle(folder / "killed"))
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "attempt 1 of 3 failed, tried again: its worker was lost" in errors
    assert differing(folder / "plain", folder / "killed") == []
    manifest = json.loads((folder / "killed" / MANIFEST).read_text("utf-8"))
    assert (manifest["inputs"], manifest["rows"]) == (FILES, FILES * ROWS)
    assert not list((folder / "killed").glob(".*"))


@pytest.mark.usefixtures("_others")
def test_an_interrupted_run_has_no_manifest_and_goes_on(folder: Path, pristine_bundle: Path) -> None:
    command = score_command(pristine_bundle, folder, "interrupted", "--ray")
    process = subprocess.Popen(command, env=quiet(), stderr=subprocess.PIPE, text=True)
    wait_for_outputs(process, folder / "interrupted", 1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "interrupted; the same command goes on" in errors
    assert not (folder / "interrupted" / MANIFEST).exists()
    kept = {path: path.stat().st_mtime_ns for path in outputs(folder / "interrupted")}
    assert 0 < len(kept) < FILES
    again = subprocess.run(command, env=quiet(), stderr=subprocess.PIPE, text=True, check=True)
    assert f"{FILES} inputs, {FILES} outputs, {len(kept)} of them there already" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert differing(folder / "plain", folder / "interrupted") == []
    assert (folder / "interrupted" / MANIFEST).exists()


def test_a_node_that_is_removed_loses_and_doubles_nothing(tmp_path: Path, pristine_bundle: Path) -> None:
    loss = lose_a_node(pristine_bundle, tmp_path, files=12, rows=3_000)
    assert (loss.outputs, loss.rows, loss.different) == (12, 12 * 3_000, [])
    assert loss.lost_attempts >= 1


def test_a_machine_that_lacks_a_package_costs_no_task(folder: Path, pristine_bundle: Path, tmp_path: Path) -> None:
    """Though it fails at once, and so is free for each task again before the others are."""
    from ray.cluster_utils import Cluster

    fault = "ModuleNotFoundError: No module named 'onnxruntime.missing'; 'onnxruntime' is not a package"
    (tmp_path / "onnxruntime.py").write_text("import onnxruntime.missing", encoding="utf-8")
    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100 * 1024**2, "include_dashboard": False}
    cluster: Any = Cluster(initialize_head=True, head_node_args=node)
    try:
        cluster.add_node(**node, env_vars={"PYTHONPATH": str(tmp_path)})
        command = score_command(pristine_bundle, folder, "lacking", "--ray", cluster.address)
        result = subprocess.run(command, env=quiet(), stderr=subprocess.PIPE, text=True, check=False)
    finally:
        cluster.shutdown()
    assert result.returncode == 0, result.stderr
    failures = [line for line in result.stderr.splitlines() if "attempt 1 of 3 failed, tried again: " in line]
    assert failures
    assert all(fault in line and len(line) < 400 for line in failures), failures
    assert differing(folder / "plain", folder / "lacking") == []


def test_no_cluster_at_the_address(folder: Path, pristine_bundle: Path) -> None:
    command = score_command(pristine_bundle, folder, "nowhere", "--ray", "127.0.0.1:1")
    result = subprocess.run(command, env=quiet(), stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    assert "error: --ray 127.0.0.1:1: no Ray there" in result.stderr
