"""`python -m serving`: the commands that go with the service."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from serving.adopt.command import AdoptCommand, adopt
from serving.errors import ServingError, printable_sentence
from serving.feedback.command import corrections
from serving.scoring.command import ScoreCommand, score

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

app.command(cls=AdoptCommand)(adopt)
app.command(cls=ScoreCommand)(score)
app.command()(corrections)


@app.command()
def openapi(
    bundle: Annotated[Path | None, typer.Option(help="Whose fields are described; by default texts are.")] = None,
) -> None:
    """Print the OpenAPI description of the HTTP API."""
    from serving.model.predictor import Predictor
    from serving.web.app import describe
    from serving.web.inputs.kinds import WebTexts, web_input

    predictor = Predictor.load(bundle) if bundle else None
    document = describe(web_input(predictor.fields, predictor.metadata) if predictor else WebTexts())
    typer.echo(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False))


def main() -> None:
    """Run the command line; an error that we know is a sentence, not a traceback."""
    try:
        app()
    except ServingError as error:
        sys.exit(f"error: {printable_sentence(error)}")


if __name__ == "__main__":
    main()
