"""Builder of an ONNX graph, and the values that flow between layers in it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from serving.errors import NetworkError
from serving.model.keras_config import IDS, NUMBERS, Layer

OPSET, IR_VERSION = 20, 10
MASK = "mask"


class PaddingRead(Exception):  # noqa: N818 -- no error: the graph is then built for padding that is read
    """A layer reads the steps that the mask covers, so that its answer depends on the padding."""


class Graph:
    """Builder of an ONNX graph: nodes and constants get their names as they are added.

    The graph's inputs are those that a network has: `ids`, int32 (texts, steps), `lengths`, int32 (texts,), and
    `field_numbers`, float32 (texts, numbers). Its output is `probabilities`, float32 (texts, classes). Steps come first
    inside, as ONNX's recurrent operators have them.

    Args:
        padded_right: whether what is masked are the steps from `lengths` on, and no layer reads them; otherwise those
            where `ids` are 0, and layers that look past the mask see there what Keras has there.
        prefix: of the names of its nodes, where it is the body of another graph's loop.
    """

    def __init__(self, *, padded_right: bool = False, prefix: str = "") -> None:
        self.padded_right = padded_right
        self._prefix = prefix
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._has_mask = False

    def node(self, kind: str, *inputs: str, output: str = "", **options: Any) -> str:
        """Add an operator with one output; returns the output's name."""
        name = output or self._new_name(kind)
        self._nodes.append(helper.make_node(kind, inputs, [name], **options))
        return name

    def split(self, name: str, parts: int, axis: int = -1) -> list[str]:
        """Cut a value into equal parts along an axis."""
        outputs = [self._new_name(f"Split{i}") for i in range(parts)]
        self._nodes.append(helper.make_node("Split", [name], outputs, axis=axis, num_outputs=parts))
        return outputs

    def sorted_downwards(self, name: str, size: str) -> str:
        """The values of the last axis, the largest first; `size` names their number, int64 (1,)."""
        outputs = [self._new_name("Sorted"), self._new_name("Order")]
        self._nodes.append(helper.make_node("TopK", [name, size], outputs, axis=-1))
        return outputs[0]

    def recurrent(self, kind: str, *inputs: str, output: str, sequences: bool, **options: Any) -> str:
        """Add a recurrent operator, such as LSTM.

        Returns:
            The name of all its steps, (steps, directions, texts, units), or of the last ones, without the first axis.
        """
        outputs = [output] if sequences else ["", output]
        self._nodes.append(helper.make_node(kind, inputs, outputs, **options))
        return output

    def scan(
        self, body: "Graph", states: dict[str, str], inputs: dict[str, str], results: list[str], **options: Any
    ) -> list[str]:
        """Add a loop over the first axis of `inputs`.

        Args:
            body: its nodes name the keys of `states` and `inputs`.
            states: a state's name in the body -> that of its initial value.
            inputs: a step's name in the body -> that of all steps.
            results: names in the body: of each state after a step, in their order, then of the step's output.
            options: of the operator Scan.

        Returns:
            The names of the last states, and of the outputs of all steps.
        """
        kinds = dict.fromkeys([*states, *inputs], TensorProto.FLOAT)
        kinds |= {name: TensorProto.BOOL for name in inputs if name.endswith(MASK)}
        graph = helper.make_graph(
            [*body._nodes],
            "body",
            [helper.make_tensor_value_info(name, kind, None) for name, kind in kinds.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results],
            list(body._constants.values()),
        )
        outputs = [self._new_name(name) for name in results]
        node = helper.make_node(
            "Scan", [*states.values(), *inputs.values()], outputs, body=graph, num_scan_inputs=len(inputs), **options
        )
        self._nodes.append(node)
        return outputs

    def constant(self, name: str, array: npt.NDArray[Any]) -> str:
        """Add an array once; returns its name."""
        name = f"{self._prefix}{name}"
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def integers(self, *values: int) -> str:
        """A constant int64 vector."""
        return self.constant("int_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def number(self, value: float) -> str:
        """A constant float32."""
        return self.constant(f"float_{value!r}", np.array(value, dtype=np.float32))

    def mask(self) -> str:
        """Which steps are text, bool (steps, texts, 1); computed once."""
        if not self._has_mask:
            self._has_mask = True
            known = self._steps_before_lengths() if self.padded_right else self._ids_but_0()
            self.node("Unsqueeze", known, self.integers(2), output=MASK)
        return MASK

    def _steps_before_lengths(self) -> str:
        zero, one = (self.constant(f"scalar_{n}", np.array(n, np.int64)) for n in (0, 1))
        steps = self.node("Gather", self.node("Shape", "ids"), one)
        column = self.node("Unsqueeze", self.node("Range", zero, steps, one), self.integers(1))
        lengths = self.node("Cast", "lengths", to=TensorProto.INT64)
        return self.node("Less", column, lengths)

    def _ids_but_0(self) -> str:
        ids = self.node("Transpose", "ids", perm=[1, 0])
        return self.node("Cast", ids, to=TensorProto.BOOL)

    def model(self, result: str, classes: int, *, ids: bool = True, numbers: int = 0) -> onnx.ModelProto:
        """The finished model.

        Args:
            result: the name of the value that is its output.
            classes: probabilities of each answer.
            ids: whether it takes ids.
            numbers: how many numbers of fields it takes; a network that takes some has no use for lengths.
        """
        self.node("Identity", result, output="probabilities")
        inputs = []
        if ids:
            inputs.append(helper.make_tensor_value_info(IDS, TensorProto.INT32, ["texts", "steps"]))
        if numbers:
            inputs.append(helper.make_tensor_value_info(NUMBERS, TensorProto.FLOAT, ["texts", numbers]))
        else:
            inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, ["texts"]))
        outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["texts", classes])]
        graph = helper.make_graph(self._nodes, "sentiment", inputs, outputs, list(self._constants.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

    def _new_name(self, kind: str) -> str:
        return f"{self._prefix}{kind}_{len(self._nodes)}"


@dataclass(frozen=True, slots=True)
class Value:
    """A layer's output in the graph.

    Attributes:
        name: in the graph.
        steps: whether it is float32 (steps, texts, features), not (texts, features).
        mask: the name of which of its steps count, bool (steps, texts, 1); empty where all do.
        ids: whether it is token ids, int32 (steps, texts), not features.
        width: how many features it has, where that is known.
        activation: the last that was applied to it, where nothing has changed it since.
    """

    name: str
    steps: bool = False
    mask: str = ""
    ids: bool = False
    width: int | None = None
    activation: str = ""

    def derived(self, name: str, **changes: Any) -> "Value":
        """The same kind of value under another name, with nothing known of its activation."""
        return replace(self, **({"name": name, "activation": ""} | changes))


Translator = Callable[[Graph, Layer, list[Value]], Value]


def refused(layer: Layer, fault: str, accepted: str) -> NetworkError:
    """The error for a layer that serving cannot run."""
    return NetworkError(f"layer {layer.name!r} {fault}; accepted: {accepted}")


def read_past_mask(graph: Graph, value: Value) -> str:
    """A value's name, for a layer that reads masked steps too."""
    if value.mask and graph.padded_right:
        raise PaddingRead
    return value.name


def masked_to(graph: Graph, value: Value, name: str, filler: float) -> str:
    """The value named `name`, with a number in the steps that `value` masks."""
    return graph.node("Where", value.mask, name, graph.number(filler)) if value.mask else name
