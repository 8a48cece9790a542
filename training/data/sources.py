"""Rows of a recipe's sources, as they stand in the files, before anything is cleaned."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from serving.model.bundle import sha256
from serving.model.metadata import DataFile
from training.data.cleaning import plain_label
from training.data.readers import column, fingerprint, read_table
from training.data.rows import RowReader, TextReader
from training.errors import DataError
from training.recipe.data import DataConfig, Source


def target_paths(paths: Sequence[Path], data: DataConfig) -> list[Path]:
    """The files with the recipe's labels.

    Raises:
        DataError: A file of the recipe is missing, or one is not of the recipe.
    """
    if not data.sources:
        return list(paths)
    accepted = {source.file for source in data.sources}
    for path in paths:
        if path.name not in accepted:
            raise DataError(f"{path}: the recipe has no source for this file; accepted: {', '.join(sorted(accepted))}")
    missing = accepted - {path.name for path in paths}
    if missing:
        raise DataError(f"--data: the recipe also needs {', '.join(sorted(missing))}; found: {[p.name for p in paths]}")
    targets = {source.file for source in data.target_sources}
    return [path for path in paths if path.name in targets]


def write_bundled(data: DataConfig, folder: Path) -> Path:
    """Write the rows that come with scikit-learn as a CSV file, whose last column is `label`.

    Args:
        data: The recipe's `[data]`.
        folder: For the file.

    Raises:
        DataError: The recipe has none.
    """
    if data.bundled is None:
        raise DataError("--data: missing; accepted: one file or several, for this recipe has no rows of its own")
    import sklearn.datasets

    rows = getattr(sklearn.datasets, f"load_{data.bundled}")(as_frame=True)
    path = folder / f"{data.bundled}.csv"
    rows.data.assign(label=rows.target_names[rows.target]).to_csv(path, index=False, lineterminator="\n")
    return path


def in_order(paths: Sequence[Path], data: DataConfig) -> list[Path]:
    """The files as the recipe names them, others by name: the order on a command line decides nothing."""
    order = {source.file: number for number, source in reversed(list(enumerate(data.sources)))}
    return sorted(paths, key=lambda path: (order.get(path.name, len(order)), path.name, str(path)))


def file_hashes(paths: Sequence[Path], data: DataConfig) -> list[tuple[str, str]]:
    """Name and sha256 of each file, in the order in which they are read.

    Raises:
        DataError: One cannot be read.
    """
    hashes = []
    for path in in_order(paths, data):
        try:
            hashes.append((path.name, sha256(path)))
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    return hashes


def read_rows(
    paths: Sequence[Path],
    data: DataConfig,
    chosen: Sequence[Source],
    seed: int,
    notes: list[str] | None = None,
    reader: RowReader | None = None,
) -> tuple[pd.DataFrame, list[DataFile]]:
    """Read the rows of some sources.

    Args:
        paths: Files to read.
        data: The recipe's `[data]`.
        chosen: Sources whose rows are wanted. None at all: each file is one.
        seed: Draws the rows of sources that give only some.
        notes: Gets sentences on what was decided about the files.
        reader: Of the rows; default: of texts.

    Returns:
        A frame with columns `row`, `label` (as written), `source`, `group`, `slices`, `task`, `origin` (for messages),
        `part`, `hold_out` and `weight`; and the files' fingerprints.

    Raises:
        DataError: A file cannot be used, or a source chooses no row of it.
    """
    frames, files, notes = [], [], [] if notes is None else notes
    reader = reader or TextReader(data)
    for path in in_order(paths, data):
        sources = [source for source in chosen if source.file == path.name] or [Source(file=path.name)]
        table = read_file(path, data, sources, notes, reader.columns)
        files.append(fingerprint(path, len(table)))
        frames += [_rows(table, path, source, data, seed, reader, notes) for source in sources]
    return pd.concat(frames, ignore_index=True), files


def read_file(
    path: Path, data: DataConfig, sources: Sequence[Source], notes: list[str], names: Iterable[str] = ()
) -> pd.DataFrame:
    """Every column of a file, as these sources of it say that it is read; see `read_table`."""
    encoding = next((source.encoding for source in sources if source.encoding), data.encoding)
    header = next((source.header for source in sources if source.header), data.header)
    labels = {source.label or data.label for source in sources}
    label = labels.pop() if len(labels) == 1 else ""
    decisions: list[str] = []
    table = read_table(path, encoding, quoted=data.quoted, header=header, names=names, label=label, notes=decisions)
    notes += [f"{path}: {decision}" for decision in decisions]
    return table


def source_of(path: Path, data: DataConfig) -> Source:
    """What the recipe says of a file of this name, of its own labels first; else a source without special keys."""
    sources = (source for source in (*data.target_sources, *data.task_sources) if source.file == path.name)
    return next(sources, Source(file=path.name))


def read_labels(table: pd.DataFrame, name: str, path: Path, rename: Mapping[str, str]) -> "pd.Series[str]":
    """A column of labels, each as classes are told apart, then renamed. Raises DataError where there is no such one."""
    labels = column(table, name, path).map(plain_label)
    return labels.replace({plain_label(label): new for label, new in rename.items()})


def _rows(
    table: pd.DataFrame, path: Path, source: Source, data: DataConfig, seed: int, reader: RowReader, notes: list[str]
) -> pd.DataFrame:
    table = table[_chosen(table, path, source)]
    if table.empty:
        raise DataError(f"{path}: no row is left by where={source.where} where_not={source.where_not}")
    if source.rows and source.rows < len(table):
        table = table.sample(source.rows, random_state=seed).sort_index()
    groups = column(table, source.group, path) if source.group else source.key
    labels = read_labels(table, source.label or data.label, path, {} if source.task else data.rename)
    rows, slices = reader.read(table, path, source, notes), _slices(table, path, reader.slices, data.missing)
    frame = pd.DataFrame({"row": rows, "label": labels, "group": groups, "slices": slices})
    return frame.assign(
        source=source.key,
        task=source.task or "",
        origin=f"{path}, column {source.label or data.label!r}",
        part=source.part or "",
        hold_out=source.hold_out,
        weight=source.weight,
    )


def _slices(table: pd.DataFrame, path: Path, names: Sequence[str], missing: Sequence[str]) -> "pd.Series[Any]":
    """The values of these columns in each row, as a tuple; "" where one is missing."""
    columns = [column(table, name, path).str.strip().replace(["?", *missing], "") for name in names]
    return pd.Series(list(zip(*columns, strict=True)) if columns else [()] * len(table), table.index, dtype=object)


def _chosen(table: pd.DataFrame, path: Path, source: Source) -> "pd.Series[bool]":
    chosen = pd.Series(True, index=table.index)
    for name, values in source.where.items():
        chosen &= column(table, name, path).isin(values)
    for name, values in source.where_not.items():
        chosen &= ~column(table, name, path).isin(values)
    return chosen
