from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.fit.test_loop import KNOBS, batches
from training.fit.batches import Batches
from training.fit.checkpoint import Arrays, Checkpoint
from training.fit.stage_cache import PretrainedBody
from training.fit.stages import History, Stages, dumped
from training.model import backend
from training.model.multitask import MultiTaskModel, seed_variables
from training.model.network import build_network
from training.progress import Epoch, TrainingCallback
from training.recipe.model import NetworkConfig
from training.recipe.stages import Stage

FIRST = KNOBS.model_copy(update={"name": "first", "epochs": 2, "masked_words": 0.5})
SECOND = KNOBS.model_copy(update={"name": "second", "epochs": 2})


def rows(multitask: MultiTaskModel, stage: Stage) -> tuple[Batches, Batches | None]:
    train = batches(300, 1)
    task = "other" if stage.name == "first" else ""
    train.targets = multitask.targets(train.targets.argmax(1), task)
    return train, None if task else batches(80, 2)


def make(folder: Path, finished: Any = None, seed: int = 1, identity: Mapping[str, Any] | None = None) -> Stages:
    backend.make_repeatable(3)
    network = build_network(NetworkConfig(embedding=8, lstm=[8], pooling=["max"]), vocabulary=30, classes=2)
    multitask = MultiTaskModel(network, {"other": ["a", "b"]}, words=True)
    checkpoint = Checkpoint(folder, identity or {"stages": 2})
    return Stages(multitask, [FIRST, SECOND], lambda stage: rows(multitask, stage), seed, checkpoint, finished)


class Killed(TrainingCallback):
    """Stops after one epoch of a stage."""

    def __init__(self, stage: str) -> None:
        self.stage, self.current = stage, ""

    def on_stage(self, name: str, number: int, stages: int) -> None:  # noqa: ARG002
        self.current = name

    def on_epoch(self, epoch: Epoch, best: bool) -> None:  # noqa: ARG002
        if self.current == self.stage:
            raise KeyboardInterrupt


def without_time(history: History) -> dict[str, list[str]]:
    return {name: [repr(replace(epoch, seconds=0.0)) for epoch in epochs] for name, epochs in history.items()}


def weights(stages: Stages) -> Arrays:
    return list(stages.multitask.whole.get_weights())


def same(one: Arrays, other: Arrays) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_stages_run_in_order_on_one_network(tmp_path: Path) -> None:
    stages = make(tmp_path)
    history = stages.run(TrainingCallback())
    assert list(history) == ["first", "second"]
    assert [len(epochs) for epochs in history.values()] == [2, 2]
    assert np.isnan(history["first"][0].macro_recall)
    assert history["second"][-1].macro_recall > 0.6


@pytest.mark.parametrize("stage", ["first", "second"])
def test_a_killed_run_goes_on_inside_its_stage(tmp_path: Path, stage: str) -> None:
    whole = make(tmp_path / "whole")
    history = whole.run(TrainingCallback())
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "killed").run(Killed(stage))
    resumed = make(tmp_path / "killed")
    assert without_time(resumed.run(TrainingCallback(), saved=resumed.checkpoint.load())) == without_time(history)
    assert same(weights(resumed), weights(whole))


def test_a_body_from_a_cache_goes_on_as_one_just_trained(tmp_path: Path) -> None:
    kept: list[PretrainedBody] = []

    def finished(stages: int, history: History, weights: Arrays) -> None:
        kept.append(PretrainedBody(stages, {"history": dumped(history)}, [np.array(w) for w in weights]))

    whole = make(tmp_path / "a", finished)
    history = whole.run(TrainingCallback())
    assert [body.stages for body in kept] == [1]
    started = make(tmp_path / "b")
    assert without_time(started.run(TrainingCallback(), body=kept[0])) == without_time(history)
    assert same(weights(started), weights(whole))


def test_the_seed_reaches_the_stages_that_have_none(tmp_path: Path) -> None:
    one, other = (without_time(make(tmp_path / str(seed), seed=seed).run(TrainingCallback())) for seed in (1, 2))
    assert one != other


class Begun(TrainingCallback):
    """Stops a run before its first step."""

    def on_start(self, first: int, epochs: int) -> None:  # noqa: ARG002
        raise KeyboardInterrupt


def drawn_from(folder: Path, seed: int, of_stage: int | None, done: int = 0) -> list[list[int]]:
    """The states that the dropout of the first stage to run begins with."""
    stages = make(folder, seed=seed)
    stages.stages = [SECOND.model_copy(update={"name": name, "seed": of_stage}) for name in ("one", "two")]
    body = PretrainedBody(done, {"history": {}}, stages.multitask.whole.get_weights()) if done else None
    with pytest.raises(KeyboardInterrupt):
        stages.run(Begun(), body=body)
    return [np.array(variable).tolist() for variable in seed_variables(stages.multitask.model)]


def test_a_stages_own_seed_stands_instead_of_the_recipes(tmp_path: Path) -> None:
    own = drawn_from(tmp_path, seed=1, of_stage=7)
    assert own == drawn_from(tmp_path, seed=2, of_stage=7) == drawn_from(tmp_path, seed=7, of_stage=None)
    assert own != drawn_from(tmp_path, seed=1, of_stage=None)


def test_stages_of_one_seed_draw_otherwise(tmp_path: Path) -> None:
    assert drawn_from(tmp_path, seed=1, of_stage=None) != drawn_from(tmp_path, seed=1, of_stage=None, done=1)
