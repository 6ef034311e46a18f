"""Quantisation: rounding to few levels with straight-through gradients, and integers that stand for floats.

Quantised dtypes are plain integers: qint8 is int8, quint8 is uint8, qint32 is int32.
"""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins
from graphc.lib import math
from graphc.lib.dims import axis_of, integer
from graphc.lib.math import full_like
from graphc.lib.promote import adopt, as_node, broadcast_to, elementwise
from graphc.lib.shape import ensure_shape
from graphc.prims.table import apply

MODES = ("MIN_COMBINED", "MIN_FIRST", "SCALED")


def _clamped(x: Node, low, high) -> Node:
    return math.minimum(math.maximum(x, low), high)


def _round_away(x: Node) -> Node:
    """The nearest whole number, halves away from 0."""
    size = apply("floor", math.add(apply("abs", x), 0.5))
    return apply("select", apply("lt", x, full_like(x, 0)), apply("neg", size), size)


def _float32(op: str, *values) -> list[Node]:
    nodes = [as_node(v) if isinstance(v, Node) else as_node(v, dt.f32) for v in values]
    for n in nodes:
        if n.dtype is not dt.f32:
            raise DtypeError(explain(f"{op}: needs float32, not {n.type}", origins(x=n)))
    return nodes


# -------------------------------------------------------------------------------- fake quantisation


def _levels(op: str, num_bits, narrow_range) -> tuple[float, float]:
    """The lowest and the highest level."""
    bits = integer(op, "num_bits", num_bits)
    if not 2 <= bits <= 16:
        raise UsageError(explain(f"{op}: num_bits must lie between 2 and 16, got {bits}"))
    return (1.0 if narrow_range else 0.0), float(2**bits - 1)


def _nudged(low: Node, high: Node, levels: tuple[float, float]) -> tuple[Node, Node, Node]:
    """The interval moved so that 0 is one of the levels, and the distance of levels."""
    first, last = levels
    scale = elementwise("div", math.subtract(high, low), last - first)
    zero = _clamped(_round_away(math.subtract(first, elementwise("div", low, scale))), first, last)
    return math.multiply(math.subtract(first, zero), scale), math.multiply(math.subtract(last, zero), scale), scale


def _rounded(x: Node, low: Node, high: Node, scale: Node) -> Node:
    """The level next to each element."""
    inverse = apply("div", full_like(scale, 1), scale)
    zero = apply("floor", math.add(math.multiply(apply("neg", low), inverse), 0.5))
    shifted = math.subtract(_clamped(x, low, high), low)
    return math.multiply(apply("floor", math.add(math.subtract(math.multiply(shifted, inverse), zero), 0.5)), scale)


def _straight_through(value: Node, smooth: Node) -> Node:
    """``value``, with the gradient of ``smooth``."""
    return apply("add", apply("stop", value), apply("sub", smooth, apply("stop", smooth)))


def _limits(x: Node, low: Node, high: Node) -> tuple[Node, Node]:
    """Where elements lie below the interval, and where above."""
    return elementwise("lt", x, low), elementwise("lt", high, x)


def fake_quant_with_min_max_args(inputs, min=-6, max=6, num_bits=8, narrow_range=False) -> Node:  # noqa: A002
    """Elements moved to the nearest of ``2 ** num_bits`` levels between ``min`` and ``max``.

    The gradient passes inside of the interval and stops outside.

    Raises:
        DtypeError: other floats than float32. UsageError: ``min`` is not below ``max``, or ``num_bits`` not in 2..16.
    """
    op = "fake_quant_with_min_max_args"
    (x,) = _float32(op, inputs)
    low, high, scale = _fixed(op, min, max, num_bits, narrow_range)
    below, above = _limits(x, low, high)
    smooth = apply("select", below, _wide(low, x), apply("select", above, _wide(high, x), x))
    return _straight_through(_rounded(x, low, high, scale), smooth)


def _wide(x: Node, like: Node) -> Node:
    return broadcast_to(x, like.shape)


