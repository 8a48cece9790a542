"""A Keras model of others behind FastAPI, loaded once: its own file, asked by `model.predict`.

Ids are made as the adopted bundle makes them.

MODEL_FILE is the model's file, KERAS the library that reads it: keras or tf_keras.
"""

import importlib
import os
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import FastAPI, Form

from serving.model.predictor import Predictor, text_input

models = importlib.import_module(f"{os.environ['KERAS']}.models")
network = models.load_model(os.environ["MODEL_FILE"], compile=False)
encoder = text_input(Predictor.load(Path(os.environ["MODEL_DIR"]))).encoder

app = FastAPI()


@app.post("/predict")
def predict(text: Annotated[str, Form()]) -> dict[str, list[float]]:
    ids, _ = encoder.pad_batch(encoder.encode([text]))
    return {"probabilities": np.ravel(network.predict(ids, verbose=0)).tolist()}
