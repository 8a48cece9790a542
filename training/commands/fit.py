"""From recipe and files to a published bundle: the order of the steps, each of which lives in its own module."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from serving.model.predictor import Predictor
from training.console import Display
from training.data.dataset import Dataset
from training.evaluation.evaluate import evaluate, measured_by_group
from training.evaluation.metrics import Figures
from training.evaluation.results import Row, baseline_rows, network_row
from training.export.bundle import Bundling
from training.export.publish import check_replaceable, publish, reserved, staging_folder
from training.fit.checkpoint import STATE
from training.fit.trainer import Trained, Trainer
from training.recipe.recipe import Recipe
from training.report import ReportData, write_metrics, write_report


class Pipeline:
    """One training run.

    Arguments: the recipe; data files; the folder for the bundle; a display that is told of each step; a folder for
    pre-trained bodies, or None; whether the report measures baselines beside the network, and whether it quotes texts
    of the test part. `run` returns the test part's figures, measured on the published bundle's files.
    Raises TrainingError, before any training where the data or the folder are at fault; the folder is touched only by
    a bundle that is verified.
    """

    def __init__(
        self,
        recipe: Recipe,
        paths: Sequence[Path],
        out: Path,
        display: Display,
        stage_cache: Path | None = None,
        *,
        baselines: bool = True,
        texts: bool = False,
    ) -> None:
        self.recipe, self.display, self.baselines, self.texts = recipe, display, baselines, texts
        self.out = Path(out).resolve()
        self.work = self.out.parent / f".{self.out.name}.training"
        self.trainer = Trainer(recipe, paths, self.work, display, stage_cache)

    @property
    def is_resumable(self) -> bool:
        """Whether an interrupted run has left a state to go on from."""
        return (self.work / STATE).exists()

    def run(self, *, resume: bool = False) -> Figures:
        """Train, verify, measure, publish."""
        with reserved(self.out):
            check_replaceable(self.out)
            trained = self.trainer.run(resume=resume)
            figures = self._bundle(trained)
            shutil.rmtree(self.work, ignore_errors=True)
        return figures

    def _bundle(self, trained: Trained) -> Figures:
        staged = staging_folder(self.out)
        bundling = Bundling(self.recipe, trained, staged)
        predictor, texts, difference = bundling.write()
        self.display.on_verified(texts, difference)
        figures, measured = _measured(predictor, trained.dataset)
        metadata = bundling.add_figures(measured)
        write_metrics(staged, measured)
        rows = self._baselines(trained.dataset) if self.baselines else []
        network = network_row(staged, trained.dataset, trained.seconds) if rows else None
        data = ReportData.gather(predictor, metadata, trained.history, trained.dataset.test, rows, network)
        write_report(staged, data, texts=self.texts)
        publish(staged, self.out)
        return figures

    def _baselines(self, dataset: Dataset) -> list[Row]:
        try:
            return baseline_rows(self.recipe, dataset, self.display)
        except MemoryError as error:  # a table less is no reason to lose a network that is verified
            self.display.on_note(f"The baselines could not be measured: {error}")
            return []


def _measured(predictor: Predictor, dataset: Dataset) -> tuple[Figures, dict[str, Any]]:
    """The test part's figures, and those of every part that is measured, as JSON."""
    found: dict[str, Any] = {}
    for part in ("validation", "test"):
        frame = dataset.part(part)
        figures = evaluate(predictor, frame.text.tolist(), frame.label.to_numpy())
        found[part] = figures.as_json()
    if len(dataset.held_out):
        found["held_out"] = measured_by_group(predictor, dataset.held_out)
    return figures, found
