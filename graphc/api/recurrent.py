"""Recurrent networks of cells that are functions of tensors: each is called once, for the body of one loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.api.body import Body
from graphc.api.control import open_body, record, scope_of, strung
from graphc.api.eager import eager
from graphc.api.structure import leaves, pack
from graphc.errors import UsageError, explain
from graphc.ir.node import Node
from graphc.lib import recurrent as lib
from graphc.lib.shape import ensure_shape


def node_function(function: Callable) -> Callable:
    """A function of one tensor, such as an activation, as a function of a Node.

    Raises:
        UsageError: when called, if it uses tensors from outside.
    """

    def on_node(x: Node) -> Node:
        with Body(eager()) as body:
            body.finish([function(body.argument_of(x.dtype, x.shape))])
        if body.captured:
            raise UsageError(
                explain(f"{getattr(function, '__name__', 'activation')}: an activation that uses other tensors")
            )
        return body.replay([x], ())[0]

    return on_node


def unroll(recorder, cell: Callable, inputs, state, lengths=None, backwards: bool = False, name=None) -> tuple:
    """``output, state = cell(row of inputs, state)`` for all rows, as one loop.

    Args:
        inputs, state: structures of tensors, [rows, batch, ...] and [batch, ...].
        lengths: integers [batch]: after so many rows outputs are 0 and states stay as they are; or None.

    Returns:
        The outputs [rows, batch, ...] and the last state, in the structures of the cell's.

    Raises:
        UsageError: the structure of the state changes, or a variable is assigned inside.
        ShapeError, DtypeError: the type of a state changes, or the rows differ in number.
    """
    rows, start = leaves(inputs), [recorder.convert(s) for s in leaves(state)]
    with scope_of(recorder, "while"), open_body(recorder) as body:
        before = [body.argument(s) for s in start]
        output, new = cell(pack(inputs, [body.argument(x, is_row=True) for x in rows]), pack(state, before))
        if len(leaves(new)) != len(start):
            raise UsageError(explain(f"rnn: the cell answers with {len(leaves(new))} states instead of {len(start)}"))
        body.finish([*leaves(new), *leaves(output)])
    if body.states:
        names = ", ".join(v.name for v in body.states)
        raise UsageError(explain(f"rnn: a variable is assigned in the cell ({names})"))
    limits = [] if lengths is None else [recorder.convert(lengths)]
    operands = [*start, *rows, *limits, *body.captured]
    a = len(start) + len(strung(body))  # the token is one more state
    b = a + len(rows)

    def build(*nodes):
        return _loop(body, nodes[:a], nodes[a:b], nodes[b + len(limits) :], nodes[b] if limits else None, backwards)

    made = record(recorder, "RNN", "rnn", build, operands, name, [body], lambda: body.outputs)
    return pack(output, made[len(start) :]), pack(new, made[: len(start)])


def _loop(
    body, start: Sequence[Node], rows: Sequence[Node], captured: Sequence[Node], lengths, backwards: bool
) -> list[Node]:
    """The last states, then the outputs of all rows."""
    batch = rows[0].shape[1]
    token = strung(body)
    t = len(token)
    first = [ensure_shape(s, (batch, *(None,) * (len(s.shape) - 1))) if s.shape else s for s in start[t:]]
    lengths = None if lengths is None else ensure_shape(lengths, (batch,))

    def one(step, slices, states, others):
        values = dict(zip(token, states))
        found = body.replay([*states[t:], *slices], others, values, step)
        return [*values.values(), *found]

    outputs, last = lib.sequences(one, rows, [*start[:t], *first], captured, lib.Rows(lengths, None, backwards))
    return [*last, *outputs]