def _fixed(op: str, low, high, num_bits, narrow_range) -> tuple[Node, Node, Node]:
    if not float(low) < float(high):
        raise UsageError(explain(f"{op}: min {low} is not below max {high}"))
    ends = (as_node(float(v), dt.f32) for v in (low, high))
    return _nudged(*ends, _levels(op, num_bits, narrow_range))


def fake_quant_with_min_max_args_gradient(
    gradients, inputs, min=-6, max=6, num_bits=8, narrow_range=False  # noqa: A002
) -> Node:  # fmt: skip
    """``gradients`` where ``inputs`` lie inside of the interval, 0 elsewhere."""
    op = "fake_quant_with_min_max_args_gradient"
    g, x = _float32(op, gradients, inputs)
    low, high, _ = _fixed(op, min, max, num_bits, narrow_range)
    outside = apply("or", *_limits(x, low, high))
    return apply("select", outside, full_like(g, 0), g)


def fake_quant_with_min_max_vars(inputs, min, max, num_bits=8, narrow_range=False) -> Node:  # noqa: A002
    """Elements moved to the nearest of ``2 ** num_bits`` levels between the scalars ``min`` and ``max``.

    The gradient of elements outside of the interval goes to ``min`` or ``max``.

    Raises:
        DtypeError: other floats than float32. ShapeError: ``min`` or ``max`` is no scalar.
    """
    return _by_tensors("fake_quant_with_min_max_vars", inputs, min, max, num_bits, narrow_range, False)


def fake_quant_with_min_max_vars_per_channel(inputs, min, max, num_bits=8, narrow_range=False) -> Node:  # noqa: A002
    """As ``fake_quant_with_min_max_vars``, with an interval for each place of the last axis."""
    return _by_tensors("fake_quant_with_min_max_vars_per_channel", inputs, min, max, num_bits, narrow_range, True)


def _interval(op: str, inputs, low, high, channels: bool) -> list[Node]:
    x, low, high = _float32(op, inputs, low, high)
    rank = 1 if channels else 0
    if any(len(v.shape) != rank for v in (low, high)) or len(x.shape) < rank:
        kind = "vectors as long as the last axis" if channels else "scalars"
        what = f"{op}: min and max must be {kind}, got {low.type} and {high.type} for {x.type}"
        raise ShapeError(explain(what, origins(inputs=x, min=low, max=high)))
    return [x, *(ensure_shape(v, [x.shape[-1]]) if channels else v for v in (low, high))]


def _by_tensors(op: str, inputs, low, high, num_bits, narrow_range, channels: bool) -> Node:
    x, low, high = _interval(op, inputs, low, high, channels)
    nothing, ends = _ends(op, low, high, num_bits, narrow_range)
    below, above = _limits(x, *ends[:2])
    smooth = apply("select", below, _wide(low, x), apply("select", above, _wide(high, x), x))
    value = _rounded(x, *ends)
    value = apply("select", _wide(nothing, x), full_like(x, 0), value)
    return _straight_through(value, apply("select", _wide(nothing, x), x, smooth))


def _ends(op: str, low: Node, high: Node, num_bits, narrow_range) -> tuple:
    """Whether both ends are 0, and the nudged interval (of another one in that case)."""
    zero = full_like(low, 0)
    nothing = apply("and", apply("eq", low, zero), apply("eq", high, zero))
    safe = apply("select", nothing, full_like(high, 1), high)
    return nothing, _nudged(apply("stop", low), apply("stop", safe), _levels(op, num_bits, narrow_range))


def _gradients(op: str, gradients, inputs, low, high, num_bits, narrow_range, channels: bool) -> tuple:
    g, (x, low, high) = as_node(gradients), _interval(op, inputs, low, high, channels)
    nothing, ends = _ends(op, low, high, num_bits, narrow_range)
    below, above = _limits(x, *ends[:2])
    none, zero = _wide(nothing, x), full_like(g, 0)
    outside = apply("and", apply("or", below, above), apply("not", none))
    axes = tuple(range(len(x.shape) - 1 if channels else len(x.shape)))

    def gathered(places: Node) -> Node:
        kept = apply("select", apply("and", places, apply("not", none)), g, zero)
        return apply("reduce", kept, kind="sum", axes=axes) if axes else kept

    return apply("select", outside, zero, g), gathered(below), gathered(above)


