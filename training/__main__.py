"""`python -m training`: fit, evaluate, compare, knobs."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from serving.errors import ServingError
from training.errors import TrainingError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

RecipePath = Annotated[
    Path, typer.Argument(help="a recipe, or one that comes with the project: gop-debate, sample, tweets")
]
DataFiles = Annotated[
    list[Path], typer.Option("--data", help="CSV, TSV, JSONL (each also .gz) or Parquet; several may follow")
]
MoreFiles = Annotated[list[Path] | None, typer.Argument(help="more data files")]
Out = Annotated[Path, typer.Option("--out", help="folder for the bundle; a bundle that stands there is replaced")]
TextColumn = Annotated[str | None, typer.Option(help="column of texts, instead of the recipe's")]
LabelColumn = Annotated[str | None, typer.Option(help="column of labels, instead of the recipe's")]
Encoding = Annotated[str | None, typer.Option(help="encoding of the files, instead of the recipe's")]


@app.command()
def fit(
    recipe: RecipePath,
    data: DataFiles,
    out: Out,
    more: MoreFiles = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on from the last finished epoch")] = False,
    seed: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
) -> None:
    """Train a network and write a verified bundle."""
    from training.display import Display
    from training.pipeline import Pipeline
    from training.recipe import find_recipe, read_recipe

    columns = _given(text=text_column, label=label_column, encoding=encoding)
    chosen, display = read_recipe(find_recipe(recipe), seed=seed, data=columns), Display()
    try:
        figures = Pipeline(chosen, [*data, *(more or [])], out, display).run(resume=resume)
    except KeyboardInterrupt:
        display.note("Interrupted. With --resume the same command goes on after the last finished epoch.")
        raise typer.Exit(130) from None
    display.figures(figures, "Test part, through serving")
    display.console.print(f"Bundle: {out}", markup=False, emoji=False)


@app.command()
def compare(
    recipe: RecipePath,
    data: DataFiles,
    more: MoreFiles = None,
    bundle: Annotated[
        Path | None, typer.Option(help="a bundle of this recipe and data, instead of training one")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
) -> None:
    """Print the network beside baselines, all on the recipe's test part."""
    from training.compare import compare as compared
    from training.compare import comparison_table
    from training.display import Display
    from training.recipe import find_recipe, read_recipe

    display = Display(Console(stderr=True))
    columns = _given(text=text_column, label=label_column, encoding=encoding)
    chosen = read_recipe(find_recipe(recipe), seed=seed, data=columns)
    typer.echo(comparison_table(compared(chosen, [*data, *(more or [])], display, bundle)))


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="folder of a bundle")],
    data: Annotated[Path, typer.Option("--data", help="a labelled file")],
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Measure a bundle on a labelled file, through the code that serves it."""
    from serving.predictor import Predictor
    from training.display import Display
    from training.evaluation import evaluate_file, learned_from

    predictor = Predictor.load(bundle)
    if learned_from(data, predictor.metadata):
        typer.echo(f"note: the model was made with {data.name}; figures on it flatter", err=True)
    figures = evaluate_file(predictor, data, text=text_column, label=label_column, encoding=encoding)
    if as_json:
        typer.echo(json.dumps(figures.as_json(), indent=2, ensure_ascii=False))
    else:
        Display().figures(figures, data.name)


@app.command()
def knobs() -> None:
    """Print every knob of a recipe with its default, range and meaning, as Markdown."""
    from training.knobs import knob_table

    typer.echo(knob_table())


def _given(**options: str | None) -> dict[str, str]:
    return {name: value for name, value in options.items() if value is not None}


def main(**options: Any) -> None:
    """Run the command line; an error that we know is a sentence, not a traceback."""
    try:
        app(**options)
    except (TrainingError, ServingError) as error:
        Console(stderr=True, soft_wrap=True).print(f"error: {error}", style="red", markup=False, highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
