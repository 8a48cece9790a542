"""`compare`: a recipe's network beside the baselines, on one test part."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from serving.model.bundle import Bundle
from training.commands.fit import fit
from training.console import Display
from training.data.checks import check_fresh, check_vectors
from training.data.dataset import Dataset
from training.data.found_fields import load_rows
from training.data.sources import file_hashes
from training.errors import DataError
from training.evaluation.leakage import check_no_test_leakage
from training.evaluation.results import Row, baseline_rows, network_row
from training.recipe.recipe import Recipe


def compare(
    recipe: Recipe,
    paths: Sequence[Path],
    display: Display,
    bundle: Path | None = None,
    stage_cache: Path | None = None,
) -> list[Row]:
    """Train every baseline and, unless a `bundle` of this recipe is given, the network; measure all on the test part.

    Times are wall times of this process on this machine, a body from the cache none of them: compare them with each
    other only.

    Args:
        recipe: The recipe.
        paths: Data files.
        display: Is told of each step.
        bundle: A bundle of this recipe and these files, instead of training one.
        stage_cache: A folder of pre-trained bodies, or None.

    Raises:
        TrainingError: Before any training where the data are at fault.
        BundleError: The bundle is broken.
    """
    check_fresh(recipe)
    recipe, dataset = load_rows(recipe, paths)
    check_vectors(recipe)
    if bundle:
        _check_bundle(bundle, recipe, paths, dataset)
        display.on_dataset(dataset.cleaning, dataset.sizes())  # else the network's own training shows it
    rows = baseline_rows(recipe, dataset, display)
    network = network_row(bundle, dataset) if bundle else _trained_row(recipe, paths, display, dataset, stage_cache)
    return [*rows, network]


def _check_bundle(bundle: Path, recipe: Recipe, paths: Sequence[Path], dataset: Dataset) -> None:
    metadata, labels = Bundle.read(bundle).metadata, dataset.labels
    if set(metadata.labels) != set(labels):
        raise DataError(f"--bundle: {bundle} has labels {metadata.labels}; accepted: {labels}, those of the data")
    check_no_test_leakage(metadata, recipe, file_hashes(paths, recipe.data), dataset.sizes(), "--bundle")


def _trained_row(
    recipe: Recipe, paths: Sequence[Path], display: Display, dataset: Dataset, stage_cache: Path | None
) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        fit(recipe, paths, Path(folder) / "bundle", display, stage_cache, baselines=False)
        return network_row(Path(folder) / "bundle", dataset, time.perf_counter() - start)
