"""The bundle that travels; what Ray does with it is in tests/faults/test_cluster.py."""

from pathlib import Path

import pytest

from serving.errors import BundleError
from serving.model.bundle import METADATA, NETWORK, Bundle
from serving.model.predictor import Predictor
from serving.scoring.ray_pool import CAPACITY, PackedBundle, Tally, capacity, reason
from serving.scoring.score import ScoreProgress
from tests.bundles import TEXTS, relabel


def test_a_bundle_that_has_travelled_answers_as_before(pristine_bundle: Path) -> None:
    packed = PackedBundle.pack(Bundle.read(pristine_bundle))
    assert packed.load().predict(TEXTS) == Predictor.load(pristine_bundle).predict(TEXTS)


def test_what_came_otherwise_than_it_was_sent_is_refused(bundle: Path) -> None:
    read = Bundle.read(bundle)
    packed = PackedBundle.pack(read)
    broken = PackedBundle(packed.model_version, {**packed.files, NETWORK: packed.files[NETWORK] + b"\0"})
    with pytest.raises(BundleError, match=r"sentiment\.h5: its sha256 is"):
        broken.load()
    relabel(bundle, ["a", "b", "c"])
    with pytest.raises(BundleError, match=f"the bundle that came is .*, and {packed.model_version} was sent"):
        PackedBundle.pack(read).load()
    (bundle / METADATA).unlink()
    with pytest.raises(BundleError, match="cannot be read"):
        PackedBundle.pack(read)


def test_a_tally_tells_what_was_reported_since() -> None:
    tally = Tally()
    tally.report("a.csv", ScoreProgress(1))
    tally.report("a.csv", ScoreProgress(2))
    assert tally.take() == {"a.csv": ScoreProgress(2)}
    assert tally.take() == {}


@pytest.mark.parametrize(("cores", "tasks"), [(0.0, CAPACITY), (16.0, CAPACITY), (1024.0, 2048)])
def test_every_core_of_a_cluster_has_a_task_and_the_next_one(cores: float, tasks: int) -> None:
    assert capacity(cores) == tasks


def test_a_reason_is_one_line_that_ends_as_the_traceback_does() -> None:
    trace = "".join(f'  File "module_{number}.py", line {number}\n' for number in range(50))
    text = reason(
        RuntimeError(f"The function failed to import:\n\n{trace}ModuleNotFoundError: No module named 'x'\x1b[0m")
    )
    assert text.startswith("RuntimeError: The function failed to import: File")
    assert text.endswith("ModuleNotFoundError: No module named 'x'\ufffd[0m")
    assert len(text) < 300
    assert reason(ValueError("a\nb")) == "ValueError: a b"
