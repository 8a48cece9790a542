"""`python -m serving`: the commands that go with the service."""

import json

import typer

from serving.app import undeployed_app

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    """From tweets to their sentiment."""


@app.command()
def openapi() -> None:
    """Print the OpenAPI description of the HTTP API. Needs no bundle."""
    typer.echo(json.dumps(undeployed_app().openapi(), indent=2, sort_keys=True, ensure_ascii=False))


if __name__ == "__main__":
    app()
