"""Runner of a recipe's stages: each trains the same model, on rows and by a schedule of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.fit.batches import Batches
from training.fit.checkpoint import Arrays, Checkpoint
from training.fit.loop import SAVE_EVERY, SavedState, TrainingLoop
from training.fit.stage_cache import PretrainedBody
from training.model.multitask import MultiTaskModel
from training.progress import Epoch, TrainingCallback
from training.recipe.stages import Stage

History = dict[str, list[Epoch]]  # by stage
StageBatches = Callable[[Stage], tuple[Batches, Batches | None]]
OnStageEnd = Callable[[int, History, Arrays], None]


@dataclass(frozen=True)
class StageRunner:
    """Runs the stages of one recipe in their order.

    Args:
        multitask: The model that every stage trains.
        stages: In their order.
        batches: Gives a stage's training rows and, where it trains the network's own head, the rows that choose the
            epoch to keep.
        seed: Of the stages that have none of their own.
        checkpoint: What an interrupted run goes on from.
        on_stage_end: Called after each stage but the last with the number of stages done, the history and the weights.
        save_every: Seconds between two states within an epoch.
    """

    multitask: MultiTaskModel
    stages: Sequence[Stage]
    batches: StageBatches
    seed: int
    checkpoint: Checkpoint
    on_stage_end: OnStageEnd | None = None
    save_every: float = SAVE_EVERY

    def run(
        self, callback: TrainingCallback, *, saved: SavedState | None = None, body: PretrainedBody | None = None
    ) -> History:
        """Train all stages, or those that remain: after `body`, or inside the one that `saved` was written in.

        Args:
            callback: Told of each stage, epoch and batch.
            saved: Content of the checkpoint.
            body: A model with its first stages done.

        Returns:
            The figures of every epoch by stage.
        """
        first, history = 0, History()
        if saved:
            first, history = saved[0]["stage"], _history_from_json(saved[0]["earlier"])
        elif body:
            first, history = body.stages, _history_from_json(body.state["history"])
            self.multitask.full_model.set_weights(body.weights)
        for number, stage in enumerate(self.stages[first:], start=first):
            if len(self.stages) > 1:
                callback.on_stage(stage.name, number + 1, len(self.stages))
            loop = self._loop(number, stage, dict(history))
            history[stage.name] = loop.run(callback, saved if number == first else None)
            if self.on_stage_end and number < len(self.stages) - 1:
                self.on_stage_end(number + 1, history, self.multitask.full_model.get_weights())
        return history

    def _loop(self, number: int, stage: Stage, earlier: History) -> TrainingLoop:
        def save(state: Mapping[str, Any], arrays: Mapping[str, Arrays]) -> None:
            self.checkpoint.save({**state, "stage": number, "earlier": history_as_json(earlier)}, arrays)

        train, validation = self.batches(stage)
        seed = [self.seed if stage.seed is None else stage.seed, number]
        return TrainingLoop(self.multitask, train, validation, stage, seed, save, self.save_every)


def history_as_json(history: History) -> dict[str, Any]:
    """The figures of every epoch by stage, as plain values."""
    return {name: [asdict(epoch) for epoch in epochs] for name, epochs in history.items()}


def _history_from_json(content: Mapping[str, Any]) -> History:
    return {name: [Epoch(**epoch) for epoch in epochs] for name, epochs in content.items()}
