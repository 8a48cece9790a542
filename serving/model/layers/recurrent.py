"""Recurrent layers: as ONNX's own operators where these compute the same, else as a loop over the steps.

A new kind of cell is one entry of `_CELLS`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.model.keras_config import OLD_HARD_SIGMOID, Json, Layer, Weights, weight_counts
from serving.model.layers.activations import ACTIVATIONS, activation_name
from serving.model.layers.graph import Graph, Translator, Value, read_past_mask, refused

Array = npt.NDArray[np.float32]

# Activations that ONNX's recurrent operators have, with their alpha and beta.
_OF_OPERATORS: dict[str, tuple[str, list[float], list[float]]] = {
    "tanh": ("Tanh", [], []),
    "sigmoid": ("Sigmoid", [], []),
    "relu": ("Relu", [], []),
    "hard_sigmoid": ("HardSigmoid", [1 / 6], [0.5]),
    OLD_HARD_SIGMOID: ("HardSigmoid", [0.2], [0.5]),
}


@dataclass(frozen=True, slots=True)
class _Direction:
    """One pass over the steps.

    Attributes:
        kind: of the cell, without cuDNN.
        activations: as Keras names them; the last is the output's.
        weights: of the cell.
        backwards: whether it starts at the last step.
        sequences: whether it gives the outputs of all steps.
        zeros: whether the output of masked steps is 0, not that of the step before.
    """

    kind: str
    activations: tuple[str, ...]
    weights: "_CellWeights"
    backwards: bool
    sequences: bool
    zeros: bool


@dataclass(frozen=True, slots=True)
class _CellWeights:
    """Keras's arrays: kernel (inputs, gates * units), recurrent kernel (units, gates * units), and the biases of both.

    `reset_after`: whether a GRU multiplies with its reset gate after the recurrent kernel.
    """

    kernel: Array
    recurrent: Array
    bias: Array
    recurrent_bias: Array
    reset_after: bool = False


def _recurrent(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    value = _checked(layer, inputs[0])
    direction = _direction(layer, layer.kind, layer.options, layer.weights)
    name = _passed(graph, layer.name, direction, value)
    if direction.backwards and direction.sequences:
        # Keras gives the steps as it met them. The mask stays as it was, so that it now covers others.
        read_past_mask(graph, value)
        ends = graph.integers(np.iinfo(np.int64).min)
        name = graph.node("Slice", name, graph.integers(-1), ends, graph.integers(0), graph.integers(-1))
    return _output(name, direction, value, direction.weights.recurrent.shape[0])


def _bidirectional(graph: Graph, layer: Layer, inputs: list[Value]) -> Value:
    value, mode = _checked(layer, inputs[0]), layer.options.get("merge_mode", "concat")
    if mode not in _MERGES:
        raise refused(layer, f"has merge_mode {mode!r}", ", ".join(_MERGES))
    forwards = layer.options["layer"]
    backwards = layer.options.get("backward_layer") or forwards
    half = sum(weight_counts(forwards["class_name"], forwards["config"]) or ())
    directions = [
        _direction(layer, inner["class_name"], options, weights)
        for inner, options, weights in (
            (forwards, _with_zeros(forwards, False), layer.weights[:half]),
            (backwards, _with_zeros(backwards, True), layer.weights[half:]),
        )
    ]
    first, second = (direction.weights.recurrent.shape[0] for direction in directions)
    if mode == "concat" and _fit_one_operator(graph, directions, value):
        return _output(_operator(graph, layer.name, directions, value), directions[0], value, first + second)
    names = [_passed(graph, f"{layer.name}_{i}", direction, value) for i, direction in enumerate(directions)]
    if mode == "concat":
        return _output(graph.node("Concat", *names, axis=-1), directions[0], value, first + second)
    return _output(graph.node(_MERGES[mode], *names), directions[0], value, first)


_MERGES = {"concat": "Concat", "sum": "Sum", "mul": "Mul", "ave": "Mean"}


def _with_zeros(inner: Json, backwards: bool) -> Json:
    """The options of a layer in Bidirectional, which gives zeros for masked steps whatever the layer says."""
    options: Json = inner["config"]
    return options | {"go_backwards": backwards, "zero_output_for_mask": True}


def _checked(layer: Layer, value: Value) -> Value:
    if not value.steps:
        raise refused(layer, f"is a {layer.kind} of a vector", "steps")
    return value


def _output(name: str, direction: _Direction, value: Value, width: int) -> Value:
    return Value(name, direction.sequences, value.mask if direction.sequences else "", width=width)


def _direction(layer: Layer, kind: str, options: Json, weights: Weights) -> _Direction:
    if kind not in _CELLS:
        raise refused(layer, f"is a {layer.kind} {kind}", ", ".join(_CELLS))
    for key in ("return_state", "time_major"):
        if options.get(key):
            raise refused(layer, f"has {key}={options[key]!r}", "False")
    cell, cudnn = _CELLS[kind], kind.startswith("CuDNN")
    keys = ("recurrent_activation", "activation")[-cell.activations :]
    defaults = {"recurrent_activation": "sigmoid", "activation": "tanh"}
    # Keras writes these for each layer but those of cuDNN, which have no choice.
    named = [defaults[key] if cudnn else options.get(key) or "linear" for key in keys]
    return _Direction(
        kind=kind.removeprefix("CuDNN"),
        activations=tuple(activation_name(layer, activation) for activation in named),
        weights=_of_cudnn(weights, cell.gates) if cudnn else _of_keras(weights, bool(options.get("reset_after"))),
        backwards=bool(options.get("go_backwards")),
        sequences=bool(options.get("return_sequences")),
        zeros=bool(options.get("zero_output_for_mask")),
    )


def _of_keras(weights: Weights, reset_after: bool) -> _CellWeights:
    kernel, recurrent = weights[:2]
    none = np.zeros(kernel.shape[1], np.float32)
    bias = weights[2] if len(weights) > 2 else none
    both = bias if bias.ndim == 2 else (bias, none)  # reset_after has a bias for each kernel
    return _CellWeights(kernel, recurrent, both[0], both[1], reset_after)


def _of_cudnn(weights: Weights, gates: int) -> _CellWeights:
    """From the layout of cuDNN, whose matrices are transposed gate by gate; see Keras's `_convert_rnn_weights`."""
    kernel, recurrent, bias = weights
    moved = [gate.T.reshape(gate.shape, order="F") for gate in np.hsplit(kernel, gates)]
    turned = [gate.T for gate in np.hsplit(recurrent, gates)]
    first, second = np.split(bias, 2)
    return _CellWeights(np.hstack(moved), np.hstack(turned), first, second, reset_after=True)


