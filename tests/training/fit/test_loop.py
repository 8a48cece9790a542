import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from tests.training.fit.helpers import (
    ENCODING,
    STAGE,
    VOCABULARY,
    Interruption,
    LastState,
    equal_weights,
    random_batches,
    small_model,
)
from training.evaluation.metrics import macro_recall
from training.fit.batches import Batch, Batches
from training.fit.loop import (
    EpochProgress,
    LoopState,
    SaveState,
    TrainingLoop,
    build_optimizer,
    class_weights,
    predict,
    validate,
)
from training.inputs.base import MaskedTokens
from training.model.backend import keras
from training.progress import Epoch, TrainingCallback
from training.recipe.stages import Stage

AVERAGED = STAGE.model_copy(update={"averaging": 0.9})


def forget(*_: object) -> None:
    """The state of a run that is not to be resumed."""


def make(stage: Stage = STAGE, seed: int = 1, save: SaveState = forget, save_every: float = 60.0) -> TrainingLoop:
    model = small_model(seed=seed)
    return TrainingLoop(model, random_batches(400, 1), random_batches(80, 2), stage, [seed], save, save_every)


def without_time(history: list[Epoch]) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in history]


def weights(loop: TrainingLoop) -> list[np.ndarray]:
    return list(loop.multitask.full_model.get_weights())


@pytest.fixture(scope="module")
def plain() -> tuple[TrainingLoop, list[Epoch]]:
    loop = make()
    return loop, loop.run(TrainingCallback())


@pytest.fixture(scope="module")
def averaged() -> tuple[TrainingLoop, list[Epoch]]:
    loop = make(AVERAGED)
    return loop, loop.run(TrainingCallback())


def test_it_learns(plain: tuple[TrainingLoop, list[Epoch]]) -> None:
    _, history = plain
    assert [epoch.number for epoch in history] == [1, 2, 3, 4]
    assert history[-1].loss < history[0].loss * 0.7
    assert max(epoch.macro_recall for epoch in history) > 0.85


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_best_epoch_is_told_only_where_it_is_kept(keep: str) -> None:
    told: list[bool] = []

    class Told(TrainingCallback):
        def on_epoch(self, epoch: Epoch, best: bool) -> None:  # noqa: ARG002
            told.append(best)

    make(STAGE.model_copy(update={"epochs": 1, "keep": keep})).run(Told())
    assert told == [keep == "best"]


def test_same_seed_same_figures(plain: tuple[TrainingLoop, list[Epoch]]) -> None:
    same, other = (without_time(make(seed=seed).run(TrainingCallback())) for seed in (1, 2))
    assert without_time(plain[1]) == same
    assert same != other


@pytest.mark.parametrize(("epochs", "batches", "way"), [(1, 0, "plain"), (0, 7, "plain"), (2, 5, "averaged")])
def test_a_resumed_run_ends_as_an_unbroken_one(
    epochs: int, batches: int, way: str, request: pytest.FixtureRequest
) -> None:
    unbroken, history = request.getfixturevalue(way)
    state = LastState()
    with pytest.raises(KeyboardInterrupt):
        make(unbroken.stage, save=state, save_every=0.0).run(Interruption(epochs, batches))
    assert state.batches[-1] == batches
    resumed = make(unbroken.stage)
    assert without_time(resumed.run(TrainingCallback(), state.saved)) == without_time(history)
    assert equal_weights(weights(resumed), weights(unbroken))


def test_a_finished_run_resumes_to_its_end() -> None:
    state = LastState()
    first = make(STAGE.model_copy(update={"epochs": 1}), save=state)
    history = first.run(TrainingCallback())
    again = make(first.stage)
    assert again.run(TrainingCallback(), state.saved) == history
    assert equal_weights(weights(again), weights(first))


def test_a_state_is_read_from_json_as_it_was() -> None:
    epochs = [Epoch(1, 0.9, 0.8, 0.5, 0.6, 1.5), Epoch(2, 0.7, 0.9, 0.4, 0.5, 1.5)]
    state = LoopState(epochs, EpochProgress(batches=3, rows=48, total_loss=33.5, seconds=2.0))
    for each in (state, LoopState()):
        assert LoopState.from_json(json.loads(json.dumps(asdict(each)))) == each


def figures(loop: TrainingLoop) -> tuple[float, float, float]:
    assert loop.validation is not None
    return validate(loop.multitask.network, loop.validation)


