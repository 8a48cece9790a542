"""What one step costs, and what an epoch's figures are of; how a fit goes on is in `test_fit`."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.fit.test_loop import ENCODER, KNOBS, batches, make
from training.evaluation.metrics import macro_recall
from training.fit.batches import Batch, Batches, Hidden
from training.fit.loop import TrainingLoop, predict, validate
from training.model import backend
from training.model.multitask import MultiTaskModel
from training.model.network import build_network
from training.progress import TrainingCallback
from training.recipe.model import NetworkConfig
from training.recipe.stages import Stage

STILL = Stage(name="s", epochs=1, learning_rate=1e-12, batch_size=16)
NAMING = STILL.model_copy(update={"masked_words": 0.25, "word_dropout": 0.3})


def still(stage: Stage, train: Batches) -> TrainingLoop:
    """Of a network that neither moves nor drops anything, so that each step costs what the first does."""
    backend.make_repeatable(1)
    knobs = NetworkConfig(embedding=8, lstm=[4], pooling=["max"], spatial_dropout=0.0, dropout=0.0)
    multitask = MultiTaskModel(build_network(knobs, vocabulary=30, classes=2), words=bool(stage.masked_words))
    return TrainingLoop(multitask, train, None, stage, [1], lambda *_: None)


def test_the_optimizer_is_as_the_stage_says() -> None:
    stage = KNOBS.model_copy(update={"weight_decay": 0.03, "averaging": 0.9, "clip_norm": 0.5})
    optimizer = make(stage).model.optimizer
    assert (optimizer.weight_decay, optimizer.global_clipnorm) == (0.03, 0.5)
    assert (optimizer.use_ema, optimizer.ema_momentum) == (True, 0.9)
    assert not make().model.optimizer.use_ema


def test_figures_of_a_part_by_hand() -> None:
    network, part = make().multitask.network, batches(40, 3)
    probabilities, truth = predict(network, part), part.targets.argmax(1)
    loss, recall, accuracy = validate(network, part)
    assert loss == pytest.approx(-np.log(probabilities[np.arange(40), truth]).mean())
    assert recall == macro_recall(truth, probabilities.argmax(1))
    assert accuracy == (truth == probabilities.argmax(1)).mean()


def test_an_epochs_loss_is_the_mean_over_its_rows() -> None:
    fit = still(STILL, batches(18, 1))
    expected = validate(fit.multitask.network, fit.train)[0]
    (epoch,) = fit.run(TrainingCallback())
    assert epoch.loss == pytest.approx(expected, abs=1e-5)


def naming_batch() -> Batch:
    ids = np.array([[17, ENCODER.unknown_id, 19, 0], [20, 21, ENCODER.unknown_id, 18]], np.int32)
    places, words = np.array([[1, 0], [2, 0]], np.int32), np.array([[18, 0], [22, 0]], np.int32)
    hidden = Hidden(places, words, np.array([[1, 0], [1, 0]], np.float32))
    return Batch(ids, np.eye(2, dtype=np.float32), np.ones(2, np.float32), np.arange(2), hidden)


@pytest.fixture(scope="module")
def masked_lm() -> TrainingLoop:
    return still(NAMING, batches(16, 1))


def test_naming_hidden_words_costs_its_share(masked_lm: TrainingLoop) -> None:
    batch = naming_batch()
    own = -np.log(masked_lm.multitask.network.predict_on_batch(batch.ids)[[0, 1], [0, 1]]).mean()
    assert masked_lm._step(batch) == pytest.approx(own + 0.25 * np.log(30), rel=0.02)


def test_only_words_that_were_hidden_are_to_be_named(masked_lm: TrainingLoop) -> None:
    batch = naming_batch()
    assert batch.hidden is not None
    unneeded, needed = batch.hidden.words.copy(), batch.hidden.words.copy()
    unneeded[:, 1], needed[:, 0] = 20, 20
    same, other = (replace(batch, hidden=replace(batch.hidden, words=words)) for words in (unneeded, needed))
    cost = masked_lm._step(batch)
    assert masked_lm._step(same) == pytest.approx(cost, abs=1e-6)
    assert abs(masked_lm._step(other) - cost) > 1e-5


def test_a_row_costs_what_it_weighs() -> None:
    fit, batch = still(STILL, batches(16, 1)), next(batches(16, 1).ordered())
    half = np.repeat([1.0, 0.0], 8).astype(np.float32)
    whole, twice, one, other = (
        fit._step(replace(batch, weights=weights)) for weights in (half * 0 + 1, half * 0 + 2, half, 1 - half)
    )
    assert twice == pytest.approx(2 * whole, rel=1e-4)
    assert one + other == pytest.approx(whole, rel=1e-4)
    assert abs(one - other) > 1e-4
