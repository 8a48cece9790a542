"""`python -m serving score`: the command's options, and what it shows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from serving.errors import FileError, printable
from serving.model.bundle import Bundle
from serving.model.predictor import Predictor, PredictorLike
from serving.process import freeze_garbage_collector, processors, set_switch_interval
from serving.scoring.label_studio import labelling_interface
from serving.scoring.manifest import MANIFEST, OutputFolder, Record
from serving.scoring.plan import Inputs, Task, absolute, find_inputs, plan
from serving.scoring.progress import progress_bar, run_progress
from serving.scoring.score import PIPE, SWITCH_INTERVAL, ScoreOptions
from serving.scoring.score import score as score_file
from serving.scoring.storage import is_pattern, is_url, storage_of
from serving.scoring.tasks import ATTEMPTS, LocalPool, Outcome, Pool, run
from serving.tables.base import MAX_TEXT_CHARS
from serving.tables.dialect import DELIMITERS
from serving.tables.formats import FORMATS, GZIP, SUFFIXES, Table

LABEL_STUDIO, UNCERTAIN = "label-studio", "uncertain"
MOST_TASKS = 500  # unless said otherwise: what one person labels in a day
RAY = "--ray"
THIS_MACHINE = "local"

_NAMED = 10  # missing outputs in a sentence
_ADDRESS = re.compile(r"auto|local|[^\s/]+:\d+")
_SUFFIXES = f"{', '.join(SUFFIXES)}, and those of texts also with {GZIP}"


class ScoreCommand(TyperCommand):
    """A command with an option whose value may be missing, which typer has not."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Gives `--ray` its value where what follows is no address, but an input or an option."""
        return super().parse_args(ctx, list(_with_address(args)))


def _with_address(args: list[str]) -> Iterator[str]:
    for number, argument in enumerate(args):
        yield argument
        if argument == RAY and not _ADDRESS.fullmatch("".join(args[number + 1 : number + 2])):
            yield THIS_MACHINE


def score(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help=f"files ({_SUFFIXES}), folders, patterns in quotes, or s3://BUCKET/...; - for standard input",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(help="the same rows with columns added; of several inputs a folder; default: standard output"),
    ] = str(PIPE),
    bundle: Annotated[Path, typer.Option(envvar="MODEL_DIR", help="folder of the model")] = Path("artifacts"),
    text_column: Annotated[str, typer.Option(help="column of texts; default: as its name and its cells show")] = "",
    encoding: Annotated[str, typer.Option(help="of a text file; default: UTF-8, or as a byte-order mark says")] = "",
    output_encoding: Annotated[str, typer.Option(help="of what is written; default: UTF-8")] = "",
    delimiter: Annotated[str, typer.Option(help=f"of a CSV: {', '.join(DELIMITERS)}; default: as it looks")] = "",
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="whether a CSV has one; default: as its first row looks")
    ] = None,
    output_format: Annotated[
        str,
        typer.Option(
            "--format",
            help=f"of standard output or of a folder's files: {', '.join(each.name for each in FORMATS)}; "
            "default: as the input",
        ),
    ] = "",
    max_text_chars: Annotated[
        int, typer.Option(min=1, envvar="MAX_TEXT_CHARS", help="characters of a text; a longer one gets an error")
    ] = MAX_TEXT_CHARS,
    min_probability: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, envvar="MIN_PROBABILITY", help="below which a label is uncertain, as a column then says"
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="default: one for each core")] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="of one file: go on with what an interrupted run has left; a folder always does"),
    ] = False,
    ray: Annotated[
        str,
        typer.Option(
            RAY,
            metavar="[ADDRESS]",
            help="run on Ray: without an address, on this machine; HOST:PORT or auto joins a cluster",
        ),
    ] = "",
    to: Annotated[str, typer.Option(help=f"{LABEL_STUDIO}: write tasks to label in place of the rows")] = "",
    order: Annotated[str, typer.Option(help=f"of the tasks: {UNCERTAIN}, which is the least certain first")] = "",
    most: Annotated[int | None, typer.Option(min=1, help=f"tasks at most; default: {MOST_TASKS}")] = None,
) -> None:
    """Predict every row of a file, or of many."""
    set_switch_interval(SWITCH_INTERVAL)
    is_of_many = bool(ray) or _is_folder_wanted(sources, output)
    options = ScoreOptions(
        text_column=text_column,
        encoding=encoding,
        output_encoding=output_encoding,
        delimiter=delimiter,
        header={True: "true", False: "false", None: "auto"}[header],
        max_text_chars=max_text_chars,
        threads=threads or processors(),
        resume=resume,
        pipe_format=output_format,
        min_probability=min_probability,
        tasks=_task_count(to, order, most, output, is_resumed=resume, is_of_many=is_of_many),
    )
    if is_of_many:
        _score_many(sources, output, bundle, options, ray)
    else:
        _score_one(Path(sources[0]), Path(output), bundle, options)


