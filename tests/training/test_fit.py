from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serving.encoding import Encoded, Encoder
from training import runtime
from training.batches import Batches
from training.checkpoint import Checkpoint
from training.errors import ResumeError
from training.fit import Fit, class_weights, predict
from training.network import build_network
from training.recipe import FitKnobs, NetworkKnobs, TokenizerKnobs
from training.runtime import keras
from training.tokenizer import build_tokenizer
from training.watcher import Epoch, Watcher

KNOBS = FitKnobs(epochs=4, patience=4, batch_size=16, learning_rate=0.02, schedule="cosine", word_dropout=0.1)
ENCODER = Encoder(build_tokenizer(["a b c d e f"], TokenizerKnobs(model="word", min_frequency=1)).to_str())


def batches(rows: int, seed: int) -> Batches:
    """Texts of tokens 17 to 22, whose label is whether there are more of the first three."""
    rng = np.random.default_rng(seed)
    encoded = [Encoded(rng.integers(17, 23, rng.integers(3, 12)).astype(np.int32), False) for _ in range(rows)]
    labels = [int((item.ids < 20).mean() > 0.5) for item in encoded]
    return Batches(ENCODER, encoded, np.eye(2, dtype=np.float32)[labels], np.ones(rows, np.float32), 16)


def make(folder: Path, knobs: FitKnobs = KNOBS, seed: int = 1) -> Fit:
    runtime.make_repeatable(seed)
    network = build_network(NetworkKnobs(embedding=8, lstm=[8], pooling=["max"]), vocabulary=30, classes=2)
    return Fit(network, batches(300, 1), batches(80, 2), knobs, seed, Checkpoint(folder, {"knobs": knobs.epochs}))


class Interrupted(Watcher):
    """Stops a run after some epochs, as if it were killed."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_epoch(self, epoch: Epoch, best: bool) -> None:  # noqa: ARG002
        if epoch.number == self.epochs:
            raise KeyboardInterrupt


def without_time(history: list[Epoch]) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in history]


def test_it_learns(tmp_path: Path) -> None:
    history = make(tmp_path).run(Watcher())
    assert [epoch.number for epoch in history] == [1, 2, 3, 4]
    assert history[-1].loss < history[0].loss * 0.7
    assert max(epoch.macro_recall for epoch in history) > 0.85


def test_same_seed_same_figures(tmp_path: Path) -> None:
    one, same, other = (
        without_time(make(tmp_path / str(n), seed=seed).run(Watcher())) for n, seed in enumerate((1, 1, 2))
    )
    assert one == same
    assert one != other


AVERAGED = KNOBS.model_copy(update={"averaging": 0.9})


@pytest.mark.parametrize(("epochs", "knobs"), [(1, KNOBS), (3, AVERAGED)])
def test_a_resumed_run_ends_as_an_unbroken_one(tmp_path: Path, epochs: int, knobs: FitKnobs) -> None:
    unbroken = make(tmp_path / "whole", knobs)
    history = unbroken.run(Watcher())
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "broken", knobs).run(Interrupted(epochs))
    resumed = make(tmp_path / "broken", knobs)
    assert without_time(resumed.run(Watcher(), resume=True)) == without_time(history)
    for found, expected in zip(resumed.network.get_weights(), unbroken.network.get_weights(), strict=True):
        assert np.array_equal(found, expected)


def test_a_finished_run_resumes_to_its_end(tmp_path: Path) -> None:
    first = make(tmp_path)
    history = first.run(Watcher())
    again = make(tmp_path)
    assert again.run(Watcher(), resume=True) == history
    assert np.array_equal(again.network.get_weights()[0], first.network.get_weights()[0])


def test_another_run_is_not_resumed(tmp_path: Path) -> None:
    make(tmp_path).run(Watcher())
    with pytest.raises(ResumeError, match="of another run"):
        make(tmp_path, KNOBS.model_copy(update={"epochs": 5})).run(Watcher(), resume=True)


def test_the_weights_of_the_best_epoch_are_restored(tmp_path: Path) -> None:
    fit = make(tmp_path, KNOBS.model_copy(update={"learning_rate": 0.3, "schedule": "constant"}))
    history = fit.run(Watcher())
    best = max(history, key=lambda epoch: epoch.macro_recall)
    assert best.macro_recall > min(epoch.macro_recall for epoch in history)
    assert without_time([fit._measured(best.number, best.loss, 0.0)]) == without_time([best])


def test_averaged_weights_are_kept_and_training_goes_on_from_the_last_ones(tmp_path: Path) -> None:
    plain, averaged = make(tmp_path / "plain"), make(tmp_path / "averaged", AVERAGED)
    plain_history, averaged_history = plain.run(Watcher()), averaged.run(Watcher())
    assert [epoch.loss for epoch in plain_history] == pytest.approx([epoch.loss for epoch in averaged_history])
    assert plain_history[0].validation_loss != averaged_history[0].validation_loss


def test_patience_ends_a_run(tmp_path: Path) -> None:
    knobs = KNOBS.model_copy(update={"epochs": 50, "patience": 2, "schedule": "constant"})
    history = make(tmp_path, knobs).run(Watcher())
    best = max(history, key=lambda epoch: epoch.macro_recall).number
    assert len(history) == best + 2 < 50


def test_gradients_are_clipped_and_the_rate_falls(tmp_path: Path) -> None:
    optimizer = make(tmp_path).network.optimizer
    assert optimizer.global_clipnorm == KNOBS.clip_norm
    steps = KNOBS.epochs * len(batches(300, 1))
    start, end = (float(optimizer._learning_rate(step)) for step in (0, steps))
    assert (start, end) == pytest.approx((0.02, 0.001))


def test_class_weights_make_classes_equal() -> None:
    labels = np.array([0, 0, 0, 1])
    weights = class_weights(labels, 2)
    assert weights == pytest.approx([2 / 3, 2])
    assert weights[labels].mean() == pytest.approx(1)


def test_predictions_come_in_the_order_of_the_rows(tmp_path: Path) -> None:
    fit = make(tmp_path)
    together = predict(fit.network, fit.validation)
    for row in (0, 17, 79):
        ids = fit.validation.encoded[row].ids[None]
        assert together[row] == pytest.approx(keras.ops.convert_to_numpy(fit.network(ids))[0], abs=1e-5)
