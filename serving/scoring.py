"""Predictions for files: every row comes back, in order, with cells added."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from serving.errors import FileError
from serving.predictor import Prediction, Predictor
from serving.row_files import Cells, Columns, PartialFile, check_suffix, open_reader, open_writer

NOTHING_TO_READ = "no text"


def score_file(
    predictor: Predictor,
    source: Path,
    target: Path,
    *,
    text_column: str | None = None,
    encoding: str = "utf-8",
    progress: Callable[[int], object] = int,
) -> int:
    """Write `source` to `target` with the columns `label`, `probability`, `p_<label>` and `error` added.

    CSV, TSV or Parquet by the suffix, each of any size: rows go through in pieces. `text_column` defaults to the one
    that the model was made with. Where the file has one of the added names already, all are added as
    `predicted_<name>`. A row without text has empty cells and says so in `error`. `target` appears only when it is
    whole. `progress` is told the rows done so far; returns their number. Raises FileError.
    """
    suffix, rows = check_suffix(target), 0
    if target.exists() and source.exists() and target.samefile(source):
        raise FileError(f"{target}: is the input; accepted: another name, so that nothing is lost")
    text_column = text_column or predictor.metadata.recipe.get("data", {}).get("text", "text")
    with PartialFile(target) as file, ExitStack() as closing:
        reader = open_reader(source, encoding, closing)
        names = [name for name, _ in reader.columns]
        place = _place(text_column, names, source)
        columns = [*reader.columns, *_added_columns(predictor.metadata.labels, names)]
        writer = open_writer(file.partial, suffix, columns, closing)
        for chunk in reader.chunks():
            writer.write(list(_scored(predictor, chunk, place)))
            rows += len(chunk)
            progress(rows)
        if not rows:
            raise FileError(f"{source}: has no rows below its header")
    return rows


def _place(column: str, names: list[str], source: Path) -> int:
    if names.count(column) != 1:
        found = "no column" if column not in names else f"{names.count(column)} columns"
        listed = ", ".join(map(repr, names))
        raise FileError(f"{source}: {found} {column!r}; found: {listed}; --text-column names another")
    return names.index(column)


def _added_columns(labels: list[str], taken: list[str]) -> Columns:
    floats = [(name, "double") for name in ("probability", *(f"p_{label}" for label in labels))]
    added: Columns = [("label", "string"), *floats, ("error", "string")]
    prefix = ""
    while any(prefix + name in taken for name, _ in added):
        prefix += "predicted_"
    return [(prefix + name, kind) for name, kind in added]


def _scored(predictor: Predictor, chunk: list[Cells], place: int) -> Iterator[Cells]:
    texts = [_text(row[place]) for row in chunk]
    readable = [text for text in texts if text.strip()]
    predictions = iter(predictor.predict(readable))
    nothing: Cells = [None] * (2 + len(predictor.metadata.labels))
    for row, text in zip(chunk, texts, strict=True):
        yield [*row, *_cells(next(predictions)), None] if text.strip() else [*row, *nothing, NOTHING_TO_READ]


def _text(cell: Any) -> str:
    missing = cell is None or cell != cell  # as NaN alone does
    return "" if missing else str(cell)


def _cells(prediction: Prediction) -> list[Any]:
    return [prediction.label, prediction.probability, *prediction.probabilities.values()]
