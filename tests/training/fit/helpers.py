"""Small stages, models and rows that tests of the fit share."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving.model.tokenizer import Encoded
from training.fit.batches import Batches
from training.fit.checkpoint import Arrays
from training.inputs.text import TextEncoding
from training.model import backend
from training.model.multitask import MultiTaskModel
from training.model.network import build_network
from training.progress import Epoch, TrainingCallback
from training.recipe.model import NetworkConfig, TokenizerConfig
from training.recipe.stages import Stage
from training.text.tokenizer import build_tokenizer

STAGE = Stage(name="fit", epochs=4, patience=4, batch_size=16, learning_rate=0.03, schedule="cosine", word_dropout=0.1)
ENCODING = TextEncoding(build_tokenizer(["a b c d e f"], TokenizerConfig(model="word", min_frequency=1)).to_str())
VOCABULARY = 30


def random_batches(rows: int, seed: int) -> Batches:
    """Texts of tokens 17 to 22, whose label is whether there are more of the first three."""
    rng = np.random.default_rng(seed)
    # At most 8 tokens: all batches have one shape, for which the network is compiled once.
    encoded = [Encoded(rng.integers(17, 23, rng.integers(3, 9)).astype(np.int32)) for _ in range(rows)]
    labels = [int((item.ids < 20).mean() > 0.5) for item in encoded]
    return Batches(ENCODING, encoded, np.eye(2, dtype=np.float32)[labels], np.ones(rows, np.float32), 16)


def small_model(
    tasks: Mapping[str, Sequence[str]] | None = None,
    *,
    seed: int = 1,
    classes: int = 2,
    masked_words: bool = False,
    **network: Any,
) -> MultiTaskModel:
    """A model that is compiled and trained in a second or two."""
    backend.make_repeatable(seed)
    config = NetworkConfig.model_validate({"embedding": 8, "lstm": [8], "pooling": ["max"], **network})
    served = build_network(config, vocabulary=VOCABULARY, classes=classes)
    return MultiTaskModel(served, tasks, masked_words=masked_words)


class LastState:
    """The state that was saved last, and how many batches of its epoch were done at each save."""

    def __init__(self) -> None:
        self.saved: tuple[Mapping[str, Any], Mapping[str, Arrays]] | None = None
        self.batches: list[int] = []

    def __call__(self, state: Mapping[str, Any], arrays: Mapping[str, Arrays]) -> None:
        self.saved = json.loads(json.dumps(state)), arrays
        self.batches.append(state["progress"]["batches"])


class Interruption(TrainingCallback):
    """Stops a run after some epochs of a stage, and batches of the next one, as if it were killed."""

    def __init__(self, epochs: int, batches: int = 0, stage: str = "") -> None:
        self.epochs, self.batches, self.stage, self.current_stage = epochs, batches, stage, ""

    def on_stage(self, name: str, number: int, stages: int) -> None:  # noqa: ARG002
        self.current_stage = name

    def on_batch(self, epoch: int, done: int, batches: int, loss: float) -> None:  # noqa: ARG002
        if (self.current_stage, epoch, done) == (self.stage, self.epochs + 1, self.batches + 1):
            raise KeyboardInterrupt

    def on_epoch(self, epoch: Epoch, best: bool) -> None:  # noqa: ARG002
        if (self.current_stage, epoch.number, self.batches) == (self.stage, self.epochs, 0):
            raise KeyboardInterrupt


def equal_weights(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether two lists of arrays are the same to the last bit."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
