"""Small bundles around networks of any shape with random weights, made with Keras. Needs TensorFlow."""

from pathlib import Path

import numpy as np

from serving.model.bundle import METADATA, NETWORK, TOKENIZER, model_version, sha256
from serving.model.metadata import KnownAnswer, Metadata
from serving.model.tokenizer import Encoder
from tests.bundles import LABELS, TEXTS
from training.model.backend import keras
from training.model.network import build_network
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
