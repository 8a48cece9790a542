"""What a run shows on the terminal: tables, and for each epoch its progress, figures and the time left."""

from math import isnan

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from training.dataset import PARTS, Dataset
from training.figure_tables import figure_tables
from training.metrics import Figures
from training.watcher import Epoch, Watcher
from training.weak import WeakRows


class Display(Watcher):
    """Shows a run on `console`. Where that is no terminal, one line an epoch and no bar."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._epochs, self._first, self._seconds = 0, 1, list[float]()

    def dataset(self, dataset: Dataset) -> None:
        """What was read and dropped, and the parts by class."""
        cleaning = Table(title="Cleaning", title_justify="left")
        cleaning.add_column("rule")
        cleaning.add_column("rows", justify="right")
        for rule, rows in dataset.cleaning.items():
            cleaning.add_row(Text(rule), f"{rows:,}")
        self.console.print(cleaning)
        parts, sizes = Table("class", title="Parts", title_justify="left"), dataset.sizes()
        for part in PARTS:
            parts.add_column(part, justify="right")
        for label in dataset.labels:
            parts.add_row(Text(label), *(f"{sizes[part][label]:,}" for part in PARTS))
        parts.add_row("all", *(f"{sum(sizes[part].values()):,}" for part in PARTS))
        self.console.print(parts)

    def weak(self, weak: WeakRows) -> None:
        """What pre-training was read from."""
        for rule, count in weak.cleaning.items():
            self.console.print(Text(f"  pre-training, {rule}: {count:,}"))
        for task, labels in weak.tasks.items():
            rows = int((weak.rows.task == task).sum())
            self.console.print(Text(f"  task {task}: {rows:,} rows, {len(labels)} classes"))

    def on_stage(self, name: str, number: int, stages: int) -> None:
        """A heading."""
        self._seconds.clear()
        self.console.print(Text(f"Stage {number}/{stages}: {name}"))

    def network(self, parameters: int, vocabulary: int, device: str) -> None:
        """What is about to be trained, and where."""
        self.console.print(f"Network: {parameters:,} parameters, vocabulary {vocabulary:,}, on {device}")

    def vectors(self, words: int) -> None:
        """How much of the vocabulary starts from word vectors."""
        self.console.print(f"Word vectors: for {words:,} of the vocabulary")

    def note(self, sentence: str) -> None:
        """Something to know before it goes on."""
        self.console.print(Text(sentence, "yellow"), soft_wrap=True)

    def on_start(self, first: int, epochs: int) -> None:
        """Open the progress display."""
        self._first, self._epochs = first, epochs
        if first > 1:
            self.console.print(f"Resuming after epoch {first - 1}")
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
            self._progress = Progress(*columns, console=self.console, transient=True)
            self._progress.start()
            self._task = self._progress.add_task("")

    def on_batch(self, epoch: int, done: int, batches: int, loss: float) -> None:
        """Move the bar."""
        if self._progress:
            if done == 1:  # a bar that was once full would stay finished, without a time left
                self._progress.reset(self._task, total=batches)
            text = f"epoch {epoch}/{self._epochs} loss {loss:.4f}"
            self._progress.update(self._task, description=text, completed=done, total=batches)

    def on_epoch(self, epoch: Epoch, best: bool) -> None:
        """One line of figures."""
        self._seconds.append(epoch.seconds)
        left = sum(self._seconds) / len(self._seconds) * (self._epochs - epoch.number)
        self.console.print(
            f"epoch {epoch.number}/{self._epochs}  loss {epoch.loss:.4f}{_validated(epoch)}  {epoch.seconds:.0f} s, "
            f"at most {_minutes(left)} left{'  best' if best and not isnan(epoch.macro_recall) else ''}",
            highlight=False,
            soft_wrap=True,
        )

    def on_end(self) -> None:
        """Close the progress display."""
        if self._progress:
            self._progress.stop()

    def verified(self, rows: int, difference: float) -> None:
        """Serving and Keras agree."""
        self.console.print(f"Verified: serving and Keras agree within {difference:.1e} on {rows:,} validation texts")

    def figures(self, figures: Figures, title: str) -> None:
        """All figures of a part."""
        for table in figure_tables(figures, title):
            self.console.print(table)


def _validated(epoch: Epoch) -> str:
    if isnan(epoch.macro_recall):
        return ""
    figures = f"macro recall {epoch.macro_recall:.4f}  accuracy {epoch.accuracy:.4f}"
    return f"  validation loss {epoch.validation_loss:.4f}  {figures}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
