"""The training loop: epochs over batches, early stopping on macro recall, a state on disk after each epoch."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, recall_score

from training.batches import Batches, Floats
from training.checkpoint import Arrays, Checkpoint
from training.metrics import Labels
from training.recipe import FitKnobs
from training.runtime import keras
from training.watcher import Epoch, Watcher


@dataclass
class _State:
    history: list[Epoch] = field(default_factory=list)
    best: Epoch | None = None

    def dump(self) -> dict[str, Any]:
        return {"history": [asdict(epoch) for epoch in self.history], "best": self.best and self.best.number}

    @classmethod
    def of(cls, dumped: dict[str, Any]) -> "_State":
        history = [Epoch(**epoch) for epoch in dumped["history"]]
        return cls(history, next((epoch for epoch in history if epoch.number == dumped["best"]), None))


class Fit:
    """Fits one network.

    Arguments: `network`, uncompiled, (ids) -> (texts, classes) probabilities; the two parts; the schedule; the seed;
    the checkpoint that each epoch is written to. After `run` the network has the weights of its best epoch.
    """

    def __init__(
        self,
        network: keras.Model,
        train: Batches,
        validation: Batches,
        knobs: FitKnobs,
        seed: int,
        checkpoint: Checkpoint,
    ) -> None:
        self.network, self.train, self.validation = network, train, validation
        self.knobs, self.seed, self.checkpoint = knobs, seed, checkpoint
        self._compile()

    def run(self, watcher: Watcher, *, resume: bool = False) -> list[Epoch]:
        """Train until `epochs` or until `patience` is spent. Returns the figures of every epoch.

        `resume` goes on from the checkpoint and ends where an unbroken run would. Raises ResumeError.
        """
        state, best_weights = self._restore() if resume else (_State(), self._weights())
        watcher.on_start(len(state.history) + 1, self.knobs.epochs)
        try:
            while not self._finished(state):
                epoch, weights = self._epoch(len(state.history) + 1, watcher)
                state.history.append(epoch)
                if state.best is None or _merit(epoch) > _merit(state.best):
                    state.best, best_weights = epoch, weights
                self._save(state, best_weights)
                watcher.on_epoch(epoch, best=epoch is state.best)
        finally:
            watcher.on_end()
        _assign(self.network.weights, best_weights)
        return state.history

    def _compile(self) -> None:
        steps = self.knobs.epochs * len(self.train)
        rate: Any = self.knobs.learning_rate
        if self.knobs.schedule == "cosine":
            rate = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.05)
        optimizer = keras.optimizers.AdamW(
            rate,
            weight_decay=self.knobs.weight_decay,
            global_clipnorm=self.knobs.clip_norm,
            use_ema=self.knobs.averaging > 0,
            ema_momentum=self.knobs.averaging,
        )
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=self.knobs.label_smoothing)
        self.network.compile(optimizer, loss, jit_compile=False)
        optimizer.build(self.network.trainable_variables)

    def _finished(self, state: _State) -> bool:
        done = len(state.history)
        since_best = done - state.best.number if state.best else 0
        return done >= self.knobs.epochs or since_best >= self.knobs.patience

    def _epoch(self, number: int, watcher: Watcher) -> tuple[Epoch, Arrays]:
        """Train one epoch. Returns its figures and the weights that they are of: the averaged ones, where wanted."""
        start = time.monotonic()
        total, rows = 0.0, 0
        for done, batch in enumerate(self.train.shuffled(self.seed, number, self.knobs.word_dropout), start=1):
            loss = float(self.network.train_on_batch(batch.ids, batch.targets, sample_weight=batch.weights))
            total, rows = total + loss * len(batch.ids), rows + len(batch.ids)
            watcher.on_batch(number, done, len(self.train), total / rows)
        last = self._weights()
        if self.knobs.averaging:
            self.network.optimizer.finalize_variable_values(self.network.trainable_variables)
        epoch, measured = self._measured(number, total / rows, start), self._weights()
        _assign(self.network.weights, last)
        return epoch, measured

    def _measured(self, number: int, loss: float, start: float) -> Epoch:
        probabilities, targets = predict(self.network, self.validation), self.validation.targets
        truth, found = targets.argmax(1), probabilities.argmax(1)
        surprise = -np.log(np.maximum((probabilities * targets).sum(1), 1e-12))
        return Epoch(
            number=number,
            loss=loss,
            validation_loss=float(surprise.mean()),
            macro_recall=float(recall_score(truth, found, average="macro", zero_division=0)),
            accuracy=float(accuracy_score(truth, found)),
            seconds=time.monotonic() - start,
        )

    def _weights(self) -> Arrays:
        return [np.array(weight) for weight in self.network.get_weights()]

    def _moving(self) -> list[Any]:
        # Beside the weights: Adam's moments and step, and the seeds that the next dropout draws from.
        seeds = [v for v in self.network.variables if v.name == "seed_generator_state"]
        return [*self.network.optimizer.variables, *seeds]

    def _save(self, state: _State, best_weights: Arrays) -> None:
        moving = [np.array(keras.ops.convert_to_numpy(variable)) for variable in self._moving()]
        self.checkpoint.save(state.dump(), {"weights": self._weights(), "best": best_weights, "moving": moving})

    def _restore(self) -> tuple[_State, Arrays]:
        dumped, arrays = self.checkpoint.load()
        _assign(self.network.weights, arrays["weights"])
        _assign(self._moving(), arrays["moving"])
        return _State.of(dumped), arrays["best"]


def predict(network: keras.Model, batches: Batches) -> Floats:
    """Probabilities by Keras, float32 (texts, classes), in the order of the rows."""
    probabilities = np.zeros_like(batches.targets)
    for batch in batches.ordered():
        probabilities[batch.rows] = network.predict_on_batch(batch.ids)
    return probabilities


def class_weights(labels: Labels, classes: int) -> Floats:
    """Weights, float32 (classes,), under which every class counts the same and the mean row counts 1."""
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (classes * counts)).astype(np.float32)


def _merit(epoch: Epoch) -> tuple[float, float]:
    return (epoch.macro_recall, -epoch.validation_loss)


def _assign(variables: Sequence[Any], values: Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
