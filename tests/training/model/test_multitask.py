from typing import Any

import numpy as np
import pytest

from training.model import backend
from training.model.backend import keras
from training.model.multitask import MaskedLMHead, MultiTaskModel, TaskCrossentropy, seed_variables
from training.model.network import build_network
from training.recipe.model import NetworkConfig

TASKS = {"emoticon": ["bad", "good"], "emoji": ["a", "b", "c", "d"]}
IDS = np.array([[5, 6, 7, 8, 0, 0], [9, 5, 0, 0, 0, 0]], np.int32)


def network(**changes: Any) -> keras.Sequential:
    backend.make_repeatable(1)
    wide = {"embedding": 6, "lstm": [5, 4], "bidirectional": True, "pooling": ["max", "attention"]}
    config = NetworkConfig.model_validate({**wide, **changes})
    return build_network(config, vocabulary=30, classes=3)


def test_alone_it_is_the_network() -> None:
    own = network()
    multitask = MultiTaskModel(own)
    assert multitask.model is multitask.full_model is own
    assert multitask.width == 3


def test_every_head_gives_probabilities_beside_the_networks_own() -> None:
    own = network()
    multitask = MultiTaskModel(own, TASKS)
    found = multitask.model.predict_on_batch(IDS)
    assert found.shape == (2, 9)
    assert found[:, :3] == pytest.approx(own.predict_on_batch(IDS), abs=1e-6)
    assert found[:, 3:5].sum(1) == pytest.approx([1, 1], abs=1e-5)
    assert found[:, 5:].sum(1) == pytest.approx([1, 1], abs=1e-5)


def test_the_body_is_shared_and_counted_once() -> None:
    own = network()
    multitask = MultiTaskModel(own, TASKS, masked_words=True)
    ids = [id(weight) for weight in multitask.full_model.weights]
    assert len(ids) == len(set(ids))
    assert {id(weight) for weight in own.weights} < set(ids)
    assert len(ids) == len(own.weights) + 4 + 2


def test_targets_lie_in_the_columns_of_their_task() -> None:
    multitask = MultiTaskModel(network(), TASKS)
    assert multitask.targets(np.array([2, 0])).tolist() == [[0, 0, 1] + [0] * 6, [1, 0, 0] + [0] * 6]
    assert multitask.targets(np.array([1]), "emoticon").tolist() == [[0, 0, 0, 0, 1, 0, 0, 0, 0]]
    smooth = multitask.targets(np.array([3]), "emoji", smoothing=0.2)
    assert smooth[0] == pytest.approx([0, 0, 0, 0, 0, 0.05, 0.05, 0.05, 0.85])


def test_the_loss_looks_at_the_task_alone() -> None:
    targets = np.array([[0, 0, 0, 0, 1]], np.float32)
    one = np.array([[0.2, 0.3, 0.5, 0.75, 0.25]], np.float32)
    other = np.array([[0.9, 0.05, 0.05, 0.75, 0.25]], np.float32)
    assert float(TaskCrossentropy()(targets, one)) == pytest.approx(-np.log(0.25))
    assert float(TaskCrossentropy()(targets, other)) == pytest.approx(-np.log(0.25))


def test_naming_words_runs_the_body_once() -> None:
    masked_lm = MultiTaskModel(network(), TASKS, masked_words=True).masked_lm
    assert masked_lm is not None
    assert [layer.name for layer in masked_lm.layers if layer.name.startswith("lstm_")] == ["lstm_1", "lstm_2"]
    assert not [layer for layer in masked_lm.layers if isinstance(layer, keras.Model)]


def test_hidden_words_are_named_from_the_steps_at_their_places() -> None:
    embedding = keras.layers.Embedding(30, 6)
    embedding.build()
    layer = MaskedLMHead(embedding)
    steps = np.random.default_rng(0).normal(size=(2, 6, 5)).astype(np.float32)
    places = np.array([[3, 0], [1, 1]], np.int32)
    found = keras.ops.convert_to_numpy(layer([steps, places]))
    kernel, table = (keras.ops.convert_to_numpy(v) for v in (layer.kernel, embedding.embeddings))
    assert found.shape == (2, 2, 30)
    assert found[0, 0] == pytest.approx(np.tanh(steps[0, 3] @ kernel) @ table.T, abs=1e-5)
    assert found[1, 1] == pytest.approx(np.tanh(steps[1, 1] @ kernel) @ table.T, abs=1e-5)


def test_naming_words_learns_them() -> None:
    multitask = MultiTaskModel(network(lstm=[5], bidirectional=False), masked_words=True)
    assert multitask.masked_lm is not None
    multitask.masked_lm.compile(
        keras.optimizers.Adam(0.03),
        [TaskCrossentropy(), keras.losses.SparseCategoricalCrossentropy(from_logits=True)],
        jit_compile=False,
    )
    places, words = np.array([[1], [0]], np.int32), np.array([[7], [9]], np.int32)
    targets, weights = multitask.targets(np.array([0, 1])), np.ones(2, np.float32)
    for _ in range(60):
        multitask.masked_lm.train_on_batch(
            [IDS, places], [targets, words], sample_weight=[weights, np.ones((2, 1), np.float32)]
        )
    _, logits = multitask.masked_lm.predict_on_batch([IDS, places])
    assert logits.argmax(-1).tolist() == [[7], [9]]


def test_dropout_has_states_to_draw_from() -> None:
    multitask = MultiTaskModel(network(), TASKS)
    assert len(list(seed_variables(multitask.model))) == len(list(seed_variables(multitask.network))) >= 2


def test_words_are_named_from_the_last_steps() -> None:
    masked_lm = MultiTaskModel(network(), TASKS, masked_words=True).masked_lm
    assert masked_lm is not None
    assert masked_lm.get_layer("masked_lm_head").kernel.shape == (8, 6)
