"""Callback and figures of a training run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from training.recipe.fields import FieldConfig
from training.recipe.stages import KeepPolicy


@dataclass(frozen=True, slots=True)
class Epoch:
    """Figures of one finished epoch.

    Attributes:
        number: From 1.
        loss: Of the training rows, mean in nats.
        validation_loss: Of the validation part; like the two below NaN in a stage that does not train the network's
            own head.
        macro_recall: Of the validation part.
        accuracy: Of the validation part.
        seconds: Wall time.
    """

    number: int
    loss: float
    validation_loss: float
    macro_recall: float
    accuracy: float
    seconds: float


def select_epoch(history: Sequence[Epoch], keep: KeepPolicy = "best") -> Epoch:
    """The epoch whose weights a stage keeps: the last, or the best.

    The best has the greatest macro recall; of equal ones the least loss, then the first. Without figures, the last.
    Recalls are equal to nine decimals: as many right answers can differ in the last bit by the classes they are of.
    """
    if keep == "last" or isnan(history[-1].macro_recall):
        return history[-1]
    return max(history, key=lambda epoch: (round(epoch.macro_recall, 9), -epoch.validation_loss))


class TrainingCallback:
    """Called at each step of a training run. This one does nothing; a console overrides what it shows."""

    def on_dataset(self, cleaning: Mapping[str, int], sizes: Mapping[str, Mapping[str, int]]) -> None:
        """The rows are read: what each rule dropped, and the rows of each part by class."""

    def on_fields(self, fields: Sequence[FieldConfig]) -> None:
        """The fields of a row; none where a row is a text."""

    def on_weak_labels(self, cleaning: Mapping[str, int], tasks: Mapping[str, tuple[int, int]]) -> None:
        """The weakly labelled rows are read: what each rule dropped, and each task's rows and classes."""

    def on_network(self, parameters: int, vocabulary: int, device: str) -> None:
        """A network of so many parameters is about to be trained."""

    def on_lengths(self, max_tokens: int, cut: float, sufficient: int) -> None:
        """A share of the training texts is `cut` at `max_tokens` tokens; `sufficient` would hold 99% of them whole."""

    def on_word_vectors(self, words: int) -> None:
        """So many words of the vocabulary start from word vectors."""

    def on_note(self, sentence: str) -> None:
        """Something to know before it goes on."""

    def on_stage(self, name: str, number: int, stages: int) -> None:
        """Stage `number` of `stages` is next."""

    def on_start(self, first: int, epochs: int) -> None:
        """Training begins with epoch `first` of at most `epochs`."""

    def on_batch(self, epoch: int, done: int, batches: int, loss: float) -> None:
        """A step is done; `loss` is the mean of the epoch so far."""

    def on_epoch(self, epoch: Epoch, best: bool) -> None:
        """An epoch is finished and its state is on disk; `best`: of a stage that keeps the best, it is that so far."""

    def on_end(self) -> None:
        """Training is over, finished or not."""

    def on_verified(self, rows: int, difference: float) -> None:
        """Serving and Keras agree within `difference` on so many rows."""
