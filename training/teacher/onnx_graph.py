"""Export of a tuned encoder as an ONNX graph, for ONNX Runtime on a CPU.

Of standard operators, which ONNX Runtime fuses as it loads them. Its own operators for attention, and ONNX's newer one,
were no faster on one core, where nearly all time goes into the products of matrices.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import TensorProto
from onnxruntime.quantization import QuantType, quantize_dynamic

from serving.model.layers.graph import Graph
from training.model.backend import keras
from training.teacher.encoder import BertConfig
from training.teacher.finetuning import Teacher
from training.teacher.onnx_session import GRAPH, LABELS
from training.teacher.texts import TOKENIZER
from training.types import Floats

MASKED = -1e9  # added to the scores of padding: after the softmax its weight is 0


def write_teacher(teacher: Teacher, folder: Path, *, int8: bool = False) -> None:
    """Write what `OnnxTeacher` reads into a folder.

    Args:
        teacher: The tuned encoder.
        folder: Is made where there is none.
        int8: Whether its matrices are stored, and multiplied, as integers of eight bits with a scale for each column.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TOKENIZER).write_text(teacher.tokenizer, encoding="utf-8")
    (folder / LABELS).write_text(json.dumps(teacher.info.labels), encoding="utf-8")
    graph = teacher_graph(teacher.config, teacher.network)
    if not int8:
        onnx.save(graph, folder / GRAPH)
        return
    with TemporaryDirectory() as work:
        onnx.save(graph, Path(work) / GRAPH)
        quantize_dynamic(
            Path(work) / GRAPH,
            folder / GRAPH,
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            reduce_range=True,  # seven of the bits: else sums overflow on processors without VNNI
            weight_type=QuantType.QInt8,
        )


def teacher_graph(config: BertConfig, network: keras.Model) -> onnx.ModelProto:
    """The network of `build_classifier` as a graph with the inputs and the output that `Graph` names."""
    builder = _Builder(config, network)
    graph, kernel = builder.graph, network.get_layer("probabilities").get_weights()[0]
    states = builder.embedded()
    for number in range(config.num_hidden_layers):
        states = builder.layer(states, f"layer_{number}")
    logits = builder.dense(builder.mean(states), "probabilities")
    return graph.model(graph.node("Softmax", logits, axis=-1), kernel.shape[1])


class _Builder:
    """The parts of the graph, with the weights of the layers that they are named after."""

    def __init__(self, config: BertConfig, network: keras.Model) -> None:
        self.config, self.graph, self._network = config, Graph(), network
        # Everything is (texts, steps, ...) here; `ids` are 0 where there is padding.
        self._mask = self.graph.node("Cast", self.graph.node("Cast", "ids", to=TensorProto.BOOL), to=TensorProto.FLOAT)
        absent = self.graph.node("Sub", self.graph.number(1.0), self._mask)
        scores = self.graph.node("Mul", absent, self.graph.number(MASKED))
        self._bias = self.graph.node("Unsqueeze", scores, self.graph.integers(1, 2))

    def embedded(self) -> str:
        """What the first layer reads."""
        graph, steps = self.graph, self.graph.node("Shape", "ids", start=1, end=2)
        words, positions = (graph.constant(name, self._weights(name)[0]) for name in ("words", "positions"))
        places = graph.node("Slice", positions, graph.integers(0), steps, graph.integers(0))
        return self.norm(graph.node("Add", graph.node("Gather", words, "ids"), places), "embedding_norm")

    def layer(self, states: str, name: str) -> str:
        """Self-attention and two dense layers."""
        graph = self.graph
        attended = self.attention(states, f"{name}_attention")
        states = self.norm(graph.node("Add", states, attended), f"{name}_attention_norm")
        wide = graph.node("Gelu", self.dense(states, f"{name}_wide"))
        return self.norm(graph.node("Add", states, self.dense(wide, f"{name}_narrow")), f"{name}_norm")

    def attention(self, states: str, name: str) -> str:
        """Scaled dot products of all heads; queries, keys and values are one product of matrices."""
        graph, units, weights = self.graph, self.config.hidden_size, self._weights(name)
        kernel = np.concatenate([part.reshape(units, -1) for part in weights[0:6:2]], axis=1)
        bias = np.concatenate([part.reshape(-1) for part in weights[1:6:2]])
        projected = graph.split(self._affine(states, kernel, bias, name), 3)
        shape = graph.integers(0, 0, self.config.num_attention_heads, self.config.head_size)
        heads = [graph.node("Reshape", part, shape) for part in projected]
        query, value = (graph.node("Transpose", heads[place], perm=[0, 2, 1, 3]) for place in (0, 2))
        key = graph.node("Transpose", heads[1], perm=[0, 2, 3, 1])
        query = graph.node("Mul", query, graph.number(self.config.head_size**-0.5))
        scores = graph.node("Add", graph.node("MatMul", query, key), self._bias)
        mixed = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), value)
        joined = graph.node("Reshape", graph.node("Transpose", mixed, perm=[0, 2, 1, 3]), graph.integers(0, 0, units))
        return self._affine(joined, weights[6].reshape(units, -1), weights[7], f"{name}_output")

    def mean(self, states: str) -> str:
        """The mean of a text's own states."""
        graph, column = self.graph, self.graph.node("Unsqueeze", self._mask, self.graph.integers(2))
        total = graph.node("ReduceSum", graph.node("Mul", states, column), graph.integers(1), keepdims=0)
        lengths = graph.node("Unsqueeze", graph.node("Cast", "lengths", to=TensorProto.FLOAT), graph.integers(1))
        return graph.node("Div", total, lengths)

    def dense(self, states: str, name: str) -> str:
        """A dense layer without its activation."""
        kernel, bias = self._weights(name)
        return self._affine(states, kernel, bias, name)

    def norm(self, states: str, name: str) -> str:
        """A layer normalization."""
        scale, bias = self._weights(name)
        parts = self.graph.constant(f"{name}_scale", scale), self.graph.constant(f"{name}_bias", bias)
        epsilon = self.config.layer_norm_eps
        return self.graph.node("LayerNormalization", states, *parts, axis=-1, epsilon=epsilon)

    def _affine(self, states: str, kernel: Floats, bias: Floats, name: str) -> str:
        product = self.graph.node("MatMul", states, self.graph.constant(f"{name}_kernel", kernel))
        return self.graph.node("Add", product, self.graph.constant(f"{name}_bias", bias))

    def _weights(self, name: str) -> list[Floats]:
        weights: list[Floats] = self._network.get_layer(name).get_weights()
        return weights
