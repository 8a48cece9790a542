"""Training speed beside the usual tutorial's, for one network on the same tweets, in one run.

python -m benchmarks.throughput DATA [--text-column text --label-column label]

The network: 2,000 words x 128, LSTM 196, LSTM 128, softmax. The tutorial's way is our own short rendering of what
they do: every text padded to the longest, batches of 32, dropout inside the recurrence, `model.fit`. Ours is what
`python -m training fit` runs: batches of like length, dropout that lets the recurrence run whole. Each trains its
epochs in turn; the first epoch of each, in which TensorFlow traces, is not counted.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from training.data.dataset import Dataset, load_dataset
from training.fit.loop import TrainingLoop
from training.fit.stage_data import StageData
from training.inputs.text import TextEncoding
from training.model import backend
from training.model.backend import keras
from training.model.multitask import MultiTaskModel
from training.model.network import build_network
from training.progress import Epoch, TrainingCallback
from training.recipe.data import DataConfig
from training.recipe.model import NetworkConfig, TokenizerConfig
from training.recipe.recipe import Recipe
from training.recipe.stages import Stage
from training.text.tokenizer import build_tokenizer

WORDS, EPOCHS = 2000, 4
KNOBS = NetworkConfig(embedding=128, lstm=[196, 128], spatial_dropout=0.4, lstm_dropout=0.2)


def main() -> None:
    """Train both, print rows per second and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--label-column", default="label")
    options = parser.parse_args()
    dataset = load_dataset([options.data], DataConfig(text=options.text_column, label=options.label_column), 1)
    backend.make_repeatable(1)
    encoding = TextEncoding(
        build_tokenizer(dataset.train.row, TokenizerConfig(model="word", vocabulary=WORDS)).to_str()
    )
    ways: dict[str, Callable[[], list[float]]] = {
        "tutorial, batches of 32": lambda: tutorial(dataset, encoding),
        "ours, batches of 32": lambda: ours(dataset, encoding, 32),
        "ours, batches of 128": lambda: ours(dataset, encoding, 128),
    }
    rates = {name: len(dataset.train) / median(way()[1:]) for name, way in ways.items()}
    sys.stdout.write(table(rates) + "\n")


def tutorial(dataset: Dataset, encoding: TextEncoding) -> list[float]:
    """Seconds of each epoch the tutorial's way."""
    encoded = encoding.encode(dataset.train.row.tolist())
    longest = max(len(item.ids) for item in encoded)
    ids = np.zeros((len(encoded), longest), np.int32)
    for row, item in enumerate(encoded):
        ids[row, longest - len(item.ids) :] = item.ids
    targets = np.eye(len(dataset.labels), dtype=np.float32)[dataset.train.label.to_numpy()]
    inner = {"dropout": 0.2, "recurrent_dropout": 0.2}
    network = keras.Sequential(
        [
            keras.layers.Embedding(encoding.vocabulary_size, 128),
            keras.layers.SpatialDropout1D(0.4),
            keras.layers.LSTM(196, return_sequences=True, **inner),
            keras.layers.LSTM(128, **inner),
            keras.layers.Dense(len(dataset.labels), activation="softmax"),
        ]
    )
    network.compile("adam", "categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    return [_seconds(lambda: network.fit(ids, targets, batch_size=32, verbose=0)) for _ in range(EPOCHS)]


def ours(dataset: Dataset, encoding: TextEncoding, size: int) -> list[float]:
    """Seconds of each epoch as `fit` trains."""
    network = build_network(KNOBS, vocabulary=encoding.vocabulary_size, classes=len(dataset.labels))
    stage = Stage(name="fit", epochs=EPOCHS, patience=EPOCHS, batch_size=size)
    multitask, recipe = MultiTaskModel(network), Recipe(name="throughput")
    train, _ = StageData(recipe, dataset, None, multitask, encoding).batches(stage)
    clock = _Clock()
    TrainingLoop(multitask, train, None, stage, [1], _forget).run(clock)
    return clock.seconds


class _Clock(TrainingCallback):
    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_epoch(self, epoch: Epoch, best: bool) -> None:  # noqa: ARG002
        self.seconds.append(epoch.seconds)


def _forget(*_: object) -> None:
    """A run that is not to be resumed."""


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def table(rates: dict[str, float]) -> str:
    """Markdown: rows a second, and how many times the first line's."""
    first = next(iter(rates.values()))
    lines = [f"| {name} | {rate:,.0f} | {rate / first:.1f} |" for name, rate in rates.items()]
    return "\n".join(["| way | tweets a second | times |", "|---|---:|---:|", *lines])


if __name__ == "__main__":
    main()
