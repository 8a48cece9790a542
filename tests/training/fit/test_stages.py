from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.fit.helpers import STAGE, Interruption, equal_weights, random_batches, small_model
from training.fit.batches import Batches
from training.fit.checkpoint import Arrays, Checkpoint
from training.fit.stage_cache import PretrainedBody
from training.fit.stages import History, OnStageEnd, StageRunner, history_as_json
from training.model.multitask import MultiTaskModel, seed_variables
from training.progress import TrainingCallback
from training.recipe.stages import Stage

FIRST = STAGE.model_copy(update={"name": "first", "epochs": 2, "masked_words": 0.5})
SECOND = STAGE.model_copy(update={"name": "second", "epochs": 2})


def stage_batches(model: MultiTaskModel, stage: Stage) -> tuple[Batches, Batches | None]:
    train = random_batches(400, 1)
    task = "other" if stage.name == "first" else ""
    train.targets = model.targets(train.targets.argmax(1), task)
    return train, None if task else random_batches(80, 2)


def make(
    folder: Path, on_stage_end: OnStageEnd | None = None, seed: int = 1, stages: tuple[Stage, ...] = (FIRST, SECOND)
) -> StageRunner:
    model = small_model({"other": ["a", "b"]}, seed=3, masked_words=True)
    checkpoint = Checkpoint(folder, {"stages": 2})
    return StageRunner(model, stages, lambda stage: stage_batches(model, stage), seed, checkpoint, on_stage_end)


def without_time(history: History) -> dict[str, list[str]]:
    return {name: [repr(replace(epoch, seconds=0.0)) for epoch in epochs] for name, epochs in history.items()}


def weights(runner: StageRunner) -> Arrays:
    return list(runner.multitask.full_model.get_weights())


class Unbroken:
    """A run of both stages, and the body that it kept after the first."""

    def __init__(self, folder: Path) -> None:
        self.bodies: list[PretrainedBody] = []
        runner = make(folder, self.keep)
        self.history = runner.run(TrainingCallback())
        self.weights = weights(runner)

    def keep(self, stages: int, history: History, weights: Arrays) -> None:
        state = {"history": history_as_json(history)}
        self.bodies.append(PretrainedBody(stages, state, [np.array(weight) for weight in weights]))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    return Unbroken(tmp_path_factory.mktemp("unbroken"))


def test_stages_run_in_order_on_one_model(unbroken: Unbroken) -> None:
    assert list(unbroken.history) == ["first", "second"]
    assert [len(epochs) for epochs in unbroken.history.values()] == [2, 2]
    assert np.isnan(unbroken.history["first"][0].macro_recall)
    assert unbroken.history["second"][-1].macro_recall > 0.6


@pytest.mark.parametrize("stage", ["first", "second"])
def test_a_killed_run_goes_on_inside_its_stage(unbroken: Unbroken, tmp_path: Path, stage: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path).run(Interruption(1, stage=stage))
    resumed = make(tmp_path)
    history = resumed.run(TrainingCallback(), saved=resumed.checkpoint.load())
    assert without_time(history) == without_time(unbroken.history)
    assert equal_weights(weights(resumed), unbroken.weights)


def test_a_body_from_a_cache_goes_on_as_one_just_trained(unbroken: Unbroken, tmp_path: Path) -> None:
    (body,) = unbroken.bodies
    assert body.stages == 1
    started = make(tmp_path)
    assert without_time(started.run(TrainingCallback(), body=body)) == without_time(unbroken.history)
    assert equal_weights(weights(started), unbroken.weights)


class StopAtStart(TrainingCallback):
    """Stops a run before its first step."""

    def on_start(self, first: int, epochs: int) -> None:  # noqa: ARG002
        raise KeyboardInterrupt


def dropout_seeds(folder: Path, seed: int, stage_seed: int | None, stages_done: int = 0) -> list[list[int]]:
    """The states that the dropout of the first stage to run begins with."""
    stages = tuple(SECOND.model_copy(update={"name": name, "seed": stage_seed}) for name in ("one", "two"))
    runner = make(folder, seed=seed, stages=stages)
    body = PretrainedBody(stages_done, {"history": {}}, weights(runner)) if stages_done else None
    with pytest.raises(KeyboardInterrupt):
        runner.run(StopAtStart(), body=body)
    return [np.array(variable).tolist() for variable in seed_variables(runner.multitask.model)]


def test_a_stages_own_seed_stands_instead_of_the_recipes(tmp_path: Path) -> None:
    own = dropout_seeds(tmp_path, seed=1, stage_seed=7)
    assert own == dropout_seeds(tmp_path, seed=2, stage_seed=7) == dropout_seeds(tmp_path, seed=7, stage_seed=None)
    assert own != dropout_seeds(tmp_path, seed=1, stage_seed=None)


def test_stages_of_one_seed_draw_otherwise(tmp_path: Path) -> None:
    first, second = (dropout_seeds(tmp_path, seed=1, stage_seed=None, stages_done=done) for done in (0, 1))
    assert first != second
