"""What a fit tells of itself as it goes on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Epoch:
    """Figures of one finished epoch. Losses in nats, `seconds` of wall time."""

    number: int
    loss: float
    validation_loss: float
    macro_recall: float
    accuracy: float
    seconds: float


class Watcher:
    """Told how a fit goes on. This one is silent; a display overrides what it shows."""

    def on_start(self, first: int, epochs: int) -> None:
        """Training begins with epoch `first` of at most `epochs`."""

    def on_batch(self, epoch: int, done: int, batches: int, loss: float) -> None:
        """A step is done; `loss` is the mean of the epoch so far."""

    def on_epoch(self, epoch: Epoch, best: bool) -> None:
        """An epoch is finished and its state is on disk."""

    def on_end(self) -> None:
        """Training is over, finished or not."""
