"""Sums, products and extremes of rows with the same segment number, under TensorFlow's names."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import math
from graphc.lib.dims import DataDependent, constant, shape_of
from graphc.lib.math import full_like
from graphc.lib.promote import as_node, shape_text
from graphc.lib.index import looked_at
from graphc.lib.shape import ensure_shape
from graphc.prims.data import measured
from graphc.prims.table import apply


def _operands(op: str, data, segment_ids) -> tuple[Node, Node]:
    x, i = as_node(data), as_node(segment_ids)
    if not i.dtype.is_integer:
        raise DtypeError(explain(f"{op}: segment numbers must be integers, not {i.type}", origins(ids=i, data=x)))
    wanted = x.shape[: len(i.shape)]
    wrong = any(type(a) is int and type(b) is int and a != b for a, b in zip(i.shape, wanted))
    if len(i.shape) > len(x.shape) or wrong:
        what = f"{op}: segment numbers {i.type} must have the first sizes of data {x.type}"
        raise ShapeError(explain(what, origins(ids=i, data=x)))
    return x, ensure_shape(i, wanted)


def _gathered(kind: str, x: Node, i: Node, count, start) -> Node:
    """Rows combined into ``count`` rows that begin with ``start``; a number out of range counts nowhere."""
    rows = const(np.asarray(start).astype(x.dtype.numpy), Type(x.dtype, (count, *x.shape[len(i.shape) :])))
    i = i if i.dtype in (dt.i32, dt.i64) else apply("cast", i, dtype=dt.i64)
    return apply("scatter", rows, apply("reshape", i, shape=(*i.shape, 1)), x, kind=kind, batch=0)


def _limit(dtype, kind: str):
    if dtype.is_integer:
        info = np.iinfo(dtype.numpy)
        return info.min if kind == "max" else info.max
    top = {dt.bf16: 3.3895313892515355e38}.get(dtype) or np.finfo(dtype.numpy).max
    return -top if kind == "max" else top


_STARTS = {"add": lambda dtype: 0, "mul": lambda dtype: 1, "max": lambda dtype: _limit(dtype, "max"),
           "min": lambda dtype: _limit(dtype, "min")}  # fmt: skip


def combined(name: str, kind: str, data, segment_ids, num_segments, start) -> Node:
    """Rows of ``data`` with the same segment number combined, by add, mul, max or min, into a row of ``start``.

    A negative number counts nowhere; one that is not less than ``num_segments`` is refused when running.
    """
    x, i = _operands(name, data, segment_ids)
    (count,) = shape_of([num_segments], name)
    return _gathered(kind, x, looked_at(name, i, [count], "below"), count, start(x.dtype))


def _unsorted(name: str, kind: str, what: str, empty: str):
    def op(data, segment_ids, num_segments) -> Node:
        return combined(name, kind, data, segment_ids, num_segments, _STARTS[kind])

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"""The {what} of the rows of ``data`` with the same segment number; {empty} where there are none.

    A negative number counts nowhere.

    Raises:
        DtypeError: the segment numbers are not integers.
        ShapeError: their shape is not the beginning of that of ``data``.
        InvalidArgumentError: when running: a number is not less than ``num_segments``.
    """
    return op


unsorted_segment_sum = _unsorted("unsorted_segment_sum", "add", "sum", "0")
unsorted_segment_prod = _unsorted("unsorted_segment_prod", "mul", "product", "1")
unsorted_segment_max = _unsorted("unsorted_segment_max", "max", "maximum", "the lowest finite number")
unsorted_segment_min = _unsorted("unsorted_segment_min", "min", "minimum", "the greatest finite number")


def _counts(x: Node, i: Node, count) -> Node:
    """How many rows each segment has, at least 1, in the shape of the sums."""
    kind = dt.f64 if x.dtype.is_complex else x.dtype
    ones = const(kind.numpy.type(1), Type(kind, i.shape))
    found = _gathered("add", ones, i, count, 0)
    found = math.cast(apply("max", found, full_like(found, 1)), x.dtype)
    shape = (count, *x.shape[len(i.shape) :])
    return apply("broadcast", found, shape=shape, axes=(0,)) if len(shape) > 1 else found


def _as_float(x: Node) -> Node:
    if not x.dtype.is_integer:
        return x
    return math.cast(x, dt.f32 if x.dtype.bits <= 16 else dt.f64)


def unsorted_segment_mean(data, segment_ids, num_segments) -> Node:
    """The mean of the rows of ``data`` with the same segment number, 0 where there are none; integers become floats.

    Raises:
        DtypeError, ShapeError: as ``unsorted_segment_sum``.
    """
    x, i = _operands("unsorted_segment_mean", data, segment_ids)
    (count,) = shape_of([num_segments], "unsorted_segment_mean")
    x = _as_float(x)
    return apply("div", _gathered("add", x, i, count, 0), _counts(x, i, count))


def unsorted_segment_sqrt_n(data, segment_ids, num_segments) -> Node:
    """The sum of the rows with the same segment number over the square root of how many there are.

    Raises:
        DtypeError: not floating; otherwise, and ShapeError, as ``unsorted_segment_sum``.
    """
    x, i = _operands("unsorted_segment_sqrt_n", data, segment_ids)
    math.require_inexact("unsorted_segment_sqrt_n", x)
    (count,) = shape_of([num_segments], "unsorted_segment_sqrt_n")
    return apply("div", _gathered("add", x, i, count, 0), apply("sqrt", _counts(x, i, count)))


# ----------------------------------------------------------------------------------------------- sorted


def _sorted_operands(op: str, data, segment_ids) -> tuple:
    """Data, segment numbers and how many segments there are: an int if the numbers are known, else a measured size."""
    x, i = _operands(op, data, segment_ids)
    if len(i.shape) != 1:
        raise ShapeError(explain(f"{op}: segment numbers must be a vector, not {i.type}", origins(ids=i, data=x)))
    try:
        ids = constant(op, "segment_ids", as_node(segment_ids))
    except DataDependent:
        top = apply("reduce", math.cast(i, dt.i64), kind="max", axes=(0,))
        return x, i, measured(apply("add", apply("max", top, full_like(top, -1)), full_like(top, 1)))
    if ids.size and (ids[0] < 0 or (np.diff(ids.astype(np.int64)) < 0).any()):
        raise UsageError(explain(f"{op}: segment numbers must ascend from 0, got {shape_text(ids.tolist())[:60]}"))
    return x, i, int(ids[-1]) + 1 if ids.size else 0


def _sorted(name: str, kind: str, what: str, empty: str):
    def op(data, segment_ids) -> Node:
        x, i, count = _sorted_operands(name, data, segment_ids)
        found = _gathered(kind, x, i, count, _STARTS[kind](x.dtype))
        if kind in ("add", "mul"):
            return found
        ones = const(np.int32(1), Type(dt.i32, i.shape))
        rows = _gathered("add", ones, i, count, 0)
        present = apply("ne", rows, full_like(rows, 0))
        shown = apply("broadcast", present, shape=found.shape, axes=(0,)) if len(found.shape) > 1 else present
        return apply("select", shown, found, full_like(found, 0))

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"""The {what} of the rows of ``data`` with the same segment number; {empty} where there are none.

    There are as many segments as the last number says. Numbers that are known before running must ascend.

    Raises:
        DtypeError: the segment numbers are not integers. UsageError: they do not ascend.
        ShapeError: they are no vector as long as ``data``.
    """
    return op


segment_sum = _sorted("segment_sum", "add", "sum", "0")
segment_prod = _sorted("segment_prod", "mul", "product", "1")
segment_max = _sorted("segment_max", "max", "maximum", "0")
segment_min = _sorted("segment_min", "min", "minimum", "0")


def segment_mean(data, segment_ids) -> Node:
    """The mean of the rows of ``data`` with the same segment number, 0 where there are none.

    Raises:
        DtypeError, ShapeError, UsageError: as ``segment_sum``.
    """
    x, i, count = _sorted_operands("segment_mean", data, segment_ids)
    total = _gathered("add", x, i, count, 0)
    if x.dtype.is_integer:
        return math.truncatediv(total, _counts(x, i, count))
    return apply("div", total, _counts(x, i, count))