def test_the_weights_of_the_best_epoch_are_restored() -> None:
    loop = make(STAGE.model_copy(update={"learning_rate": 0.3, "schedule": "constant"}))
    history = loop.run(TrainingCallback())
    best = max(history, key=lambda epoch: epoch.macro_recall)
    assert best.macro_recall > min(epoch.macro_recall for epoch in history)
    assert figures(loop) == (best.validation_loss, best.macro_recall, best.accuracy)


def test_the_last_epoch_is_kept_where_it_is_wanted_whatever_patience_says() -> None:
    last = {"learning_rate": 0.3, "schedule": "constant", "epochs": 6, "patience": 1, "keep": "last"}
    loop = make(STAGE.model_copy(update=last))
    history = loop.run(TrainingCallback())
    assert len(history) == 6
    assert max(history, key=lambda epoch: epoch.macro_recall) is not history[-1]
    assert figures(loop) == (history[-1].validation_loss, history[-1].macro_recall, history[-1].accuracy)


def test_averaged_weights_are_kept_and_training_goes_on_from_the_last_ones(
    plain: tuple[TrainingLoop, list[Epoch]], averaged: tuple[TrainingLoop, list[Epoch]]
) -> None:
    (_, one), (_, other) = plain, averaged
    assert [epoch.loss for epoch in one] == pytest.approx([epoch.loss for epoch in other])
    assert one[0].validation_loss != other[0].validation_loss


def test_patience_ends_a_run() -> None:
    stage = STAGE.model_copy(update={"epochs": 50, "patience": 2, "schedule": "constant"})
    history = make(stage).run(TrainingCallback())
    best = max(history, key=lambda epoch: epoch.macro_recall).number
    assert len(history) == best + 2 < 50


def test_the_optimizer_is_as_the_stage_says() -> None:
    optimizer = build_optimizer(
        STAGE.model_copy(update={"weight_decay": 0.03, "averaging": 0.9, "clip_norm": 0.5}), steps=9
    )
    assert (optimizer.weight_decay, optimizer.global_clipnorm) == (0.03, 0.5)
    assert (optimizer.use_ema, optimizer.ema_momentum) == (True, 0.9)
    assert not build_optimizer(STAGE, steps=9).use_ema


@pytest.mark.parametrize(("schedule", "last"), [("cosine", 0.0015), ("constant", 0.03)])
def test_the_learning_rate_goes_by_the_schedule(schedule: str, last: float) -> None:
    optimizer = build_optimizer(STAGE.model_copy(update={"schedule": schedule}), steps=9)
    assert float(optimizer.learning_rate) == pytest.approx(0.03)
    optimizer.iterations.assign(STAGE.epochs * 9)
    assert float(optimizer.learning_rate) == pytest.approx(last)


def test_a_linear_schedule_rises_over_a_tenth_of_the_steps_and_falls_to_nothing() -> None:
    stage = STAGE.model_copy(update={"schedule": "linear", "epochs": 2})
    optimizer = build_optimizer(stage, steps=50)
    rates = []
    for step in (0, 4, 9, 10, 55, 100):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert rates == pytest.approx([0.003, 0.015, 0.03, 0.03, 0.015, 0.0])


@pytest.mark.parametrize("labels", [[0, 0, 0, 1], [0, 0, 0, 2], [1, 2, 2, 2]])
def test_class_weights_make_the_classes_that_are_there_equal(labels: list[int]) -> None:
    of_rows = class_weights(np.array(labels))[labels]
    assert of_rows.mean() == pytest.approx(1)
    assert sorted(set(of_rows.round(4))) == pytest.approx([2 / 3, 2], abs=1e-4)


def test_class_weights_go_by_the_power_of_the_share() -> None:
    labels = np.array([0] * 16 + [1] * 4)
    assert class_weights(labels, 0.0) == pytest.approx([1, 1])
    one, other = class_weights(labels, 0.5)
    assert other / one == pytest.approx(2)
    assert class_weights(labels, 0.5)[labels].mean() == pytest.approx(1)


def test_predictions_come_in_the_order_of_the_rows() -> None:
    network, validation = small_model().network, random_batches(80, 2)
    together = predict(network, validation)
    for row in (0, 17, 79):
        ids = validation.encoded[row].ids[None]
        assert together[row] == pytest.approx(keras.ops.convert_to_numpy(network(ids))[0], abs=1e-5)


