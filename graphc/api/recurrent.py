"""Recurrent networks of cells that are functions of tensors: each is called once, for the body of one loop."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

from graphc.api.body import Body
from graphc.api.control import open_body, record, scope_of, strung, written
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


class Course(NamedTuple):
    """How a sequence is run through; see ``graphc.lib.recurrent.Rows``.

    Attributes:
        lengths: integers [batch] or None.
        mask: bools [rows, batch] or None.
        backwards: from the last row to the first.
        hold: where a row does not count, the output is the one before instead of 0.
        last: only the last output is wanted.
    """

    lengths: object = None
    mask: object = None
    backwards: bool = False
    hold: bool = False
    last: bool = False


def unroll(recorder, cell: Callable, inputs, state, how: Course = Course(), name=None) -> tuple:
    """``output, state = cell(row of inputs, state)`` for all rows, as one loop.

    Args:
        inputs, state: structures of tensors, [rows, batch, ...] and [batch, ...].

    Returns:
        The outputs [rows, batch, ...], or the last one, and the last state, in the structures of the cell's. Variables
        that the cell assigns have the values of the last row.

    Raises:
        UsageError: the structure of the state changes.
        ShapeError, DtypeError: the type of a state changes, or the rows differ in number.
    """
    rows, start = leaves(inputs), [recorder.convert(s) for s in leaves(state)]
    with scope_of(recorder, "while"), open_body(recorder) as body:
        before = [body.argument(s) for s in start]
        output, new = cell(pack(inputs, [body.argument(x, is_row=True) for x in rows]), pack(state, before))
        if len(leaves(new)) != len(start):
            raise UsageError(explain(f"rnn: the cell answers with {len(leaves(new))} states instead of {len(start)}"))
        body.finish([*leaves(new), *leaves(output)])
    assigned = list(body.states)
    given = [recorder.read_state(v) for v in assigned]
    partial = {name: recorder.convert(x) for name, x in (("lengths", how.lengths), ("mask", how.mask)) if x is not None}
    counts = [len(strung(body)), len(given), len(start), len(rows), len(partial)]

    def build(*nodes):
        parts = iter(nodes)
        token, states, first, xs, limits = ([*itertools.islice(parts, count)] for count in counts)
        rule = lib.Rows(**dict(zip(partial, limits)), backwards=how.backwards, hold=how.hold)
        return _loop(body, [token, states, first], xs, list(parts), rule, how.last)

    operands = [*given, *start, *rows, *partial.values(), *body.captured]  # the token comes before them
    made = record(recorder, "RNN", "rnn", build, operands, name, [body], lambda: [*body.outputs, *assigned])
    made = written(recorder, assigned, made)
    return pack(output, made[len(start) :]), pack(new, made[: len(start)])


def _loop(body, start: list[list[Node]], rows: list[Node], captured: list[Node], how: lib.Rows, last: bool) -> list[Node]:
    """The token, the last states, the outputs of all rows or the last one, and the values of what is assigned.

    ``start``: the token, if there is one, the values of what is assigned, and the first states.
    """
    token, states, first = start
    keys, batch = [*strung(body), *body.states], rows[0].shape[1]
    t, k = len(token), len(keys)
    if how.lengths is not None:
        how = how._replace(lengths=ensure_shape(how.lengths, (batch,)))
    if how.mask is not None:
        how = how._replace(mask=ensure_shape(how.mask, rows[0].shape[:2]))
    first = [ensure_shape(s, (batch, *(None,) * (len(s.shape) - 1))) if s.shape else s for s in first]

    def one(step, slices, states, others):
        values = dict(zip(keys, states))
        found = body.replay([*states[k:], *slices], others, values, step)
        return [*[values[key] for key in keys], *found]

    outputs, after = lib.sequences(one, rows, [*token, *states, *first], captured, how, whole=k)
    if last:
        outputs = [lib.last_row(y, how.backwards) for y in outputs]
    return [*after[:t], *after[k:], *outputs, *after[t:k]]
