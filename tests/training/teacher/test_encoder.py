"""The encoder in Keras beside one in NumPy, of the same random weights."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import erf, softmax

from tests.training.teacher.helpers import CONFIG, random_tensors, write_tensors
from training.errors import DataError
from training.model.backend import keras
from training.teacher.encoder import BertConfig, build_classifier, load_weights, read_config
from training.types import Floats

IDS = np.array([[2, 9, 30, 7, 3, 0, 0], [2, 5, 3, 0, 0, 0, 0], [2, 11, 12, 13, 14, 15, 3]], np.int32)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> keras.Model:
    path = write_tensors(tmp_path_factory.mktemp("encoder") / "model.safetensors", random_tensors())
    config = BertConfig.model_validate(CONFIG)
    built = build_classifier(config, classes=3)
    load_weights(built, config, path)
    return built


def layer_norm(x: Floats, scale: Floats, bias: Floats) -> Floats:
    centred = x - x.mean(-1, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * scale + bias, np.float32)


def reference_states(tensors: dict[str, Floats], ids: "np.ndarray[Any, np.dtype[np.int32]]") -> Floats:
    """Hidden states of one text without padding, float32 (steps, units), as in Devlin et al. 2019."""

    def dense(x: Floats, name: str) -> Floats:
        return np.asarray(x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"], np.float32)

    def norm(x: Floats, name: str) -> Floats:
        return layer_norm(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    words, places, segments = (
        tensors[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "position", "token_type")
    )
    x = norm(words[ids] + places[: len(ids)] + segments[0], "embeddings.LayerNorm")
    heads, size = CONFIG["num_attention_heads"], CONFIG["hidden_size"] // CONFIG["num_attention_heads"]
    for number in range(2):
        layer = f"encoder.layer.{number}"
        query, key, value = (dense(x, f"{layer}.attention.self.{part}") for part in ("query", "key", "value"))
        mixed = []
        for head in range(heads):
            columns = slice(head * size, (head + 1) * size)
            scores = softmax(query[:, columns] @ key[:, columns].T / np.sqrt(size), axis=-1)
            mixed.append(scores @ value[:, columns])
        attended = dense(np.concatenate(mixed, axis=1), f"{layer}.attention.output.dense")
        x = norm(x + attended, f"{layer}.attention.output.LayerNorm")
        wide = dense(x, f"{layer}.intermediate.dense")
        wide = np.asarray(wide * 0.5 * (1 + erf(wide / np.sqrt(2))), np.float32)
        x = norm(x + dense(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    return x


def test_hidden_states_are_those_of_bert(network: keras.Model) -> None:
    states = keras.Model(network.inputs, network.get_layer("layer_1_norm").output).predict_on_batch(IDS)
    for row, ids in zip(states, IDS, strict=True):
        length = np.count_nonzero(ids)
        assert row[:length] == pytest.approx(reference_states(random_tensors(), ids[:length]), abs=1e-5)


def test_the_classifier_reads_the_mean_over_a_texts_own_tokens(network: keras.Model) -> None:
    pooled = keras.Model(network.inputs, network.get_layer("pooling").output).predict_on_batch(IDS)
    for row, ids in zip(pooled, IDS, strict=True):
        states = reference_states(random_tensors(), ids[: np.count_nonzero(ids)])
        assert row == pytest.approx(states.mean(0), abs=1e-5)
    probabilities = network.predict_on_batch(IDS)
    assert probabilities.shape == (3, 3)
    assert probabilities.sum(1) == pytest.approx(1)


def test_padding_changes_nothing(network: keras.Model) -> None:
    alone = network.predict_on_batch(IDS[1:2, :3])
    assert network.predict_on_batch(IDS)[1] == pytest.approx(alone[0], abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"encoder.layer.1.output.dense.bias": None}, "has no tensor 'encoder.layer.1.output.dense.bias'"),
        ({"encoder.layer.0.output.dense.bias": np.zeros(9, np.float32)}, "layer_0_narrow: "),
    ],
)
def test_weights_of_another_encoder_are_refused(tmp_path: Path, changes: dict[str, Any], fault: str) -> None:
    tensors = {name: array for name, array in (random_tensors() | changes).items() if array is not None}
    config = BertConfig.model_validate(CONFIG)
    path, network = write_tensors(tmp_path / "model.safetensors", tensors), build_classifier(config, classes=3)
    with pytest.raises(DataError, match=fault):
        load_weights(network, config, path)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "cannot be read .*`make encoder` brings one"),
        ("{", "the file: Invalid JSON"),
        (json.dumps({**CONFIG, "model_type": "gpt2"}), "model_type: Input should be 'bert'"),
        (json.dumps({**CONFIG, "hidden_act": "relu"}), "hidden_act: Input should be 'gelu'"),
    ],
)
def test_a_configuration_of_something_else_is_refused(tmp_path: Path, content: str | None, fault: str) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=fault):
        read_config(tmp_path)
