"""`python -m serving`: the commands that go with the service."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from serving.errors import ServingError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def score(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="CSV, TSV or Parquet")],
    output: Annotated[Path, typer.Option(help="the same rows with label and probabilities added")],
    bundle: Annotated[Path, typer.Option(envvar="MODEL_DIR", help="folder of the model")] = Path("artifacts"),
    text_column: Annotated[
        str | None, typer.Option(help="column of texts; default: what the model was made with")
    ] = None,
    encoding: Annotated[str, typer.Option(help="encoding of a CSV or TSV")] = "utf-8",
) -> None:
    """Predict every row of a file."""
    from serving.predictor import Predictor
    from serving.scoring import score_file

    predictor = Predictor.load(bundle)
    rows = score_file(predictor, source, output, text_column=text_column, encoding=encoding, progress=_show)
    model = f"{predictor.metadata.name} {predictor.metadata.model_version}"
    typer.echo(f"\r{rows:,} rows written to {output}, by the model {model} in {bundle}", err=True)


@app.command()
def openapi() -> None:
    """Print the OpenAPI description of the HTTP API. Needs no bundle."""
    from serving.app import undeployed_app

    typer.echo(json.dumps(undeployed_app().openapi(), indent=2, sort_keys=True, ensure_ascii=False))


def _show(rows: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{rows:,} rows", nl=False, err=True)


def main() -> None:
    """Run the command line; an error that we know is a sentence, not a traceback."""
    try:
        app()
    except ServingError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
