"""Temperature scaling of a network's probabilities, folded into its last layer.

Guo et al. 2017, On Calibration of Modern Neural Networks (https://arxiv.org/abs/1706.04599), section 4.2.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from training.evaluation.metrics import rescaled
from training.types import Labels, Probabilities

Weights = npt.NDArray[np.floating[Any]]

# Not below one half: a validation part too small to hold mistakes asks for certainty that nothing has earned. Above ten
# all labels are as good as equally likely.
RANGE = (0.5, 10.0)


def best_temperature(truth: Labels, probabilities: Probabilities, weights: Weights | None = None) -> float:
    """The temperature in [0.5, 10] with the least negative log-likelihood.

    Args:
        truth: Class indices (rows,).
        probabilities: (rows, classes).
        weights: Of the rows, (rows,); default: all alike.
    """

    def loss(log_temperature: float) -> float:
        scaled = rescaled(probabilities, float(np.exp(log_temperature)))
        likelihoods = np.maximum(scaled[np.arange(len(truth)), truth], 1e-30)
        return float(-np.average(np.log(likelihoods), weights=weights))

    minimum = minimize_scalar(loss, bounds=tuple(np.log(RANGE)), method="bounded")
    return float(np.exp(minimum.x))


def limit_note(temperature: float, accuracy: float | None = None) -> str:
    """What it means that a temperature is where the range ends; empty where it is not.

    Args:
        temperature: Of `best_temperature`.
        accuracy: The share of the validation part that is right, where it is known.
    """
    right = "" if accuracy is None else f", of which {accuracy:.0%} is right"
    better = f"would have fitted the validation part better{right}"
    if temperature < RANGE[0] * 1.01:
        return f"the least that is accepted: surer answers still {better}"
    if temperature > RANGE[1] / 1.01:
        return f"the greatest that is accepted: less sure ones still {better}"
    return ""


def fold_temperature(network: Any, temperature: float) -> None:
    """Divide the last dense layer's kernel and bias, so that its softmax comes out calibrated."""
    last = network.layers[-1]
    last.set_weights([weights / temperature for weights in last.get_weights()])