def _task_count(
    to: str, order: str, most: int | None, output: str, *, is_resumed: bool, is_of_many: bool
) -> int | None:
    """How many tasks are wanted at most; None where rows are. Raises FileError where the options do not go together."""
    if not to and (order or most):
        raise FileError(f"--order and --most go with --to {LABEL_STUDIO}; rows are written all, and as they come")
    if to not in ("", LABEL_STUDIO):
        raise FileError(f"--to is {to!r}; accepted: {LABEL_STUDIO}")
    if order not in ("", UNCERTAIN):
        raise FileError(f"--order is {order!r}; accepted: {UNCERTAIN}")
    if to and (is_of_many or is_resumed or not output.endswith(".json")):
        raise FileError(
            f"--to {LABEL_STUDIO} makes one file of one, on this machine and in one go; accepted: one input and "
            "--output NAME.json, without --ray and --resume"
        )
    return (most or MOST_TASKS) if to else None


def _is_folder_wanted(sources: list[str], output: str) -> bool:
    """Whether the outputs go to a folder: there are several inputs, or may be; or the output is one."""
    only = sources[0]
    is_plain_file = str(PIPE) == only or Path(only).is_file()
    if len(sources) == 1 and not is_url(only) and (is_plain_file or not (is_pattern(only) or Path(only).is_dir())):
        return is_url(output) or output.endswith("/") or Path(output).is_dir()
    return True


def _score_one(source: Path, target: Path, bundle: Path, options: ScoreOptions) -> None:
    predictor = _load(bundle)
    try:
        with progress_bar(Console(stderr=True)) as show:
            progress = score_file(predictor, source, target, options, show, _tell)
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command with --resume goes on from here", err=True)
        raise typer.Exit(130) from None
    model = f"{predictor.metadata.name} {predictor.metadata.model_version}"
    resumed = f", {progress.resumed:,} of them before" if progress.resumed else ""
    errors = f", {progress.errors:,} of them with an error" if progress.errors else ""
    place = "standard output" if target == PIPE else target
    tasks = f"read, and at most {options.tasks:,} of their texts " if options.tasks else ""
    written = f"{progress.rows:,} rows {tasks}written to {place}{resumed}{errors}"
    typer.echo(f"{written}, by the model {model} in {bundle}", err=True)
    if options.tasks:
        interface = labelling_interface(predictor.metadata.labels)
        typer.echo(f"In Label Studio, Settings > Labeling Interface > Code:\n{interface}", err=True)


def _load(bundle: Path) -> PredictorLike:
    predictor = Predictor.load(bundle)
    freeze_garbage_collector()  # a chunk makes thousands of objects, and leaves no cycles
    return predictor


def _tell(table: Table) -> None:
    """Say on stderr what was decided about a file."""
    typer.echo(table.extract.shown, err=True)
    for note in table.reader.notes:
        typer.echo(note, err=True)


