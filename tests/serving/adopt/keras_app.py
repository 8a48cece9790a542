"""An app's files as people have them: a small network of three layouts and its tokenizer. Needs no TensorFlow."""

import json
import math
import pickle
import sys
import zipfile
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

LENGTH, ROWS, WIDTH = 6, 12, 4
WORDS = {"<OOV>": 1, "good": 2, "bad": 3, "day": 4, "train": 5, "prize": 6, "free": 7}

Arrays = dict[str, list[npt.NDArray[np.float32]]]


def arrays(outputs: int = 1) -> Arrays:
    """The weights of an embedding, of which the mean goes into a dense layer."""
    rng = np.random.default_rng(outputs)
    shapes: dict[str, list[tuple[int, ...]]] = {"embedding": [(ROWS, WIDTH)], "dense": [(WIDTH, outputs), (outputs,)]}
    return {name: [rng.normal(size=shape).astype(np.float32) for shape in each] for name, each in shapes.items()}


def architecture(outputs: int = 1, *, activation: str = "sigmoid", length: int | None = LENGTH) -> dict[str, Any]:
    """As `model.to_json()` of Keras 2 gives it."""
    embedding = {"name": "embedding", "input_dim": ROWS, "output_dim": WIDTH, "mask_zero": False}
    dense = {"name": "dense", "units": outputs, "activation": activation, "use_bias": True}
    layers = [
        {"class_name": "InputLayer", "config": {"name": "ids", "batch_input_shape": [None, length]}},
        {"class_name": "Embedding", "config": embedding},
        {"class_name": "GlobalAveragePooling1D", "config": {"name": "pooling"}},
        {"class_name": "Dense", "config": dense},
    ]
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}


def with_vectorization(model: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """An architecture whose input is one string, with a TextVectorization behind it."""
    model = model or architecture()
    config = {"name": "words", "output_mode": "int", "output_sequence_length": LENGTH, "vocabulary": None, **options}
    model["config"]["layers"][:1] = [
        {"class_name": "InputLayer", "config": {"name": "texts", "batch_input_shape": [None, 1], "dtype": "string"}},
        {"class_name": "TextVectorization", "config": config},
    ]
    return model


def write_weights(path: Path, weights: Arrays, group: str = "") -> None:
    """An `.h5` as `model.save_weights()` of Keras 2 writes it; in a group, as `model.save()` does."""
    with h5py.File(path, "w") as file:
        root = file.create_group(group) if group else file
        root.attrs["layer_names"] = [name.encode() for name in weights]
        root.attrs["keras_version"] = b"2.4.0"
        file.attrs["keras_version"] = b"2.4.0"
        for layer, of_layer in weights.items():
            names = [f"{layer}/{number}:0" for number in range(len(of_layer))]
            root.create_group(layer).attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, of_layer, strict=True):
                root[layer].create_dataset(name, data=array)


def write_h5(path: Path, model: dict[str, Any] | None = None, outputs: int = 1, weights: Arrays | None = None) -> Path:
    """An `.h5` as `model.save()` of Keras 2 writes it."""
    write_weights(path, weights or arrays(outputs), "model_weights")
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = json.dumps(model or architecture(outputs)).encode()
    return path


def write_keras(path: Path, model: dict[str, Any] | None = None, words: Sequence[str] = ()) -> Path:
    """A zip as `model.save()` of Keras 3 writes it, with the words of its TextVectorization."""
    weights = path.with_suffix(".weights.h5")
    with h5py.File(weights, "w") as file:
        for layer, of_layer in arrays().items():
            for number, array in enumerate(of_layer):
                file[f"layers/{layer}/vars/{number}"] = array
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.4.1"}))
        archive.writestr("config.json", json.dumps(model or architecture()))
        archive.write(weights, "model.weights.h5")
        if words:
            archive.writestr("assets/layers/text_vectorization/vocabulary.txt", "\n".join(words))
    weights.unlink()
    return path


def write_tokenizer(path: Path, **settings: Any) -> Path:
    """JSON as `Tokenizer.to_json()` gives it."""
    config = {"num_words": None, "oov_token": "<OOV>", "word_index": json.dumps(WORDS)} | settings
    path.write_text(json.dumps({"class_name": "Tokenizer", "config": config}), encoding="utf-8")
    return path


def answer(ids: list[int]) -> float:
    """What Keras answers to ids, padded or not: the one sigmoid."""
    weights = arrays()
    (table,), (kernel, bias) = weights["embedding"], weights["dense"]
    logit = float((table[ids].mean(axis=0) @ kernel + bias)[0])
    return 1 / (1 + math.exp(-logit))


def pickled_tokenizer(protocol: int = 4) -> bytes:
    """A pickle as of Keras 2.2 to 2.5's Tokenizer, which need not be installed."""
    tokenizer = type("Tokenizer", (), {"__module__": "keras_preprocessing.text"})
    names = {"keras_preprocessing": ModuleType("keras_preprocessing"), "keras_preprocessing.text": ModuleType("text")}
    names["keras_preprocessing.text"].__dict__["Tokenizer"] = tokenizer
    instance = tokenizer()
    instance.__dict__.update(
        word_counts=OrderedDict.fromkeys(WORDS, 2),
        word_docs=defaultdict(int, dict.fromkeys(WORDS, 2)),
        word_index=WORDS,
        num_words=None,
        oov_token="<OOV>",
        lower=True,
        split=" ",
        char_level=False,
    )
    sys.modules.update(names)
    try:
        return pickle.dumps(instance, protocol)
    finally:
        for name in names:
            del sys.modules[name]
