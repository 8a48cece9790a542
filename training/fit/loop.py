"""Training loop of one stage: epochs over batches, early stopping on macro recall, its state on disk."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score

from training.evaluation.metrics import macro_recall
from training.fit.batches import Batch, Batches
from training.fit.checkpoint import Arrays
from training.model.backend import keras
from training.model.multitask import MultiTaskModel, TaskCrossentropy, seed_variables
from training.progress import Epoch, TrainingCallback, select_epoch
from training.recipe.stages import Stage
from training.types import Floats, Labels

SAVE_EVERY = 60.0  # seconds between states within an epoch: what a kill can cost
WARM_UP = 0.1  # of the steps of a linear schedule: as in BERT's and RoBERTa's own tuning, about
FINAL_RATE = 0.05  # of the highest learning rate, what a cosine schedule ends at: the last steps still move something

SavedState = tuple[Mapping[str, Any], Mapping[str, Arrays]]
SaveState = Callable[[Mapping[str, Any], Mapping[str, Arrays]], None]


@dataclass
class EpochProgress:
    """How far the current epoch has come: batches and rows done, summed loss of the rows in nats, seconds."""

    batches: int = 0
    rows: int = 0
    total_loss: float = 0.0
    seconds: float = 0.0

    @property
    def loss(self) -> float:
        """The mean over the rows so far."""
        return self.total_loss / self.rows


@dataclass
class LoopState:
    """Finished epochs, and the progress of the current one."""

    history: list[Epoch] = field(default_factory=list)
    progress: EpochProgress = field(default_factory=EpochProgress)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "LoopState":
        """The state that `dataclasses.asdict` gave."""
        history = [Epoch(**epoch) for epoch in content["history"]]
        return cls(history, EpochProgress(**content["progress"]))


class TrainingLoop:
    """Trains the weights of one stage.

    Args:
        multitask: The model to train. After `run` it has the weights of the epoch that is kept.
        train: Rows to train on.
        validation: Rows that choose the epoch to keep; None where the stage does not train the network's own head, and
            its last epoch is kept.
        stage: Epochs, batches, optimizer and regularization.
        seed: What the order of rows, word dropout and dropout are drawn by.
        save_state: Called with a JSON state and arrays every `save_every` seconds and after each epoch.
        save_every: Seconds.
    """

    def __init__(
        self,
        multitask: MultiTaskModel,
        train: Batches,
        validation: Batches | None,
        stage: Stage,
        seed: Sequence[int],
        save_state: SaveState,
        save_every: float = SAVE_EVERY,
    ) -> None:
        self.multitask, self.train, self.validation = multitask, train, validation
        self.stage, self.seed, self.save_state, self.save_every = stage, list(seed), save_state, save_every
        self.model: keras.Model = multitask.masked_lm if stage.masked_words else multitask.model
        self.optimizer = build_optimizer(stage, len(train))
        self._compile()

    def run(self, callback: TrainingCallback, saved: SavedState | None = None) -> list[Epoch]:
        """Train until `epochs` or until `patience` is spent.

        Args:
            callback: Told of each batch and epoch.
            saved: What `save_state` was last called with; training goes on from there and ends where an unbroken run
                would.

        Returns:
            The figures of every epoch.
        """
        state, kept_weights = self._restored(*saved) if saved else self._fresh()
        callback.on_start(len(state.history) + 1, self.stage.epochs)
        try:
            while not self._is_finished(state):
                self._train_epoch(state, kept_weights, callback)
                epoch, weights = self._measured(state)
                state.history.append(epoch)
                state.progress = EpochProgress()
                if select_epoch(state.history, self.stage.keep) is epoch:
                    kept_weights = weights
                self._save(state, kept_weights)
                best = self.stage.keep == "best" and select_epoch(state.history) is epoch
                callback.on_epoch(epoch, best=best)
        finally:
            callback.on_end()
        _assign(self.multitask.full_model.weights, kept_weights)
        return state.history

    def train_step(self, batch: Batch) -> float:
        """One step of the optimizer; returns the loss of the batch in nats, before the step."""
        inputs: Any = batch.inputs
        targets: Any = batch.targets
        weights: Any = batch.weights
        if batch.masked:
            inputs, targets = [inputs, batch.masked.positions], [targets, batch.masked.ids]
            weights = [weights, batch.masked.weights]
        return float(np.ravel(self.model.train_on_batch(inputs, targets, sample_weight=weights))[0])

    def _compile(self) -> None:
        loss = TaskCrossentropy()
        if self.stage.masked_words:
            # The mean over the words that were masked, however many places the batch has for them.
            words = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
            weights = [1.0, self.stage.masked_words]
            self.model.compile(self.optimizer, [loss, words], loss_weights=weights, jit_compile=False)
        else:
            self.model.compile(self.optimizer, loss, jit_compile=False)
        self.optimizer.build(self.model.trainable_variables)

    def _fresh(self) -> tuple[LoopState, Arrays]:
        # Dropout draws from the stage's own seeds, so that a body from a cache and one just trained go on alike.
        for number, variable in enumerate(seed_variables(self.model)):
            variable.assign(np.random.SeedSequence([*self.seed, number]).generate_state(2).astype(variable.dtype))
        return LoopState(), self._weights()

    def _restored(self, content: Mapping[str, Any], arrays: Mapping[str, Arrays]) -> tuple[LoopState, Arrays]:
        _assign(self.multitask.full_model.weights, arrays["weights"])
        _assign(self._optimizer_and_seeds(), arrays["optimizer"])
        return LoopState.from_json(content), arrays["kept"]

    def _is_finished(self, state: LoopState) -> bool:
        if not state.history:
            return False
        epochs, kept = len(state.history), select_epoch(state.history, self.stage.keep).number
        return epochs >= self.stage.epochs or epochs - kept >= self.stage.patience

    def _train_epoch(self, state: LoopState, kept_weights: Arrays, callback: TrainingCallback) -> None:
        """Train on every batch that the current epoch has not had yet."""
        number, progress = len(state.history) + 1, state.progress
        name_below = self.multitask.nameable if self.stage.masked_words else 0
        batches = self.train.shuffled(
            [*self.seed, number], self.stage.word_dropout, start=progress.batches, name_below=name_below
        )
        last_time = last_save = time.monotonic()
        for batch in batches:
            progress.total_loss += self.train_step(batch) * len(batch.rows)
            progress.rows += len(batch.rows)
            progress.batches += 1
            callback.on_batch(number, progress.batches, len(self.train), progress.loss)
            now = time.monotonic()
            progress.seconds, last_time = progress.seconds + now - last_time, now
            if now - last_save >= self.save_every:
                self._save(state, kept_weights)
                last_save = now

    def _measured(self, state: LoopState) -> tuple[Epoch, Arrays]:
        """Figures of the epoch just trained, and the weights that they are of: averaged ones, if the stage averages.

        Training goes on from the last weights, not from the averaged ones.
        """
        start, progress, last_weights = time.monotonic(), state.progress, self._weights()
        if self.stage.averaging:
            self.optimizer.finalize_variable_values(self.model.trainable_variables)
        figures = validate(self.multitask.network, self.validation) if self.validation else (math.nan,) * 3
        weights = self._weights()
        _assign(self.multitask.full_model.weights, last_weights)
        seconds = progress.seconds + time.monotonic() - start
        return Epoch(len(state.history) + 1, progress.loss, *figures, seconds=seconds), weights

    def _weights(self) -> Arrays:
        return [np.array(weight) for weight in self.multitask.full_model.get_weights()]

    def _optimizer_and_seeds(self) -> list[Any]:
        """What moves beside the weights: Adam's moments and step, and the seeds that the next dropout draws from."""
        return [*self.optimizer.variables, *seed_variables(self.model)]

    def _save(self, state: LoopState, kept_weights: Arrays) -> None:
        optimizer = [np.array(keras.ops.convert_to_numpy(variable)) for variable in self._optimizer_and_seeds()]
        self.save_state(asdict(state), {"weights": self._weights(), "kept": kept_weights, "optimizer": optimizer})