def fake_quant_with_min_max_vars_gradient(
    gradients, inputs, min, max, num_bits=8, narrow_range=False  # noqa: A002
) -> tuple:  # fmt: skip
    """The gradients of ``fake_quant_with_min_max_vars`` by ``inputs``, ``min`` and ``max``."""
    op = "fake_quant_with_min_max_vars_gradient"
    return _gradients(op, gradients, inputs, min, max, num_bits, narrow_range, False)


def fake_quant_with_min_max_vars_per_channel_gradient(
    gradients, inputs, min, max, num_bits=8, narrow_range=False  # noqa: A002
) -> tuple:  # fmt: skip
    """The gradients of ``fake_quant_with_min_max_vars_per_channel`` by ``inputs``, ``min`` and ``max``."""
    op = "fake_quant_with_min_max_vars_per_channel_gradient"
    return _gradients(op, gradients, inputs, min, max, num_bits, narrow_range, True)


# ------------------------------------------------------------------------- quantise and dequantise


def _integers(num_bits: int, signed: bool, narrow: bool) -> tuple[float, float]:
    if signed:
        return float(-(2 ** (num_bits - 1)) + int(narrow)), float(2 ** (num_bits - 1) - 1)
    return float(int(narrow)), float(2**num_bits - 1)


def _along(op: str, x: Node, axis) -> tuple[int | None, tuple[int, ...]]:
    """The axis that has intervals of its own (None: there is one for all), and the other axes."""
    if axis is None or (type(axis) is int and axis == -1):
        return None, tuple(range(len(x.shape)))
    k = axis_of(op, axis, x)
    return k, tuple(a for a in range(len(x.shape)) if a != k)


def _spread(v: Node, x: Node, axis: int | None) -> Node:
    """A scalar, or a vector along ``axis``, for every element of ``x``."""
    if axis is None or not v.shape:
        return _wide(v, x)
    return apply("broadcast", ensure_shape(v, [x.shape[axis]]), shape=x.shape, axes=(axis,))


def _scale(low: Node, high: Node, ends: tuple[float, float]) -> tuple[Node, Node, Node, Node]:
    """Levels for each unit and its inverse, and the interval that the levels cover, by the side that needs more."""
    biggest = full_like(low, float(np.finfo(low.dtype.numpy).max))
    one = full_like(low, 1)

    def side(end: float, value: Node):
        fits = apply("lt", full_like(value, 0), math.multiply(value, end))
        return apply("select", fits, apply("div", full_like(value, end), apply("select", fits, value, one)), biggest)

    by_low, by_high = side(ends[0], low), side(ends[1], high)
    lower = apply("lt", by_low, by_high)
    below = elementwise("div", low, ends[0]) if ends[0] else one
    inverse = apply("select", lower, below, elementwise("div", high, ends[1]))
    scale = apply("select", lower, by_low, by_high)
    first = apply("select", lower, low, math.multiply(inverse, ends[0]))
    last = apply("select", lower, math.multiply(inverse, ends[1]), high)
    return scale, inverse, first, last


def _whole(x: Node, round_mode: str) -> Node:
    return apply("round", x) if round_mode == "HALF_TO_EVEN" else apply("floor", math.add(x, 0.5))


