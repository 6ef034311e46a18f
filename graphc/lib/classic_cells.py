"""TensorFlow 1's recurrent cells, with one weight matrix for input and state together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from graphc.errors import ShapeError, explain
from graphc.ir.node import Node, origins
from graphc.lib import linalg, math, recurrent, shape
from graphc.lib.promote import as_node, elementwise
from graphc.lib.recurrent import LSTM, Rows, activation_of
from graphc.prims.table import apply


class Plan(NamedTuple):
    """How a cell runs: what is computed of all inputs before, and ``output, states = step(rows, states, weights)``."""

    rows: list[Node]
    step: Callable
    weights: list[Node]


def _parts(op: str, x: Node, kernel: Node) -> tuple[Node, Node]:
    """The rows of the weights that the input meets, and those that the state meets.

    Raises:
        ShapeError: the input is wider than the weights are high.
    """
    if not x.shape or len(kernel.shape) != 2:
        what = f"{op}: needs inputs of at least one axis and weights of two, not {x.type} and {kernel.type}"
        raise ShapeError(explain(what, origins(inputs=x, kernel=kernel)))
    depth, height = x.shape[-1], kernel.shape[0]
    if type(depth) is int and type(height) is int and depth >= height:
        what = f"{op}: inputs {x.type} do not fit weights {kernel.type} for input and state"
        raise ShapeError(explain(what, origins(inputs=x, kernel=kernel)))
    return shape.part(kernel, 0, 0, depth), shape.part(kernel, 0, depth, height)


def basic(x: Node, kernel: Node, bias: Node, activation="tanh") -> Plan:
    """``h = activation([x, h] @ kernel + bias)``."""
    w, u = _parts("rnn_cell", x, kernel)
    act = activation_of(activation)

    def step(rows, states, weights):
        h = recurrent.rnn_step(rows[0], states[0], weights[0], act)
        return h, [h]

    return Plan([recurrent.projected(x, w, bias)], step, [u])


def lstm(
    x: Node, kernel: Node, bias: Node, w_i: Node | None = None, w_f: Node | None = None, w_o: Node | None = None,
    projection: Node | None = None, forget_bias=1.0, cell_clip=None, proj_clip=None, activation="tanh",
) -> Plan:  # fmt: skip
    """An LSTM with its gates in the order input, candidate, forget, output; its states are the cell's and the output.

    Args:
        w_i, w_f, w_o: weights [units] of the cell state for the gates, or None.
        projection: weights [units, outputs], or None.
    """
    w, u = _parts("lstm_cell", x, kernel)
    kind = LSTM("icfo", forget_bias, activation_of(activation), math.sigmoid, cell_clip, proj_clip)
    eyes = [] if w_i is None else [w_i, w_f, w_o]
    shown = [] if projection is None else [projection]

    def step(rows, states, weights):
        c, h = states
        after = weights[1 + len(eyes) :]
        h, c = recurrent.lstm_step(
            kind, rows[0], h, c, weights[0], weights[1 : 1 + len(eyes)], after[0] if after else None
        )
        return h, [c, h]

    return Plan([recurrent.projected(x, w, bias)], step, [u, *eyes, *shown])


def gru(x: Node, gates_kernel: Node, gates_bias: Node, candidate_kernel: Node, candidate_bias: Node,
        activation="tanh") -> Plan:  # fmt: skip
    """``r, u = sigmoid([x, h] @ gates)``, ``c = activation([x, r * h] @ candidate)``, ``u * h + (1 - u) * c``."""
    act = activation_of(activation)
    halves = [_parts("gru_cell", x, k) for k in (gates_kernel, candidate_kernel)]
    rows = [recurrent.projected(x, w, bias) for (w, _), bias in zip(halves, (gates_bias, candidate_bias))]

    def step(rows, states, weights):
        h = gru_parts(rows, states[0], weights, act)[-1]
        return h, [h]

    return Plan(rows, step, [u for _, u in halves])


def gru_parts(rows: Sequence[Node], h: Node, weights: Sequence[Node], activation: Callable) -> tuple[Node, ...]:
    """Reset gate, update gate, candidate and new state of a GRU cell, from its projected inputs."""
    opened = math.sigmoid(apply("add", rows[0], linalg.matmul(h, weights[0])))
    r, u = recurrent.gates_of(opened, 2)
    c = activation(apply("add", rows[1], linalg.matmul(apply("mul", r, h), weights[1])))
    return r, u, c, apply("add", apply("mul", u, h), apply("mul", math.subtract(1.0, u), c))


PLANS = {"basic": basic, "lstm": lstm, "gru": gru}


def _plan(plan: str, x: Node, weights: Sequence[Node], names: Sequence[str], settings: Mapping) -> Plan:
    given = {name: as_node(w, x.dtype) for name, w in zip(names, weights, strict=True)}
    return PLANS[plan](x, **given, **settings)


def one_step(plan, inputs, states, weights, names, settings) -> list[Node]:
    """The output of a cell for inputs [batch, size], and its new states.

    Args:
        plan: ``basic``, ``lstm`` or ``gru``. names, settings: of the weights, and other arguments of this function.
    """
    x = as_node(inputs)
    found = _plan(plan, x, weights, names, settings)
    output, new = found.step(found.rows, [as_node(s) for s in states], found.weights)
    return [output, *new]


def all_steps(plan, inputs, states, weights, names, settings, lengths=None, backwards=False) -> list[Node]:
    """The outputs of a cell for inputs [rows, batch, size], and its last states; see ``one_step``.

    Args:
        lengths: integers [batch]: after so many rows outputs are 0 and states stay as they are; or None.
    """
    x, how = recurrent.laid_out("rnn", inputs, None, lengths, True, backwards, False)
    found = _plan(plan, x, weights, names, settings)
    states = [shape.ensure_shape(as_node(s), (x.shape[1], None)) for s in states]
    outputs, last = recurrent.sequence(found.step, found.rows, states, found.weights, how)
    return [outputs, *last]


# ----------------------------------------------------------------------- TensorFlow's fused operations


class LSTMBlock(NamedTuple):
    i: Node
    cs: Node
    f: Node
    o: Node
    ci: Node
    co: Node
    h: Node


class GRUBlock(NamedTuple):
    r: Node
    u: Node
    c: Node
    h: Node


def _block_kind(order: str, forget_bias, cell_clip) -> LSTM:
    return LSTM(order, forget_bias, cell_clip=cell_clip if cell_clip > 0 else None)


def _block_parts(found: Mapping[str, Node]) -> LSTMBlock:
    return LSTMBlock(*[found[name] for name in ("i", "c", "f", "o", "candidate", "shown", "h")])


def lstm_block_cell(
    x, cs_prev, h_prev, w, wci, wcf, wco, b, forget_bias=1, cell_clip=3, use_peephole=False
) -> LSTMBlock:
    """One step of an LSTM, gates in the order input, candidate, forget, output, with all that it computes on the way.

    Args:
        x: [batch, size]. cs_prev, h_prev: cell state and output before, [batch, units].
        w: [size + units, 4 * units]. b: [4 * units]. wci, wcf, wco: weights [units] of the cell state for the gates.
        cell_clip: largest size of an element of the cell state; any if not positive.
    """
    x, w = as_node(x), as_node(w)
    z = elementwise("add", linalg.matmul(apply("concat", x, h_prev, axis=1), w), as_node(b))
    eyes = (wci, wcf, wco) if use_peephole else ()
    return _block_parts(recurrent.lstm_gates(_block_kind("icfo", float(forget_bias), cell_clip), z, cs_prev, eyes))


def block_lstm(seq_len_max, x, cs_prev, h_prev, w, wci, wcf, wco, b, forget_bias=1, cell_clip=3,
               use_peephole=False) -> LSTMBlock:  # fmt: skip
    """``lstm_block_cell`` over the rows of ``x`` [rows, batch, size]; 0 in all rows from ``seq_len_max`` on."""
    return _blocks("icfo", seq_len_max, x, cs_prev, h_prev, w, (wci, wcf, wco), b, forget_bias, cell_clip, use_peephole)


def block_lstm_v2(seq_len_max, x, cs_prev, h_prev, w, wci, wcf, wco, b, cell_clip=0, use_peephole=False) -> LSTMBlock:
    """``block_lstm`` without a forget bias, with the gates in the order input, forget, candidate, output."""
    return _blocks("ifco", seq_len_max, x, cs_prev, h_prev, w, (wci, wcf, wco), b, 0.0, cell_clip, use_peephole)


def _blocks(order: str, limit, x, cs_prev, h_prev, w, eyes, b, forget_bias, cell_clip, use_peephole) -> LSTMBlock:
    kind, count = _block_kind(order, float(forget_bias), cell_clip), 3 if use_peephole else 0
    kx, kh = _parts("block_lstm", x, w)
    names = ("i", "c", "f", "o", "candidate", "shown", "h")
    width, batch = h_prev.shape[1], x.shape[1]

    def step(rows, states, weights):
        c, h = states
        found = recurrent.lstm_gates(
            kind, apply("add", rows[0], linalg.matmul(h, weights[0])), c, weights[1 : 1 + count]
        )
        return apply("concat", *[found[n] for n in names], axis=1), [found["c"], found["h"]]

    states = [shape.ensure_shape(s, (batch, width)) for s in (cs_prev, h_prev)]
    known = math.cast(as_node(limit), "int64")
    how = Rows(lengths=apply("broadcast", known, shape=(batch,), axes=()))
    outputs, _ = recurrent.sequence(
        step, [recurrent.projected(x, kx, b)], states, [kh, *eyes[:count]], how, "block_lstm"
    )
    return LSTMBlock(*[shape.part(outputs, 2, k * width, (k + 1) * width) for k in range(len(names))])


def gru_block_cell(x, h_prev, w_ru, w_c, b_ru, b_c) -> GRUBlock:
    """One step of a GRU with its gates.

    Args:
        x: [batch, size]. h_prev: [batch, units].
        w_ru, b_ru: weights of the reset and update gates. w_c, b_c: of the candidate.
    """
    found = gru(x, w_ru, b_ru, w_c, b_c)
    return GRUBlock(*gru_parts(found.rows, h_prev, found.weights, math.tanh))
