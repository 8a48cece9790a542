"""What a run shows on the terminal: tables, and for each epoch its progress, figures and the time left."""

from collections.abc import Mapping
from math import isnan

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from training.evaluation.metrics import NUMBERED, Figures, most_frequent
from training.progress import Epoch, TrainingCallback


def figure_tables(figures: Figures, title: str) -> list[Table]:
    """Overall, by class, and the confusion matrix with the truth in rows; of many classes its largest mistakes."""
    confusion = _matrix if len(figures.confusion) <= NUMBERED else _mistakes
    return [_overall(figures, title), _classes(figures), confusion(figures)]


def _overall(figures: Figures, title: str) -> Table:
    overall = Table(title=Text(f"{title}: {figures.rows:,} rows"), title_justify="left", show_header=False)
    for name, value in (
        ("macro recall", figures.macro_recall),
        ("macro F1", figures.macro_f1),
        ("accuracy", figures.accuracy),
        ("expected calibration error", figures.expected_calibration_error),
        ("  before temperature scaling", figures.expected_calibration_error_uncalibrated),
        ("  by chance, if it were perfect", figures.expected_calibration_error_by_chance),
    ):
        overall.add_row(name, f"{value:.4f}")
    return overall


def _classes(figures: Figures) -> Table:
    classes = Table("class", "precision", "recall", "F1", "rows")
    for name, row in figures.classes.items():
        classes.add_row(Text(name), f"{row.precision:.4f}", f"{row.recall:.4f}", f"{row.f1:.4f}", f"{row.rows:,}")
    return classes


def _matrix(figures: Figures) -> Table:
    confusion = Table("truth \\ predicted")
    for name in figures.confusion:
        confusion.add_column(Text(name))
    for name, counts in figures.confusion.items():
        confusion.add_row(Text(name), *(f"{count:,}" for count in counts.values()))
    return confusion


def _mistakes(figures: Figures) -> Table:
    mistakes = Table("truth", "predicted", "rows", title="The most frequent confusions", title_justify="left")
    for cell in most_frequent(figures):
        mistakes.add_row(Text(cell.truth), Text(cell.predicted), f"{cell.rows:,}")
    return mistakes


class Display(TrainingCallback):
    """Shows a run on `console`. Where that is no terminal, one line an epoch and no bar."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._epochs, self._first, self._seconds = 0, 1, list[float]()

    def on_dataset(self, cleaning: Mapping[str, int], sizes: Mapping[str, Mapping[str, int]]) -> None:
        """What was read and dropped, and the parts by class."""
        rules = Table(title="Cleaning", title_justify="left")
        rules.add_column("rule")
        rules.add_column("rows", justify="right")
        for rule, rows in cleaning.items():
            rules.add_row(Text(rule), f"{rows:,}")
        self.console.print(rules)
        parts = Table("class", title="Parts", title_justify="left")
        for part in sizes:
            parts.add_column(part, justify="right")
        for label in next(iter(sizes.values()), {}):
            parts.add_row(Text(label), *(f"{size[label]:,}" for size in sizes.values()))
        parts.add_row("all", *(f"{sum(size.values()):,}" for size in sizes.values()))
        self.console.print(parts)

    def on_weak_labels(self, cleaning: Mapping[str, int], tasks: Mapping[str, tuple[int, int]]) -> None:
        """What pre-training was read from."""
        for rule, count in cleaning.items():
            self.console.print(Text(f"  pre-training, {rule}: {count:,}"))
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

    def on_verified(self, rows: int, difference: float) -> None:
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
