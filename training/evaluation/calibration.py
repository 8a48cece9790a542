"""Temperature scaling of a network's probabilities, folded into its last layer.

Guo et al. 2017, On Calibration of Modern Neural Networks (https://arxiv.org/abs/1706.04599), section 4.2.
"""

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from training.evaluation.metrics import rescaled
from training.types import Labels, Probabilities

# Not below one half: a validation part too small to hold mistakes asks for certainty that nothing has earned.
RANGE = (0.5, 10.0)


def best_temperature(truth: Labels, probabilities: Probabilities) -> float:
    """The temperature in [0.5, 10] with the least negative log-likelihood of `truth` (rows,)."""

    def loss(log_temperature: float) -> float:
        scaled = rescaled(probabilities, float(np.exp(log_temperature)))
        return float(-np.log(np.maximum(scaled[np.arange(len(truth)), truth], 1e-30)).mean())

    minimum = minimize_scalar(loss, bounds=tuple(np.log(RANGE)), method="bounded")
    return float(np.exp(minimum.x))


def is_unfounded(temperature: float) -> bool:
    """Whether it is where the range ends, for the validation part had too few mistakes to ask for another."""
    return temperature < RANGE[0] * 1.01


def fold_temperature(network: Any, temperature: float) -> None:
    """Divide the last dense layer's kernel and bias, so that its softmax comes out calibrated."""
    last = network.layers[-1]
    last.set_weights([weights / temperature for weights in last.get_weights()])
