import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from serving.model.tokenizer import Encoded, Encoder
from training.fit.batches import Batches
from training.fit.checkpoint import Arrays
from training.fit.loop import TrainingLoop, class_weights, predict
from training.model import backend
from training.model.backend import keras
from training.model.multitask import MultiTaskModel
from training.model.network import build_network
from training.progress import Epoch, TrainingCallback
from training.recipe.model import NetworkConfig, TokenizerConfig
from training.recipe.stages import Stage
from training.text.tokenizer import build_tokenizer

KNOBS = Stage(name="fit", epochs=4, patience=4, batch_size=16, learning_rate=0.02, schedule="cosine", word_dropout=0.1)
ENCODER = Encoder(build_tokenizer(["a b c d e f"], TokenizerConfig(model="word", min_frequency=1)).to_str())


def batches(rows: int, seed: int) -> Batches:
    """Texts of tokens 17 to 22, whose label is whether there are more of the first three."""
    rng = np.random.default_rng(seed)
    encoded = [Encoded(rng.integers(17, 23, rng.integers(3, 12)).astype(np.int32)) for _ in range(rows)]
    labels = [int((item.ids < 20).mean() > 0.5) for item in encoded]
    return Batches(ENCODER, encoded, np.eye(2, dtype=np.float32)[labels], np.ones(rows, np.float32), 16)


class Kept:
    """What a fit gave to keep, last of all."""

    def __init__(self) -> None:
        self.last: tuple[Mapping[str, Any], Mapping[str, Arrays]] | None = None
        self.progress: list[int] = []

    def __call__(self, state: Mapping[str, Any], arrays: Mapping[str, Arrays]) -> None:
        self.last = json.loads(json.dumps(state)), arrays
        self.progress.append(state["progress"]["batches"])


def make(knobs: Stage = KNOBS, seed: int = 1, keep: Kept | None = None, save_every: float = 60.0) -> TrainingLoop:
    backend.make_repeatable(seed)
    network = build_network(NetworkConfig(embedding=8, lstm=[8], pooling=["max"]), vocabulary=30, classes=2)
    multitask = MultiTaskModel(network)
    return TrainingLoop(multitask, batches(300, 1), batches(80, 2), knobs, [seed], keep or Kept(), save_every)


class Interrupted(TrainingCallback):
    """Stops a run after some epochs, and batches of the next one, as if it were killed."""

    def __init__(self, epochs: int, batches: int = 0) -> None:
        self.epochs, self.batches = epochs, batches

    def on_batch(self, epoch: int, done: int, batches: int, loss: float) -> None:  # noqa: ARG002
        if (epoch, done) == (self.epochs + 1, self.batches + 1):
            raise KeyboardInterrupt

    def on_epoch(self, epoch: Epoch, best: bool) -> None:  # noqa: ARG002
        if epoch.number == self.epochs and not self.batches:
            raise KeyboardInterrupt


def without_time(history: list[Epoch]) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in history]


def test_it_learns() -> None:
    history = make().run(TrainingCallback())
    assert [epoch.number for epoch in history] == [1, 2, 3, 4]
    assert history[-1].loss < history[0].loss * 0.7
    assert max(epoch.macro_recall for epoch in history) > 0.85


def test_same_seed_same_figures() -> None:
    one, same, other = (without_time(make(seed=seed).run(TrainingCallback())) for seed in (1, 1, 2))
    assert one == same
    assert one != other


AVERAGED = KNOBS.model_copy(update={"averaging": 0.9})


@pytest.mark.parametrize(
    ("epochs", "done", "knobs"), [(1, 0, KNOBS), (3, 0, AVERAGED), (0, 7, KNOBS), (2, 5, AVERAGED)]
)
def test_a_resumed_run_ends_as_an_unbroken_one(epochs: int, done: int, knobs: Stage) -> None:
    unbroken = make(knobs)
    history = unbroken.run(TrainingCallback())
    kept = Kept()
    with pytest.raises(KeyboardInterrupt):
        make(knobs, keep=kept, save_every=0.0).run(Interrupted(epochs, done))
    assert kept.progress[-1] == done
    resumed = make(knobs)
    assert without_time(resumed.run(TrainingCallback(), kept.last)) == without_time(history)
    for found, expected in zip(weights(resumed), weights(unbroken), strict=True):
        assert np.array_equal(found, expected)


def weights(fit: TrainingLoop) -> list[Any]:
    return list(fit.multitask.network.get_weights())


def test_a_finished_run_resumes_to_its_end() -> None:
    kept = Kept()
    first = make(keep=kept)
    history = first.run(TrainingCallback())
    again = make()
    assert again.run(TrainingCallback(), kept.last) == history
    assert np.array_equal(weights(again)[0], weights(first)[0])


def test_the_weights_of_the_best_epoch_are_restored() -> None:
    fit = make(KNOBS.model_copy(update={"learning_rate": 0.3, "schedule": "constant"}))
    history = fit.run(TrainingCallback())
    best = max(history, key=lambda epoch: epoch.macro_recall)
    assert best.macro_recall > min(epoch.macro_recall for epoch in history)
    assert without_time([fit._measured(best.number, best.loss, 0.0)]) == without_time([best])


