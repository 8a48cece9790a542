"""`python -m training`: fit, evaluate, promote, behaviour, compare, tune, report, made-up, finetune, answers, knobs."""

import json
import shlex
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from serving.errors import ServingError
from training.commands.options import (
    Cost,
    CostTeacher,
    DataFiles,
    Encoding,
    LabelColumn,
    MoreFiles,
    NoHeader,
    Out,
    OwnFiles,
    RecipePath,
    ReportTexts,
    StageCache,
    Storage,
    Study,
    TextColumn,
    chosen_recipe,
    note,
    paths_of,
    reading,
)
from training.errors import DataError, TrainingError
from training.recipe.recipe import KNOB_HEADINGS, find_recipe, knob_rows, knob_table, read_recipe

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def fit(
    recipe: RecipePath,
    out: Out,
    data: OwnFiles = None,
    more: MoreFiles = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on from where an interrupted run was")] = False,
    start: Annotated[
        Path | None, typer.Option(help="folder of a bundle to go on from, such as artifacts; with recipe corrections")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
    stage_cache: StageCache = None,
    baselines: Annotated[bool, typer.Option(help="train baselines too, for the report")] = True,
    report_texts: ReportTexts = False,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    no_header: NoHeader = False,
) -> None:
    """Train a network and write a verified bundle with its report."""
    from training.commands.fit import fit as run_fit
    from training.commands.fit import is_resumable, next_step
    from training.console import Display

    chosen = chosen_recipe(recipe, seed, text_column, label_column, encoding, no_header, start)
    display, paths = Display(), paths_of(chosen.data, data, more)
    choices = {"resume": resume, "baselines": baselines, "texts": report_texts}
    try:
        figures = run_fit(chosen, paths, out, display, stage_cache, **choices)
    except KeyboardInterrupt:
        way = "The same command with --resume continues from about here."
        display.on_note(f"Interrupted. {way if is_resumable(out) else 'There is nothing to resume yet.'}")
        raise typer.Exit(130) from None
    display.figures(figures, "Test part, through serving")
    display.next_step(next_step(chosen, out))


@app.command()
def report(
    bundle: Annotated[Path, typer.Argument(help="folder of a bundle, whose report is replaced")],
    data: OwnFiles = None,
    more: MoreFiles = None,
    baselines: Annotated[bool, typer.Option(help="train baselines again; else those of the last report stay")] = False,
    report_texts: ReportTexts = False,
    cost: Cost = False,
    teacher: CostTeacher = None,
) -> None:
    """Measure a bundle on its own data and write its report anew, without training."""
    from serving.model.bundle import Bundle
    from training.commands.report import report as run_report
    from training.console import Display
    from training.evaluation.leakage import bundle_recipe

    display = Display()
    recipe = bundle_recipe(Bundle.read(bundle).metadata, bundle)
    choices = {"baselines": baselines, "texts": report_texts, "cost": cost or teacher is not None}
    figures = run_report(bundle, paths_of(recipe.data, data, more), display, **choices, teacher=teacher)
    display.figures(figures, "Test part, through serving")
    display.next_step(f"Report: {bundle / 'report' / 'report.html'}")


@app.command()
def compare(
    recipe: RecipePath,
    data: OwnFiles = None,
    more: MoreFiles = None,
    bundle: Annotated[Path | None, typer.Option(help="a bundle of this recipe and data: none is trained")] = None,
    stage_cache: StageCache = None,
    seed: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    no_header: NoHeader = False,
) -> None:
    """Print the network beside baselines, all on the recipe's test part."""
    from training.commands.compare import compare as compared
    from training.console import Display, print_tables
    from training.evaluation.tables import comparison_table, group_table

    display = Display(Console(stderr=True))
    chosen = chosen_recipe(recipe, seed, text_column, label_column, encoding, no_header)
    rows = compared(chosen, paths_of(chosen.data, data, more), display, bundle, stage_cache)
    tables = [comparison_table(rows), group_table(rows)]
    print_tables([table for table in tables if table.rows], Console())


@app.command()
def tune(
    recipe: RecipePath,
    out: Annotated[Path, typer.Option("--out", help="TOML file for the best recipe; an earlier search's is replaced")],
    data: OwnFiles = None,
    more: MoreFiles = None,
    study: Study = None,
    storage: Storage = None,
    trials: Annotated[int | None, typer.Option(min=1, help="how many in all, instead of the recipe's")] = None,
    timeout: Annotated[float | None, typer.Option(min=0, help="minutes after which no other trial begins")] = None,
    stage_cache: StageCache = None,
    seed: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="show each training, on stderr")] = False,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    no_header: NoHeader = False,
) -> None:
    """Search the ranges that a recipe names for the best macro recall on the validation part."""
    from training.console import Display
    from training.tuning.objective import ValidationRecall
    from training.tuning.search import Search
    from training.tuning.storage import storage_name

    if study and storage:
        raise typer.BadParameter("found both; accepted: one of the two", param_hint="--study, --storage")
    chosen, display = chosen_recipe(recipe, seed, text_column, label_column, encoding, no_header), Display()
    paths, place = paths_of(chosen.data, data, more), storage or study or out.with_suffix(".sqlite")
    objective = ValidationRecall(paths, stage_cache, verbose=verbose)
    try:
        Search(chosen, paths, out, place, display, objective).run(trials, timeout)
    except KeyboardInterrupt:
        where = storage_name(place)
        display.on_note(f"Interrupted. Finished trials are in {where}; the same command continues from there.")
        raise typer.Exit(130) from None
    files = ["--data", *map(str, paths)] if data else []
    command = shlex.join(["python", "-m", "training", "fit", str(out), *files, "--out", "build"])
    display.next_step(f"Best recipe: {out}. Next: train it: {command}")


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="folder of a bundle")],
    data: Annotated[Path, typer.Option("--data", help="a labelled file")],
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    no_header: NoHeader = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Measure a bundle on a labelled file, through the code that serves it."""
    from serving.model.predictor import Predictor
    from training.console import Display
    from training.evaluation.evaluate import evaluate as measured
    from training.evaluation.evaluate import learned_from, read_labelled
    from training.evaluation.tables import worth_of_few

    predictor = Predictor.load(bundle)
    if learned_from(data, predictor.metadata):
        note(f"the model was trained on rows of {data.name}, so these figures are better than on new rows")
    rows = read_labelled(data, predictor.metadata, **reading(text_column, label_column, encoding, no_header))
    for remark in rows.remarks:
        note(remark)
    figures = measured(predictor, rows.rows, rows.truth)
    if few := worth_of_few({label: of_class.rows for label, of_class in figures.classes.items()}):
        note(f"few rows to measure with: {few}")
    if as_json:
        typer.echo(json.dumps(figures.as_json(), indent=2, ensure_ascii=False))
    else:
        Display().figures(figures, data.name)


@app.command()
def promote(
    over: Annotated[Path, typer.Option("--over", help="folder of the bundle that is served, whose place is taken")],
    candidate: Annotated[Path | None, typer.Argument(help="folder of the new bundle, which stays")] = None,
    data: Annotated[list[Path] | None, typer.Option("--data", help="labelled files; several may follow")] = None,
    more: MoreFiles = None,
    force: Annotated[bool, typer.Option("--force", help="replace, whatever the comparison says")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="compare only")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="put the bundle back that stood there before")] = False,
    pid: Annotated[int | None, typer.Option(min=1, max=2**31 - 1, help="the service's process, which is told")] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    no_header: NoHeader = False,
) -> None:
    """Put a bundle in another's place, if it is shown to be as good on labelled rows; the old one is kept."""
    from training.commands import promote as steps
    from training.console import Display

    if rollback == bool(candidate and data) or (rollback and (candidate or data or force or dry_run)):
        raise typer.BadParameter("accepted: CANDIDATE and --data, or --rollback with neither, --force nor --dry-run")
    display = Display(Console(stderr=True))
    if candidate and data:
        files, how_read = [*data, *(more or [])], reading(text_column, label_column, encoding, no_header)
        steps.promote(candidate, over, files, display, how_read, force=force, dry_run=dry_run, pid=pid)
    else:
        steps.rollback(over, display, pid)


