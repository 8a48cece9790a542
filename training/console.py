"""Terminal output of a run: tables, and for each epoch its progress, figures and the time left."""

from collections.abc import Mapping, Sequence
from math import isnan

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable
from rich.text import Text

from training.evaluation.metrics import Figures
from training.evaluation.tables import (
    Table,
    as_markdown,
    calibration_reading,
    class_table,
    cleaning_table,
    confusion_table,
    count,
    few_rows_notes,
    field_table,
    key_figures,
)
from training.progress import Epoch, TrainingCallback
from training.recipe.fields import FieldConfig


def as_rich(table: Table) -> RichTable:
    """A table for the terminal."""
    shown = RichTable(title=Text(table.title), title_justify="left")
    for place, heading in enumerate(table.headings):
        shown.add_column(Text(heading), justify="left" if place < table.words else "right", overflow="fold")
    for row in table.rows:
        shown.add_row(*map(Text, row))
    return shown


def print_tables(tables: Sequence[Table], console: Console) -> None:
    """Draw tables in a terminal; write them as Markdown into a pipe or a file."""
    for number, table in enumerate(tables):
        if console.is_terminal:
            console.print(as_rich(table))
        else:
            markdown = as_markdown(table)
            console.out(f"\n{markdown}" if number else markdown, highlight=False)


class Display(TrainingCallback):
    """Shows a run. Where the console is no terminal, one line an epoch and no bar.

    Args:
        console: Where to; None: on stdout.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._epochs, self._seconds, self._stages = 0, list[float](), 1

    def on_dataset(self, cleaning: Mapping[str, int], sizes: Mapping[str, Mapping[str, int]]) -> None:
        """What was read and dropped, the parts by class, and a note where a class has few rows."""
        self._print(cleaning_table(cleaning))
        labels = next(iter(sizes.values()), {})
        rows = [(label, *(count(size[label]) for size in sizes.values())) for label in labels]
        total = ("all", *(count(sum(size.values())) for size in sizes.values()))
        self._print(Table("Parts", ("class", *sizes), [*rows, total]))
        for note in few_rows_notes(sizes):
            self.on_note(note)

    def on_fields(self, fields: Sequence[FieldConfig]) -> None:
        """What a row has."""
        if fields:
            self._print(field_table(fields))

    def on_weak_labels(self, cleaning: Mapping[str, int], tasks: Mapping[str, tuple[int, int]]) -> None:
        """What pre-training was read from."""
        for rule, dropped in cleaning.items():
            self.console.print(Text(f"  pre-training, {rule}: {count(dropped)}"))
        for task, (rows, classes) in tasks.items():
            self.console.print(Text(f"  task {task}: {rows:,} rows, {classes} classes"))

    def on_stage(self, name: str, number: int, stages: int) -> None:
        """A heading."""
        self._seconds.clear()
        self._stages = stages
        self.console.print(Text(f"Stage {number}/{stages}: {name}"))

    def on_network(self, parameters: int, vocabulary: int, device: str) -> None:
        """What is about to be trained, and where."""
        self.console.print(f"Network: {parameters:,} parameters, vocabulary {vocabulary:,}, on {device}")

    def on_word_vectors(self, words: int) -> None:
        """How much of the vocabulary starts from word vectors."""
        self.console.print(f"Word vectors: for {words:,} of the vocabulary")

    def on_lengths(self, max_tokens: int, cut: float, sufficient: int) -> None:
        """What the recipe's length does to the texts."""
        sentence = f"max_tokens = {max_tokens} cuts {cut:.1%} of the texts; {sufficient} would hold 99% of them whole"
        self.console.print(f"Length: {sentence}", soft_wrap=True)

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
        steady = self._seconds[1:] or self._seconds  # the first builds what the others run
        remaining_seconds = sum(steady) / len(steady) * (self._epochs - epoch.number)
        of_stage = " of this stage" if self._stages > 1 else ""
        mark = "  best" if best and not isnan(epoch.macro_recall) else ""
        self.console.print(
            f"epoch {epoch.number}/{self._epochs}  loss {epoch.loss:.4f}{_validated(epoch)}  {epoch.seconds:.0f} s, "
            f"at most {duration(remaining_seconds)} left{of_stage}{mark}",
            highlight=False,
            soft_wrap=True,
        )

    def on_end(self) -> None:
        """Close the progress display."""
        if self._progress:
            self._progress.stop()

    def on_verified(self, rows: int, difference: float) -> None:
        """Serving and Keras agree."""
        self.console.print(f"Verified: serving and Keras agree within {difference:.1e} on {rows:,} validation rows")

    def next_step(self, sentence: str) -> None:
        """The last line of a command: what to do with what it wrote."""
        self.console.print(Text(sentence), soft_wrap=True)

    def figures(self, figures: Figures, title: str) -> None:
        """All figures of a part."""
        overall = list(key_figures(figures).items())
        self._print(Table(f"{title}: {count(figures.rows)} rows", ("figure", "value"), overall))
        self.console.print(calibration_reading(figures), highlight=False)
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
