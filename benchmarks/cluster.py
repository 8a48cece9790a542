"""Benchmark of many files with Ray, beside plain `score` on the same cores; and a cluster that loses a node.

python -m benchmarks.cluster speed [--bundle artifacts] [--files 8] [--rows 100000]
python -m benchmarks.cluster loss [--bundle artifacts] [--files 200] [--rows 2000]

`speed`: plain `score`, `score --ray` on this machine, and plain `score` again, each of the same folder and timed from
its start to its end; the mean of both plain ones counts, for a machine's speed drifts within minutes.

`loss`: a cluster of three nodes with a core each is simulated on this machine (Linux). When a third of the outputs is
there, one of the nodes is killed in the middle of a task. Every output must be, to the byte, what plain `score` makes
of its input.

Both need the packages of requirements-cluster.txt.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.files import text_records, write_rows
from serving.process import processors
from serving.scoring.manifest import MANIFEST

NODES = 3
_STORE_BYTES = 100 * 1024**2  # of each simulated node
_SECONDS = 3600  # after which a run hangs
_LOST = "NODE_TO_LOSE"  # a variable that the processes of one node have


class Speed(NamedTuple):
    """Rows a second, from start to end: of both runs of plain `score`, and of that with Ray."""

    plain: tuple[float, float]
    ray: float

    @property
    def share(self) -> float:
        """Of Ray's rate in plain's."""
        return self.ray / (sum(self.plain) / len(self.plain))


class Loss(NamedTuple):
    """What became of a run whose cluster lost a node."""

    outputs: int
    rows: int
    lost_attempts: int
    different: list[str]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measure", choices=["speed", "loss"])
    parser.add_argument("--bundle", type=Path, default=Path("artifacts"))
    parser.add_argument("--files", type=int)
    parser.add_argument("--rows", type=int, help="of each file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.measure == "speed":
            files, rows = options.files or 8, options.rows or 100_000
            text = speed_table(measure_speed(options.bundle, Path(folder), files, rows), files, rows)
        else:
            text = loss_text(lose_a_node(options.bundle, Path(folder), options.files or 200, options.rows or 2_000))
    sys.stdout.write(text + "\n")


def measure_speed(bundle: Path, folder: Path, files: int, rows: int) -> Speed:
    """Rates of plain `score`, of Ray, and of plain `score` again."""
    write_files(folder / "in", files, rows)
    seconds: list[float] = []
    for number, options in enumerate(([], ["--ray"], [])):
        start = time.perf_counter()
        subprocess.run(score_command(bundle, folder, f"out{number}", *options), env=quiet(), check=True)
        seconds.append(time.perf_counter() - start)
    if different := differing(folder / "out0", folder / "out1"):
        raise ValueError(f"outputs of plain score and of Ray differ: {', '.join(different)}")
    before, ray, after = (files * rows / each for each in seconds)
    return Speed((before, after), ray)


def lose_a_node(bundle: Path, folder: Path, files: int, rows: int) -> Loss:
    """Score on three nodes, of which one is killed, and compare with plain `score`."""
    from ray.cluster_utils import Cluster

    write_files(folder / "in", files, rows)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    cluster: Any = Cluster(initialize_head=True, head_node_args=_node())
    try:
        lost = cluster.add_node(**_node(), env_vars={_LOST: "1"})
        for _ in range(NODES - 2):
            cluster.add_node(**_node())
        command = score_command(bundle, folder, "out", "--ray", cluster.address)
        process = subprocess.Popen(command, env=quiet(), stderr=subprocess.PIPE, text=True)
        wait_for_outputs(process, folder / "out", max(files // 3, 1))
        while not (worker := stopped_in_the_middle(folder / "out", _is_of_lost_node)):
            _check_running(process, folder / "out")
            time.sleep(0.05)
        cluster.remove_node(lost, allow_graceful=False)
        os.kill(worker, signal.SIGKILL)  # which being stopped does not see that its node is gone
        _, errors = process.communicate(timeout=_SECONDS)
    finally:
        cluster.shutdown()
    sys.stderr.write(errors)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    subprocess.run(score_command(bundle, folder, "plain"), env=quiet(), check=True)
    manifest: dict[str, Any] = json.loads((folder / "out" / MANIFEST).read_text(encoding="utf-8"))
    different = differing(folder / "plain", folder / "out")
    return Loss(len(manifest["outputs"]), manifest["rows"], errors.count(" its worker was lost"), different)


def _node() -> dict[str, Any]:
    return {"num_cpus": 1, "object_store_memory": _STORE_BYTES, "include_dashboard": False}


def write_files(folder: Path, files: int, rows: int) -> None:
    """CSVs of different texts."""
    folder.mkdir(parents=True)
    for number in range(files):
        write_rows(folder / f"rows-{number:04d}.csv", text_records(rows, seed=number))


def score_command(bundle: Path, folder: Path, output: str, *options: str) -> list[str]:
    """The command that scores `in` of a folder into another folder of it."""
    command = [sys.executable, "-m", "serving", "score", str(folder / "in"), "--output", str(folder / output)]
    return [*command, "--bundle", str(bundle), *options]


def quiet() -> dict[str, str]:
    """This process's environment, in which Ray tells its makers nothing."""
    return os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}