def build_optimizer(stage: Stage, steps: int) -> keras.optimizers.Optimizer:
    """AdamW as the stage says (https://arxiv.org/abs/1711.05101), for epochs of so many steps."""
    learning_rate: Any = stage.learning_rate
    if stage.schedule == "cosine":
        learning_rate = keras.optimizers.schedules.CosineDecay(learning_rate, stage.epochs * steps, alpha=FINAL_RATE)
    elif stage.schedule == "linear":
        learning_rate = WarmUpLinearDecay(learning_rate, stage.epochs * steps)
    return keras.optimizers.AdamW(
        learning_rate,
        weight_decay=stage.weight_decay,
        global_clipnorm=stage.clip_norm,
        use_ema=stage.averaging > 0,
        ema_momentum=stage.averaging,
    )


class WarmUpLinearDecay(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Learning rate that rises over the first steps and then falls to 0, both on a straight line.

    Args:
        highest: The rate in between.
        steps: Steps of the optimizer in all.
    """

    def __init__(self, highest: float, steps: int) -> None:
        self.highest, self.steps = highest, steps

    def __call__(self, step: Any) -> Any:
        """The rate of one step, counted from 0."""
        step = keras.ops.cast(step, "float32")
        warm_up = max(1.0, WARM_UP * self.steps)
        rising, falling = (step + 1) / warm_up, (self.steps - step) / max(1.0, self.steps - warm_up)
        return self.highest * keras.ops.minimum(keras.ops.minimum(rising, falling), 1.0)


def validate(network: keras.Model, batches: Batches) -> tuple[float, float, float]:
    """Loss in nats, macro recall and accuracy of the network on these rows."""
    probabilities, targets = predict(network, batches), batches.targets
    truth, predicted = targets.argmax(1), probabilities.argmax(1)
    # A probability of 0 in float32 would cost infinitely much.
    losses = -np.log(np.maximum((probabilities * targets).sum(1), 1e-12))
    return float(losses.mean()), macro_recall(truth, predicted), float(accuracy_score(truth, predicted))


def predict(network: keras.Model, batches: Batches) -> Floats:
    """Probabilities by Keras, float32 (rows, classes), in the order of the rows."""
    probabilities = np.zeros_like(batches.targets)
    for batch in batches.ordered():
        probabilities[batch.rows] = network.predict_on_batch(batch.inputs)
    return probabilities


def class_weights(labels: Labels, balance: float = 1.0) -> Floats:
    """Weights by which classes count alike, or nearly.

    Args:
        labels: Class indices, int64 (texts,).
        balance: Under 1 every class that is there counts the same, under 0 every row. Between them lies what macro
            recall gains from a rare class and what accuracy loses by it.

    Returns:
        float32 (highest label + 1,): 1 / share of the class to the power of `balance`; the mean row counts 1.
    """
    counts = np.bincount(labels)
    weights = (counts.sum() / np.maximum(counts, 1)) ** balance
    scaled: Floats = (weights * counts.sum() / (weights @ counts)).astype(np.float32)
    return scaled


def _assign(variables: Sequence[Any], values: Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
