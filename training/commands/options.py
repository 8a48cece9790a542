"""Options that several commands share, and what they stand for."""

import atexit
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from training.recipe.data import DataConfig
from training.recipe.recipe import Recipe, find_recipe, read_recipe

RecipePath = Annotated[Path, typer.Argument(help="a recipe, or the name of one in training/recipes, such as sample")]
DataFiles = Annotated[
    list[Path],
    typer.Option("--data", help="CSV, TSV, JSONL (each also .gz), Parquet, or of Label Studio; several may follow"),
]
OwnFiles = Annotated[
    list[Path] | None, typer.Option("--data", help="as elsewhere; default: the rows that the recipe brings, if any")
]
MoreFiles = Annotated[list[Path] | None, typer.Argument(help="more data files")]
Out = Annotated[Path, typer.Option("--out", help="folder for the bundle; a bundle that stands there is replaced")]
StageCache = Annotated[
    Path | None, typer.Option(help="folder for pre-trained bodies, which runs with the same first stages share")
]
ReportTexts = Annotated[
    bool, typer.Option("--report-texts", help="quote the most confident mistakes in the report, for your eyes")
]
Cost = Annotated[
    bool, typer.Option("--cost", help="measure quality against speed, memory and size, each model alone on one core")
]
CostTeacher = Annotated[
    Path | None, typer.Option(help="folder of a transformer, which finetune wrote, to measure beside; as with --cost")
]
Study = Annotated[
    Path | None, typer.Option(help="SQLite file of the trials, which a search goes on from; default: beside --out")
]
Storage = Annotated[
    str | None,
    typer.Option(
        help="instead of --study, what several machines share, each by the same command: "
        "postgresql://USER@HOST/DATABASE, or journal:PATH on a shared file system"
    ),
]
TextColumn = Annotated[str | None, typer.Option(help="column of texts, instead of the recipe's")]
LabelColumn = Annotated[str | None, typer.Option(help="column of labels, instead of the recipe's")]
Encoding = Annotated[str | None, typer.Option(help="encoding of the files, instead of the recipe's")]
NoHeader = Annotated[bool, typer.Option("--no-header", help="the files have no row of names: column_1, column_2, ...")]


def paths_of(config: DataConfig, data: list[Path] | None, more: list[Path] | None) -> list[Path]:
    """The files that were named, or one of the rows that the recipe brings, until the process ends."""
    if data:
        return [*data, *(more or [])]
    from training.data.sources import write_bundled

    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    return [write_bundled(config, Path(folder.name))]


def reading(text: str | None, label: str | None, encoding: str | None, no_header: bool) -> dict[str, str]:
    """How files are read, where it is said, by the names that a recipe has for it."""
    options = {"text": text, "label": label, "encoding": encoding, "header": "false" if no_header else None}
    return {name: value for name, value in options.items() if value is not None}


def chosen_recipe(
    recipe: Path,
    seed: int | None,
    text: str | None,
    label: str | None,
    encoding: str | None,
    no_header: bool,
    start: Path | None = None,
) -> Recipe:
    """A recipe with what the command line says instead: its seed, how files are read, what it goes on from."""
    data = reading(text, label, encoding, no_header)
    return read_recipe(find_recipe(recipe), seed=seed, data=data, start=start)


def note(sentence: str) -> None:
    """Tell something beside the results."""
    typer.echo(f"note: {sentence}", err=True)