@app.command()
def behaviour(
    bundle: Annotated[Path, typer.Argument(help="folder of a bundle with labels negative, neutral and positive")],
    failures: Annotated[
        bool, typer.Option("--failures", help="also list the failed pairs, of the half that may choose between models")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Ask a bundle pairs of short texts: the share that it fails, by capability. No data are needed."""
    from serving.model.predictor import Predictor
    from training.console import print_tables
    from training.evaluation.behaviour import failed_pairs
    from training.evaluation.evaluate import evaluate_behaviour, served_probabilities
    from training.evaluation.tables import failure_table, halves_table

    predictor = Predictor.load(bundle)
    halves = evaluate_behaviour(predictor)
    if as_json:
        content = {half: {name: asdict(count) for name, count in counts.items()} for half, counts in halves.items()}
        typer.echo(json.dumps(content, indent=2))
        return
    tables = [halves_table(halves)]
    if failures:
        labels = predictor.metadata.labels
        tables.append(failure_table(failed_pairs(partial(served_probabilities, predictor), labels, "choosing")))
    print_tables(tables, Console())


@app.command("made-up")
def made_up(
    out: Annotated[Path, typer.Argument(help="CSV file to write, with columns text and kind")],
    rows: Annotated[int, typer.Option(min=1, help="how many texts")] = 40_000,
    seed: Annotated[int, typer.Option(min=0, help="of the draws")] = 1,
) -> None:
    """Write short texts from templates, none of the behaviour suite's. They have no labels: teachers answer them."""
    from training.data.made_up_texts import made_up_texts
    from training.evaluation.behaviour import behaviour_texts

    frame = made_up_texts(rows, seed, behaviour_texts())
    out.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(out, index=False, lineterminator="\n")
    typer.echo(f"{out}: {len(frame):,} texts")


@app.command()
def finetune(
    recipe: RecipePath,
    data: DataFiles,
    out: Annotated[Path, typer.Option("--out", help="folder for the teacher; one that stands there is replaced")],
    more: MoreFiles = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on from where an interrupted run was")] = False,
    seed: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
) -> None:
    """Tune the pre-trained encoder that a recipe names, so that it can teach."""
    from training.console import Display
    from training.teacher.finetuning import finetune as tuned

    chosen, display = read_recipe(find_recipe(recipe), seed=seed), Display()
    try:
        figures = tuned(chosen, [*data, *(more or [])], out, display, resume=resume)
    except KeyboardInterrupt:
        display.on_note("Interrupted. The same command with --resume continues from the last state, if there is one.")
        raise typer.Exit(130) from None
    display.figures(figures, "Validation part")
    display.next_step(f"Teacher: {out}. Next: python -m training answers")


@app.command()
def answers(
    recipe: RecipePath,
    data: DataFiles,
    teacher: Annotated[Path, typer.Option(help="folder that finetune wrote")],
    out: Annotated[Path, typer.Option("--out", help="file of answers, .npz; one of the same teacher is added to")],
    more: MoreFiles = None,
    source: Annotated[list[str] | None, typer.Option(help="only texts of this source; may be given again")] = None,
    seed: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
) -> None:
    """Ask a teacher for its answers to a recipe's texts: a file for `teacher_files`, which holds no text."""
    from training.commands.answers import answers as answered
    from training.console import Display

    chosen, display = read_recipe(find_recipe(recipe), seed=seed), Display()
    try:
        answered(chosen, [*data, *(more or [])], teacher, out, display, source or [])
    except KeyboardInterrupt:
        display.on_note(f"Interrupted. The same command goes on with what {out} lacks.")
        raise typer.Exit(130) from None


@app.command()
def knobs() -> None:
    """Print every knob of a recipe with its default, range and meaning; into a pipe as Markdown."""
    console = Console()
    if not console.is_terminal:
        typer.echo(knob_table())
        return
    from training.console import as_rich
    from training.evaluation.tables import Table

    rows = [[cell.replace("`", "") for cell in row] for row in knob_rows()]
    drawn = as_rich(Table("Knobs of a recipe", KNOB_HEADINGS, rows, words=len(KNOB_HEADINGS)))
    drawn.columns[0].no_wrap = True  # so that a key can be copied
    console.print(drawn)


def main(**options: Any) -> None:
    """Run the command line; an error that we know is a sentence, not a traceback."""
    try:
        app(**options)
    except (TrainingError, ServingError) as error:
        console = Console(stderr=True, soft_wrap=True)
        if isinstance(error, DataError) and error.cleaning:
            from training.console import as_rich
            from training.evaluation.tables import cleaning_table

            console.print(as_rich(cleaning_table(error.cleaning)))
        console.print(f"error: {error}", style="red", markup=False, highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