def _passed(graph: Graph, name: str, direction: _Direction, value: Value) -> str:
    """The output of one direction, in the order of the steps."""
    if _fit_one_operator(graph, [direction], value):
        return _operator(graph, name, [direction], value)
    return _loop(graph, name, direction, value)


def _fit_one_operator(graph: Graph, directions: list[_Direction], value: Value) -> bool:
    """Whether ONNX's operator computes the same: it knows lengths, but no other masks, and few activations."""
    first, last = directions[0], directions[-1]
    alike = (first.kind, first.activations, first.sequences) == (last.kind, last.activations, last.sequences)
    alike = alike and first.weights.recurrent.shape == last.weights.recurrent.shape
    known = all(activation in _OF_OPERATORS for activation in first.activations)
    return alike and known and (not value.mask or graph.padded_right)


def _operator(graph: Graph, name: str, directions: list[_Direction], value: Value) -> str:
    """One direction or two, each with weights of its own, side by side in the last axis."""
    first, cell = directions[0], _CELLS[directions[0].kind]
    arrays = [
        (cell.onnx_gates(d.weights.kernel).T, cell.onnx_gates(d.weights.recurrent).T, cell.onnx_bias(d.weights))
        for d in directions
    ]
    w, r, b = (np.stack(stack) for stack in zip(*arrays, strict=True))
    output = graph.recurrent(
        cell.operator,
        value.name,
        graph.constant(f"{name}_W", w),
        graph.constant(f"{name}_R", r),
        graph.constant(f"{name}_B", b),
        "lengths" if value.mask else "",
        output=f"{name}_out",
        sequences=first.sequences,
        hidden_size=r.shape[-1],
        direction="bidirectional" if len(directions) == 2 else "reverse" if first.backwards else "forward",
        **_operator_activations(first.activations, cell, len(directions)),
        **({"linear_before_reset": int(first.weights.reset_after)} if first.kind == "GRU" else {}),
    )
    # Directions go from their own axis to side by side in the last.
    moved = graph.node("Transpose", output, perm=[0, 2, 1, 3] if first.sequences else [1, 0, 2])
    shape = graph.integers(0, 0, -1) if first.sequences else graph.integers(0, -1)
    return graph.node("Reshape", moved, shape)


def _operator_activations(activations: tuple[str, ...], cell: "_Cell", directions: int) -> dict[str, Any]:
    """An operator's options for activations other than its defaults: those of its gates, its cell and its output."""
    if activations in (("sigmoid", "tanh"), ("tanh",)):
        return {}
    named = [_OF_OPERATORS[name] for name in (*activations, *activations[-1:] * cell.repeats)] * directions
    options: dict[str, Any] = {"activations": [kind for kind, _, _ in named]}
    if numbers := [number for _, alpha, beta in named for number in zip(alpha, beta, strict=True)]:
        options["activation_alpha"], options["activation_beta"] = zip(*numbers, strict=True)
    return options


