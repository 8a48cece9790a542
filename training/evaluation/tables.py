"""Tables of figures as plain text, which the terminal, a report and Markdown show each in their way."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from training.data.rows import as_served
from training.evaluation.behaviour import BehaviourPair, FailureCount, Half
from training.evaluation.metrics import NUMBERED, ClassFigures, Figures, most_frequent, recall_intervals
from training.evaluation.paired import Comparison, Difference, Side
from training.evaluation.results import Row
from training.recipe.fields import FieldConfig

# An underscore inside a word is no sign of emphasis, and file names are full of them.
_MARKDOWN_SIGNS = re.compile(r"[\\`*\[\]<>|#~$&]|(?<![^\W_])_|_(?![^\W_])")


FEW_VALUES = 3  # of a category, in a table of fields
MIN_ROWS = 20  # of a class: among so many, one row more or less moves its recall by 5 points


@dataclass(frozen=True, slots=True)
class Table:
    """A table of plain text.

    Args:
        title: Its caption.
        headings: One for each column.
        rows: Cells, each row as long as the headings.
        words: How many columns, from the first, hold words; the others hold figures, which are set to the right.
        marked: The place of the row that stands out.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    marked: int | None = None


def share(value: float) -> str:
    """A share of 1 with three digits."""
    return f"{value:.3f}"


def percent(value: float) -> str:
    """A share of 1 in points of a hundred, with one digit."""
    return f"{value:.1%}"


def count(value: int) -> str:
    """A number of rows with thousands set apart."""
    return f"{value:,}"


def escaped(value: object) -> str:
    """A value as Markdown that is read as the value, on one line."""
    return _MARKDOWN_SIGNS.sub(r"\\\g<0>", " ".join(str(value).split()))


def as_markdown(table: Table) -> str:
    """A pipe table; the row that stands out is bold."""
    sides = ["---" if i < table.words else "---:" for i in range(len(table.headings))]
    rows = [_markdown_row(row, strong=i == table.marked) for i, row in enumerate(table.rows)]
    return "\n".join([_markdown_row(table.headings), f"|{'|'.join(sides)}|", *rows])


def _markdown_row(cells: Sequence[str], *, strong: bool = False) -> str:
    shown = [f"**{escaped(cell)}**" if strong else escaped(cell) for cell in cells]
    return f"| {' | '.join(shown)} |"


def key_figures(figures: Figures) -> dict[str, str]:
    """The four figures that say most."""
    return {
        "macro recall": share(figures.macro_recall),
        "macro F1": share(figures.macro_f1),
        "accuracy": share(figures.accuracy),
        "expected calibration error": share(figures.expected_calibration_error),
    }


def cleaning_table(cleaning: Mapping[str, int]) -> Table:
    """What was read, what each rule dropped or merged, what was kept."""
    return Table("Cleaning", ("rule", "rows"), [(rule, count(rows)) for rule, rows in cleaning.items()])


def field_table(fields: Sequence[FieldConfig]) -> Table:
    """The fields of a row, and what is accepted in each."""
    rows = [(field.name, field.source, _accepted(field), _missing(field)) for field in fields]
    return Table("Fields", ("field", "column", "accepted", "a missing one becomes"), rows, words=4)


def _accepted(field: FieldConfig) -> str:
    if field.kind == "number":
        return as_served(field).accepted
    more = ", ..." if len(field.values) > FEW_VALUES else ""
    return f"{len(field.values)} values: {', '.join(field.values[:FEW_VALUES])}{more}"


def _missing(field: FieldConfig) -> str:
    default = "the median" if field.kind == "number" else "a value of its own"
    return default if field.missing is None else str(field.missing)


