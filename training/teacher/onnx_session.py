"""Teacher in ONNX Runtime. It answers without Keras, in a process that imports neither it nor TensorFlow."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from serving.model.tokenizer import Encoder
from training.teacher.texts import TOKENIZER, encoder_text
from training.types import Floats

GRAPH, LABELS = "teacher.onnx", "labels.json"
BATCH = 16  # texts that are computed at once: 8 and 32 were no faster on one core


class OnnxTeacher:
    """A tuned encoder that answers.

    Args:
        folder: What `write_teacher` wrote.
        threads: That one call may use.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self.labels: list[str] = json.loads((folder / LABELS).read_text(encoding="utf-8"))
        self._session = onnxruntime.InferenceSession(folder / GRAPH, options, providers=["CPUExecutionProvider"])
        self._encoder = Encoder((folder / TOKENIZER).read_text(encoding="utf-8"))

    def predict(self, texts: Sequence[str]) -> Floats:
        """Probabilities (texts, labels). Texts near in length are computed together."""
        encoded = self._encoder.encode([encoder_text(text) for text in texts])
        order = np.argsort([len(item.ids) for item in encoded], kind="stable")
        probabilities = np.empty((len(encoded), len(self.labels)), np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            ids, lengths = self._encoder.pad_batch([encoded[row] for row in rows])
            (probabilities[rows],) = self._session.run(["probabilities"], {"ids": ids, "lengths": lengths})
        return probabilities
