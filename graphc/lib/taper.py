"""Window functions that taper a frame towards its ends; computed in float64 and rounded once."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, const, simplified
from graphc.lib.dims import dim, dim_node
from graphc.lib.promote import as_node, broadcast_to, elementwise, together
from graphc.lib.shape import concat, ones, part, reshape, reverse, zeros
from graphc.prims.table import apply

_BESSEL_TERMS = 96  # of a series of positive terms: exact to rounding for arguments up to 60


def _size(op: str, window_length):
    """The length of a window as a dimension.

    Raises:
        ShapeError: it is negative.
    """
    n = dim(window_length, op)
    if type(n) is int and n < 0:
        raise ShapeError(explain(f"{op}: window_length must not be negative, got {n}"))
    return n


def _kind(op: str, dtype) -> dt.DType:
    kind = dt.as_dtype(dtype)
    if not kind.is_float:
        raise DtypeError(explain(f"{op}: dtype must be floating, not {kind.name}"))
    return kind


def _ramp(n) -> Node:
    return apply("iota", shape=(n,), axis=0, dtype=dt.f64)


def number(value, like: Node) -> Node:
    """A number or scalar tensor, repeated to the type of ``like``."""
    value = as_node(value)
    value = value if value.dtype is like.dtype else apply("cast", value, dtype=like.dtype)
    return broadcast_to(value, like.shape)


def _raised_cosine(op: str, window_length, periodic, dtype, a: float, b: float) -> Node:
    """``a - b cos(2 pi k / n)``, where n is the length if periodic and even, and one less otherwise."""
    n, kind = _size(op, window_length), _kind(op, dtype)
    if type(n) is int and n <= 1:
        return ones((n,), kind)
    even = 1 - n % 2 if isinstance(periodic, (bool, int, np.bool_)) and periodic else 0
    if isinstance(periodic, Node):
        switch = apply("cast", periodic, dtype=dt.i64)
        period = apply("add", dim_node(simplified(n - 1)), apply("mul", switch, dim_node(simplified(1 - n % 2))))
    else:
        period = dim_node(simplified(n + even - 1))
    count = _ramp(n)
    period = number(apply("max", period, dim_node(1)), count)
    turn = apply("div", apply("mul", count, number(2 * math.pi, count)), period)
    wave = apply("sub", number(a, count), apply("mul", number(b, count), apply("cos", turn)))
    if type(n) is not int:
        single = broadcast_to(apply("eq", dim_node(n), dim_node(1)), count.shape)
        wave = apply("select", single, number(1.0, count), wave)
    return _rounded(wave, kind)


def _rounded(x: Node, kind) -> Node:
    return x if kind is x.dtype else apply("cast", x, dtype=kind)


def hann_window(window_length, periodic=True, dtype=dt.f32) -> Node:
    """A raised cosine from 0 to 1 and back; periodic: as if followed by its first element."""
    return _raised_cosine("hann_window", window_length, periodic, dtype, 0.5, 0.5)


def hamming_window(window_length, periodic=True, dtype=dt.f32) -> Node:
    """A raised cosine from 0.08 to 1 and back."""
    return _raised_cosine("hamming_window", window_length, periodic, dtype, 0.54, 0.46)


def cosine_window(op: str, window_length, factors, is_periodic: bool, dtype=dt.f32) -> Node:
    """``sum over j of factors[j] * cos(2 pi j k / n)``; n is the length if periodic, else one less (but not 0).

    TensorFlow's periodic windows differ from these where the length is odd.
    """
    n = _size(op, window_length)
    count = _ramp(n)
    last = simplified(n - 1)
    period = n if is_periodic else max(last, 1) if type(n) is int else simplified(binary("max", last, 1))
    period = number(dim_node(period), count)
    wave = number(as_node(factors[0], dt.f64), count)
    for j, factor in enumerate(factors[1:], 1):
        turn = apply("div", apply("mul", count, number(as_node(2 * math.pi * j, dt.f64), count)), period)
        wave = apply("add", wave, apply("mul", number(as_node(factor, dt.f64), count), apply("cos", turn)))
    return _rounded(wave, dtype)


def bessel_i0(x: Node) -> Node:
    """The modified Bessel function of order 0 of f64 values up to 60, by its power series."""
    t = apply("mul", x, x) * 0.25
    total = const(1.0, x.type)
    for k in range(_BESSEL_TERMS, 0, -1):
        total = apply("add", const(1.0, x.type), apply("mul", t, total) * (1.0 / (k * k)))
    return total


def kaiser_window(window_length, beta=12.0, dtype=dt.f32) -> Node:
    """The Kaiser window: ``i0(beta sqrt(1 - t^2)) / i0(beta)`` for t from -1 to 1; ``beta`` up to 60."""
    n, kind = _size("kaiser_window", window_length), _kind("kaiser_window", dtype)
    if type(n) is int and n <= 1:
        return ones((n,), kind)
    place = _ramp(n)
    wide = number(dim_node(simplified(binary("max", n - 1, 1)) if isinstance(n, Node) else n - 1), place)
    t = apply("sub", apply("div", place * 2.0, wide), const(1.0, place.type))
    shape = apply("sqrt", apply("max", apply("sub", const(1.0, t.type), apply("mul", t, t)), const(0.0, t.type)))
    strength = number(beta, place)
    return _rounded(apply("div", bessel_i0(apply("mul", strength, shape)), bessel_i0(strength)), kind)


def kaiser_bessel_derived_window(window_length, beta=12.0, dtype=dt.f32) -> Node:
    """The window of even length whose squares add up to 1 half a length apart, from sums of a Kaiser window."""
    op = "kaiser_bessel_derived_window"
    n, kind = _size(op, window_length), _kind(op, dtype)
    middle = simplified(n // 2)
    sums = apply("cumulate", kaiser_window(simplified(middle + 1), beta, dt.f64), kind="sum", axis=0, exclusive=False,
                 reverse=False)  # fmt: skip
    rising, whole = part(sums, 0, 0, middle), part(sums, 0, middle, simplified(middle + 1))
    rising = apply("sqrt", elementwise("div", rising, whole))
    return _rounded(concat([rising, reverse(rising, [0])], 0), kind)


def vorbis_window(window_length, dtype=dt.f32) -> Node:
    """``sin(pi/2 sin^2(pi (k + 1/2) / n))``: squares add up to 1 half a length apart."""
    n, kind = _size("vorbis_window", window_length), _kind("vorbis_window", dtype)
    place = _ramp(n)
    wide = number(dim_node(n if isinstance(n, Node) else max(n, 1)), place)
    wave = apply("sin", apply("div", (place + 0.5) * math.pi, wide))
    return _rounded(apply("sin", apply("mul", wave, wave) * (math.pi / 2)), kind)


# ---------------------------------------------------------------------------------------------- applying


def taper(op: str, window_fn: Callable, length, dtype) -> Node:
    """The window ``window_fn(length, dtype=dtype)``: of ours, or of a function that answers with numbers.

    Raises:
        UsageError: ``window_fn`` cannot be called.
    """
    if not callable(window_fn):
        raise UsageError(explain(f"{op}: window_fn must be a function or None, got {window_fn!r}"))
    found = getattr(window_fn, "__wrapped__", window_fn)(length, dtype=dtype)
    traced = found if isinstance(found, Node) else getattr(found, "node", None)  # that of a tensor without a value
    if isinstance(traced, Node):
        return traced if traced.dtype is dtype else apply("cast", traced, dtype=dtype)
    return as_node(np.asarray(found).astype(dtype.numpy))


def tapered(op: str, frames: Node, window_fn: Callable | None) -> Node:
    """Frames times a window along the last axis; as they are where there is none."""
    if window_fn is None:
        return frames
    return apply("mul", *together(op, frames, taper(op, window_fn, frames.shape[-1], frames.dtype)))


class _InverseWindow:
    """The synthesis window that belongs to an analysis window; made by ``inverse_stft_window_fn``."""

    def __init__(self, frame_step, forward_window_fn: Callable):
        self.step, self.forward = frame_step, forward_window_fn

    def __call__(self, frame_length, dtype=dt.f32):
        """The window of this length: the analysis window over the sum of its squares, one step apart."""
        kind = dt.as_dtype(dtype)
        n, step = dim(frame_length, "inverse_stft_window_fn"), dim(self.step, "inverse_stft_window_fn")
        window = taper("inverse_stft_window_fn", self.forward, n, kind)
        count = simplified((n + step - 1) // step)
        missing = simplified(count * step - n)
        squares = concat([apply("mul", window, window), zeros((missing,), kind)], 0)
        sums = apply("reduce", reshape(squares, (count, step)), kind="sum", axes=(0,))
        repeated = apply("broadcast", sums, shape=(count, step), axes=(1,))
        return apply("div", window, part(reshape(repeated, (simplified(count * step),)), 0, 0, n))


def inverse_stft_window_fn(frame_step, forward_window_fn=hann_window) -> Callable:
    """The function ``(frame_length, dtype) -> window`` with which ``inverse_stft`` undoes ``stft`` exactly."""
    return _InverseWindow(frame_step, forward_window_fn)
