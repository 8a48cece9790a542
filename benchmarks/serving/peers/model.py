"""The predictor that all of them serve."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from serving.model.predictor import Predictor
from serving.model.types import Prediction


def load() -> Predictor:
    """The bundle of MODEL_DIR, in a session of one thread, as the service runs it."""
    return Predictor.load(Path(os.environ["MODEL_DIR"]))


def answer(prediction: Prediction) -> dict[str, Any]:
    """What goes to the client."""
    return asdict(prediction)
