"""Committed networks, held to what Keras answered when they were made."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from serving.errors import NetworkError
from serving.model.bundle import NETWORK
from serving.model.network import Network
from tests.bundles import ANSWERS, NETWORKS, TINY

CASES: dict[str, dict[str, Any]] = json.loads((NETWORKS / ANSWERS).read_text(encoding="utf-8"))


def network(name: str) -> Network:
    return Network(NETWORKS / f"{name}.h5")


@pytest.mark.parametrize("name", CASES)
def test_the_answers_are_those_of_keras(name: str) -> None:
    case, served = CASES[name], network(name)
    probabilities = served.run(np.array(case["ids"], np.int32), np.array(case["lengths"], np.int32))
    assert np.abs(probabilities - np.array(case["probabilities"])).max() <= 1e-5
    assert (served.masked, served.classes) == (case["masked"], probabilities.shape[1])
    assert (served.vocabulary, served.end) == (30, "softmax")


def test_an_answer_depends_neither_on_batch_mates_nor_on_padding() -> None:
    case, served = CASES["trained"], network("trained")
    for row, length, together in zip(case["ids"], case["lengths"], case["probabilities"], strict=True):
        for ids in (row[:length], [*row, *[0] * 50]):
            alone = served.run(np.array([ids], np.int32), np.array([length], np.int32))[0]
            assert np.abs(alone - np.array(together)).max() <= 1e-6


def test_masked_ids_may_stand_on_either_side_and_between() -> None:
    served = network("trained")
    alone = served.run(np.array([[3, 4, 5]], np.int32), np.array([3], np.int32))
    for ids, length in (([0, 0, 3, 4, 5], 3), ([3, 0, 4, 0, 5], 5), ([0, 3, 4, 0, 5], 4), ([3, 4, 5, 0, 0], 3)):
        padded = served.run(np.array([ids], np.int32), np.array([length], np.int32))
        assert np.abs(padded - alone).max() <= 1e-6


def test_a_text_of_which_nothing_is_left() -> None:
    answers = network("trained").run(np.zeros((2, 3), np.int32), np.array([0, 0], np.int32))
    assert answers.shape == (2, 3)


def test_only_what_reads_padding_takes_one_length() -> None:
    assert (network("trained").steps, network("tutorial").steps) == (None, 7)


def test_threads() -> None:
    assert [Network(TINY / NETWORK, threads=threads).threads for threads in (1, 2)] == [1, 2]


def test_weights_that_do_not_fit_together(tmp_path: Path) -> None:
    content = (NETWORKS / "tutorial.h5").read_bytes()
    (tmp_path / NETWORK).write_bytes(content)
    with h5py.File(tmp_path / NETWORK, "a") as file:
        group = file["model_weights/dense"]
        kernel = next(name for name in group.attrs["weight_names"] if "kernel" in str(name))
        del group[kernel]
        group.create_dataset(kernel, data=np.zeros((9, 3), np.float32))
    with pytest.raises(NetworkError, match=r"sentiment\.h5: its layers do not fit together"):
        Network(tmp_path / NETWORK)
