"""Fine-tuning of a pre-trained encoder on a recipe's labelled rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from serving.model.bundle import sha256
from training.data.checks import check_sources
from training.data.cleaning import text_key
from training.data.dataset import Dataset, label_indices, load_dataset
from training.data.made_up_texts import made_up_texts
from training.data.teacher_file import TeacherInfo
from training.errors import DataError, RecipeError, ResumeError
from training.evaluation.behaviour import behaviour_texts
from training.evaluation.metrics import Figures, measure
from training.fit.checkpoint import STATE, Arrays, Checkpoint
from training.fit.loop import predict
from training.fit.stage_data import StageData
from training.fit.stages import StageRunner
from training.fit.trainer import VERSION_DIGITS, read_inputs, run_identity
from training.inputs.text import TextEncoding
from training.model import backend
from training.model.backend import keras
from training.model.multitask import MultiTaskModel
from training.progress import TrainingCallback
from training.recipe.model import TEMPLATES, EncoderConfig
from training.recipe.recipe import Recipe
from training.teacher.encoder import WEIGHTS, BertConfig, build_classifier, load_weights, read_config
from training.teacher.texts import encoder_text, read_tokenizer

TEACHER = "teacher.npz"
FORMAT = {"format": 1}  # of a teacher's file, which no recipe is bound to
SAVE_EVERY = 180.0  # seconds: a state is four times the weights, some hundred megabytes


@dataclass(frozen=True)
class Teacher:
    """A tuned encoder.

    Attributes:
        info: What it says of itself.
        config: Of the encoder.
        tokenizer: The JSON of its tokenizer.
        network: Token ids, int32 (texts, steps), to probabilities, float32 (texts, classes).
    """

    info: TeacherInfo
    config: BertConfig
    tokenizer: str
    network: keras.Model

    @classmethod
    def read(cls, folder: Path) -> "Teacher":
        """Read what `write` wrote.

        Raises:
            DataError: There is none.
        """
        try:
            state, arrays = Checkpoint(folder, FORMAT, TEACHER).load()
        except ResumeError as error:
            raise DataError(f"{folder}: no teacher; accepted: what `python -m training finetune` wrote") from error
        info, config = TeacherInfo.model_validate(state["info"]), BertConfig.model_validate(state["config"])
        network = build_classifier(config, len(info.labels))
        network.set_weights(arrays["weights"])
        return cls(info, config, state["tokenizer"], network)

    def write(self, folder: Path) -> None:
        """Write one file of weights and JSON into a folder, in one step.

        Raises:
            ResumeError: It cannot be written.
        """
        state = {"info": self.info.model_dump(mode="json"), "config": self.config.model_dump()}
        arrays = {"weights": self.network.get_weights()}
        Checkpoint(folder, FORMAT, TEACHER).save({**state, "tokenizer": self.tokenizer}, arrays)


def finetune(
    recipe: Recipe,
    paths: Sequence[Path],
    out: Path,
    callback: TrainingCallback,
    *,
    resume: bool = False,
    save_every: float = SAVE_EVERY,
) -> Figures:
    """Tune an encoder by a recipe's stages, as a network is trained by them, and write it.

    Its rows are those of a fit by the same `[data]`: what is validation, test or held out there, it never sees.

    Args:
        recipe: One with an `[encoder]`.
        paths: Data files.
        out: Folder for the teacher, and for the state that an interrupted run goes on from.
        callback: Told of each step.
        resume: Whether to go on from where an interrupted run was.
        save_every: Seconds between two states.

    Returns:
        The figures of the validation part.

    Raises:
        TrainingError: Before any training, where recipe, encoder or data are at fault or there is nothing to resume.
    """
    encoder = recipe.encoder
    if encoder is None:
        raise RecipeError(f"{recipe.name}: has no [encoder]; accepted: a recipe with one, such as tweets-teacher")
    recipe = recipe.model_copy(update={"vectors": None})  # of a recipe that it extends: an encoder has its own
    dataset = load_dataset(paths, recipe.data, recipe.split_seed)
    callback.on_dataset(dataset.cleaning, dataset.sizes())
    rows = _with_templates(dataset, encoder.templates, recipe.seed) if encoder.templates else dataset
    check_sources(recipe, rows)
    inputs = read_inputs(recipe, paths, dataset)

    backend.make_repeatable(recipe.seed)
    config, tokenizer, network = _pretrained(encoder, len(dataset.labels))
    callback.on_network(network.count_params(), config.vocab_size, backend.device())
    multitask = MultiTaskModel(network)
    data = StageData(recipe, _with_encoder_texts(rows), None, multitask, TextEncoding(tokenizer))

    weights = sha256(Path(encoder.folder) / WEIGHTS)
    checkpoint = Checkpoint(out, {**run_identity(recipe, inputs), "encoder": [weights, tokenizer]})
    saved = checkpoint.load() if resume else None
    runner = StageRunner(multitask, recipe.schedule, data.batches, recipe.seed, checkpoint, save_every=save_every)
    runner.run(callback, saved=saved)

    Teacher(_info(recipe, dataset, network.get_weights()), config, tokenizer, network).write(out)
    (out / STATE).unlink(missing_ok=True)
    truth = dataset.validation.label.to_numpy()
    return measure(dataset.labels, truth, predict(network, data.validation), temperature=1.0)


def _pretrained(encoder: EncoderConfig, classes: int) -> tuple[BertConfig, str, keras.Model]:
    """The encoder's configuration, its tokenizer, and a classifier with its weights."""
    folder = Path(encoder.folder)
    config, tokenizer = read_config(folder), read_tokenizer(folder, encoder.max_tokens)
    network = build_classifier(config, classes)
    load_weights(network, config, folder / WEIGHTS)
    return config, tokenizer, network


def _with_templates(dataset: Dataset, rows: int, seed: int) -> Dataset:
    """The dataset with a source of short texts to train on, none of which stands in the data or the behaviour suite."""
    frame = made_up_texts(rows, seed, behaviour_texts(), labelled=True)
    labels = label_indices(frame.label, dataset.labels, "encoder.templates")
    frame = frame.rename(columns={"text": "row"})
    frame = frame.assign(label=labels, source=TEMPLATES, group=TEMPLATES, weight=1.0)
    frame["slices"] = pd.Series([()] * len(frame), dtype=object)
    unknown = frame[~frame.row.map(text_key).isin(dataset.keys)][dataset.train.columns]
    return replace(dataset, train=pd.concat([dataset.train, unknown], ignore_index=True))


def _with_encoder_texts(dataset: Dataset) -> Dataset:
    train, validation = (frame.assign(row=frame.row.map(encoder_text)) for frame in (dataset.train, dataset.validation))
    return replace(dataset, train=train, validation=validation)


def _info(recipe: Recipe, dataset: Dataset, weights: Arrays) -> TeacherInfo:
    digest = hashlib.sha256()
    for array in weights:
        digest.update(array.tobytes())
    return TeacherInfo(
        labels=dataset.labels,
        name=recipe.name,
        model_version=digest.hexdigest()[:VERSION_DIGITS],
        recipe=recipe.model_dump(mode="json"),
        data=dataset.files,
        split=dataset.sizes(),
    )
