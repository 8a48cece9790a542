"""`report`: figures, thresholds, plots and model card of a bundle once more, without training."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from serving.model.bundle import REPORT
from serving.model.metadata import Metadata
from serving.model.predictor import Predictor
from training.console import Display
from training.cost.measuring import measure_costs
from training.data.dataset import Dataset
from training.data.found_fields import load_rows
from training.errors import DataError
from training.evaluation.leakage import bundle_recipe
from training.evaluation.metrics import Figures
from training.evaluation.results import baseline_rows, network_row
from training.export.figures import add_figures, write_metadata
from training.export.publish import check_replaceable, publish, reserved, staging_folder
from training.recipe.recipe import Recipe
from training.report.render import write_report
from training.report.report_data import ReportData, TrainingRecord


def report(
    bundle: Path,
    paths: Sequence[Path],
    display: Display,
    *,
    baselines: bool = False,
    texts: bool = False,
    cost: bool = False,
    teacher: Path | None = None,
) -> Figures:
    """Measure a bundle on the data that it was made of, and write its metadata and report anew.

    Its network, its tokenizer and so its version stay. Learning curves, and the baselines and costs unless they are
    asked for, are those of the training's record.

    Args:
        bundle: The bundle's folder.
        paths: The data files that it was trained on.
        display: Is told of each step.
        baselines: Whether to train and measure the baselines again.
        texts: Whether the report quotes texts of the test part.
        cost: Whether to measure quality against cost again.
        teacher: A transformer to measure beside, which `finetune` wrote.

    Returns:
        The figures of the test part.

    Raises:
        DataError: The files are others, or are split otherwise now; or the teacher has seen rows of the test part.
        BundleError: The bundle is broken.
        PublishError: It cannot be replaced.
    """
    bundle = bundle.resolve()
    with reserved(bundle):
        check_replaceable(bundle)
        predictor, record = Predictor.load(bundle), TrainingRecord.read(bundle)
        metadata = _current(predictor.metadata, bundle)
        recipe, dataset = rows_of(metadata, bundle, paths)
        display.on_dataset(dataset.cleaning, dataset.sizes())
        staged = staging_folder(bundle)
        shutil.copytree(bundle, staged, dirs_exist_ok=True, ignore=shutil.ignore_patterns(REPORT))
        predictor, figures = add_figures(staged, write_metadata(staged, metadata), dataset)
        if baselines:
            rows = baseline_rows(recipe, dataset, display)
            network = network_row(staged, dataset, record.seconds or None)
            record = replace(record, baselines=rows, network=network)
        if cost:
            record = replace(record, costs=measure_costs(staged, recipe, dataset, display, teacher))
        write_report(staged, ReportData.gather(predictor, record, dataset.test), texts=texts)
        publish(staged, bundle)
    return figures


def rows_of(metadata: Metadata, bundle: Path, paths: Sequence[Path]) -> tuple[Recipe, Dataset]:
    """The recipe of a bundle, and the rows that it was trained on, split as they were.

    Raises:
        DataError: The files are others, or are split otherwise now.
    """
    recipe, dataset = load_rows(bundle_recipe(metadata, bundle), paths)
    _check_same_rows(metadata, dataset)
    return recipe, dataset


def _current(metadata: Metadata, bundle: Path) -> Metadata:
    """The metadata with recipes as they are written today."""
    teachers = metadata.teacher_recipes.items()
    recipes = {folder: bundle_recipe(metadata, bundle, recipe).model_dump(mode="json") for folder, recipe in teachers}
    recipe = bundle_recipe(metadata, bundle).model_dump(mode="json")
    return metadata.model_copy(update={"recipe": recipe, "teacher_recipes": recipes})


def _check_same_rows(metadata: Metadata, dataset: Dataset) -> None:
    known = {file.sha256 for file in metadata.data}
    if others := [file.file for file in dataset.files if file.sha256 not in known]:
        accepted = ", ".join(f"{file.file} of sha256 {file.sha256[:12]}..." for file in metadata.data)
        raise DataError(f"--data: the model was not trained on {', '.join(others)}; accepted: {accepted}")
    if (dataset.labels, dataset.sizes()) != (metadata.labels, metadata.split):
        raise DataError(
            f"--data: the parts have {dataset.sizes()} rows, so a file is missing, or another version cleaned and "
            f"split them; accepted: {metadata.split}, as the model was trained with"
        )
