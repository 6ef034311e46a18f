"""Reductions over axes, positions of extremes, running totals, the largest elements."""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import math, order, reduction, shape
from graphc.lib.dims import dim_node, integer
from graphc.onnx.call import Call
from graphc.onnx.ops.axes import axes_in, axis_in
from graphc.onnx.ops.precision import widened
from graphc.onnx.registry import operator
from graphc.prims.table import apply


def _norm1(x: Node, axes: tuple) -> Node:
    return reduction.reduce("ReduceL1", "sum", math.abs(x), axes, True)


def _norm2(x: Node, axes: tuple) -> Node:
    return apply("sqrt", _squares(x, axes))


def _squares(x: Node, axes: tuple) -> Node:
    return reduction.reduce("ReduceSumSquare", "sum", apply("mul", x, x), axes, True)


def _log_sum(x: Node, axes: tuple) -> Node:
    return apply("log", reduction.reduce("ReduceLogSum", "sum", x, axes, True))


_COMPOSED = {
    "ReduceL1": _norm1, "ReduceL2": _norm2, "ReduceSumSquare": _squares, "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": lambda x, axes: reduction.reduce_logsumexp(x, axes, True),
    "ReduceMean": lambda x, axes: reduction.reduce_mean(x, axes, True),
}  # fmt: skip
_FLOATING = ("ReduceL2", "ReduceLogSum", "ReduceLogSumExp")  # of integers: rounded towards zero
_KINDS = {"ReduceSum": "sum", "ReduceProd": "prod", "ReduceMax": "max", "ReduceMin": "min"}
_OF_BOOLS = {"max": "any", "min": "all"}


def _axes(call: Call, x: Node) -> tuple[int, ...]:
    """The axes to reduce, an attribute in older versions; none given are all, or none with ``noop_with_empty_axes``."""
    given = call.ints("axes") if "axes" in call.attributes else call.static_ints(1) if call.has(1) else []
    if given:
        return tuple(sorted(axes_in(call, given, len(x.shape))))
    return () if call.int("noop_with_empty_axes", 0) else tuple(range(len(x.shape)))


def _finished(call: Call, x: Node, axes: tuple) -> Node:
    """A result whose reduced axes are still there."""
    if not axes or call.int("keepdims", 1):
        return x
    return shape.reshape(x, tuple(d for k, d in enumerate(x.shape) if k not in axes))


def _plain(kind: str) -> Callable:
    def run(call: Call):
        x = call[0]
        axes = _axes(call, x)
        found = _OF_BOOLS.get(kind, kind) if x.dtype is dt.b1 else kind
        return reduction.reduce(call.op, found, x, axes, bool(call.int("keepdims", 1))) if axes else x

    return run


def _composed(function: Callable, floating: bool) -> Callable:
    def run(call: Call):
        x = call[0]
        axes = _axes(call, x)
        wide = widened(x)
        if x.dtype.is_integer and floating:
            wide = math.cast(x, dt.f64)
        return _finished(call, math.cast(function(wide, axes), x.dtype), axes)

    return run


for _name, _kind in _KINDS.items():
    operator(_name)(_plain(_kind))
for _name, _function in _COMPOSED.items():
    operator(_name)(_composed(_function, _name in _FLOATING))


# --------------------------------------------------------------------------------------------- positions


def _position(kind: str) -> Callable:
    def run(call: Call):
        x = call[0]
        k = axis_in(call, call.int("axis", 0), len(x.shape))
        last = bool(call.int("select_last_index", 0))
        found = apply("argreduce", apply("reverse", x, axes=(k,)) if last else x, kind=kind, axis=k, dtype=dt.i64)
        if last:
            found = math.subtract(math.subtract(dim_node(x.shape[k]), 1), found)
        kept = call.int("keepdims", 1)
        return shape.reshape(found, tuple(1 if a == k else d for a, d in enumerate(x.shape))) if kept else found

    return run


operator("ArgMax")(_position("max"))
operator("ArgMin")(_position("min"))


@operator("TopK")
def top_k(call: Call):
    """The largest (or smallest) elements along an axis in order, and where they are; of equal ones the first."""
    x = call[0]
    k = axis_in(call, call.int("axis", -1), len(x.shape))
    if call.version < 10:
        count = call.int("k")
    else:
        sizes = call.sizes(1)
        if len(sizes) != 1:
            raise call.wrong(f"k must be one number, not {len(sizes)}")
        count = sizes[0]
    values, places = order.extremes("TopK", x, count, k, bool(call.int("largest", 1)))
    return [values, math.cast(places, dt.i64)]


# ------------------------------------------------------------------------------------------ running totals


def _running(kind: str) -> Callable:
    def run(call: Call):
        x = call[0]
        k = axis_in(call, integer(call.op, "axis", call.static(1)), len(x.shape))
        exclusive, backwards = bool(call.int("exclusive", 0)), bool(call.int("reverse", 0))
        return apply("cumulate", x, kind=kind, axis=k, exclusive=exclusive, reverse=backwards)

    return run


operator("CumSum")(_running("sum"))
operator("CumProd")(_running("prod"))
