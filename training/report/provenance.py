"""Where a model is from: files, cleaning, parts, libraries, and the way to make it again."""

import shlex
from collections.abc import Iterator
from typing import Any

from serving.metadata import Metadata
from training.report.table import Table, count


def file_table(metadata: Metadata) -> Table:
    """What each file is, its terms, the start of its sha256, its rows."""
    rows = [
        (file.file, _said(metadata, file.file, "about"), _said(metadata, file.file, "terms"), file.sha256[:12])
        for file in metadata.data
    ]
    sizes = [count(file.rows) for file in metadata.data]
    headings = ("file", "what it is", "terms", "sha256", "rows")
    return Table("Files", headings, [(*row, size) for row, size in zip(rows, sizes, strict=True)], words=4)


def split_table(metadata: Metadata) -> Table:
    """Rows of each class in each part."""
    parts = list(metadata.split)
    rows = [(label, *(count(metadata.split[part].get(label, 0)) for part in parts)) for label in metadata.labels]
    total = ("all", *(count(sum(metadata.split[part].values())) for part in parts))
    return Table("Parts by class", ("class", *parts), [*rows, total] if parts else [])


def cleaning_table(metadata: Metadata) -> Table:
    """What was read, what each rule dropped or merged, what was kept."""
    rows = [(rule, count(rows)) for rule, rows in metadata.cleaning.items()]
    return Table("Cleaning", ("rule", "rows"), rows)


def library_table(metadata: Metadata) -> Table:
    """The versions that shaped the model."""
    return Table("Libraries", ("library", "version"), list(metadata.libraries.items()), words=2)


def command(metadata: Metadata) -> str:
    """The shell command that trains the same model from its recipe and files."""
    files = shlex.join([file.file for file in metadata.data]) or "FILES"
    return f"python -m training fit recipe.toml --data {files} --out build --seed {metadata.seed}"


def sources(metadata: Metadata) -> Iterator[dict[str, Any]]:
    """The recipe's `[[data.sources]]`."""
    yield from metadata.recipe.get("data", {}).get("sources", [])


def _said(metadata: Metadata, file: str, key: str) -> str:
    """What the recipe's sources of this file say, each thing once, or else its data; a dash where neither does."""
    found = [str(source.get(key) or "") for source in sources(metadata) if source.get("file") == file]
    of_all = str(metadata.recipe.get("data", {}).get(key) or "–")
    return " ".join(dict.fromkeys(filter(None, found))) or of_all
