"""Recurrent networks: one step of each kind of cell, and whole sequences as one loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import INDEX, Node, const, origins
from graphc.ir.type import Type
from graphc.lib import control, linalg, math, nn, shape
from graphc.lib.dims import size
from graphc.lib.math import full_like
from graphc.lib.promote import as_node, elementwise
from graphc.prims.table import apply


def _linear(x: Node) -> Node:
    return x


def _hard_sigmoid(x: Node) -> Node:
    return math.clip_by_value(math.add(math.multiply(x, 1 / 6), 0.5), 0.0, 1.0)


def _mish(x: Node) -> Node:
    return apply("mul", x, apply("tanh", nn.softplus(x)))


ACTIVATIONS = {
    "linear": _linear, "tanh": math.tanh, "sigmoid": math.sigmoid, "relu": nn.relu, "relu6": nn.relu6, "elu": nn.elu,
    "selu": nn.selu, "gelu": nn.gelu, "silu": nn.silu, "swish": nn.silu, "softplus": nn.softplus,
    "softsign": nn.softsign, "exponential": math.exp, "leaky_relu": nn.leaky_relu, "hard_sigmoid": _hard_sigmoid,
    "softmax": nn.softmax, "mish": _mish,
}  # fmt: skip


def activation_of(value) -> Callable:
    """A function of Nodes: itself, or the one of this name; None is no activation.

    Raises:
        UsageError: there is none of this name.
    """
    if value is None:
        return _linear
    found = ACTIVATIONS.get(value) if isinstance(value, str) else value
    if not callable(found):
        raise UsageError(explain(f"activation {value!r} is none of {', '.join(ACTIVATIONS)}"))
    return found


# ------------------------------------------------------------------------------------------- sequences


class Rows(NamedTuple):
    """How a sequence is run through.

    Attributes:
        lengths: integers [batch]: after so many rows states stay as they are; or None.
        mask: bools [rows, batch]: where False states stay as they are; or None.
        backwards: from the last row to the first; outputs stay in the places of their rows.
        hold: where a row does not count, the output is the one before instead of 0.
    """

    lengths: Node | None = None
    mask: Node | None = None
    backwards: bool = False
    hold: bool = False


def sequence(step: Callable, rows: Sequence[Node], states: Sequence[Node], weights: Sequence[Node], how: Rows = Rows(),
             op: str = "rnn") -> tuple[Node, list[Node]]:  # fmt: skip
    """``output, states = step(one of each of rows, states, weights)`` for all rows, as one loop.

    Args:
        rows: Nodes [rows, batch, ...]. states: Nodes [batch, ...].

    Returns:
        The outputs [rows, batch, ...], and the states after the last row.

    Raises:
        ShapeError, DtypeError: a step changes the type of a state, or the rows differ in number.
    """

    def body(number, slices, before, given):
        output, new = step(slices, before, given)
        return [*new, output]

    (outputs,), last = sequences(body, rows, states, weights, how, op)
    return outputs, last


def sequences(step: Callable, rows: Sequence[Node], states: Sequence[Node], weights: Sequence[Node], how: Rows = Rows(),
              op: str = "rnn", whole: int = 0) -> tuple[list[Node], list[Node]]:  # fmt: skip
    """``[*states, *outputs] = step(number of the row, one of each of rows, states, weights)``; see ``sequence``.

    ``whole``: so many states come first that do not belong to examples: they change with every row.
    """
    count, given, marks = len(states), [*weights], [] if how.mask is None else [how.mask]
    partial = how.lengths is not None or how.mask is not None
    if how.lengths is not None:
        given.append(how.lengths)
    first = [*states]
    if how.hold and partial:
        first += _no_outputs(step, rows, states, weights)

    def body(number, carries, slices, operands):
        before, held = list(carries[:count]), list(carries[count:])
        found = step(number, list(slices[: len(rows)]), before, list(operands[: len(weights)]))
        new, outputs = found[:count], found[count:]
        if partial:
            counts = _counts(number, slices[len(rows) :], operands[len(weights) :])
            new[whole:] = [_chosen(counts, a, b) for a, b in zip(new[whole:], before[whole:], strict=True)]
            others = held or [full_like(y, 0) for y in outputs]
            outputs = [_chosen(counts, a, b) for a, b in zip(outputs, others, strict=True)]
        return [*new, *(outputs if held else [])], outputs

    last, outputs = control.steps(body, first, [*rows, *marks], given, backwards=how.backwards, op=op)
    return outputs, last[:count]


def _no_outputs(step: Callable, rows, states, weights) -> list[Node]:
    slices = [const(0, Type(x.dtype, x.shape[1:])) for x in rows]
    found = step(const(0, INDEX), slices, list(states), list(weights))
    return [full_like(y, 0) for y in found[len(states) :]]


def _counts(number: Node, marks, lengths) -> Node:
    """Which examples this row counts for."""
    if marks:
        return marks[0]
    (known,) = lengths
    return apply("lt", apply("broadcast", math.cast(number, known.dtype), shape=known.shape, axes=()), known)


def _chosen(condition: Node, x: Node, y: Node) -> Node:
    """``x`` for the examples for which the condition holds, else ``y``."""
    if x.shape in ((), (0,)):  # a state that does not belong to examples, or holds nothing
        return x
    wide = apply("broadcast", condition, shape=x.shape, axes=(0,)) if x.shape != condition.shape else condition
    return apply("select", wide, x, control.ensured(y, x.shape))


def projected(x: Node, kernel: Node, bias: Node | None = None) -> Node:
    """``x @ kernel + bias`` over the last axis, for all rows at once."""
    flat = x if len(x.shape) == 2 else apply("reshape", x, shape=(size(x.shape[:-1]), x.shape[-1]))
    out = linalg.matmul(flat, kernel)
    if bias is not None:
        out = elementwise("add", out, bias)
    return out if len(x.shape) == 2 else apply("reshape", out, shape=(*x.shape[:-1], out.shape[-1]))


def swapped(x: Node) -> Node:
    """[rows, batch, ...] from [batch, rows, ...], or back."""
    return apply("transpose", x, perm=(1, 0, *range(2, len(x.shape))))


def laid_out(
    op: str, inputs, mask, sequence_length, time_major: bool, backwards: bool, hold: bool
) -> tuple[Node, Rows]:
    """Inputs [rows, batch, size] and how to run through them.

    Raises:
        ShapeError: not of rank 3, or a mask or lengths that do not fit.
    """
    x = as_node(inputs)
    if len(x.shape) < 3:
        raise ShapeError(explain(f"{op}: inputs must have at least rank 3, not {x.type}", origins(inputs=x)))
    x = x if time_major else swapped(x)
    if mask is not None:
        mask = math.cast(as_node(mask), dt.b1)
        if len(mask.shape) == 3:
            mask = apply("reshape", mask, shape=mask.shape[:2])
        if len(mask.shape) != 2:
            raise ShapeError(explain(f"{op}: the mask must have rank 2, not {mask.type}", origins(mask=mask)))
        mask = shape.ensure_shape(mask if time_major else swapped(mask), x.shape[:2])
    lengths = None
    if sequence_length is not None:
        lengths = as_node(sequence_length)
        if len(lengths.shape) != 1 or not lengths.dtype.is_integer:
            what = f"{op}: sequence_length must be integers [batch], not {lengths.type}"
            raise ShapeError(explain(what, origins(sequence_length=lengths)))
        lengths = shape.ensure_shape(lengths, (x.shape[1],))
    return x, Rows(lengths, mask, backwards, hold)


# ----------------------------------------------------------------------------------------------- cells


def gates_of(z: Node, count: int) -> list[Node]:
    """``count`` equal parts of the last axis."""
    last = len(z.shape) - 1
    width = z.shape[last] // count
    return [shape.part(z, last, k * width, (k + 1) * width) for k in range(count)]


def rnn_step(z: Node, h: Node, recurrent: Node, activation: Callable) -> Node:
    """The next state of a plain cell, from the projected input."""
    return activation(apply("add", z, linalg.matmul(h, recurrent)))


class LSTM(NamedTuple):
    """What an LSTM cell is like.

    Attributes:
        order: places of the input, candidate (c), forget and output gates among the columns of the weights.
        forget_bias: added to the forget gate.
        activation, recurrent_activation: functions of Nodes.
        cell_clip, proj_clip: largest size of an element of the cell state and of the projection; None for any.
    """

    order: str = "ifco"
    forget_bias: float = 0.0
    activation: Callable = math.tanh
    recurrent_activation: Callable = math.sigmoid
    cell_clip: float | None = None
    proj_clip: float | None = None


def lstm_gates(kind: LSTM, z: Node, c: Node, peepholes: Sequence[Node] = ()) -> dict[str, Node]:
    """Gates, candidate, new cell state and output, from the sum of both products.

    Args:
        peepholes: weights [units] of the cell state for the input, forget and output gates, or none.
    """
    parts = dict(zip(kind.order, gates_of(z, 4)))
    opened, squashed = kind.recurrent_activation, kind.activation

    def gate(name: str, state: Node) -> Node:
        x = parts[name] if not (name == "f" and kind.forget_bias) else math.add(parts[name], kind.forget_bias)
        if peepholes:
            x = math.add(x, math.multiply(peepholes["ifo".index(name)], state))
        return opened(x)

    i, f, candidate = gate("i", c), gate("f", c), squashed(parts["c"])
    new = apply("add", apply("mul", f, c), apply("mul", i, candidate))
    if kind.cell_clip is not None:
        new = math.clip_by_value(new, -kind.cell_clip, kind.cell_clip)
    o, shown = gate("o", new), squashed(new)
    return {"i": i, "f": f, "o": o, "candidate": candidate, "c": new, "shown": shown, "h": apply("mul", o, shown)}


def lstm_step(kind: LSTM, z: Node, h: Node, c: Node, recurrent: Node, peepholes: Sequence[Node] = (),
              projection: Node | None = None) -> tuple[Node, Node]:  # fmt: skip
    """The next output and cell state of an LSTM cell, from the projected input."""
    found = lstm_gates(kind, apply("add", z, linalg.matmul(h, recurrent)), c, peepholes)
    h = found["h"]
    if projection is not None:
        h = linalg.matmul(h, projection)
        if kind.proj_clip is not None:
            h = math.clip_by_value(h, -kind.proj_clip, kind.proj_clip)
    return h, found["c"]


class GRU(NamedTuple):
    """What a GRU cell is like.

    Attributes:
        order: places of the update (z) and reset (r) gates and the candidate (h) among the columns of the weights.
        reset_after: the reset gate acts on the product with the state, instead of on the state.
        activation, recurrent_activation: functions of Nodes.
    """

    order: str = "zrh"
    reset_after: bool = True
    activation: Callable = math.tanh
    recurrent_activation: Callable = math.sigmoid


def gru_step(kind: GRU, x: Node, h: Node, recurrent: Node, bias: Node | None = None) -> Node:
    """The next state of a GRU cell, from the projected input.

    Args:
        recurrent: weights [units, 3 * units]. bias: of the product with the state, if ``reset_after``.
    """
    inputs = dict(zip(kind.order, gates_of(x, 3)))
    if kind.reset_after:
        product = linalg.matmul(h, recurrent)
        product = product if bias is None else elementwise("add", product, bias)
        own = dict(zip(kind.order, gates_of(product, 3)))
        z, r = (kind.recurrent_activation(apply("add", inputs[g], own[g])) for g in "zr")
        new = kind.activation(apply("add", inputs["h"], apply("mul", r, own["h"])))
    else:
        width = recurrent.shape[1] // 3
        gates, candidate = (
            shape.part(recurrent, 1, 0, width * 2),
            shape.part(recurrent, 1, width * 2, recurrent.shape[1]),
        )
        own = dict(zip(kind.order[:2], gates_of(linalg.matmul(h, gates), 2)))
        z, r = (kind.recurrent_activation(apply("add", inputs[g], own[g])) for g in "zr")
        new = kind.activation(apply("add", inputs["h"], linalg.matmul(apply("mul", r, h), candidate)))
    return apply("add", apply("mul", z, h), apply("mul", math.subtract(1.0, z), new))


# --------------------------------------------------------------------------------------- whole networks


def _states(op: str, given, x: Node, widths: Sequence) -> list[Node]:
    """Initial states as Nodes [batch, width]; zeros where none are given."""
    if given is None:
        return [const(0, Type(x.dtype, (x.shape[1], width))) for width in widths]
    given = [as_node(s, x.dtype) for s in (given if isinstance(given, (list, tuple)) else [given])]
    if len(given) != len(widths):
        raise UsageError(explain(f"{op}: {len(given)} initial states instead of {len(widths)}"))
    return [shape.ensure_shape(s, (x.shape[1], width)) for s, width in zip(given, widths)]


def _finished(outputs: Node, return_sequences: bool, time_major: bool, backwards: bool) -> Node:
    if return_sequences:
        return outputs if time_major else swapped(outputs)
    return last_row(outputs, backwards)


def last_row(outputs: Node, backwards: bool) -> Node:
    """The output that was computed last, of outputs in the places of their rows."""
    count = outputs.shape[0]
    row = shape.part(outputs, 0, 0, 1) if backwards else shape.part(outputs, 0, count - 1, count)
    return apply("reshape", row, shape=outputs.shape[1:])


def simple_rnn(inputs, kernel, recurrent_kernel, bias=None, initial_state=None, mask=None, sequence_length=None,
               activation="tanh", time_major=False, go_backwards=False, return_sequences=True,
               hold=True) -> tuple[Node, Node]:  # fmt: skip
    """``h = activation(x @ kernel + bias + h @ recurrent_kernel)`` over all rows.

    Args:
        inputs: [batch, rows, size], or [rows, batch, size] if ``time_major``.
        kernel: [size, units]. recurrent_kernel: [units, units]. bias: [units] or None.
        initial_state: [batch, units]; zeros if None.
        mask: bools [batch, rows] (or the other way round): which rows count.
        sequence_length: integers [batch]: how many rows count.
        go_backwards: from the last row to the first.
        return_sequences: all outputs, or the last one only.
        hold: where a row does not count, the output is the one before instead of 0.

    Returns:
        The outputs, in the places of their rows, and the last state.

    Raises:
        ShapeError, DtypeError, UsageError: operands that do not fit.
    """
    x, how = laid_out("simple_rnn", inputs, mask, sequence_length, time_major, go_backwards, hold)
    w, u = as_node(kernel, x.dtype), as_node(recurrent_kernel, x.dtype)
    act = activation_of(activation)
    states = _states("simple_rnn", initial_state, x, [u.shape[0]])

    def step(rows, states, weights):
        h = rnn_step(rows[0], states[0], weights[0], act)
        return h, [h]

    z = projected(x, w, None if bias is None else as_node(bias, x.dtype))
    outputs, (h,) = sequence(step, [z], states, [u], how, "simple_rnn")
    return _finished(outputs, return_sequences, time_major, go_backwards), h


def lstm(inputs, kernel, recurrent_kernel, bias=None, initial_state=None, mask=None, sequence_length=None, kind=LSTM(),
         peepholes=(), projection=None, time_major=False, go_backwards=False, return_sequences=True,
         hold=True) -> tuple[Node, Node, Node]:  # fmt: skip
    """An LSTM over all rows; see ``simple_rnn`` for the arguments.

    Args:
        kernel: [size, 4 * units]. recurrent_kernel: [outputs, 4 * units]. bias: [4 * units] or None.
        initial_state: output and cell state, [batch, outputs] and [batch, units].
        kind: order of gates, activations and limits.
        peepholes: weights [units] of the cell state for the input, forget and output gates, or none.
        projection: weights [units, outputs] from the cell's output to the network's, or None.

    Returns:
        The outputs, the last output and the last cell state.
    """
    x, how = laid_out("lstm", inputs, mask, sequence_length, time_major, go_backwards, hold)
    w, u = as_node(kernel, x.dtype), as_node(recurrent_kernel, x.dtype)
    eyes, shown = (
        [as_node(p, x.dtype) for p in peepholes],
        [] if projection is None else [as_node(projection, x.dtype)],
    )
    states = _states("lstm", initial_state, x, [u.shape[0], u.shape[1] // 4])

    def step(rows, states, weights):
        after = weights[1 + len(eyes) :]
        h, c = lstm_step(kind, rows[0], *states, weights[0], weights[1 : 1 + len(eyes)], after[0] if after else None)
        return h, [h, c]

    z = projected(x, w, None if bias is None else as_node(bias, x.dtype))
    outputs, (h, c) = sequence(step, [z], states, [u, *eyes, *shown], how, "lstm")
    return _finished(outputs, return_sequences, time_major, go_backwards), h, c


def gru(inputs, kernel, recurrent_kernel, bias=None, initial_state=None, mask=None, sequence_length=None, kind=GRU(),
        recurrent_bias=None, time_major=False, go_backwards=False, return_sequences=True,
        hold=True) -> tuple[Node, Node]:  # fmt: skip
    """A GRU over all rows; see ``simple_rnn`` for the arguments.

    Args:
        kernel: [size, 3 * units]. recurrent_kernel: [units, 3 * units]. bias: [3 * units] or None.
        kind: order of gates, activations, and where the reset gate acts.
        recurrent_bias: [3 * units], of the product with the state, if the reset gate acts after it.
    """
    x, how = laid_out("gru", inputs, mask, sequence_length, time_major, go_backwards, hold)
    w, u = as_node(kernel, x.dtype), as_node(recurrent_kernel, x.dtype)
    own = [] if recurrent_bias is None else [as_node(recurrent_bias, x.dtype)]
    states = _states("gru", initial_state, x, [u.shape[0]])

    def step(rows, states, weights):
        h = gru_step(kind, rows[0], states[0], *weights)
        return h, [h]

    z = projected(x, w, None if bias is None else as_node(bias, x.dtype))
    outputs, (h,) = sequence(step, [z], states, [u, *own], how, "gru")
    return _finished(outputs, return_sequences, time_major, go_backwards), h
