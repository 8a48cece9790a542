"""The network of a `.h5`, run by ONNX Runtime."""

from pathlib import Path

import numpy as np
import onnxruntime

from serving.errors import NetworkError
from serving.model.keras_h5 import read_layers
from serving.model.onnx_graph import translate
from serving.model.tokenizer import Ids
from serving.model.types import Probabilities


class Network:
    """A loaded network.

    Arguments: `path` of a Keras `.h5`; `threads` that one call may use. `vocabulary`, `classes`: its outer shape;
    `masked`: padding is masked; `steps`: the one length that it takes, or None for any.
    Raises NetworkError naming the file and the fault. Safe to call from several threads.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        try:
            translation = translate(read_layers(path))
            model = translation.model.SerializeToString()
            self._session = onnxruntime.InferenceSession(model, _options(threads), providers=["CPUExecutionProvider"])
        except NetworkError:
            raise
        except Exception as error:  # ONNX Runtime and h5py's contents can fail in many ways; all mean this
            raise NetworkError(f"{path.name}: its layers do not fit together: {error}") from error
        self.vocabulary, self.classes = translation.vocabulary, translation.classes
        self.masked, self.steps = translation.masked, translation.steps

    def run(self, ids: Ids, lengths: Ids) -> Probabilities:
        """Probabilities, float32 (texts, classes), of ids int32 (texts, steps) and their lengths int32 (texts,)."""
        (probabilities,) = self._session.run(["probabilities"], {"ids": ids, "lengths": lengths})
        return np.asarray(probabilities, dtype=np.float32)


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait burn the small dyno's share of its core.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
