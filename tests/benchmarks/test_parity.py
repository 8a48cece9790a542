from pathlib import Path

from benchmarks.parity import largest_difference
from tests.bundles import TEXTS


def test_serving_and_keras_agree(pristine_bundle: Path) -> None:
    assert 0 < largest_difference(pristine_bundle, TEXTS * 40) <= 1e-5