def quantize_and_dequantize(
    input, input_min, input_max, signed_input=True, num_bits=8, range_given=False,  # noqa: A002
    round_mode="HALF_TO_EVEN", narrow_range=False, axis=None,
) -> Node:  # fmt: skip
    """Elements moved to the nearest of ``2 ** num_bits`` levels; the gradient passes everywhere.

    Args:
        input_min, input_max: the interval, used if ``range_given``; otherwise it is that of the elements.
        signed_input: whether levels lie on both sides of 0.
        round_mode: ``HALF_TO_EVEN`` or ``HALF_UP``.
        narrow_range: whether the lowest level is left out.
        axis: the axis along which ``input_min`` and ``input_max`` are vectors.
    """
    x, value, _ = _requantized("quantize_and_dequantize", input, input_min, input_max, signed_input, num_bits,
                               range_given, round_mode, narrow_range, axis)  # fmt: skip
    return _straight_through(value, x)


def quantize_and_dequantize_v2(
    input, input_min, input_max, signed_input=True, num_bits=8, range_given=False,  # noqa: A002
    round_mode="HALF_TO_EVEN", narrow_range=False, axis=None,
) -> Node:  # fmt: skip
    """As ``quantize_and_dequantize``; no gradient passes elements outside of the interval."""
    x, value, (low, high) = _requantized("quantize_and_dequantize_v2", input, input_min, input_max, signed_input,
                                         num_bits, range_given, round_mode, narrow_range, axis)  # fmt: skip
    outside = apply("or", *_limits(x, low, high))
    return _straight_through(value, apply("select", outside, apply("stop", x), x))


def _requantized(op: str, x, low, high, signed, num_bits, given, mode, narrow, axis) -> tuple:
    x, low, high = adopt(op, x, low, high)
    if not x.dtype.is_float:
        raise DtypeError(explain(f"{op}: needs floats, not {x.type}", origins(input=x)))
    if mode not in ("HALF_TO_EVEN", "HALF_UP"):
        raise UsageError(explain(f"{op}: round_mode {mode!r} is not 'HALF_TO_EVEN' or 'HALF_UP'"))
    k, others = _along(op, x, axis)
    ends = tuple(_spread(v, x, k) for v in (low, high))
    if not given:
        low, high = (apply("reduce", apply("stop", x), kind=kind, axes=others) for kind in ("min", "max"))
    levels = _integers(integer(op, "num_bits", num_bits), signed, narrow)
    scale, inverse, first, last = (_spread(v, x, k) for v in _scale(low, high, levels))
    inside = _clamped(x, first, last) if given else x
    return x, apply("mul", _whole(apply("mul", inside, scale), mode), inverse), ends


# ---------------------------------------------------------------------------- integers for floats