def _loop(graph: Graph, name: str, direction: _Direction, value: Value) -> str:
    """A loop over the steps. Masked ones change no state, and give the output of the step before, or 0."""
    weights, cell = direction.weights, _CELLS[direction.kind]
    units = weights.recurrent.shape[0]
    product = graph.node("MatMul", value.name, graph.constant(f"{name}_W", weights.kernel))
    steps = graph.node("Add", product, graph.constant(f"{name}_B", weights.bias))
    shape = graph.node("Concat", graph.node("Shape", "ids", start=0, end=1), graph.integers(units), axis=0)
    zeros = graph.node("ConstantOfShape", shape)
    body = Graph(prefix=f"{name}_")
    states = [f"{name}_state{i}" for i in range(cell.states)]
    step, mask = f"{name}_step", f"{name}_step_mask"
    results = cell.step(body, step, states, direction)
    if value.mask:
        results = [body.node("Where", mask, new, old) for new, old in zip(results, states, strict=True)]
    if direction.sequences and value.mask and direction.zeros:
        results.append(body.node("Where", mask, results[0], body.number(0)))
    elif direction.sequences:
        results.append(body.node("Identity", results[0]))
    outputs = graph.scan(
        body,
        dict.fromkeys(states, zeros),
        {step: steps} | ({mask: value.mask} if value.mask else {}),
        results,
        scan_input_directions=[int(direction.backwards)] * (2 if value.mask else 1),
        **({"scan_output_directions": [int(direction.backwards)]} if direction.sequences else {}),
    )
    return outputs[-1] if direction.sequences else outputs[0]


def _lstm_step(body: Graph, step: str, states: list[str], direction: _Direction) -> list[str]:
    gate, activation = (ACTIVATIONS[name] for name in direction.activations)
    output, memory = states
    i, f, c, o = body.split(body.node("Add", step, _product(body, output, direction)), 4)
    kept = body.node("Mul", gate(body, f), memory)
    memory = body.node("Add", kept, body.node("Mul", gate(body, i), activation(body, c)))
    return [body.node("Mul", gate(body, o), activation(body, memory)), memory]


def _gru_step(body: Graph, step: str, states: list[str], direction: _Direction) -> list[str]:
    gate, activation = (ACTIVATIONS[name] for name in direction.activations)
    (output,), weights = states, direction.weights
    x_z, x_r, x_h = body.split(step, 3)
    h_z, h_r, h_h = body.split(_product(body, output, direction), 3)
    z, r = (gate(body, body.node("Add", x, h)) for x, h in ((x_z, h_z), (x_r, h_r)))
    if weights.reset_after:
        recurrent = body.node("Mul", r, h_h)
    else:
        kernel = body.constant("R_h", weights.recurrent[:, -weights.recurrent.shape[0] :])
        recurrent = body.node("MatMul", body.node("Mul", r, output), kernel)
    candidate = activation(body, body.node("Add", x_h, recurrent))
    kept = body.node("Mul", z, output)
    return [body.node("Add", kept, body.node("Mul", body.node("Sub", body.number(1), z), candidate))]


def _simple_step(body: Graph, step: str, states: list[str], direction: _Direction) -> list[str]:
    (name,), (output,) = direction.activations, states
    return [ACTIVATIONS[name](body, body.node("Add", step, _product(body, output, direction)))]


def _product(body: Graph, output: str, direction: _Direction) -> str:
    """What the recurrent kernel makes of the last step's output, for each gate."""
    product = body.node("MatMul", output, body.constant("R", direction.weights.recurrent))
    return body.node("Add", product, body.constant("R_B", direction.weights.recurrent_bias))


def _lstm_gates(array: Array) -> Array:
    """From Keras's order of gates, i f c o, to ONNX's, i o f c, along the last axis."""
    i, f, c, o = np.split(array, 4, axis=-1)
    return np.concatenate([i, o, f, c], axis=-1)


@dataclass(frozen=True, slots=True)
class _Cell:
    """A recurrent layer of Keras.

    Attributes:
        operator: of ONNX.
        gates: how many matrices a kernel holds side by side.
        states: how many a step hands to the next; the first is the output.
        activations: how many Keras names; the last is the output's.
        repeats: how many more times ONNX wants the last of them.
        step: the names of the states after a step, from those before it and the step's input in the kernel's shape.
        onnx_gates: from Keras's order of gates to ONNX's, along the last axis.
    """

    operator: str
    gates: int
    states: int
    activations: int
    repeats: int
    step: Callable[[Graph, str, list[str], _Direction], list[str]]
    onnx_gates: Callable[[Array], Array] = field(default=lambda array: array)

    def onnx_bias(self, weights: _CellWeights) -> Array:
        """The pair [Wb, Rb]."""
        return np.concatenate([self.onnx_gates(weights.bias), self.onnx_gates(weights.recurrent_bias)])


_LSTM = _Cell("LSTM", 4, states=2, activations=2, repeats=1, step=_lstm_step, onnx_gates=_lstm_gates)
_GRU = _Cell("GRU", 3, states=1, activations=2, repeats=0, step=_gru_step)
_CELLS = {
    "LSTM": _LSTM,
    "CuDNNLSTM": _LSTM,
    "GRU": _GRU,
    "CuDNNGRU": _GRU,
    "SimpleRNN": _Cell("RNN", 1, states=1, activations=1, repeats=0, step=_simple_step),
}

RECURRENT_LAYERS: dict[str, Translator] = {**dict.fromkeys(_CELLS, _recurrent), "Bidirectional": _bidirectional}
