import numpy as np
import pytest

from training.evaluation.calibration import best_temperature, fold_temperature, limit_note
from training.evaluation.metrics import expected_calibration_error, rescaled
from training.model.backend import keras


def overconfident(rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    honest = rng.dirichlet([1, 1, 1], rows)
    truth = np.array([rng.choice(3, p=row) for row in honest])
    return truth, rescaled(honest, 1 / 3)


def test_the_temperature_that_made_it_overconfident_is_found() -> None:
    truth, probabilities = overconfident()
    temperature = best_temperature(truth, probabilities)
    assert temperature == pytest.approx(3, rel=0.1)
    before, after = (expected_calibration_error(truth, rescaled(probabilities, t)) for t in (1.0, temperature))
    assert after < before / 4


SURE = np.array([[0.8, 0.2], [0.3, 0.7], [0.9, 0.1]])


@pytest.mark.parametrize(
    ("truth", "probabilities", "end", "note"),
    [
        ([0, 1, 0], SURE, 0.5, "the least that is accepted: surer answers"),
        ([0, 0, 0, 1], [[0.51, 0.49]] * 4, 0.5, "the least that is accepted: surer answers"),
        ([1, 0, 1], SURE, 10, "the greatest that is accepted: less sure ones"),
    ],
)
def test_a_temperature_at_an_end_of_its_range_says_what_that_means(
    truth: list[int], probabilities: np.ndarray, end: float, note: str
) -> None:
    temperature = best_temperature(np.array(truth), np.array(probabilities))
    assert temperature == pytest.approx(end, rel=1e-2)
    whole = f"{note} still would have fitted the validation part better"
    assert limit_note(temperature) == whole
    assert limit_note(temperature, 0.5) == f"{whole}, of which 50% is right"


def test_a_temperature_within_its_range_needs_no_note() -> None:
    assert limit_note(best_temperature(np.array([0, 0, 0]), SURE), 0.5) == ""


def test_folding_is_rescaling() -> None:
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    inputs = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
    before = network.predict_on_batch(inputs)
    fold_temperature(network, 1.7)
    assert network.predict_on_batch(inputs) == pytest.approx(rescaled(before, 1.7), abs=1e-6)


def test_what_a_class_has_ahead_is_folded_too() -> None:
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="softmax")])
    kernel = network.layers[-1].get_weights()[0]
    network.layers[-1].set_weights([kernel, np.array([1.5, 0.0, -2.0], np.float32)])
    inputs = np.random.default_rng(0).normal(size=(10, 2)).astype(np.float32)
    before = network.predict_on_batch(inputs)
    fold_temperature(network, 1.7)
    assert network.predict_on_batch(inputs) == pytest.approx(rescaled(before, 1.7), abs=1e-6)
