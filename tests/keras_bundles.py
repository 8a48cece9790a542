"""Small bundles around networks of any shape with random weights, made with Keras. Needs TensorFlow."""

from pathlib import Path

import numpy as np

from serving.model.bundle import FIELDS, METADATA, NETWORK, TOKENIZER, model_version, sha256
from serving.model.inputs.fields import CategoryField, FieldsFile, FieldsInput, NumberField
from serving.model.metadata import FieldValue, KnownAnswer, KnownRow, Metadata
from serving.model.tokenizer import Encoder
from tests.bundles import LABELS, TEXTS
from training.model.backend import keras
from training.model.network import build_field_network, build_network
from training.recipe.model import NetworkConfig, TokenizerConfig
from training.text.tokenizer import build_tokenizer

SEED = 5  # with it each of LABELS is the answer to one of TEXTS, so that no test passes for knowing one label alone


def randomise(network: keras.Model, seed: int = SEED, scale: float = 0.5) -> None:
    """Weights large enough that every one of them shows in the answer."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        weight.assign(rng.normal(size=weight.shape) * scale)


def write_bundle(
    folder: Path,
    network_knobs: NetworkConfig | None = None,
    tokenizer_knobs: TokenizerConfig | None = None,
    labels: list[str] | None = None,
) -> keras.Model:
    """Write a whole bundle; returns its Keras network."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = labels or LABELS
    tokenizer = build_tokenizer(TEXTS, tokenizer_knobs or TokenizerConfig(model="word", min_frequency=1))
    tokenizer.save(str(folder / TOKENIZER))
    encoder = Encoder.read(folder / TOKENIZER)
    network = build_network(
        network_knobs or NetworkConfig(embedding=8, lstm=[6], pooling=["max"]),
        vocabulary=encoder.vocabulary_size,
        classes=len(labels),
        length=encoder.fixed_length,
    )
    randomise(network)
    network.save(folder / NETWORK, include_optimizer=False)
    write_metadata(folder, network, labels)
    return network


FORM_FIELDS = FieldsFile(
    fields=[
        NumberField(name="age", unit="years", minimum=17, maximum=90, step=1, mean=40, scale=12, missing=38),
        CategoryField(name="workclass", values=["Private", "State-gov", "Self-emp-not-inc"]),
        NumberField(
            name="hours-per-week", unit="hours", minimum=1, maximum=99, step=0.5, mean=40, scale=10, missing=40
        ),
        CategoryField(name="sex", values=["Female", "Male"], missing="Female"),
    ]
)
FORM_LABELS = ["<=50K", ">50K"]
FORM_ROWS: list[dict[str, FieldValue]] = [
    {"age": 52.0, "workclass": "Self-emp-not-inc", "hours-per-week": 45.5, "sex": "Male"},
    {"age": 19.0, "workclass": "Private", "hours-per-week": 20.0, "sex": "Female"},
    {"age": None, "workclass": None, "hours-per-week": None, "sex": None},
]


def write_form_bundle(folder: Path, file: FieldsFile = FORM_FIELDS) -> keras.Model:
    """Write a whole bundle of fields; returns its Keras network."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FIELDS).write_text(file.model_dump_json(indent=2) + "\n", encoding="utf-8")
    fields = FieldsInput(file)
    network = build_field_network(
        NetworkConfig(embedding=3, dense=[6]),
        vocabulary=fields.vocabulary_size,
        categories=len(fields.categories),
        numbers=len(fields.numbers),
        classes=len(FORM_LABELS),
    )
    randomise(network)
    network.save(folder / NETWORK, include_optimizer=False)
    files = {name: sha256(folder / name) for name in (NETWORK, FIELDS)}
    encoded, _ = fields.encode(FORM_ROWS)
    answers = network.predict_on_batch(list(fields.arrays(encoded))).tolist()
    known = [KnownRow(fields=row, probabilities=answer) for row, answer in zip(FORM_ROWS, answers, strict=True)]
    metadata = Metadata(
        name="form",
        model_version=model_version(files, FORM_LABELS),
        inputs="fields",
        labels=FORM_LABELS,
        files=files,
        known_answers=known,
        temperature=1.0,
        seed=1,
        recipe={"name": "form", "inputs": "fields", "data": {"label": "income", "labels": FORM_LABELS}},
        data=[],
        split={},
        cleaning={},
        libraries={},
        metrics={},
    )
    (folder / METADATA).write_text(metadata.model_dump_json(indent=2), encoding="utf-8")
    return network


def write_metadata(folder: Path, network: keras.Model, labels: list[str]) -> None:
    """Write metadata.json for the two files that are there, with Keras's answers as the known ones."""
    files = {name: sha256(folder / name) for name in (NETWORK, TOKENIZER)}
    metadata = Metadata(
        name="tiny",
        model_version=model_version(files, labels),
        labels=labels,
        files=files,
        known_answers=[KnownAnswer(text=text, probabilities=by_keras(folder, network, text)) for text in TEXTS],
        temperature=1.0,
        seed=1,
        recipe={"name": "tiny", "data": {"labels": labels}},
        data=[],
        split={},
        cleaning={},
        libraries={},
        metrics={},
    )
    (folder / METADATA).write_text(metadata.model_dump_json(indent=2), encoding="utf-8")


def by_keras(folder: Path, network: keras.Model, text: str) -> list[float]:
    """Keras's probabilities of one text."""
    encoder = Encoder.read(folder / TOKENIZER)
    ids, _ = encoder.pad_batch(encoder.encode([text]))
    return [float(p) for p in network.predict_on_batch(ids)[0]]