def test_figures_of_a_part_by_hand() -> None:
    network, part = small_model().network, random_batches(40, 3)
    probabilities, truth = predict(network, part), part.targets.argmax(1)
    loss, recall, accuracy = validate(network, part)
    assert loss == pytest.approx(-np.log(probabilities[np.arange(40), truth]).mean())
    assert recall == macro_recall(truth, probabilities.argmax(1))
    assert accuracy == (truth == probabilities.argmax(1)).mean()


STILL = Stage(name="s", epochs=1, learning_rate=1e-12, batch_size=16)
MASKING = STILL.model_copy(update={"masked_words": 0.25, "word_dropout": 0.3})


def still(stage: Stage, train: Batches) -> TrainingLoop:
    """Of a network that neither moves nor drops anything, so that each step costs what the first does."""
    model = small_model(lstm=[4], spatial_dropout=0.0, dropout=0.0, masked_words=bool(stage.masked_words))
    return TrainingLoop(model, train, None, stage, [1], forget)


@pytest.fixture(scope="module")
def masking() -> TrainingLoop:
    return still(MASKING, random_batches(16, 1))


@pytest.fixture
def masked_batch() -> Batch:
    ids = np.array([[17, ENCODING.encoder.unknown_id, 19, 0], [20, 21, ENCODING.encoder.unknown_id, 18]], np.int32)
    positions, hidden = np.array([[1, 0], [2, 0]], np.int32), np.array([[18, 0], [22, 0]], np.int32)
    masked = MaskedTokens(positions, hidden, np.array([[1, 0], [1, 0]], np.float32))
    return Batch(ids, np.eye(2, dtype=np.float32), np.ones(2, np.float32), np.arange(2), masked)


def test_an_epochs_loss_is_the_mean_over_its_rows() -> None:
    loop = still(STILL, random_batches(18, 1))
    expected = validate(loop.multitask.network, loop.train)[0]
    (epoch,) = loop.run(TrainingCallback())
    assert epoch.loss == pytest.approx(expected, abs=1e-5)


def test_naming_masked_words_costs_its_share(masking: TrainingLoop, masked_batch: Batch) -> None:
    probabilities = masking.multitask.network.predict_on_batch(masked_batch.inputs)
    of_classes = -np.log(probabilities[[0, 1], [0, 1]]).mean()
    assert masking.train_step(masked_batch) == pytest.approx(of_classes + 0.25 * np.log(VOCABULARY), rel=0.02)


def test_only_words_that_were_hidden_are_to_be_named(masking: TrainingLoop, masked_batch: Batch) -> None:
    assert masked_batch.masked is not None
    unneeded, needed = masked_batch.masked.ids.copy(), masked_batch.masked.ids.copy()
    unneeded[:, 1], needed[:, 0] = 20, 20
    same, other = (replace(masked_batch, masked=replace(masked_batch.masked, ids=ids)) for ids in (unneeded, needed))
    loss = masking.train_step(masked_batch)
    assert masking.train_step(same) == pytest.approx(loss, abs=1e-6)
    assert abs(masking.train_step(other) - loss) > 1e-5


def test_a_row_costs_what_it_weighs() -> None:
    loop, batch = still(STILL, random_batches(16, 1)), next(random_batches(16, 1).ordered())
    half = np.repeat([1.0, 0.0], 8).astype(np.float32)
    once, twice, first, second = (
        loop.train_step(replace(batch, weights=weights)) for weights in (half * 0 + 1, half * 0 + 2, half, 1 - half)
    )
    assert twice == pytest.approx(2 * once, rel=1e-4)
    assert first + second == pytest.approx(once, rel=1e-4)
    assert abs(first - second) > 1e-4


def test_a_stage_of_another_task_moves_the_body_and_not_the_networks_own_head() -> None:
    """With masked words to name. That such a stage resumes is seen in `test_stages`."""
    model = small_model({"other": ["a", "b"]}, classes=3, masked_words=True)
    rows = random_batches(400, 1)
    rows.targets = model.targets(rows.targets.argmax(1), "other")
    stage = STAGE.model_copy(update={"word_dropout": 0.3, "masked_words": 0.5, "epochs": 2})
    before = model.network.get_weights()
    history = TrainingLoop(model, rows, None, stage, [1, 0], forget).run(TrainingCallback())
    after = model.network.get_weights()
    assert history[-1].loss < history[0].loss
    # Without validation it trains all its epochs, and keeps the last.
    assert all(np.isnan(epoch.macro_recall) for epoch in history)
    assert len(history) == stage.epochs
    assert not np.array_equal(before[0], after[0])
    assert equal_weights(before[-2:], after[-2:])
