"""From recipe and files to a published bundle: the order of the steps, each of which lives in its own module."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from serving.bundle import METADATA, NETWORK, TOKENIZER, model_version, sha256
from serving.encoding import Encoder
from serving.metadata import KnownAnswer, Metadata
from serving.predictor import Predictor
from training import runtime
from training.batches import Batches
from training.calibration import best_temperature, fold_temperature
from training.checkpoint import Checkpoint
from training.dataset import Dataset, load_dataset
from training.display import Display
from training.errors import PublishError
from training.evaluation import evaluate
from training.fit import Fit, class_weights, predict
from training.metrics import Figures, Probabilities
from training.network import build_network
from training.publish import check_replaceable, publish, staging_folder
from training.recipe import Part, Recipe
from training.report import write_metrics
from training.runtime import keras
from training.tokenizer import build_tokenizer

KERAS_TOLERANCE = 1e-5
SENTENCES = (
    "I love this, thank you so much!",
    "This is terrible and I hate it.",
    "The next train leaves at nine.",
    "WORST SHOW EVER",
    "not bad at all :)",
)


class Pipeline:
    """One training run.

    Arguments: the recipe; data files; the folder for the bundle; a display that is told of each step.
    `run` returns the test part's figures, measured on the published bundle's files. Raises TrainingError, before any
    training where the data or the folder are at fault; the folder is touched only by a bundle that is verified.
    """

    def __init__(self, recipe: Recipe, paths: Sequence[Path], out: Path, display: Display) -> None:
        self.recipe, self.paths, self.display = recipe, list(paths), display
        self.out = Path(out).resolve()
        self.work = self.out.parent / f".{self.out.name}.training"

    def run(self, *, resume: bool = False) -> Figures:
        """Train, verify, measure, publish."""
        check_replaceable(self.out)
        dataset = load_dataset(self.paths, self.recipe.data, self.recipe.seed)
        self.display.dataset(dataset)
        runtime.make_repeatable(self.recipe.seed)
        tokenizer = build_tokenizer(dataset.train.text, self.recipe.tokenizer)
        encoder = Encoder(tokenizer.to_str())
        network = self._network(encoder, dataset)
        fit = self._fit(network, encoder, dataset)
        if fit.checkpoint.path.exists() and not resume:
            self.display.note("An interrupted run is there too; --resume would have gone on from it. Starting over.")
        fit.run(self.display, resume=resume)
        figures = self._bundle(fit, tokenizer, dataset)
        shutil.rmtree(self.work, ignore_errors=True)
        return figures

    def _network(self, encoder: Encoder, dataset: Dataset) -> keras.Model:
        network = build_network(
            self.recipe.network,
            vocabulary=encoder.vocabulary_size,
            classes=len(dataset.labels),
            length=encoder.fixed_length,
        )
        self.display.network(network.count_params(), encoder.vocabulary_size, runtime.device())
        return network

    def _fit(self, network: keras.Model, encoder: Encoder, dataset: Dataset) -> Fit:
        identity = {
            "recipe": self.recipe.model_dump(mode="json"),
            "data": [file.model_dump() for file in dataset.files],
            "libraries": runtime.library_versions(),
        }
        train, validation = (self._batches(part, encoder, dataset) for part in ("train", "validation"))
        checkpoint = Checkpoint(self.work, identity)
        return Fit(network, train, validation, self.recipe.fit, self.recipe.seed, checkpoint)

    def _batches(self, part: Part, encoder: Encoder, dataset: Dataset) -> Batches:
        frame, classes = dataset.part(part), len(dataset.labels)
        labels, weights = frame.label.to_numpy(), frame.weight.to_numpy(np.float32)
        if part == "train" and self.recipe.fit.class_weights == "balanced":
            weights = weights * class_weights(labels, classes)[labels]
        targets = np.eye(classes, dtype=np.float32)[labels]
        return Batches(encoder, encoder.encode(frame.text.tolist()), targets, weights, self.recipe.fit.batch_size)

    def _bundle(self, fit: Fit, tokenizer: Tokenizer, dataset: Dataset) -> Figures:
        truth = dataset.validation.label.to_numpy()
        temperature = best_temperature(truth, predict(fit.network, fit.validation))
        fold_temperature(fit.network, temperature)
        staged = staging_folder(self.out)
        fit.network.save(staged / NETWORK, include_optimizer=False)
        tokenizer.save(str(staged / TOKENIZER))
        metadata = self._metadata(staged, fit.network, dataset, temperature)
        predictor = _written(staged, metadata)
        self._compare(predictor, dataset, predict(fit.network, fit.validation))
        figures = {
            part: evaluate(predictor, dataset.part(part).text.tolist(), dataset.part(part).label.to_numpy())
            for part in ("validation", "test")
        }
        measured = {part: part_figures.as_json() for part, part_figures in figures.items()}
        _written(staged, metadata.model_copy(update={"metrics": measured}))
        write_metrics(staged, measured)
        publish(staged, self.out)
        return figures["test"]

    def _metadata(self, staged: Path, network: keras.Model, dataset: Dataset, temperature: float) -> Metadata:
        files = {name: sha256(staged / name) for name in (NETWORK, TOKENIZER)}
        return Metadata(
            name=self.recipe.name,
            model_version=model_version(files, dataset.labels),
            labels=dataset.labels,
            files=files,
            known_answers=self._known_answers(staged, network),
            temperature=temperature,
            seed=self.recipe.seed,
            recipe=self.recipe.model_dump(mode="json"),
            data=dataset.files,
            split=dataset.sizes(),
            cleaning=dataset.cleaning,
            libraries=runtime.library_versions(),
            metrics={},
        )

    def _known_answers(self, staged: Path, network: keras.Model) -> list[KnownAnswer]:
        """Keras's own answers, so that serving is held to Keras at every start."""
        encoder, answers = Encoder.read(staged / TOKENIZER), []
        for text in self.recipe.known_answers or SENTENCES:
            ids, _ = encoder.pad_batch(encoder.encode([text]))
            row = network.predict_on_batch(ids)[0]
            answers.append(KnownAnswer(text=text, probabilities=[float(p) for p in row]))
        return answers

    def _compare(self, predictor: Predictor, dataset: Dataset, by_keras: Probabilities) -> None:
        predictions = predictor.predict(dataset.validation.text.tolist())
        served = np.array([list(p.probabilities.values()) for p in predictions])
        difference = float(np.abs(served - by_keras).max())
        if not difference <= KERAS_TOLERANCE:
            raise PublishError(
                f"serving and Keras differ by {difference:.2g} on validation; accepted: {KERAS_TOLERANCE}"
            )
        self.display.verified(len(predictions), difference)


def _written(folder: Path, metadata: Metadata) -> Predictor:
    """Write metadata.json and load the folder as the service will."""
    (folder / METADATA).write_text(metadata.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return Predictor.load(folder)
