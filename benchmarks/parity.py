"""How far serving is from Keras: python -m benchmarks.parity BUNDLE FILE [--text-column text] [--rows 2000].

Keras loads the bundle's .h5 itself and pads each batch its own way; serving answers as it does over HTTP.
"""

import argparse
import random
import sys
from pathlib import Path

import numpy as np

import training.model.network  # noqa: F401  (makes the pooling known to Keras)
from serving.model.bundle import NETWORK
from serving.model.predictor import Predictor, text_input
from training.data.readers import column, read_table
from training.model.backend import keras
from training.types import Probabilities

BATCH = 100


def main() -> None:
    """Print the largest difference over a random sample of a file's texts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--encoding", default="utf-8")
    parser.add_argument("--rows", type=int, default=2000)
    options = parser.parse_args()
    texts = column(read_table(options.file, options.encoding), options.text_column, options.file).tolist()
    sample = random.Random(1).sample(texts, min(options.rows, len(texts)))
    difference = largest_difference(options.bundle, sample)
    sys.stdout.write(
        f"{len(sample):,} texts of {options.file.name}: at most {difference:.1e} between serving and Keras\n"
    )


def largest_difference(bundle: Path, texts: list[str]) -> float:
    """The largest difference between two probabilities of one text and class."""
    predictor = Predictor.load(bundle)
    served = np.array([list(prediction.probabilities.values()) for prediction in predictor.predict(texts)])
    return float(np.abs(served - by_keras(bundle / NETWORK, predictor, texts)).max())


def by_keras(path: Path, predictor: Predictor, texts: list[str]) -> Probabilities:
    """Keras's own answers, float32 (texts, classes), in batches padded to their longest."""
    network = keras.models.load_model(path, compile=False)
    encoder = text_input(predictor).encoder
    encoded = encoder.encode(texts)
    batches = [encoded[i : i + BATCH] for i in range(0, len(encoded), BATCH)]
    return np.concatenate([network.predict_on_batch(encoder.pad_batch(batch)[0]) for batch in batches])


if __name__ == "__main__":
    main()
