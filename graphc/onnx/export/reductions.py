"""Reductions, running reductions, places of extremes and sorting, as ONNX's nodes."""

from __future__ import annotations

import math
from collections.abc import Callable

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, Node, const
from graphc.ir.type import Type
from graphc.onnx.export.elements import where
from graphc.onnx.export.emitter import Emitter, Form, Value, as_itself
from graphc.onnx.export.kinds import carrier
from graphc.prims.control import loop, results_of
from graphc.prims.reduce import identity
from graphc.prims.shape import inverse, transpose
from graphc.prims.table import apply

_KINDS = {"sum": "ReduceSum", "prod": "ReduceProd", "max": "ReduceMax", "min": "ReduceMin", "mean": "ReduceMean",
          "all": "ReduceMin", "any": "ReduceMax"}  # fmt: skip
_AXES_AS_INPUT = 18  # of all reductions; ReduceSum has had them since 13
_CUMPROD = 26


def reduced(e: Emitter, kind: str, name: str, dtype, axes, keep: bool) -> str:
    """A node that reduces axes, as the opset has it."""
    attrs, rest = {"keepdims": int(keep)}, []
    if e.opset >= _AXES_AS_INPUT or kind == "ReduceSum":
        rest = [e.ints(*axes)]
    else:
        attrs["axes"] = list(axes)
    return e.typed(kind, [name], dtype, rest=rest, **attrs)


def _reduce(e: Emitter, node: Node) -> Value:
    return written_reduce(e, node, node.inputs[0], node.attr("kind"), node.attr("axes"))


def written_reduce(e: Emitter, node: Node, x: Node, kind: str, axes: tuple) -> Value:
    """A reduction of ``x``, which may lie in another order, to the shape of ``node``."""
    value = e.found[x]
    permuted = value.perm is not None and value.covers(x.shape)
    name, perm = (value.name, value.perm) if permuted else (e.full(x), tuple(range(len(x.shape))))
    stored = tuple(sorted(perm.index(a) for a in axes))
    made = _reduction(e, _KINDS[kind], name, x, stored, False)
    kept = _reduction(e, _KINDS[kind], name, x, stored, True)
    left = [p for p in perm if p not in axes]
    shape = tuple([x.shape[p] for p in left])
    with_ones = tuple([1 if k in stored else x.shape[p] for k, p in enumerate(perm)])
    if left == sorted(left):
        e.views[made], e.views[kept, shape] = (kept, with_ones), made
        return Value(made, shape)
    order = {a: k for k, a in enumerate(sorted(left))}
    return Value(made, shape, tuple([order[p] for p in left]))


def _reduction(e: Emitter, kind: str, name: str, x: Node, axes: tuple, keep: bool) -> str:
    if x.dtype is dt.b1:
        return _logical(e, kind, name, axes, keep)
    if (
        e.exact and x.dtype.is_integer and kind in ("ReduceSum", "ReduceProd")
    ):  # runtimes stop at the limits of the type
        return e.cast(reduced(e, kind, e.cast(name, x.dtype, dt.i64), dt.i64, axes, keep), dt.i64, x.dtype)
    made = reduced(e, kind, name, x.dtype, axes, keep)
    if not (e.exact and x.dtype.is_float and kind in ("ReduceMax", "ReduceMin")):
        return made
    there = _logical(e, "ReduceMax", e.typed("IsNaN", [name], x.dtype, dt.b1), axes, keep)
    return where(e, there, e.const(math.nan, x.dtype), made, x.dtype)


def _logical(e: Emitter, kind: str, name: str, axes: tuple, keep: bool) -> str:
    """Whether all (ReduceMin) or any (ReduceMax) are true, none of nothing."""
    made = reduced(e, kind, e.cast(name, dt.b1, dt.i32), dt.i32, axes, keep)
    return e.op("Greater", [made, e.const(0, dt.i32)])