def test_the_last_epoch_is_kept_where_it_is_wanted_whatever_patience_says() -> None:
    last = {"learning_rate": 0.3, "schedule": "constant", "epochs": 6, "patience": 1, "keep": "last"}
    fit = make(KNOBS.model_copy(update=last))
    history = fit.run(TrainingCallback())
    assert len(history) == 6
    assert max(history, key=lambda epoch: epoch.macro_recall) is not history[-1]
    assert without_time([fit._measured(6, history[-1].loss, 0.0)]) == without_time(history[-1:])


def test_averaged_weights_are_kept_and_training_goes_on_from_the_last_ones() -> None:
    plain_history, averaged_history = make().run(TrainingCallback()), make(AVERAGED).run(TrainingCallback())
    assert [epoch.loss for epoch in plain_history] == pytest.approx([epoch.loss for epoch in averaged_history])
    assert plain_history[0].validation_loss != averaged_history[0].validation_loss


def test_patience_ends_a_run() -> None:
    history = make(KNOBS.model_copy(update={"epochs": 50, "patience": 2, "schedule": "constant"})).run(
        TrainingCallback()
    )
    best = max(history, key=lambda epoch: epoch.macro_recall).number
    assert len(history) == best + 2 < 50


def test_gradients_are_clipped_and_the_rate_falls() -> None:
    optimizer = make().model.optimizer
    assert optimizer.global_clipnorm == KNOBS.clip_norm
    steps = KNOBS.epochs * len(batches(300, 1))
    start, end = (float(optimizer._learning_rate(step)) for step in (0, steps))
    assert (start, end) == pytest.approx((0.02, 0.001))


@pytest.mark.parametrize("labels", [[0, 0, 0, 1], [0, 0, 0, 2], [1, 2, 2, 2]])
def test_class_weights_make_the_classes_that_are_there_equal(labels: list[int]) -> None:
    found = np.array(labels)
    weights = class_weights(found)[found]
    assert weights.mean() == pytest.approx(1)
    assert sorted(set(weights.round(4))) == pytest.approx([2 / 3, 2], abs=1e-4)


def test_class_weights_go_by_the_power_of_the_share() -> None:
    labels = np.array([0] * 16 + [1] * 4)
    assert class_weights(labels, 0.0) == pytest.approx([1, 1])
    one, other = class_weights(labels, 0.5)
    assert other / one == pytest.approx(2)
    assert class_weights(labels, 0.5)[labels].mean() == pytest.approx(1)


def test_predictions_come_in_the_order_of_the_rows() -> None:
    network, validation = make().multitask.network, batches(80, 2)
    together = predict(network, validation)
    for row in (0, 17, 79):
        ids = validation.encoded[row].ids[None]
        assert together[row] == pytest.approx(keras.ops.convert_to_numpy(network(ids))[0], abs=1e-5)


class TestOtherTasks:
    """A stage on rows of another task, with hidden words to name."""

    STAGE = KNOBS.model_copy(update={"word_dropout": 0.3, "masked_words": 0.5})

    @staticmethod
    def fit(stage: Stage, keep: Kept | None = None) -> TrainingLoop:
        backend.make_repeatable(1)
        network = build_network(NetworkConfig(embedding=8, lstm=[8], pooling=["max"]), vocabulary=30, classes=3)
        multitask = MultiTaskModel(network, {"other": ["a", "b"]}, words=True)
        rows = batches(300, 1)
        rows.targets = multitask.targets(rows.targets.argmax(1), "other")
        return TrainingLoop(multitask, rows, None, stage, [1, 0], keep or Kept(), 0.0)

    def test_it_learns_without_validation_and_keeps_its_last_epoch(self) -> None:
        fit = self.fit(self.STAGE)
        history = fit.run(TrainingCallback())
        assert history[-1].loss < history[0].loss * 0.9
        assert all(np.isnan(epoch.macro_recall) for epoch in history)
        assert len(history) == self.STAGE.epochs

    def test_it_moves_the_body_and_leaves_the_networks_own_head(self) -> None:
        fit = self.fit(self.STAGE.model_copy(update={"epochs": 1}))
        before = weights(fit)
        fit.run(TrainingCallback())
        after = weights(fit)
        assert not np.array_equal(before[0], after[0])
        assert np.array_equal(before[-1], after[-1])
        assert np.array_equal(before[-2], after[-2])

    def test_it_resumes_where_it_was(self) -> None:
        whole, kept = self.fit(self.STAGE), Kept()
        whole.run(TrainingCallback())
        with pytest.raises(KeyboardInterrupt):
            self.fit(self.STAGE, kept).run(Interrupted(1, 4))
        resumed = self.fit(self.STAGE)
        resumed.run(TrainingCallback(), kept.last)
        for found, expected in zip(
            resumed.multitask.whole.get_weights(), whole.multitask.whole.get_weights(), strict=True
        ):
            assert np.array_equal(found, expected)
