"""Ray as what runs tasks: on this machine, or on a cluster that is joined.

The only module that imports Ray. What a worker needs travels with the job: this package (`py_modules` of Ray's runtime
environment) and the bundle's files, whose hashes it checks as every Predictor does. What a machine must have is Python
and the packages of requirements-cluster.txt, and it must see inputs and outputs under the same paths as this one.
"""

import logging
import os
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import serving
from serving.errors import BundleError, ServingError, package_missing, printable
from serving.model.bundle import Bundle
from serving.model.predictor import Predictor
from serving.process import freeze_garbage_collector, processors, set_switch_interval
from serving.scoring.manifest import OutputFolder
from serving.scoring.plan import Task
from serving.scoring.score import SWITCH_INTERVAL, ScoreProgress
from serving.scoring.tasks import Outcome, ShowProgress, attempt

# What `--ray` without an address means.
THIS_MACHINE = "local"

# Tasks that Ray has at once, at least: a machine that joins finds work, and all are looked through every second.
CAPACITY = 1000
_REASON_CHARACTERS = 300  # of a task that failed; Ray's errors hold whole tracebacks
_WAIT_SECONDS = 1.0
_CONNECT_SECONDS = 10.0
_REPORT_SECONDS = 1.0  # between two reports of a task
# Of the tasks' results and the bundle; Ray by itself would take a third of the memory.
_STORE_BYTES = 256 * 1024**2
# Of a worker, which has one of Ray's processors: no library may take the others, too. Ray sets OMP_NUM_THREADS.
_ENVIRONMENT = {"TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True, slots=True)
class PackedBundle:
    """The files of a bundle, to travel. Equal where the version is: that is of their content.

    Attributes:
        model_version: of the bundle.
        files: name -> content.
    """

    model_version: str
    files: Mapping[str, bytes] = field(compare=False)

    @classmethod
    def pack(cls, bundle: Bundle) -> Self:
        """Read the files of a bundle. Raises BundleError."""
        try:
            files = {path.name: path.read_bytes() for path in bundle.paths}
        except OSError as error:
            raise BundleError(f"{bundle.folder}: cannot be read ({error.strerror})") from error
        return cls(bundle.metadata.model_version, files)

    def load(self) -> Predictor:
        """A Predictor of one thread. Raises BundleError where what came is not what was sent."""
        with tempfile.TemporaryDirectory(prefix="bundle-") as folder:
            for name, content in self.files.items():
                Path(folder, name).write_bytes(content)
            predictor = Predictor.load(Path(folder))
        if predictor.metadata.model_version != self.model_version:
            raise BundleError(
                f"the bundle that came is {predictor.metadata.model_version}, and {self.model_version} was sent; "
                "accepted: a bundle that stays as it is during a run"
            )
        return predictor


class Tally:
    """What tasks report of their progress, in a process of its own."""

    def __init__(self) -> None:
        self._running: dict[str, ScoreProgress] = {}

    def report(self, output: str, progress: ScoreProgress) -> None:
        """How far a task is."""
        self._running[output] = progress

    def take(self) -> dict[str, ScoreProgress]:
        """How far those are that have reported since the last time."""
        taken, self._running = self._running, {}
        return taken


def capacity(cores: float) -> int:
    """Tasks that a cluster is given at once: for each core one that it does, and one that is there when it ends."""
    return max(CAPACITY, 2 * int(cores))


def reason(error: Exception) -> str:
    """An error on one line; of a long one beginning and end, for a traceback has its reason at the end."""
    text = printable(" ".join(f"{type(error).__name__}: {error}".split()))
    if len(text) <= _REASON_CHARACTERS:
        return text
    return f"{text[: _REASON_CHARACTERS // 3]} ... {text[-_REASON_CHARACTERS // 2 :]}"


class RayPool:
    """Processes of Ray's, each with one core and a Predictor of its own. To be used with `with`.

    Args:
        address: of a cluster; THIS_MACHINE to start Ray on this one.
        bundle: of the model.
        folder: of the outputs; what `threads` says in its options does not matter.

    Raises:
        ServingError: Ray is not installed, or there is no cluster at the address.
    """

    def __init__(self, address: str, bundle: PackedBundle, folder: OutputFolder) -> None:
        try:
            import ray
            import ray.util.scheduling_strategies
        except ImportError as error:
            raise ServingError(package_missing("--ray", "-r requirements-cluster.txt")) from error
        self.capacity = CAPACITY
        self._ray: Any = ray
        self._address, self._bundle = address, bundle
        self._folder = replace(folder, options=replace(folder.options, threads=1))
        self._tasks: dict[Any, Task] = {}
        self._turns: dict[str, int] = {}  # of each task that was there

    def __enter__(self) -> Self:
        self._start()
        ray = self._ray
        here = self._at(ray.get_runtime_context().get_node_id())
        tally = ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy=here)(Tally)
        self._tally = tally.remote()
        self._sent = [ray.put(self._bundle), ray.put(self._folder)]
        # A lost worker is an attempt like any other, and counted with them.
        self._attempt = ray.remote(num_cpus=1, max_retries=0)(_attempt)
        return self

    def submit(self, task: Task) -> None:
        """See Pool."""
        is_new = task.output not in self._turns
        self._turns[task.output] = len(self._turns) if is_new else self._turns[task.output] + 1
        where = "DEFAULT" if is_new else self._next_machine(self._turns[task.output])
        reference = self._attempt.options(scheduling_strategy=where).remote(task, *self._sent, self._tally)
        self._tasks[reference] = task

    def wait(self, at_work: ShowProgress) -> Sequence[Outcome]:
        """See Pool."""
        ended, _ = self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=_WAIT_SECONDS)
        outcomes = [self._outcome(reference) for reference in ended]
        self.capacity = capacity(self._ray.cluster_resources().get("CPU", 0))
        at_work(self._running())
        return outcomes

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ray.shutdown()  # which ends the tasks of this job, and Ray where it was started here

    def _check_listening(self) -> None:
        """Ray itself would wait for minutes. Raises OSError where nothing listens at the cluster's address."""
        host, _, port = self._address.rpartition(":")
        if host:
            socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()

    def _start(self) -> None:
        package = str(Path(serving.__file__).parent)
        environment = {"py_modules": [package], "env_vars": _ENVIRONMENT, "excludes": ["**/__pycache__"]}
        options: dict[str, Any] = {"address": self._address, "runtime_env": environment, "log_to_driver": False}
        if self._address == THIS_MACHINE:
            options |= {"num_cpus": processors(), "object_store_memory": _STORE_BYTES, "include_dashboard": False}
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray tells its makers of each start
        try:
            self._check_listening()
            self._ray.init(logging_level=logging.ERROR, **options)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise ServingError(f"--ray {self._address}: no Ray there ({error})") from error

    def _outcome(self, reference: Any) -> Outcome:
        task = self._tasks.pop(reference)
        try:
            outcome: Outcome = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:  # what the machine lacks, such as a package
            return Outcome(task, reason=reason(error.cause))
        except self._ray.exceptions.RuntimeEnvSetupError as error:
            return Outcome(task, reason=reason(error))
        except self._ray.exceptions.RayError as error:
            return Outcome(task, reason=f"its worker was lost ({type(error).__name__})")
        return outcome

    def _next_machine(self, turn: int) -> Any:
        """Where a task that failed is tried again.

        A machine at which all fails at once is always free, and Ray would give it each task as often as it is tried. By
        turns, the second and the third attempt are at machines that differ.
        """
        nodes = sorted(node["NodeID"] for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU"))
        return self._at(nodes[turn % len(nodes)]) if nodes else "DEFAULT"

    def _at(self, node: str) -> Any:
        """A machine as where to run; another one where it is gone."""
        return self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=True)

    def _running(self) -> Mapping[str, ScoreProgress]:
        """How far those of the tasks are that have said so since; none where nobody answers."""
        told: dict[str, ScoreProgress] = {}
        with suppress(self._ray.exceptions.RayError):
            told = self._ray.get(self._tally.take.remote(), timeout=_WAIT_SECONDS)
        unended = {task.output for task in self._tasks.values()}
        return {output: progress for output, progress in told.items() if output in unended}


def _attempt(task: Task, bundle: PackedBundle, folder: OutputFolder, tally: Any) -> Outcome:
    """What a worker does."""
    last = time.monotonic()

    def report(progress: ScoreProgress) -> None:
        nonlocal last
        if time.monotonic() - last >= _REPORT_SECONDS:
            last = time.monotonic()
            tally.report.remote(task.output, progress)

    try:
        predictor = _predictor(bundle)
    except ServingError as error:
        return Outcome(task, reason=str(error))
    return attempt(predictor, task, folder, report)


@lru_cache(maxsize=1)  # one for each process, which does one task after the other
def _predictor(bundle: PackedBundle) -> Predictor:
    set_switch_interval(SWITCH_INTERVAL)
    predictor = bundle.load()
    freeze_garbage_collector()
    return predictor