def _argreduce(e: Emitter, node: Node) -> Value:
    x, axis = node.inputs[0], node.attr("axis")
    kind = "ArgMax" if node.attr("kind") == "max" else "ArgMin"
    name = e.full(x)
    found = e.typed(kind, [name], x.dtype, dt.i64, axis=axis, keepdims=0)
    if e.exact and x.dtype.is_float:
        missing = e.typed("IsNaN", [name], x.dtype, dt.b1)
        first = e.op("ArgMax", [e.cast(missing, dt.b1, dt.i32)], axis=axis, keepdims=0)
        found = where(e, _logical(e, "ReduceMax", missing, (axis,), False), first, found, dt.i64)
    return Value(e.cast(found, dt.i64, node.dtype), node.shape)


# ------------------------------------------------------------------------------------- running reductions


def plan_cumulate(e: Emitter, node: Node) -> Form:
    """``CumSum``, ``CumProd``, or a loop over the rows."""
    kind, dtype = node.attr("kind"), node.dtype
    if kind == "sum":
        return Form(node.inputs, _running("CumSum"))
    if kind == "prod" and e.opset >= _CUMPROD and carrier("CumProd", dtype, e.opset).is_float:
        return Form(node.inputs, _running("CumProd"))
    return as_itself(_stepwise(node))


def _running(kind: str) -> Callable:
    def write(e: Emitter, node: Node) -> Value:
        flags = {name: 1 for name in ("exclusive", "reverse") if node.attr(name)}
        axis = e.const(node.attr("axis"), dt.i64)
        return Value(e.typed(kind, [e.full(node.inputs[0])], node.dtype, rest=[axis], **flags), node.shape)

    return write


def _stepwise(node: Node) -> Node:
    x, axis = node.inputs[0], node.attr("axis")
    start, opcode = identity(node.attr("kind"), x.dtype)
    perm = (axis,) + tuple([a for a in range(len(x.shape)) if a != axis])
    rows = transpose(x, perm)
    line = Type(x.dtype, rows.shape[1:])
    step, before, row = input_node("step", INDEX), input_node("before", line), input_node("row", line)
    after = apply(opcode, before, row)
    body = Graph("running", (step, before, row), (after, before if node.attr("exclusive") else after))
    made = loop(const(start, line), rows, count=rows.shape[0], carries=1, scanned=1, body=body,
                backwards=node.attr("reverse"))  # fmt: skip
    return transpose(results_of(made)[1], inverse(perm))


# ------------------------------------------------------------------------------------------------ sorting


def write_sorted(e: Emitter, source: Node, index: int, count=None) -> Value:
    """The values (0) or places (1) of a sort, or of its first ``count``."""
    (x,) = source.inputs
    axis, down = source.attr("axis"), source.attr("descending")
    size = x.shape[axis] if count is None else count
    shape = tuple([size if a == axis else d for a, d in enumerate(x.shape)])
    values, places = _sorted(e, x, axis, down, size)
    name = values if index == 0 else e.cast(places, dt.i64, dt.i32)
    return Value(name, shape)


def _sorted(e: Emitter, x: Node, axis: int, down: bool, size) -> tuple[str, str]:
    kind = x.dtype
    wide = carrier("TopK", kind, e.opset)
    name = e.cast(e.full(x), kind, wide)
    if not (e.exact and kind.is_float):
        values, places = e.ops("TopK", [name, e.line(size)], 2, axis=axis, largest=int(down), sorted=1)
        return e.cast(values, wide, kind), places
    missing = e.op("IsNaN", [name])
    limit = e.const(-math.inf if down else math.inf, wide)
    whole = e.line(x.shape[axis])
    _, first = e.ops("TopK", [e.op("Where", [missing, limit, name]), whole], 2, axis=axis, largest=int(down), sorted=1)
    late = e.op("GatherElements", [e.cast(missing, dt.b1, dt.i32), first], axis=axis)
    _, second = e.ops(
        "TopK", [late, e.line(size)], 2, axis=axis, largest=0, sorted=1
    )  # of equals the first comes first
    places = e.op("GatherElements", [first, second], axis=axis)
    return e.op("GatherElements", [e.full(x), places], axis=axis), places


REDUCTION_FORMS: dict[str, Callable[[Emitter, Node], Value]] = {"reduce": _reduce, "argreduce": _argreduce}
