"""The tutorial's way, in our own short rendering: Keras in the handler, the model loaded for every request.

With the variable LOAD_ONCE the model is loaded at the start instead, which is the first thing its readers mend.
"""

import os
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import FastAPI, Form

import training.model.network  # noqa: F401  # the bundle's network is made of some that Keras has to know
from serving.model.bundle import NETWORK, TOKENIZER, Bundle
from serving.model.tokenizer import Encoder
from training.model.backend import keras

FOLDER = Path(os.environ["MODEL_DIR"])
ONCE = "LOAD_ONCE" in os.environ

app = FastAPI()


def load() -> tuple[keras.Model, Encoder, list[str]]:
    network = keras.models.load_model(FOLDER / NETWORK, compile=False)
    return network, Encoder.read(FOLDER / TOKENIZER), Bundle.read(FOLDER).metadata.labels


kept = load() if ONCE else None


@app.post("/predict")
def predict(text: Annotated[str, Form()]) -> dict[str, str]:
    network, encoder, labels = kept or load()
    ids, _ = encoder.pad_batch(encoder.encode([text]))
    return {"label": labels[int(np.argmax(network.predict(ids, verbose=0)[0]))]}
