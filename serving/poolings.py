"""Steps to one vector in an ONNX graph, as training's poolings do it: of unmasked steps only."""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from serving.graph import Graph
from serving.keras_file import Weights

FAR_BELOW = -1e9  # what training's poolings put at masked steps


@dataclass(frozen=True, slots=True)
class Value:
    """A layer's output in the graph: its name, whether it still has steps, whether padding in them is masked."""

    name: str
    steps: bool = False
    masked: bool = False


def _far_below_where_masked(graph: Graph, value: Value, name: str) -> str:
    if not value.masked:
        return name
    return graph.node("Where", graph.mask(), name, graph.constant("far_below", np.array(FAR_BELOW, np.float32)))


def max_pooling(graph: Graph, value: Value, weights: Weights) -> str:
    """The highest of each number over the steps."""
    return graph.node("ReduceMax", _far_below_where_masked(graph, value, value.name), graph.integers(0), keepdims=0)


def average_pooling(graph: Graph, value: Value, weights: Weights) -> str:
    """The mean of each number over the steps."""
    if not value.masked:
        return graph.node("ReduceMean", value.name, graph.integers(0), keepdims=0)
    mask = graph.node("Cast", graph.mask(), to=TensorProto.FLOAT)
    total = graph.node("ReduceSum", graph.node("Mul", value.name, mask), graph.integers(0), keepdims=0)
    return graph.node("Div", total, graph.node("ReduceSum", mask, graph.integers(0), keepdims=0))


def attention_pooling(graph: Graph, value: Value, weights: Weights) -> str:
    """The steps' weighted sum, the weights being the softmax of what a dense layer with tanh says of each step."""
    kernel, bias = (graph.constant(f"attention_{i}", array) for i, array in enumerate(weights))
    raw = graph.node("Tanh", graph.node("Add", graph.node("MatMul", value.name, kernel), bias))
    shares = graph.node("Softmax", _far_below_where_masked(graph, value, raw), axis=0)
    return graph.node("ReduceSum", graph.node("Mul", value.name, shares), graph.integers(0), keepdims=0)


POOLINGS = {"max": max_pooling, "average": average_pooling, "attention": attention_pooling}
