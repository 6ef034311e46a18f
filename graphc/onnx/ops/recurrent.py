"""Recurrent networks: RNN, GRU and LSTM as one loop for each direction; the input's products of all steps are one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from graphc.errors import FormatError
from graphc.ir.node import Node, const
from graphc.ir.type import Type
from graphc.lib import linalg, math, nn, recurrent, shape
from graphc.lib.control import ensured
from graphc.onnx.call import Call
from graphc.onnx.ops import activations
from graphc.onnx.ops.precision import widened
from graphc.onnx.ops.sizes import differ
from graphc.onnx.registry import operator
from graphc.prims.table import apply

_FUNCTIONS = {  # name: the function, and defaults of its alpha and beta
    "affine": (lambda x, a, b: math.add(math.multiply(x, a), b), (1.0, 0.0)), "relu": (nn.relu, ()),
    "tanh": (math.tanh, ()), "sigmoid": (math.sigmoid, ()), "softsign": (nn.softsign, ()),
    "softplus": (nn.softplus, ()),
    "scaledtanh": (lambda x, a, b: math.multiply(math.tanh(math.multiply(x, b)), a), (1.0, 1.0)),
    "hardsigmoid": (activations.hard_sigmoid, (0.2, 0.5)), "elu": (nn.scaled_elu, (1.0,)),
    "leakyrelu": (activations.leaky_relu, (0.01,)), "thresholdedrelu": (activations.thresholded_relu, (1.0,)),
}  # fmt: skip


class Weights(NamedTuple):
    """What one direction computes with.

    Attributes:
        kernel: [size, gates * units]. recurrent: [units, gates * units].
        bias, own_bias: [gates * units], of the product with the input and with the state; or None.
        peepholes: [3 * units], or None.
    """

    kernel: Node
    recurrent: Node
    bias: Node | None
    own_bias: Node | None
    peepholes: Node | None


class Cell(NamedTuple):
    """A kind of cell as one call has it.

    Attributes:
        functions: its activations, which limit their operands by ``clip`` first.
        weights: of the direction.
        option: ``linear_before_reset`` of a GRU, ``input_forget`` of an LSTM.
    """

    functions: list[Callable]
    weights: Weights
    option: bool


# --------------------------------------------------------------------------------------------------- cells
# A cell answers with: the bias of the input's product, Nodes that its steps need, and the step.


def _both(weights: Weights) -> Node | None:
    return None if weights.bias is None else math.add(weights.bias, weights.own_bias)


def _rnn(cell: Cell) -> tuple:
    (f,) = cell.functions

    def step(z: Node, states: list[Node], given: list[Node]) -> list[Node]:
        return [f(math.add(z, linalg.matmul(states[0], given[0])))]

    return _both(cell.weights), [cell.weights.recurrent], step


def _gru(cell: Cell) -> tuple:
    w, (f, g) = cell.weights, cell.functions
    units = w.recurrent.shape[0]
    last = 3 * units
    if cell.option:
        bias, given = w.bias, [w.recurrent, *([] if w.own_bias is None else [w.own_bias])]
    else:
        bias = _both(w)
        given = [shape.part(w.recurrent, 1, 0, 2 * units), shape.part(w.recurrent, 1, 2 * units, last)]

    def step(x: Node, states: list[Node], given: list[Node]) -> list[Node]:
        (h,) = states
        update, reset, candidate = recurrent.gates_of(x, 3)
        if cell.option:
            own = linalg.matmul(h, given[0])
            own = own if len(given) == 1 else math.add(own, given[1])
            own_update, own_reset, own_candidate = recurrent.gates_of(own, 3)
        else:
            own_update, own_reset = recurrent.gates_of(linalg.matmul(h, given[0]), 2)
        z, r = f(math.add(update, own_update)), f(math.add(reset, own_reset))
        if not cell.option:
            own = linalg.matmul(math.multiply(r, h), given[1])
        else:
            own = math.multiply(r, own_candidate)
        new = g(math.add(candidate, own))
        return [math.add(math.multiply(math.subtract(1.0, z), new), math.multiply(z, h))]

    return bias, given, step


def _lstm(cell: Cell) -> tuple:
    w, (f, g, h) = cell.weights, cell.functions
    eyes = [] if w.peepholes is None else [w.peepholes]

    def step(z: Node, states: list[Node], given: list[Node]) -> list[Node]:
        before, c = states
        i, o, forget, candidate = recurrent.gates_of(math.add(z, linalg.matmul(before, given[0])), 4)
        eye = recurrent.gates_of(given[1], 3) if len(given) > 1 else None  # of the input, output and forget gates

        def seen(x: Node, k: int, state: Node) -> Node:
            return x if eye is None else math.add(x, math.multiply(eye[k], state))

        i = f(seen(i, 0, c))
        forget = math.subtract(1.0, i) if cell.option else f(seen(forget, 2, c))
        new = math.add(math.multiply(forget, c), math.multiply(i, g(candidate)))
        return [math.multiply(f(seen(o, 1, new)), h(new)), new]

    return _both(w), [w.recurrent, *eyes], step


# --------------------------------------------------------------------------------------- whole networks


class Kind(NamedTuple):
    """Which cell, how many gates and states it has, its default activations, and where its option stands."""

    cell: Callable
    gates: int
    states: int
    functions: tuple[str, ...]
    option: str | None


_KINDS = {
    "RNN": Kind(_rnn, 1, 1, ("Tanh",), None),
    "GRU": Kind(_gru, 3, 1, ("Sigmoid", "Tanh"), "linear_before_reset"),
    "LSTM": Kind(_lstm, 4, 2, ("Sigmoid", "Tanh", "Tanh"), "input_forget"),
}


def _functions(call: Call, kind: Kind, directions: int) -> list[Callable]:
    """The activations of all directions; numbers go in order to those that take them."""
    names = call.texts("activations", []) or list(kind.functions) * directions
    if len(names) != len(kind.functions) * directions:
        raise FormatError(f"{call.op}: {len(names)} activations instead of {len(kind.functions) * directions}")
    numbers = [iter(call.floats(name, [])) for name in ("activation_alpha", "activation_beta")]
    limit, own = call.float("clip", None), len(kind.functions)
    return [  # the cell state, the operand of the third one, is not limited: so ONNX Runtime reads the standard
        _function(call, name, numbers, limit if k % own < 2 else None) for k, name in enumerate(names)
    ]


def _function(call: Call, name: str, numbers: list, limit: float | None) -> Callable:
    if name.lower() not in _FUNCTIONS:
        raise call.refuse(f"the activation {name!r} is not known")
    function, defaults = _FUNCTIONS[name.lower()]
    given = [next(numbers[k], default) for k, default in enumerate(defaults)]

    def run(x: Node) -> Node:
        return function(x if limit is None else math.clip_by_value(x, -limit, limit), *given)

    return run


def _weights(call: Call, kind: Kind, sizes: dict, k: int, dtype) -> Weights:
    """The weights of direction ``k``; ``sizes`` are those of the inputs."""

    def of(place: int) -> Node | None:
        if place not in sizes or not call.has(place):
            return None
        x = shape.part(math.cast(shape.ensure_shape(call[place], sizes[place]), dtype), 0, k, k + 1)
        return shape.reshape(x, sizes[place][1:])

    bias, half = of(3), sizes[1][1]
    biases = (None, None) if bias is None else (shape.part(bias, 0, a, a + half) for a in (0, half))
    return Weights(shape.transpose(of(1)), shape.transpose(of(2)), *biases, of(7))


def _checked(call: Call, kind: Kind, directions: int) -> tuple[int, dict]:
    """How many units there are, and the shapes of weights by their places among the inputs.

    Raises:
        ShapeError: operands do not fit. FormatError: ``hidden_size`` does not.
    """
    if any(len(call[k].shape) != 3 for k in range(3)):
        raise call.wrong("the input and both weights must have rank 3")
    units = call[2].shape[2] if type(call[2].shape[2]) is int else call.int("hidden_size", None)
    if units is None:
        raise call.refuse("the number of units must be known before running")
    size = call[0].shape[2]
    wanted = {1: (directions, kind.gates * units, size), 2: (directions, kind.gates * units, units),
              3: (directions, 2 * kind.gates * units)}  # fmt: skip
    if kind.states == 2:
        wanted[7] = (directions, 3 * units)
    for k, sizes in wanted.items():
        have = call[k].shape if call.has(k) else sizes
        if differ(have, sizes):
            raise call.wrong(f"input {k} must be [{','.join(map(str, sizes))}]")
    if call.int("hidden_size", units) != units:
        raise FormatError(f"{call.op}: hidden_size is {call.int('hidden_size')}, the weights have {units} units")
    return units, wanted


def _first_states(call: Call, kind: Kind, directions: int, batch, units: int, dtype, swapped: bool) -> list[list[Node]]:
    """The states before the first step, a list for each direction."""
    found = []
    for place in range(5, 5 + kind.states):
        if not call.has(place):
            found.append([const(0, Type(dtype, (batch, units)))] * directions)
            continue
        x = math.cast(call[place], dtype)
        x = shape.transpose(x, (1, 0, 2)) if swapped and len(x.shape) == 3 else x
        x = shape.ensure_shape(x, (directions, batch, units))
        found.append([shape.reshape(shape.part(x, 0, k, k + 1), (batch, units)) for k in range(directions)])
    return [list(states) for states in zip(*found)]


def _lengths(call: Call, rows, batch) -> Node | None:
    """How many rows of each example count; None if all do."""
    known = call.known(4)
    if not call.has(4) or (known is not None and type(rows) is int and (known == rows).all()):
        return None
    return shape.ensure_shape(call[4], (batch,))


@operator("RNN", "GRU", "LSTM")
def recurrent_network(call: Call):
    """The outputs of all steps and directions, and the states after the last step."""
    kind = _KINDS[call.op]
    ways = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
    backwards = ways[call.choice("direction", *ways)]
    (units, sizes), swapped = _checked(call, kind, len(backwards)), bool(call.int("layout", 0))
    x, dtype = call[0], widened(call[0]).dtype
    x = math.cast(shape.transpose(x, (1, 0, 2)) if swapped else x, dtype)
    batch, functions = x.shape[1], _functions(call, kind, len(backwards))
    lengths = _lengths(call, x.shape[0], batch)
    states = _first_states(call, kind, len(backwards), batch, units, dtype, swapped)
    option = bool(kind.option and call.int(kind.option, 0))
    own = len(kind.functions)
    outputs, last = [], []
    for k, way in enumerate(backwards):
        weights = _weights(call, kind, sizes, k, dtype)
        bias, given, step = kind.cell(Cell(functions[k * own : (k + 1) * own], weights, option))
        rows = recurrent.projected(x, weights.kernel, bias)
        out, after = _through(call.op, step, rows, states[k], given, recurrent.Rows(lengths, None, way))
        outputs.append(out)
        last.append(after)
    y = shape.stack(outputs, 1)
    y = shape.transpose(y, (2, 0, 1, 3)) if swapped else y
    found = [y, *[shape.stack([after[s] for after in last], 1 if swapped else 0) for s in range(kind.states)]]
    return [math.cast(v, call[0].dtype) for v in found]


def _through(op: str, step: Callable, rows: Node, states: list[Node], given: list[Node], how) -> tuple:
    """The outputs [rows, batch, units] and the states after the last row; one row alone needs no loop."""
    if type(rows.shape[0]) is int and rows.shape[0] == 1 and how.lengths is None:
        after = step(shape.reshape(rows, rows.shape[1:]), states, given)
        after = [ensured(a, b.shape) for a, b in zip(after, states)]
        return apply("reshape", after[0], shape=(1, *after[0].shape)), after

    def body(row, before, weights):
        after = step(row[0], before, weights)
        return after[0], after

    return recurrent.sequence(body, [rows], states, given, how, op)
