"""`python -m serving`: the commands that go with the service."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from serving.adopt.command import AdoptCommand, adopt
from serving.errors import ServingError, printable_sentence
from serving.process import processors, set_switch_interval
from serving.scoring.score import PIPE, SWITCH_INTERVAL, ScoreOptions, ScoreProgress
from serving.scoring.score import score as score_file
from serving.tables.base import MAX_TEXT_CHARS
from serving.tables.dialect import DELIMITERS
from serving.tables.formats import GZIP, STREAMS, SUFFIXES, Table

_SUFFIXES = f"{', '.join(SUFFIXES)}, and those of texts also with {GZIP}"


@contextmanager
def progress_bar(
    console: Console, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[ScoreProgress], None]]:
    """Progress bar of `score`: gives the function that moves it.

    Args:
        console: of stderr, for the rows may go to stdout; where it is no terminal, such as a log, nothing is shown.
        clock: in seconds.
    """
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("reading", total=None)
        start = clock()

        def show(progress: ScoreProgress) -> None:
            # Rows that an earlier, interrupted run wrote are none of this one's speed.
            rate = (progress.rows - progress.resumed) / max(clock() - start, 1e-9)
            total = None if progress.fraction is None else 1.0
            text = f"{progress.rows:,} rows, {rate:,.0f} rows/s"
            bar.update(task, description=text, total=total, completed=progress.fraction or 0.0)

        yield show


app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

app.command(cls=AdoptCommand)(adopt)


@app.command()
def score(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help=f"{_SUFFIXES}; - for standard input")],
    output: Annotated[Path, typer.Option(help="the same rows with columns added; default: standard output")] = PIPE,
    bundle: Annotated[Path, typer.Option(envvar="MODEL_DIR", help="folder of the model")] = Path("artifacts"),
    text_column: Annotated[str, typer.Option(help="column of texts; default: as its name and its cells show")] = "",
    encoding: Annotated[str, typer.Option(help="of a text file; default: UTF-8, or as a byte-order mark says")] = "",
    output_encoding: Annotated[str, typer.Option(help="of what is written; default: UTF-8")] = "",
    delimiter: Annotated[str, typer.Option(help=f"of a CSV: {', '.join(DELIMITERS)}; default: as it looks")] = "",
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="whether a CSV has one; default: as its first row looks")
    ] = None,
    pipe_format: Annotated[
        str, typer.Option("--format", help=f"of standard output: {', '.join(STREAMS)}; default: as the input")
    ] = "",
    max_text_chars: Annotated[
        int, typer.Option(min=1, envvar="MAX_TEXT_CHARS", help="characters of a text; a longer one gets an error")
    ] = MAX_TEXT_CHARS,
    threads: Annotated[int | None, typer.Option(min=1, help="default: one for each core")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with what an interrupted run has left")] = False,
) -> None:
    """Predict every row of a file."""
    from serving.model.predictor import Predictor

    set_switch_interval(SWITCH_INTERVAL)
    options = ScoreOptions(
        text_column=text_column,
        encoding=encoding,
        output_encoding=output_encoding,
        delimiter=delimiter,
        header={True: "true", False: "false", None: "auto"}[header],
        max_text_chars=max_text_chars,
        threads=threads or processors(),
        resume=resume,
        pipe_format=pipe_format,
    )
    predictor = Predictor.load(bundle)
    try:
        with progress_bar(Console(stderr=True)) as show:
            progress = score_file(predictor, source, output, options, show, _tell)
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command with --resume goes on from here", err=True)
        raise typer.Exit(130) from None
    model = f"{predictor.metadata.name} {predictor.metadata.model_version}"
    resumed = f", {progress.resumed:,} of them before" if progress.resumed else ""
    errors = f", {progress.errors:,} of them with an error" if progress.errors else ""
    target = "standard output" if output == PIPE else output
    typer.echo(
        f"{progress.rows:,} rows written to {target}{resumed}{errors}, by the model {model} in {bundle}", err=True
    )


def _tell(table: Table) -> None:
    """Say on stderr what was decided about a file."""
    typer.echo(f"texts: column {table.text_name!r}", err=True)
    for note in table.reader.notes:
        typer.echo(note, err=True)


@app.command()
def openapi() -> None:
    """Print the OpenAPI description of the HTTP API. Needs no bundle."""
    from serving.web.app import undeployed_app

    typer.echo(json.dumps(undeployed_app().openapi(), indent=2, sort_keys=True, ensure_ascii=False))


def main() -> None:
    """Run the command line; an error that we know is a sentence, not a traceback."""
    try:
        app()
    except ServingError as error:
        sys.exit(f"error: {printable_sentence(error)}")


if __name__ == "__main__":
    main()
