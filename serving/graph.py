"""An ONNX graph under construction, in memory."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 20, 10
MASK = "mask"


class Graph:
    """Nodes and constants; names are given out as they are added.

    Inputs: `ids` int32 (texts, steps), padded right where padding is masked; `lengths` int32 (texts,).
    Output: `probabilities` float32 (texts, classes). Steps come first inside, as ONNX's LSTM wants them.
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._has_mask = False

    def node(self, kind: str, *inputs: str, output: str = "", **options: Any) -> str:
        """Add an operator with one output; returns the output's name."""
        name = output or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **options))
        return name

    def lstm(self, *inputs: str, output: str, sequences: bool, **options: Any) -> str:
        """Add an LSTM: all its steps, (steps, directions, texts, units), or the last ones, without the first axis."""
        outputs = [output] if sequences else ["", output]
        self._nodes.append(helper.make_node("LSTM", inputs, outputs, **options))
        return output

    def constant(self, name: str, array: npt.NDArray[Any]) -> str:
        """Add an array once; returns its name."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def integers(self, *values: int) -> str:
        """A constant int64 vector."""
        return self.constant("int_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def mask(self) -> str:
        """Which steps are text, bool (steps, texts, 1); computed once."""
        if not self._has_mask:
            self._has_mask = True
            zero, one = (self.constant(f"scalar_{n}", np.array(n, np.int64)) for n in (0, 1))
            steps = self.node("Gather", self.node("Shape", "ids"), one)
            column = self.node("Unsqueeze", self.node("Range", zero, steps, one), self.integers(1))
            lengths = self.node("Cast", "lengths", to=TensorProto.INT64)
            self.node("Unsqueeze", self.node("Less", column, lengths), self.integers(2), output=MASK)
        return MASK

    def model(self, result: str, classes: int) -> onnx.ModelProto:
        """The finished model, whose answer is the value named `result`."""
        self.node("Identity", result, output="probabilities")
        inputs = [
            helper.make_tensor_value_info("ids", TensorProto.INT32, ["texts", "steps"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["texts"]),
        ]
        outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["texts", classes])]
        graph = helper.make_graph(self._nodes, "sentiment", inputs, outputs, list(self._constants.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
