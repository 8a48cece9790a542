from math import nan

import pytest

from training.progress import Epoch, select_epoch
from training.recipe.stages import KeepPolicy


def epochs(*figures: tuple[float, float]) -> list[Epoch]:
    """Of pairs of validation loss and macro recall."""
    return [Epoch(number, 1.0, loss, recall, 0.5, 1.0) for number, (loss, recall) in enumerate(figures, 1)]


@pytest.mark.parametrize(
    ("keep", "figures", "number"),
    [
        ("best", [(0.9, 0.5), (0.8, 0.7), (0.7, 0.6)], 2),
        ("best", [(0.9, 0.7), (0.8, 0.7), (0.8, 0.7)], 2),
        ("best", [(0.8, 0.8095238095238094), (0.9, 0.8095238095238096)], 1),
        ("best", [(nan, nan), (nan, nan)], 2),
        ("last", [(0.9, 0.5), (0.8, 0.7), (0.7, 0.6)], 3),
        ("last", [(nan, nan), (nan, nan)], 2),
    ],
)
def test_an_epoch_is_kept(keep: KeepPolicy, figures: list[tuple[float, float]], number: int) -> None:
    assert select_epoch(epochs(*figures), keep).number == number