def few_rows_notes(sizes: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A note for each part in which a class has so few rows that figures say little: part -> label -> rows."""
    train, validation = (few_rows(sizes.get(part, {})) for part in ("train", "validation"))
    notes = {
        "train": train and f"{train}. A network learns little from so few.",
        "validation": validation
        and f"{validation}. Where the epoch or the temperature is chosen by them, it is left to chance.",
        "test": worth_of_few(sizes.get("test", {})),
    }
    return [f"Few rows in the {part} part: {note}" for part, note in notes.items() if note]


def worth_of_few(counts: Mapping[str, int]) -> str:
    """The classes with few rows to measure on, and what figures of them are worth; empty without any."""
    few = few_rows(counts)
    if not few:
        return ""
    rows, label = min((rows, label) for label, rows in counts.items() if rows)
    worth = f"One row more or less moves the recall of {label!r} by {100 / rows:.0f} points"
    return f"{few}. {worth}: such figures show that it runs, not how good it is."


def few_rows(counts: Mapping[str, int], limit: int = 5) -> str:
    """The classes with fewer than MIN_ROWS rows, rarest first; empty without any.

    Args:
        counts: Label -> rows.
        limit: How many classes are named at most.
    """
    rare = sorted((rows, label) for label, rows in counts.items() if 0 < rows < MIN_ROWS)
    named = ", ".join(f"{label!r} has {rows}" for rows, label in rare[:limit])
    return f"{named} and {len(rare) - limit} more have few" if len(rare) > limit else named


def calibration_reading(figures: Figures) -> str:
    """What the calibration error means, and the two errors that it is to be compared with, in points of a hundred."""
    error, by_chance, without = (
        f"{100 * value:.1f}"
        for value in (
            figures.expected_calibration_error,
            figures.expected_calibration_error_by_chance,
            figures.expected_calibration_error_uncalibrated,
        )
    )
    return (
        f"Expected calibration error: on average, a probability is {error} points away from how often such answers are "
        f"right. On as many rows, perfect probabilities would seem {by_chance} points away by chance. Without "
        f"temperature scaling it would be {without}."
    )


def class_table(figures: Figures) -> Table:
    """Recall with its interval, precision, F1 and rows of each class."""
    intervals = recall_intervals(figures)
    rows = [(name, *_class_cells(of_class, intervals.get(name))) for name, of_class in figures.classes.items()]
    return Table("By class", ("class", "recall", "95% interval", "precision", "F1", "rows"), rows)


def _class_cells(of_class: ClassFigures, interval: tuple[float, float] | None) -> tuple[str, ...]:
    if interval is None:
        return ("–", "–", "–", "–", "0")
    between = f"{share(interval[0])} to {share(interval[1])}"
    return share(of_class.recall), between, share(of_class.precision), share(of_class.f1), count(of_class.rows)


def confusion_table(figures: Figures) -> Table:
    """The matrix as figures; of one too wide for a page, the most frequent confusions."""
    if len(figures.confusion) <= NUMBERED:
        rows = [(truth, *map(count, counts.values())) for truth, counts in figures.confusion.items()]
        return Table("Confusion matrix with the truth in rows", ("truth \\ predicted", *figures.confusion), rows)
    rows = [(cell.truth, cell.predicted, count(cell.rows), share(cell.share)) for cell in most_frequent(figures)]
    headings = ("truth", "predicted", "rows", "share of the truth's")
    return Table("The most frequent confusions", headings, rows, words=2)


def calibration_table(figures: Figures, temperature: float) -> Table:
    """The errors without and with scaling by the temperature, and what so many rows would show of a perfect one."""
    rows = [
        ("1 (without scaling)", share(figures.expected_calibration_error_uncalibrated)),
        (f"{temperature:.3f} (as served)", share(figures.expected_calibration_error)),
        ("by chance, if calibration were perfect", share(figures.expected_calibration_error_by_chance)),
    ]
    return Table("Calibration", ("temperature", "expected calibration error"), rows)


def comparison_table(models: Sequence[Row], network: Row | None = None) -> Table:
    """Models beside each other, the best macro recall first, the network's row marked where it is among them."""
    ranked = sorted(models, key=lambda row: -row.macro_recall)
    headings = ("model", "macro recall", "macro F1", "accuracy", "training", "size", "predictions/s")
    marked = next((place for place, row in enumerate(ranked) if row is network), None)
    return Table("Beside baselines", headings, [_comparison_cells(row) for row in ranked], marked=marked)


def _comparison_cells(row: Row) -> tuple[str, ...]:
    trained = "before" if row.training_seconds is None else f"{row.training_seconds:,.1f} s"
    size, speed = f"{row.bytes / 1e6:.1f} MB", f"{row.predictions_per_second:,.0f}"
    return (row.name, share(row.macro_recall), share(row.macro_f1), share(row.accuracy), trained, size, speed)


def side_table(comparison: Comparison, sizes: Mapping[str, int]) -> Table:
    """Two bundles beside each other.

    Args:
        comparison: Of the two.
        sizes: Name -> bytes, of the candidate and of the old one.
    """
    sides = zip(sizes.items(), (comparison.candidate, comparison.old), strict=True)
    headings = ("model", "macro recall", "accuracy", "calibration error", "size", "predictions/s")
    rows = [(name, *_side_cells(side), f"{size / 1e6:.1f} MB", _rate(side)) for (name, size), side in sides]
    return Table(f"Both on the same {count(comparison.rows)} rows", headings, rows)


def _side_cells(side: Side) -> tuple[str, ...]:
    return share(side.macro_recall), share(side.accuracy), share(side.calibration_error)


def _rate(side: Side) -> str:
    return f"{side.rows_per_second:,.0f}"


def difference_table(comparison: Comparison) -> Table:
    """The recall of both by class, and what the difference is worth; the mean over the classes is marked."""
    candidate, old, differences = comparison.candidate, comparison.old, comparison.differences
    of_classes = zip(comparison.counts.items(), candidate.recalls, old.recalls, differences.classes, strict=True)
    rows = [(label, count(number), *_difference_cells(a, b, by)) for (label, number), a, b, by in of_classes]
    macro = _difference_cells(candidate.macro_recall, old.macro_recall, differences.macro)
    headings = ("recall of", "rows", "candidate", "in place", "difference", "95% interval")
    return Table("Recall", headings, [*rows, ("mean", count(comparison.rows), *macro)], marked=len(rows))


def _difference_cells(candidate: float, old: float, difference: Difference | None) -> tuple[str, ...]:
    if difference is None:
        return ("–",) * 4
    between = f"{difference.low:+.3f} to {difference.high:+.3f}"
    return share(candidate), share(old), f"{difference.value:+.3f}", between


def group_table(models: Sequence[Row]) -> Table:
    """Each model's macro recall on each held-out group; without rows where none was held out."""
    measured = [row for row in models if row.groups]
    groups = measured[0].groups if measured else {}
    rows = [(group, *(share(row.groups[group]) for row in measured)) for group in groups]
    return Table("Held out from training", ("held-out group", *(row.name for row in measured)), rows)


def behaviour_table(counts: Mapping[str, FailureCount], baselines: Sequence[Row]) -> Table:
    """Failure rates by capability on the measuring half of the behaviour suite: the network's, then the baselines'."""
    measured = [row for row in baselines if row.behaviour]
    rows = [
        (
            capability,
            count(of_network.pairs),
            percent(of_network.rate),
            *(_failure_rate(row, capability) for row in measured),
        )
        for capability, of_network in counts.items()
    ]
    headings = ("capability", "pairs", "network", *(row.name for row in measured))
    return Table("Failure rates on the behaviour suite", headings, rows, marked=len(rows) - 1)


def _failure_rate(row: Row, capability: str) -> str:
    return percent(row.behaviour[capability]) if capability in row.behaviour else "–"


def halves_table(halves: Mapping[Half, Mapping[str, FailureCount]]) -> Table:
    """A bundle's failure rates on both halves of the behaviour suite."""
    capabilities = list(next(iter(halves.values())))
    rows = [
        (capability, *chain.from_iterable(_half_cells(counts[capability]) for counts in halves.values()))
        for capability in capabilities
    ]
    headings = ("capability", *chain.from_iterable((f"{half}: pairs", "failed", "rate") for half in halves))
    return Table("Behaviour suite", headings, rows, marked=len(rows) - 1)


def _half_cells(of_half: FailureCount) -> tuple[str, ...]:
    return count(of_half.pairs), count(of_half.failures), percent(of_half.rate)


def failure_table(failed: Mapping[str, Sequence[BehaviourPair]]) -> Table:
    """Pairs that a bundle failed, with what was expected."""
    rows = [(pair.name, *pair.texts, pair.expectation) for pairs in failed.values() for pair in pairs]
    return Table("Failed pairs of the choosing half", ("pair", "first", "second", "expected"), rows, words=4)
