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

from serving.errors import ServingError
from serving.process import processors, switch_every
from serving.scoring.score import SWITCH_INTERVAL, ScoreOptions, ScoreProgress
from serving.scoring.score import score as score_file
from serving.tables.base import MAX_TEXT_CHARS
from serving.tables.formats import FORMATS

_SUFFIXES = ", ".join(file_format.suffix for file_format in FORMATS)
_STREAMS = ", ".join(file_format.suffix.removeprefix(".") for file_format in FORMATS if file_format.streams)


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


@app.command()
def score(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help=f"{_SUFFIXES}; - for standard input")],
    output: Annotated[Path, typer.Option(help="the same rows with columns added; - for standard output")],
    bundle: Annotated[Path, typer.Option(envvar="MODEL_DIR", help="folder of the model")] = Path("artifacts"),
    text_column: Annotated[str, typer.Option(help="column of texts; default: what the model was made with")] = "",
    encoding: Annotated[str, typer.Option(help="encoding of a CSV or TSV")] = "utf-8",
    delimiter: Annotated[str, typer.Option(help="of a CSV: comma, semicolon or tab; default: as the header has")] = "",
    pipe_format: Annotated[str, typer.Option("--format", help=f"of what goes through -: {_STREAMS}")] = "",
    max_text_chars: Annotated[
        int, typer.Option(min=1, envvar="MAX_TEXT_CHARS", help="characters of a text; a longer one gets an error")
    ] = MAX_TEXT_CHARS,
    threads: Annotated[int | None, typer.Option(min=1, help="default: one for each core")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with what an interrupted run has left")] = False,
) -> None:
    """Predict every row of a file."""
    from serving.model.predictor import Predictor

    switch_every(SWITCH_INTERVAL)
    options = ScoreOptions(
        text_column=text_column,
        encoding=encoding,
        delimiter=delimiter,
        max_text_chars=max_text_chars,
        threads=threads or processors(),
        resume=resume,
        pipe_format=pipe_format,
    )
    predictor = Predictor.load(bundle)
    try:
        with progress_bar(Console(stderr=True)) as show:
            progress = score_file(predictor, source, output, options, show)
    except KeyboardInterrupt:
        typer.echo("interrupted; with --resume the same command goes on from here", err=True)
        raise typer.Exit(130) from None
    model = f"{predictor.metadata.name} {predictor.metadata.model_version}"
    resumed = f", {progress.resumed:,} of them before" if progress.resumed else ""
    errors = f", {progress.errors:,} of them with an error" if progress.errors else ""
    typer.echo(
        f"{progress.rows:,} rows written to {output}{resumed}{errors}, by the model {model} in {bundle}", err=True
    )


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
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
