"""`python -m training`: fit, evaluate, compare, tune, report, knobs."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from serving.errors import ServingError
from training.errors import TrainingError
from training.recipe.recipe import Recipe, find_recipe, knob_table, read_recipe

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

RecipePath = Annotated[Path, typer.Argument(help="a recipe, or the name of one in training/recipes, such as sample")]
DataFiles = Annotated[
    list[Path], typer.Option("--data", help="CSV, TSV, JSONL (each also .gz) or Parquet; several may follow")
]
MoreFiles = Annotated[list[Path] | None, typer.Argument(help="more data files")]
Out = Annotated[Path, typer.Option("--out", help="folder for the bundle; a bundle that stands there is replaced")]
StageCache = Annotated[
    Path | None, typer.Option(help="folder for pre-trained bodies, which runs with the same first stages share")
]
ReportTexts = Annotated[
    bool, typer.Option("--report-texts", help="quote the most confident mistakes in the report, for your eyes")
]
TextColumn = Annotated[str | None, typer.Option(help="column of texts, instead of the recipe's")]
LabelColumn = Annotated[str | None, typer.Option(help="column of labels, instead of the recipe's")]
Encoding = Annotated[str | None, typer.Option(help="encoding of the files, instead of the recipe's")]


@app.command()
def fit(
    recipe: RecipePath,
    data: DataFiles,
    out: Out,
    more: MoreFiles = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on from where an interrupted run was")] = False,
    seed: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
    stage_cache: StageCache = None,
    baselines: Annotated[bool, typer.Option(help="train baselines too, for the report")] = True,
    report_texts: ReportTexts = False,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
) -> None:
    """Train a network and write a verified bundle with its report."""
    from training.commands.fit import fit as run_fit
    from training.commands.fit import is_resumable
    from training.console import Display

    chosen, display = _read_recipe(recipe, seed, text=text_column, label=label_column, encoding=encoding), Display()
    paths, choices = [*data, *(more or [])], {"resume": resume, "baselines": baselines, "texts": report_texts}
    try:
        figures = run_fit(chosen, paths, out, display, stage_cache, **choices)
    except KeyboardInterrupt:
        way = "With --resume the same command goes on from about there."
        display.on_note(f"Interrupted. {way if is_resumable(out) else 'There was nothing to go on from yet.'}")
        raise typer.Exit(130) from None
    display.figures(figures, "Test part, through serving")
    display.console.print(f"Bundle: {out}", markup=False, emoji=False)


@app.command()
def report(
    bundle: Annotated[Path, typer.Argument(help="folder of a bundle, whose report is replaced")],
    data: DataFiles,
    more: MoreFiles = None,
    baselines: Annotated[bool, typer.Option(help="train baselines again; else those of the last report stay")] = False,
    report_texts: ReportTexts = False,
) -> None:
    """Measure a bundle on its own data and write its report anew, without training."""
    from training.commands.report import report as run_report
    from training.console import Display

    display = Display()
    figures = run_report(bundle, [*data, *(more or [])], display, baselines=baselines, texts=report_texts)
    display.figures(figures, "Test part, through serving")
    display.console.print(f"Report: {bundle / 'report' / 'report.html'}", markup=False, emoji=False)


@app.command()
def compare(
    recipe: RecipePath,
    data: DataFiles,
    more: MoreFiles = None,
    bundle: Annotated[
        Path | None, typer.Option(help="a bundle of this recipe and data, instead of training one")
    ] = None,
    stage_cache: StageCache = None,
    seed: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
) -> None:
    """Print the network beside baselines, all on the recipe's test part."""
    from training.commands.compare import compare as compared
    from training.console import Display
    from training.evaluation.tables import as_markdown, comparison_table, group_table

    display = Display(Console(stderr=True))
    chosen = _read_recipe(recipe, seed, text=text_column, label=label_column, encoding=encoding)
    rows = compared(chosen, [*data, *(more or [])], display, bundle, stage_cache)
    tables = [comparison_table(rows), group_table(rows)]
    typer.echo("\n\n".join(as_markdown(table) for table in tables if table.rows))


@app.command()
def tune(
    recipe: RecipePath,
    data: DataFiles,
    out: Annotated[Path, typer.Option("--out", help="TOML file for the best recipe; an earlier search's is replaced")],
    more: MoreFiles = None,
    study: Annotated[
        Path | None, typer.Option(help="SQLite file of the trials, which a search goes on from; default: beside --out")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="how many in all, instead of the recipe's")] = None,
    timeout: Annotated[float | None, typer.Option(min=0, help="minutes after which no other trial begins")] = None,
    stage_cache: StageCache = None,
    seed: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="show each training, on stderr")] = False,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
) -> None:
    """Search the ranges that a recipe names for the best macro recall on the validation part."""
    from training.console import Display
    from training.tuning.objective import ValidationRecall
    from training.tuning.search import Search

    chosen, display = _read_recipe(recipe, seed, text=text_column, label=label_column, encoding=encoding), Display()
    paths, file = [*data, *(more or [])], study or out.with_suffix(".sqlite")
    objective = ValidationRecall(paths, stage_cache, verbose=verbose)
    try:
        Search(chosen, paths, out, file, display, objective).run(trials, timeout)
    except KeyboardInterrupt:
        display.on_note(f"Interrupted. Finished trials are in {file}; the same command goes on from there.")
        raise typer.Exit(130) from None
    display.console.print(f"Best recipe: {out}", markup=False, emoji=False)


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
    from serving.model.predictor import Predictor
    from training.console import Display
    from training.evaluation.evaluate import evaluate_file, learned_from

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
    typer.echo(knob_table())


def _read_recipe(recipe: Path, seed: int | None, **columns: str | None) -> Recipe:
    options = {name: value for name, value in columns.items() if value is not None}
    return read_recipe(find_recipe(recipe), seed=seed, data=options)


def main(**options: Any) -> None:
    """Run the command line; an error that we know is a sentence, not a traceback."""
    try:
        app(**options)
    except (TrainingError, ServingError) as error:
        Console(stderr=True, soft_wrap=True).print(f"error: {error}", style="red", markup=False, highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
