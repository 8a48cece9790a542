"""The stages of a run in their order: each fits the same network, on rows and by a schedule of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from training.fit.batches import Batches
from training.fit.checkpoint import Arrays, Checkpoint
from training.fit.loop import TrainingLoop
from training.fit.stage_cache import PretrainedBody
from training.model.multitask import MultiTaskModel
from training.progress import Epoch, TrainingCallback
from training.recipe.stages import Stage

History = dict[str, list[Epoch]]
Saved = tuple[dict[str, Any], dict[str, Arrays]]
Rows = Callable[[Stage], tuple[Batches, Batches | None]]
Finished = Callable[[int, History, Arrays], None]


class Stages:
    """Runs the stages of one recipe.

    Arguments: the model; the stages; `rows`, which gives a stage's training rows and, where it trains the network's
    own head, the rows that choose the epoch to keep; the recipe's seed; the checkpoint that an interrupted run goes on
    from; and `finished`, which is told of each stage but the last: how many are done, the history, the weights.
    """

    def __init__(
        self,
        multitask: MultiTaskModel,
        stages: Sequence[Stage],
        rows: Rows,
        seed: int,
        checkpoint: Checkpoint,
        finished: Finished | None = None,
    ) -> None:
        self.multitask, self.stages, self.rows, self.seed = multitask, list(stages), rows, seed
        self.checkpoint, self.finished = checkpoint, finished

    def run(
        self, watcher: TrainingCallback, *, saved: Saved | None = None, body: PretrainedBody | None = None
    ) -> History:
        """Train all stages, or those that are left: after `body`, or inside the one that `saved` was kept in.

        `saved`: what the checkpoint holds. Returns the figures of every epoch by stage.
        """
        history: History = {}
        first = 0
        if body:
            first, history = body.stages, _loaded(body.state["history"])
            for variable, value in zip(self.multitask.whole.weights, body.weights, strict=True):
                variable.assign(value)
        if saved:
            first, history = saved[0]["stage"], _loaded(saved[0]["earlier"])
        for number in range(first, len(self.stages)):
            history[self.stages[number].name] = self._stage(number, dict(history), watcher, saved)
            saved = None
            if self.finished and number < len(self.stages) - 1:
                self.finished(number + 1, history, self.multitask.whole.get_weights())
        return history

    def _stage(self, number: int, earlier: History, watcher: TrainingCallback, saved: Saved | None) -> list[Epoch]:
        stage = self.stages[number]
        if len(self.stages) > 1:
            watcher.on_stage(stage.name, number + 1, len(self.stages))

        def keep(state: Mapping[str, Any], arrays: Mapping[str, Arrays]) -> None:
            self.checkpoint.save({**state, "stage": number, "earlier": dumped(earlier)}, arrays)

        train, validation = self.rows(stage)
        seed = [self.seed if stage.seed is None else stage.seed, number]
        return TrainingLoop(self.multitask, train, validation, stage, seed, keep).run(watcher, saved)


def dumped(history: History) -> dict[str, Any]:
    """As JSON."""
    return {name: [asdict(epoch) for epoch in epochs] for name, epochs in history.items()}


def _loaded(content: Mapping[str, Any]) -> History:
    return {name: [Epoch(**epoch) for epoch in epochs] for name, epochs in content.items()}
