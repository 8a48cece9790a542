"""The training loop of one stage: epochs over batches, early stopping on macro recall, its state on disk."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score

from training.evaluation.metrics import macro_recall
from training.fit.batches import Batch, Batches
from training.fit.checkpoint import Arrays
from training.fit.state import Progress, State
from training.model.backend import keras
from training.model.multitask import MultiTaskModel, TaskCrossentropy, seed_variables
from training.progress import Epoch, TrainingCallback, select_epoch
from training.recipe.stages import Stage
from training.types import Floats, Labels

SAVE_EVERY = 60.0  # seconds between states within an epoch: what a kill can cost

Keep = Callable[[Mapping[str, Any], Mapping[str, Arrays]], None]


class TrainingLoop:
    """Fits one stage.

    Arguments: the model; rows to train on; rows that choose the epoch to keep, or None where the stage does not train
    the network's own head, and its last epoch counts; the stage; seeds; and `keep`, which is given a JSON state and
    arrays about every minute and after each epoch. After `run` the model has the weights of the epoch that is kept.
    """

    def __init__(
        self,
        multitask: MultiTaskModel,
        train: Batches,
        validation: Batches | None,
        stage: Stage,
        seed: Sequence[int],
        keep: Keep,
        save_every: float = SAVE_EVERY,
    ) -> None:
        self.multitask, self.train, self.validation = multitask, train, validation
        self.stage, self.seed, self.keep, self.save_every = stage, list(seed), keep, save_every
        self._names_words = bool(stage.masked_words)
        self.model: keras.Model = multitask.masked_lm if self._names_words else multitask.model
        self._compile()

    def run(
        self, watcher: TrainingCallback, saved: tuple[Mapping[str, Any], Mapping[str, Arrays]] | None = None
    ) -> list[Epoch]:
        """Train until `epochs` or until `patience` is spent. Returns the figures of every epoch.

        `saved`, what `keep` was given last, goes on from there and ends where an unbroken run would.
        """
        state, kept_weights = self._restore(*saved) if saved else self._fresh()
        watcher.on_start(len(state.history) + 1, self.stage.epochs)
        try:
            while not self._finished(state):
                epoch, weights = self._epoch(state, kept_weights, watcher)
                state.history.append(epoch)
                state.progress = Progress()
                if select_epoch(state.history, self.stage.keep) is epoch:
                    state.kept, kept_weights = epoch, weights
                self._save(state, kept_weights)
                watcher.on_epoch(epoch, best=select_epoch(state.history) is epoch)
        finally:
            watcher.on_end()
        _assign(self.multitask.whole.weights, kept_weights)
        return state.history

    def _compile(self) -> None:
        rate: Any = self.stage.learning_rate
        if self.stage.schedule == "cosine":
            rate = keras.optimizers.schedules.CosineDecay(rate, self.stage.epochs * len(self.train), alpha=0.05)
        optimizer = keras.optimizers.AdamW(
            rate,
            weight_decay=self.stage.weight_decay,
            global_clipnorm=self.stage.clip_norm,
            use_ema=self.stage.averaging > 0,
            ema_momentum=self.stage.averaging,
        )
        loss = TaskCrossentropy()
        if self._names_words:
            # The mean over the words that were hidden, however many places the batch has for them.
            words = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
            weights = [1.0, self.stage.masked_words]
            self.model.compile(optimizer, [loss, words], loss_weights=weights, jit_compile=False)
        else:
            self.model.compile(optimizer, loss, jit_compile=False)
        optimizer.build(self.model.trainable_variables)

    def _fresh(self) -> tuple[State, Arrays]:
        # Dropout draws from the stage's own seeds, so that a body from a cache and one just trained go on alike.
        for number, variable in enumerate(seed_variables(self.model)):
            variable.assign(np.random.SeedSequence([*self.seed, number]).generate_state(2).astype(variable.dtype))
        return State(), self._weights()

    def _finished(self, state: State) -> bool:
        done = len(state.history)
        since_kept = done - state.kept.number if state.kept else 0
        return done >= self.stage.epochs or since_kept >= self.stage.patience

    def _epoch(self, state: State, kept_weights: Arrays, watcher: TrainingCallback) -> tuple[Epoch, Arrays]:
        """Train one epoch. Returns its figures and the weights that they are of: the averaged ones, where wanted."""
        number, progress = len(state.history) + 1, state.progress
        saved = time.monotonic()
        start = saved - progress.seconds
        for batch in self._batches(number, progress.batches):
            progress.total += self._step(batch) * len(batch.ids)
            progress.rows, progress.batches = progress.rows + len(batch.ids), progress.batches + 1
            watcher.on_batch(number, progress.batches, len(self.train), progress.total / progress.rows)
            if time.monotonic() - saved >= self.save_every:
                progress.seconds, saved = time.monotonic() - start, time.monotonic()
                self._save(state, kept_weights)
        last = self._weights()
        if self.stage.averaging:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        epoch, measured = self._measured(number, progress.total / progress.rows, start), self._weights()
        _assign(self.multitask.whole.weights, last)
        return epoch, measured

    def _batches(self, number: int, start: int) -> Any:
        name_below = self.multitask.nameable if self._names_words else 0
        seed = [*self.seed, number]
        return self.train.shuffled(seed, self.stage.word_dropout, start=start, name_below=name_below)

    def _step(self, batch: Batch) -> float:
        inputs: Any = batch.ids
        targets: Any = batch.targets
        weights: Any = batch.weights
        if batch.hidden:
            inputs, targets = [inputs, batch.hidden.positions], [targets, batch.hidden.words]
            weights = [weights, batch.hidden.live]
        return float(np.ravel(self.model.train_on_batch(inputs, targets, sample_weight=weights))[0])

    def _measured(self, number: int, loss: float, start: float) -> Epoch:
        figures = validate(self.multitask.network, self.validation) if self.validation else (math.nan,) * 3
        return Epoch(number, loss, *figures, seconds=time.monotonic() - start)

    def _weights(self) -> Arrays:
        return [np.array(weight) for weight in self.multitask.whole.get_weights()]

    def _moving(self) -> list[Any]:
        # Beside the weights: Adam's moments and step, and the seeds that the next dropout draws from.
        return [*self.model.optimizer.variables, *seed_variables(self.model)]

    def _save(self, state: State, kept_weights: Arrays) -> None:
        moving = [np.array(keras.ops.convert_to_numpy(variable)) for variable in self._moving()]
        self.keep(state.dump(), {"weights": self._weights(), "kept": kept_weights, "moving": moving})

    def _restore(self, dumped: Mapping[str, Any], arrays: Mapping[str, Arrays]) -> tuple[State, Arrays]:
        _assign(self.multitask.whole.weights, arrays["weights"])
        _assign(self._moving(), arrays["moving"])
        return State.of(dumped), arrays["kept"]


def validate(network: keras.Model, batches: Batches) -> tuple[float, float, float]:
    """Loss in nats, macro recall and accuracy of the network on these rows."""
    probabilities, targets = predict(network, batches), batches.targets
    truth, found = targets.argmax(1), probabilities.argmax(1)
    surprise = -np.log(np.maximum((probabilities * targets).sum(1), 1e-12))
    return float(surprise.mean()), macro_recall(truth, found), float(accuracy_score(truth, found))


def predict(network: keras.Model, batches: Batches) -> Floats:
    """Probabilities by Keras, float32 (texts, classes), in the order of the rows."""
    probabilities = np.zeros_like(batches.targets)
    for batch in batches.ordered():
        probabilities[batch.rows] = network.predict_on_batch(batch.ids)
    return probabilities


def class_weights(labels: Labels, balance: float = 1.0) -> Floats:
    """Weights, float32 (highest label + 1,): 1 / share of the class to the power of `balance`; the mean row counts 1.

    Under 1 every class that is there counts the same, under 0 every row. Between them lies what macro recall gains
    from a rare class and what accuracy loses by it.
    """
    counts = np.bincount(labels)
    weights = (counts.sum() / np.maximum(counts, 1)) ** balance
    scaled: Floats = (weights * counts.sum() / (weights @ counts)).astype(np.float32)
    return scaled


def _assign(variables: Sequence[Any], values: Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