def quantize(
    input, min_range, max_range, T, mode="MIN_COMBINED", round_mode="HALF_AWAY_FROM_ZERO",  # noqa: A002
    narrow_range=False, axis=None, ensure_minimum_range=0.01,
) -> tuple[Node, Node, Node]:  # fmt: skip
    """Floats as integers of dtype ``T``, and the interval that these stand for.

    Args:
        min_range, max_range: the interval; scalars, or vectors along ``axis``.
        mode: ``MIN_COMBINED`` and ``MIN_FIRST`` spread the interval over all integers, ``SCALED`` keeps 0 at 0.
        round_mode: ``HALF_AWAY_FROM_ZERO``; for ``SCALED`` also ``HALF_TO_EVEN``.
        narrow_range: whether the lowest integer is left out (``SCALED``).
        ensure_minimum_range: the least width of the interval, relative to its ends.
    """
    (x, low, high), kind = _float32("quantize", input, min_range, max_range), dt.as_dtype(T)
    k, _ = _along("quantize", x, axis)
    _check_mode("quantize", mode, round_mode)
    low = math.minimum(low, 0.0)
    widest = math.maximum(math.maximum(apply("abs", low), apply("abs", high)), 1.0)
    high = math.maximum(math.maximum(high, math.add(low, math.multiply(widest, float(ensure_minimum_range)))), 0.0)
    info = np.iinfo(kind.numpy)
    if mode == "SCALED":
        return _quantize_scaled(x, low, high, k, kind, round_mode, narrow_range)
    if mode == "MIN_COMBINED":
        half = float((int(info.max) - int(info.min) + 1) // 2) if kind.kind == "i" else 0.0
        scale = elementwise("div", float(int(info.max) - int(info.min)), math.subtract(high, low))
        inside = math.subtract(_clamped(x, _spread(low, x, k), _spread(high, x, k)), _spread(low, x, k))
        whole = _round_away(math.subtract(apply("mul", inside, _spread(scale, x, k)), half))
    else:
        steps = float(2**kind.bits)
        scale = elementwise("div", steps, math.multiply(math.subtract(high, low), steps / (steps - 1.0)))
        inside = _round_away(apply("mul", x, _spread(scale, x, k)))
        whole = math.add(math.subtract(inside, _spread(_round_away(math.multiply(low, scale)), x, k)), float(info.min))
        whole = _clamped(whole, float(info.min), float(info.max))
    return apply("cast", whole, dtype=kind), low, high


def _quantize_scaled(x: Node, low: Node, high: Node, axis, kind, round_mode: str, narrow: bool) -> tuple:
    info = np.iinfo(kind.numpy)
    ends = (float(int(info.min) + int(bool(narrow))), float(info.max))
    scale = _scale(low, high, ends)[0]
    first, last = (elementwise("div", full_like(scale, e), scale) for e in ends)
    inside = _clamped(x, _spread(first, x, axis), _spread(last, x, axis))
    whole = apply("mul", inside, _spread(scale, x, axis))
    whole = apply("round", whole) if round_mode == "HALF_TO_EVEN" else _round_away(whole)
    return apply("cast", whole, dtype=kind), first, last


def _check_mode(op: str, mode: str, round_mode: str = "HALF_AWAY_FROM_ZERO") -> None:
    if mode not in MODES:
        raise UsageError(explain(f"{op}: mode {mode!r} is none of {', '.join(MODES)}"))
    possible = ("HALF_AWAY_FROM_ZERO", "HALF_TO_EVEN") if mode == "SCALED" else ("HALF_AWAY_FROM_ZERO",)
    if round_mode not in possible:
        raise UsageError(explain(f"{op}: round_mode {round_mode!r} is not possible in mode {mode}"))


def dequantize(
    input, min_range, max_range, mode="MIN_COMBINED", axis=None, narrow_range=False, dtype=dt.f32  # noqa: A002
) -> Node:  # fmt: skip
    """Integers as the floats they stand for, given the interval of their dtype; arguments as those of ``quantize``."""
    q, (low, high) = as_node(input), _float32("dequantize", min_range, max_range)
    if not q.dtype.is_integer:
        raise DtypeError(explain(f"dequantize: needs integers, not {q.type}", origins(input=q)))
    k, _ = _along("dequantize", q, axis)
    _check_mode("dequantize", mode)
    info = np.iinfo(q.dtype.numpy)
    x = apply("cast", q, dtype=dt.f32)
    if mode == "SCALED":
        bottom = int(info.min) + int(bool(narrow_range))
        scale = elementwise("div", high, float(info.max))
        scale = math.maximum(scale, elementwise("div", low, float(bottom))) if q.dtype.kind == "i" else scale
        out = apply("mul", x, _spread(scale, x, k))
    elif mode == "MIN_COMBINED":
        half = float((int(info.max) - int(info.min) + 1) // 2) if q.dtype.kind == "i" else 0.0
        scale = elementwise("div", math.subtract(high, low), float(int(info.max) - int(info.min)))
        out = apply("add", apply("mul", math.add(x, half), _spread(scale, x, k)), _spread(low, x, k))
    else:
        steps = float(2**q.dtype.bits)
        scale = elementwise("div", math.multiply(math.subtract(high, low), steps / (steps - 1.0)), steps)
        start = math.multiply(_round_away(elementwise("div", low, scale)), scale)
        out = apply("add", apply("mul", math.subtract(x, float(info.min)), _spread(scale, x, k)), _spread(start, x, k))
    return apply("cast", out, dtype=dt.as_dtype(dtype)) if dt.as_dtype(dtype) is not dt.f32 else out
