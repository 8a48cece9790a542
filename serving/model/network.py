"""Inference session of a Keras `.h5`, in ONNX Runtime."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from serving.errors import NetworkError
from serving.model.keras_config import IDS, NUMBERS
from serving.model.keras_h5 import read_layers
from serving.model.onnx_graph import translate
from serving.model.tokenizer import Ids
from serving.model.types import Numbers, Probabilities


class Network:
    """A loaded network. Safe to call from several threads.

    Args:
        path: of a Keras `.h5`.
        threads: that one call may use.

    Attributes:
        vocabulary: the embedding's rows; ids are below it. 0 where it takes no ids.
        numbers: the numbers of fields that it takes beside ids or alone; 0 for one of texts.
        classes: the probabilities of each answer.
        end: `softmax`, or `sigmoid` where the network itself gives but the second of two probabilities.
        weights: how many numbers it has learned.
        masked: whether padding is masked, so that it changes no answer.
        steps: the one length that it takes, or None for any.

    Raises:
        NetworkError: the file cannot be run; the sentence names it and the fault.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        layers = read_layers(path)
        try:
            with np.errstate(all="ignore"):  # weights that no training made; an answer that is not finite is refused
                translation = translate(layers)
            model = translation.model.SerializeToString()
            self._session = onnxruntime.InferenceSession(model, _options(threads), providers=["CPUExecutionProvider"])
        except NetworkError as error:
            raise NetworkError(f"{path.name}: {error}") from error
        except Exception as error:  # ONNX Runtime and h5py's contents can fail in many ways; all mean this
            raise NetworkError(f"{path.name}: its layers do not fit together: {error}") from error
        self.vocabulary, self.classes, self.end = translation.vocabulary, translation.classes, translation.end
        self.weights = sum(math.prod(tensor.dims) for tensor in translation.model.graph.initializer)
        self.masked, self.steps, self.numbers = translation.masked, translation.steps, translation.numbers

    @property
    def threads(self) -> int:
        """How many one call may use."""
        return int(self._session.get_session_options().intra_op_num_threads)

    def takes(self, steps: int) -> bool:
        """Whether it has an answer to so many ids: fewer than a convolution's or pooling's window can be too few."""
        ids = np.ones((1, steps), np.int32)
        try:
            return bool(np.isfinite(self.run(ids, np.array([steps], np.int32))).all())
        except Exception:  # ONNX Runtime's errors have no class of their own
            return False

    def run(self, ids: Ids, lengths: Ids) -> Probabilities:
        """The network's answer to a batch.

        Args:
            ids: int32 (texts, steps), padded; where padding is masked, on either side, otherwise as in training.
            lengths: int32 (texts,), of each text without its padding.

        Returns:
            Probabilities, float32 (texts, classes).
        """
        # Among texts without id 0, padded right, these two hold and masked ids need not be looked for.
        if self.masked and not (ids[:, 0].all() and np.count_nonzero(ids) == lengths.sum()):
            ids, lengths = _padded_right(ids)
        (probabilities,) = self._session.run(["probabilities"], {"ids": ids, "lengths": lengths})
        return np.asarray(probabilities, dtype=np.float32)

    def run_fields(self, ids: Ids, numbers: Numbers) -> Probabilities:
        """The answer of a network of fields to a batch of rows.

        Args:
            ids: of the values of categories, int32 (rows, categories).
            numbers: standardized, float32 (rows, numbers).

        Returns:
            Probabilities, float32 (rows, classes).
        """
        feeds: dict[str, npt.NDArray[Any]] = {IDS: ids} if self.vocabulary else {}
        feeds |= {NUMBERS: numbers} if self.numbers else {"lengths": np.full(len(ids), ids.shape[1], np.int32)}
        (probabilities,) = self._session.run(["probabilities"], feeds)
        return np.asarray(probabilities, dtype=np.float32)


def _padded_right(ids: Ids) -> tuple[Ids, Ids]:
    """The ids of each row but 0, which is masked, in order and before the zeros; and how many they are."""
    lengths = np.count_nonzero(ids, axis=1).astype(np.int32)
    order = np.argsort(ids == 0, axis=1, kind="stable")
    return np.take_along_axis(ids, order, axis=1), lengths


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised as well, with the same words
    # Threads that spin while they wait burn the small dyno's share of its core.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