def outputs(folder: Path) -> list[Path]:
    """The finished outputs of a folder, in order."""
    return sorted(path for path in folder.glob("*") if path.is_file() and not path.name.startswith((".", "_")))


def wait_for_outputs(process: "subprocess.Popen[str]", folder: Path, count: int) -> None:
    """Wait until so many outputs are there. Raises RuntimeError where the process ends before."""
    while len(outputs(folder)) < count:
        _check_running(process, folder)
        time.sleep(0.05)


def _check_running(process: "subprocess.Popen[str]", folder: Path) -> None:
    if process.poll() is not None:
        raise RuntimeError(f"score ended with {process.returncode} and {len(outputs(folder))} outputs")


def workers() -> list[int]:
    """The ids of the processes of Ray that are at a task of ours: Ray names them by what they do."""
    ids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [pid for pid in ids if _read_proc(pid, "cmdline").startswith(b"ray::_attempt")]


def stopped_in_the_middle(folder: Path, is_meant: Callable[[int], bool] = lambda _: True) -> int | None:
    """The id of a worker that has begun an output of the folder, and is stopped, so that it cannot end it."""
    for pid in filter(is_meant, workers()):
        os.kill(pid, signal.SIGSTOP)
        if _writes_into(pid, folder):
            return pid
        os.kill(pid, signal.SIGCONT)
    return None


def _writes_into(pid: int, folder: Path) -> bool:
    try:
        return any(str(entry.readlink()).startswith(f"{folder}/") for entry in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False  # it has ended, or just closed one


def _is_of_lost_node(pid: int) -> bool:
    status = _read_proc(pid, "stat").rpartition(b")")[2].split()
    # Its own environment is hidden below the name that Ray gives it, but its parent's is not.
    return bool(status) and f"{_LOST}=1".encode() in _read_proc(int(status[1]), "environ").split(b"\0")


def _read_proc(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""  # it has ended


def differing(one: Path, other: Path) -> list[str]:
    """Names of outputs that are in one folder alone, or not the same to the byte."""
    names = {path.name for folder in (one, other) for path in outputs(folder)}
    return sorted(name for name in names if _content(one / name) != _content(other / name))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def speed_table(speed: Speed, files: int, rows: int) -> str:
    """Markdown."""
    return "\n".join(
        [
            f"{files} files of {rows:,} rows, on {processors()} cores:",
            "",
            "| way | rows/s | of plain `score` |",
            "|---|---:|---:|",
            f"| plain `score`, before | {speed.plain[0]:,.0f} | |",
            f"| `score --ray`, its start included | {speed.ray:,.0f} | {speed.share:.0%} |",
            f"| plain `score`, after | {speed.plain[1]:,.0f} | |",
        ]
    )


def loss_text(loss: Loss) -> str:
    """A sentence."""
    ends = "differ from plain `score`" if loss.different else "all equal to plain `score`, to the byte"
    return (
        f"{NODES} nodes, one of them killed: {loss.outputs:,} outputs, {loss.rows:,} rows, "
        f"{loss.lost_attempts:,} attempts lost; {len(loss.different) or ''}{' ' if loss.different else ''}{ends}"
    )


if __name__ == "__main__":
    main()