def _score_many(sources: list[str], output: str, bundle: Path, options: ScoreOptions, ray: str) -> None:
    """Score files into a folder. Exits with 1 where a task failed for good, and with 130 where it was interrupted."""
    target = _checked_folder(sources, output)
    inputs = find_inputs(sources, target)
    tasks = plan(inputs.files, target, options.pipe_format)
    # Loaded once, so that the records name the model that predicts; with Ray, too, so that a bad one is told at once.
    predictor = _load(bundle)
    folder = OutputFolder(target, predictor.metadata.name, predictor.metadata.model_version, options)
    done = folder.done(tasks)
    remaining = [task for task in tasks if task.output not in done]
    typer.echo(_summary(inputs, tasks, remaining, done), err=True)
    records = list(done.values())
    if remaining:
        folder.remove_manifest()
        try:
            with (
                _pool(ray, predictor, bundle, folder) as pool,
                run_progress(remaining, Console(stderr=True)) as progress,
            ):
                made, failed = run(remaining, pool, folder, progress)
        except KeyboardInterrupt:
            typer.echo("interrupted; the same command goes on with the outputs that are missing", err=True)
            raise typer.Exit(130) from None
        if failed:
            typer.echo(printable(_missing(failed, tasks)), err=True)
            raise typer.Exit(1)
        records += made
    folder.write_manifest(records)
    typer.echo(f"{_ending(records, folder)} in {bundle}; {MANIFEST} lists them", err=True)


def _missing(failed: Sequence[Outcome], tasks: Sequence[Task]) -> str:
    names = [outcome.task.output for outcome in failed]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return (
        f"{len(failed):,} of {len(tasks):,} outputs are missing after {ATTEMPTS} attempts at each, and so is "
        f"{MANIFEST}: {', '.join(names[:_NAMED])}{more}; the same command tries those again"
    )


def _ending(records: Sequence[Record], folder: OutputFolder) -> str:
    rows, errors = sum(record.rows for record in records), sum(sum(record.errors.values()) for record in records)
    with_errors = f", {errors:,} of them with an error" if errors else ""
    return (
        f"{rows:,} rows in {len(records):,} outputs in {folder.path}{with_errors}, "
        f"by the model {folder.model} {folder.model_version}"
    )


def _checked_folder(sources: list[str], output: str) -> str:
    """The output folder's path. Raises FileError where it is none, or an input is a pipe."""
    if str(PIPE) in (*sources, output):
        raise FileError("several inputs, folders, patterns, URLs and --ray need --output FOLDER, and no pipe")
    target = absolute(output)
    storage = storage_of(target)
    if not storage.is_folder(target) and (storage.stat(target) or output.lower().endswith((*SUFFIXES, GZIP))):
        kinds = "several inputs, folders, patterns, URLs and --ray"
        raise FileError(f"{output}: is a file's name; accepted with {kinds}: a folder")
    return target


def _summary(inputs: Inputs, tasks: list[Task], remaining: list[Task], done: Mapping[str, Record]) -> str:
    kept = len(tasks) - len(remaining)
    there = f", {kept:,} of them there already" if kept else ""
    others = f"; {len(done) - kept:,} outputs of other inputs are there as well" if len(done) > kept else ""
    passed_over = f"; {inputs.passed_over:,} hidden files or other kinds passed over" if inputs.passed_over else ""
    return f"{len(inputs.files):,} inputs, {len(tasks):,} outputs{there}{others}{passed_over}"


def _pool(ray: str, predictor: PredictorLike, bundle: Path, folder: OutputFolder) -> AbstractContextManager[Pool]:
    if not ray:
        return nullcontext(LocalPool(predictor, folder))
    from serving.scoring.ray_pool import PackedBundle, RayPool

    return RayPool(ray, PackedBundle.pack(Bundle(bundle, predictor.metadata)), folder)
