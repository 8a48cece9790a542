"""`fit`: from a recipe and files to a published bundle."""

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from serving.errors import BundleError
from serving.model.bundle import Bundle
from training.console import Display
from training.data.dataset import Dataset
from training.evaluation.metrics import Figures
from training.evaluation.results import Row, baseline_rows, network_row
from training.evaluation.tables import share
from training.export.bundle import write_bundle
from training.export.figures import add_figures
from training.export.publish import check_replaceable, publish, reserved, staging_folder
from training.fit.checkpoint import STATE
from training.fit.trainer import Trained, Trainer
from training.recipe.recipe import Recipe
from training.report.render import write_report
from training.report.report_data import ReportData, TrainingRecord


def fit(
    recipe: Recipe,
    paths: Sequence[Path],
    out: Path,
    display: Display,
    stage_cache: Path | None = None,
    *,
    resume: bool = False,
    baselines: bool = True,
    texts: bool = False,
) -> Figures:
    """Train, verify, measure, report and publish. The folder is touched only by a bundle that is verified.

    Args:
        recipe: The recipe.
        paths: Data files.
        out: The folder for the bundle.
        display: Is told of each step.
        stage_cache: A folder for pre-trained bodies, or None.
        resume: Whether to go on from where an interrupted run was.
        baselines: Whether the report measures baselines beside the network, or the bundle that it goes on from.
        texts: Whether the report quotes texts of the test part.

    Returns:
        The figures of the test part, measured on the published files.

    Raises:
        TrainingError: Before any training where the data or the folder are at fault.
    """
    out, work = out.resolve(), _work_folder(out)
    with reserved(out):
        check_replaceable(out)
        trained = Trainer(recipe, paths, work, display, stage_cache).run(resume=resume)
        staged = staging_folder(out)
        predictor, difference = write_bundle(trained, staged)
        display.on_verified(len(trained.dataset.validation), difference)
        predictor, figures = add_figures(staged, predictor, trained.dataset)
        record = TrainingRecord(trained.history)
        if baselines and (rows := _rows_beside(trained, display)):
            record = TrainingRecord(trained.history, rows, network_row(staged, trained.dataset, record.seconds))
        write_report(staged, ReportData.gather(predictor, record, trained.dataset.test), texts=texts)
        publish(staged, out)
        shutil.rmtree(work, ignore_errors=True)
    return figures


def is_resumable(out: Path) -> bool:
    """Whether an interrupted run for this folder has left a state to go on from."""
    return (_work_folder(out) / STATE).exists()


def next_step(recipe: Recipe, out: Path) -> str:
    """What to do with the bundle that a recipe made, in a sentence."""
    step, command = "serve it", ["make", "serve", f"MODEL_DIR={out}"]
    if recipe.start:
        command = ["python", "-m", "training", "promote", str(out), "--over", recipe.start.bundle, "--data", "gold.csv"]
        step = "compare it with the old one on other labelled rows"
    return f"Bundle: {out}. Next: read {out / 'report' / 'report.html'}, then {step}: {shlex.join(command)}"


def _work_folder(out: Path) -> Path:
    out = out.resolve()
    return out.parent / f".{out.name}.training"


def _rows_beside(trained: Trained, display: Display) -> list[Row]:
    """The bundle that the network goes on from; else, as few chosen rows teach a baseline nothing, the baselines."""
    if trained.start and trained.recipe.start:
        return _old_row(Path(trained.recipe.start.bundle), trained.start.model_version, trained.dataset, display)
    try:
        return baseline_rows(trained.recipe, trained.dataset, display)
    except MemoryError as error:  # a table less is no reason to lose a network that is verified
        display.on_note(f"The baselines could not be measured: {error}")
        return []


def _old_row(folder: Path, version: str, dataset: Dataset, display: Display) -> list[Row]:
    """The bundle of this version, where it still stands in the folder that the network goes on from."""
    try:
        if (found := Bundle.read(folder).metadata.model_version) != version:
            raise BundleError(f"{folder}: has version {found} by now; the training began from {version}")
        row = network_row(folder, dataset)
    except BundleError as error:
        display.on_note(f"The old model could not be measured: {error}")
        return []
    display.on_note(
        f"The old model on the test part: macro recall {share(row.macro_recall)}, accuracy {share(row.accuracy)}"
    )
    return [row]
