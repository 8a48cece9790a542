"""Terminal output of a run: tables, and for each epoch its progress, figures and the time left."""

from collections.abc import Mapping
from math import isnan

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable
from rich.text import Text

from training.evaluation.metrics import Figures
from training.evaluation.tables import Table, class_table, confusion_table, count, key_figures, share
from training.progress import Epoch, TrainingCallback


def as_rich(table: Table) -> RichTable:
    """A table for the terminal."""
    shown = RichTable(title=Text(table.title), title_justify="left")
    for place, heading in enumerate(table.headings):
        shown.add_column(Text(heading), justify="left" if place < table.words else "right")
    for row in table.rows:
        shown.add_row(*map(Text, row))
    return shown


class Display(TrainingCallback):
    """Shows a run. Where the console is no terminal, one line an epoch and no bar.

    Args:
        console: Where to; None: on stdout.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._epochs, self._seconds = 0, list[float]()

    def on_dataset(self, cleaning: Mapping[str, int], sizes: Mapping[str, Mapping[str, int]]) -> None:
        """What was read and dropped, and the parts by class."""
        self._print(Table("Cleaning", ("rule", "rows"), [(rule, count(rows)) for rule, rows in cleaning.items()]))
        labels = next(iter(sizes.values()), {})
        rows = [(label, *(count(size[label]) for size in sizes.values())) for label in labels]
        total = ("all", *(count(sum(size.values())) for size in sizes.values()))
        self._print(Table("Parts", ("class", *sizes), [*rows, total]))

    def on_weak_labels(self, cleaning: Mapping[str, int], tasks: Mapping[str, tuple[int, int]]) -> None:
        """What pre-training was read from."""
        for rule, dropped in cleaning.items():
            self.console.print(Text(f"  pre-training, {rule}: {count(dropped)}"))
        for task, (rows, classes) in tasks.items():
            self.console.print(Text(f"  task {task}: {rows:,} rows, {classes} classes"))

    def on_stage(self, name: str, number: int, stages: int) -> None:
        """A heading."""
        self._seconds.clear()
        self.console.print(Text(f"Stage {number}/{stages}: {name}"))

    def on_network(self, parameters: int, vocabulary: int, device: str) -> None:
        """What is about to be trained, and where."""
        self.console.print(f"Network: {parameters:,} parameters, vocabulary {vocabulary:,}, on {device}")

    def on_word_vectors(self, words: int) -> None:
        """How much of the vocabulary starts from word vectors."""
        self.console.print(f"Word vectors: for {words:,} of the vocabulary")

    def on_note(self, sentence: str) -> None:
        """Something to know before it goes on."""
        self.console.print(Text(sentence, "yellow"), soft_wrap=True)

    def on_start(self, first: int, epochs: int) -> None:
        """Open the progress display."""
        self._epochs = epochs
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
        remaining_seconds = sum(self._seconds) / len(self._seconds) * (self._epochs - epoch.number)
        self.console.print(
            f"epoch {epoch.number}/{self._epochs}  loss {epoch.loss:.4f}{_validated(epoch)}  {epoch.seconds:.0f} s, "
            f"at most {duration(remaining_seconds)} left{'  best' if best and not isnan(epoch.macro_recall) else ''}",
            highlight=False,
            soft_wrap=True,
        )

    def on_end(self) -> None:
        """Close the progress display."""
        if self._progress:
            self._progress.stop()

    def on_verified(self, rows: int, difference: float) -> None:
        """Serving and Keras agree."""
        self.console.print(f"Verified: serving and Keras agree within {difference:.1e} on {rows:,} validation texts")

    def figures(self, figures: Figures, title: str) -> None:
        """All figures of a part."""
        overall = {
            **key_figures(figures),
            "  before temperature scaling": share(figures.expected_calibration_error_uncalibrated),
            "  by chance, if it were perfect": share(figures.expected_calibration_error_by_chance),
        }
        self._print(Table(f"{title}: {count(figures.rows)} rows", ("figure", "value"), list(overall.items())))
        self._print(class_table(figures))
        self._print(confusion_table(figures))

    def _print(self, table: Table) -> None:
        self.console.print(as_rich(table))


def _validated(epoch: Epoch) -> str:
    if isnan(epoch.macro_recall):
        return ""
    figures = f"macro recall {epoch.macro_recall:.4f}  accuracy {epoch.accuracy:.4f}"
    return f"  validation loss {epoch.validation_loss:.4f}  {figures}"


def duration(seconds: float) -> str:
    """Seconds, or from 90 of them on minutes, as a person says them."""
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
