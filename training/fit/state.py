"""How far a fit has come."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from training.progress import Epoch


@dataclass
class Progress:
    """Of the epoch that is going on: batches done, rows and summed loss of them, seconds."""

    batches: int = 0
    rows: int = 0
    total: float = 0.0
    seconds: float = 0.0


@dataclass
class State:
    """Finished epochs, which of them is kept, and the one that is going on."""

    history: list[Epoch] = field(default_factory=list)
    kept: Epoch | None = None
    progress: Progress = field(default_factory=Progress)

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "history": [asdict(epoch) for epoch in self.history],
            "kept": self.kept and self.kept.number,
            "progress": asdict(self.progress),
        }

    @classmethod
    def of(cls, dumped: Mapping[str, Any]) -> "State":
        """From what `dump` gave."""
        history = [Epoch(**epoch) for epoch in dumped["history"]]
        kept = next((epoch for epoch in history if epoch.number == dumped["kept"]), None)
        return cls(history, kept, Progress(**dumped["progress"]))
