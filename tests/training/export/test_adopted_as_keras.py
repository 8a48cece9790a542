"""A tutorial's own app, saved by Keras 2 and by Keras 3: the adopted bundle answers as the app does."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras
from tf_keras.preprocessing.sequence import pad_sequences
from tf_keras.preprocessing.text import Tokenizer
from typer.testing import CliRunner

from serving.__main__ import app
from serving.model.predictor import Predictor
from training.model.backend import keras

TEXTS = [
    "I love this phone, best purchase of the year!",
    "worst flight ever. never again",
    "RT @someone: it was slow & I'd not go again :(",
    "meh",
    "so happy today 😊 #blessed",
    "zxqv",
    "the service was fine " * 9 + "but the food was terrible",
]
WORDS, LENGTH = 30, 28


def build(library: Any, tail: list[Any]) -> Any:
    """The tutorial's network, smaller, with weights that all show in the answer."""
    layers = library.layers
    network = library.Sequential(
        [
            library.Input((LENGTH,)) if library is keras else layers.InputLayer((LENGTH,)),
            layers.Embedding(WORDS, 8),
            layers.SpatialDropout1D(0.4),
            layers.LSTM(6, dropout=0.2, recurrent_dropout=0.2, return_sequences=True),
            layers.LSTM(5),
            *tail,
        ]
    )
    rng = np.random.default_rng(3)
    network.set_weights([rng.normal(size=weight.shape) * 0.5 for weight in network.get_weights()])
    return network


@pytest.mark.parametrize("name", ["sentiment.h5", "sentiment.keras"])
@pytest.mark.parametrize(("library", "units"), [(tf_keras, 1), (tf_keras, 3), (keras, 1)])
@pytest.mark.parametrize(("padding", "truncating"), [("pre", "pre"), ("post", "pre"), ("post", "post")])
@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras's own, of the .h5 format
def test_the_bundle_answers_as_the_app(
    tmp_path: Path, library: Any, units: int, name: str, padding: str, truncating: str
) -> None:
    tokenizer = Tokenizer(num_words=WORDS, oov_token="<OOV>")
    tokenizer.fit_on_texts(TEXTS[:-2])
    network = build(library, [library.layers.Dense(units, activation="sigmoid" if units == 1 else "softmax")])
    network.save(tmp_path / name)
    with (tmp_path / "tokenizer.pickle").open("wb") as file:
        pickle.dump(tokenizer, file)

    files = ["adopt", str(tmp_path / name), "--tokenizer", str(tmp_path / "tokenizer.pickle")]
    options = ["--padding", padding, "--truncating", truncating, "--out", str(tmp_path / "bundle")]
    result = CliRunner().invoke(app, [*files, *options])
    assert result.exit_code == 0, result.exception

    ids = pad_sequences(tokenizer.texts_to_sequences(TEXTS), maxlen=LENGTH, padding=padding, truncating=truncating)
    expected = network.predict_on_batch(ids)
    predictions = Predictor.load(tmp_path / "bundle").predict(TEXTS)
    answers = np.array([list(prediction.probabilities.values()) for prediction in predictions])
    assert np.abs(answers[:, -units:] - expected).max() <= 1e-5
    assert np.ptp(expected[:, 0]) > 0.01
