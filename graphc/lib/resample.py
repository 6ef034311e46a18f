"""Resampling along one axis: where an output element looks, which elements it takes, and with what weights.

The same formulas run on NumPy arrays where both sizes are known, so that weights are constants, and on Nodes where one
is symbolic, so that one compile serves every size. TensorFlow's, ONNX's and PyTorch's conventions are values of
``Sampling``.
"""

from __future__ import annotations

import math as python_math
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins, simplified
from graphc.lib import math
from graphc.lib.dims import dim_node
from graphc.lib.dims import size as size_of
from graphc.lib.promote import broadcast_to
from graphc.lib.shape import concat, pad, part, transpose
from graphc.prims.table import apply


@dataclass(frozen=True)
class Sampling:
    """How an output index becomes a position in the input.

    Attributes:
        coordinates: a key of ``COORDINATES``.
        nearest: how ``nearest`` rounds a position: a key of ``ROUNDING``.
        cubic: the coefficient a of the cubic kernel.
        exclude_outside: cubic weights of places outside the input are 0, and the others are scaled to add up to 1.
        extrapolation: the value where a position lies outside the input; None: the nearest element counts.
        scale: output size over input size, where it is not the quotient of the sizes: a number, or a f32 scalar.
            Positions are divided by it, as ONNX has it, and without it multiplied by the inverse, as TensorFlow does.
        roi: first and last position as fractions of the input, for ``tf_crop_and_resize``.
        steps: cubic positions are rounded to this fraction between two elements (TensorFlow tabulates 1024).
        antialias: kernels are widened where the output is smaller.
        extends: with ``antialias``, the input goes on beyond its ends with its outermost elements; else weights of what
            lies outside are left out.
    """

    coordinates: str = "half_pixel"
    nearest: str = "round_prefer_floor"
    cubic: float = -0.75
    exclude_outside: bool = False
    extrapolation: float | None = None
    scale: float | Node | None = None
    roi: tuple[float, float] = (0.0, 1.0)
    steps: int | None = None
    antialias: bool = False
    extends: bool = False


@dataclass(frozen=True)
class _Axis:
    """One axis under way: sizes in and out, and the module that calculates (NumPy, or ``lib.math`` on Nodes)."""

    n: object
    m: object
    xp: ModuleType

    def number(self, d):
        """A size or number as float32 for every output index."""
        if self.xp is np:
            return np.full(self.m, d, np.float32)
        if isinstance(d, Node) and d.dtype is dt.f32:
            return broadcast_to(d, (self.m,))
        return broadcast_to(dim_node(d, dt.f32) if not isinstance(d, float) else const(np.float32(d)), (self.m,))

    def index(self):
        """0, 1, ... as float32."""
        return np.arange(self.m, dtype=np.float32) if self.xp is np else _ramp(self.m)

    def inverse_scale(self, sampling: Sampling):
        """Input elements for one output element."""
        if sampling.scale is not None:
            return self.number(1) / self.number(_number(sampling.scale))
        return self.number(self.n) / self.number(self.m)

    def unscaled(self, places, sampling: Sampling):
        """Distances in the output as distances in the input."""
        if sampling.scale is not None:
            return places / self.number(_number(sampling.scale))
        return places * self.inverse_scale(sampling)


def _number(scale):
    return scale if isinstance(scale, Node) else float(scale)


def _ramp(m) -> Node:
    return apply("iota", shape=(m,), axis=0, dtype=dt.f32)


def _half_pixel(a: _Axis, s: Sampling):
    return a.unscaled(a.index() + 0.5, s) - 0.5


def _corner(a: _Axis, s: Sampling):
    return a.unscaled(a.index() + 0.5, s)


def _asymmetric(a: _Axis, s: Sampling):
    return a.unscaled(a.index(), s)


def _length(a: _Axis, s: Sampling):
    """The output size before it was rounded down."""
    return a.number(a.m) if s.scale is None else a.number(a.n) * a.number(_number(s.scale))


def _align_corners(a: _Axis, s: Sampling):
    """First on first, last on last; one output element looks at the first."""
    if s.scale is not None:
        return a.index() * (a.number(a.n) - 1.0) / _gaps(a, s)
    return a.index() * ((a.number(a.n) - 1.0) / _gaps(a, s))


def _gaps(a: _Axis, s: Sampling):
    """How many steps lie between the first and the last output, 1 where there is no step."""
    length = _length(a, s)
    return a.xp.where(length > 1.0, length - 1.0, 1.0)


def _pytorch_half_pixel(a: _Axis, s: Sampling):
    return a.xp.where(a.number(a.m) > 1.0, _half_pixel(a, s), 0.0)


def _half_pixel_symmetric(a: _Axis, s: Sampling):
    """Half pixels around the middle, where the output size was rounded."""
    exact = _length(a, s)
    offset = a.number(a.n) * 0.5 * (a.number(1) - a.number(a.m) / exact)
    return offset + _half_pixel(a, s)


def _crop(a: _Axis, s: Sampling):
    first, last = s.roi
    reach = a.number(a.n) - 1.0
    many = reach * float(first) + a.index() * (reach * float(last - first) / _gaps(a, s))
    return a.xp.where(_length(a, s) > 1.0, many, reach * (0.5 * (first + last)))


COORDINATES = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "align_corners": _align_corners,
    "asymmetric": _asymmetric,
    "tf_crop_and_resize": _crop,
    "tf_half_pixel_for_nn": _corner,
}

ROUNDING = {
    "round_prefer_floor": lambda xp, p: xp.ceil(p - 0.5),
    "round_prefer_ceil": lambda xp, p: xp.floor(p + 0.5),
    "floor": lambda xp, p: xp.floor(p),
    "ceil": lambda xp, p: xp.ceil(p),
}


# ------------------------------------------------------------------------------------- kernels of distance


def _triangle(xp, x, sampling):
    return xp.maximum(1.0 - x, 0.0)


def _cubic(xp, x, sampling):
    a = sampling.cubic
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    far = ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    return xp.where(x < 1.0, near, xp.where(x < 2.0, far, 0.0))


def cubic_weight(distance: Node, a: float = -0.75) -> Node:
    """How much an element counts for a position at a distance, by the cubic kernel with coefficient ``a``."""
    return _cubic(math, distance, Sampling(cubic=a))


def _mitchell(xp, x, sampling):
    near = ((7.0 / 6.0) * x - 2.0) * x * x + 8.0 / 9.0
    far = (((-7.0 / 18.0) * x + 2.0) * x - 10.0 / 3.0) * x + 16.0 / 9.0
    return xp.where(x < 1.0, near, xp.where(x < 2.0, far, 0.0))


def _gaussian(xp, x, sampling):
    return xp.where(x < 1.5, xp.exp(x * x * -2.0), 0.0)


def _lanczos(radius: float):
    def kernel(xp, x, sampling):
        tiny = x <= 1e-3
        safe = xp.where(tiny, 1.0, x)
        wave = xp.sin(safe * python_math.pi) * xp.sin(safe * (python_math.pi / radius)) * radius
        value = xp.where(tiny, 1.0, wave / (safe * safe * python_math.pi**2))
        return xp.where(x <= radius, value, 0.0)

    return kernel


KERNELS = {
    "linear": _triangle,
    "cubic": _cubic,
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
    "gaussian": _gaussian,
    "mitchellcubic": _mitchell,
}

_TAPPED = ("nearest", "linear", "cubic")
METHODS = (*_TAPPED, *[k for k in KERNELS if k not in _TAPPED], "area")


# ---------------------------------------------------------------------------------------------- public


def resize_axis(x: Node, axis: int, size, method: str = "linear", sampling: Sampling = Sampling()) -> Node:
    """``x`` with ``size`` elements along ``axis``.

    Args:
        x: any dtype for ``nearest``, floating for the others; keeps its dtype.
        size: an int or a rank-0 i64 Node.
        method: one of ``METHODS``.

    Raises:
        ShapeError: a size is 0. UsageError: an unknown method, coordinate or rounding.
    """
    n = x.shape[axis]
    for known, table, what in ((method, METHODS, "method"), (sampling.coordinates, COORDINATES, "coordinates"),
                               (sampling.nearest, ROUNDING, "rounding")):  # fmt: skip
        if known not in table:
            raise UsageError(explain(f"resize: {what} {known!r} is none of {', '.join(table)}"))
    if any(type(d) is int and d < 1 for d in (n, size)):
        raise ShapeError(explain(f"resize: cannot make {size} elements of axis {axis} of {x.type}", origins(x=x)))
    a = _Axis(n, size, np if type(n) is int and type(size) is int else math)
    if method == "area":
        return contract(x, axis, _area_weights(a, sampling))
    if method not in _TAPPED or (sampling.antialias and method != "nearest"):
        border = _support(a, sampling) if sampling.extends else 0
        if sampling.extends:
            x = pad(x, [(border, border) if k == axis else (0, 0) for k in range(len(x.shape))], "EDGE")
        return contract(x, axis, _kernel_weights(a, method, sampling, border))
    factor = _whole_factor(a, sampling) if method == "nearest" else None
    if factor is not None:
        return _each(x, axis, factor)
    position = COORDINATES[sampling.coordinates](a, sampling)
    if method == "nearest":
        out = take(x, axis, _place(a, ROUNDING[sampling.nearest](a.xp, position)))
    elif method == "linear":
        out = _linear(x, axis, a, position)
    else:
        out = _cubic_taps(x, axis, a, position, sampling)
    return out if sampling.extrapolation is None else _extrapolated(out, axis, a, position, sampling.extrapolation)


_REGULAR = ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "asymmetric", "tf_half_pixel_for_nn")


def _whole_factor(a: _Axis, sampling: Sampling) -> int | None:
    """How often ``nearest`` repeats each element of an axis of unknown size; None where it does not only repeat."""
    scale = sampling.scale
    if a.xp is np or isinstance(scale, Node) or sampling.coordinates not in _REGULAR:
        return None
    factors = (2, 3, 4, 8, 16, 32) if scale is None else (int(scale),) if scale == int(scale) else ()
    times = next((f for f in factors if f > 0 and simplified(a.n * f) is a.m), None)
    if times is None:
        return None
    few = _Axis(4, 4 * times, np)  # positions of the other elements differ from these by whole numbers
    places = _place(few, ROUNDING[sampling.nearest](np, COORDINATES[sampling.coordinates](few, sampling)))
    return times if (places == np.arange(4 * times) // times).all() else None


def _place(a: _Axis, position):
    """A rounded position as an index inside the input."""
    inside = a.xp.minimum(a.xp.maximum(position, 0.0), a.number(a.n) - 1.0)
    return inside.astype(np.int64) if a.xp is np else math.cast(inside, dt.i32)


def _linear(x: Node, axis: int, a: _Axis, position) -> Node:
    low = a.xp.floor(position)
    weight = position - low
    first = take(x, axis, _place(a, low))
    if a.xp is np and not weight.any():
        return first
    second = take(x, axis, _place(a, a.xp.ceil(position)))
    if first is second:
        return first
    slope = apply("mul", apply("sub", second, first), _along(weight, first, axis))
    return apply("add", first, slope)


def _cubic_taps(x: Node, axis: int, a: _Axis, position, sampling: Sampling) -> Node:
    low = a.xp.floor(position)
    t = position - low
    if sampling.steps is not None:
        t = a.xp.round(t * float(sampling.steps)) * (1.0 / sampling.steps)
    weights = [_cubic(a.xp, d, sampling) for d in (t + 1.0, t, 1.0 - t, 2.0 - t)]
    places = [low + float(k) for k in (-1, 0, 1, 2)]
    if sampling.exclude_outside:
        weights = _scaled([_inside(a, p, w) for p, w in zip(places, weights)])
    terms = []
    for p, w in zip(places, weights):
        tap = take(x, axis, _place(a, p))
        terms.append(apply("mul", tap, _along(w, tap, axis)))
    total = terms[0]
    for term in terms[1:]:
        total = apply("add", total, term)
    return total


def _inside(a: _Axis, place, weight):
    outside = a.xp.where(place < 0.0, 0.0, weight)
    return a.xp.where(place > a.number(a.n) - 1.0, 0.0, outside)


def _scaled(weights: list) -> list:
    total = weights[0] + weights[1] + weights[2] + weights[3]
    return [w / total for w in weights]


def _extrapolated(out: Node, axis: int, a: _Axis, position, value: float) -> Node:
    """``value`` where the position lies outside the input."""
    last = a.number(a.n) - 1.0
    sure = a.xp.where(position < 0.0, a.number(1), a.xp.where(position > last, a.number(1), a.number(0)))
    hit = math.not_equal(_along(sure, out, axis), 0)
    return apply("select", hit, const(np.asarray(value).astype(out.dtype.numpy), out.type), out)


# --------------------------------------------------------------------------------------- dense weights


def _wide(a: _Axis, values, axis: int):
    """A vector over outputs (axis 0) or inputs (axis 1) as a matrix [outputs, inputs]."""
    if a.xp is np:
        return np.broadcast_to(values[:, None] if axis == 0 else values[None, :], (a.m, a.n))
    return apply("broadcast", values, shape=(a.m, a.n), axes=(axis,))


def _places(a: _Axis):
    """The input index as float32 in every element of a matrix [outputs, inputs]."""
    return _wide(a, np.arange(a.n, dtype=np.float32) if a.xp is np else _ramp(a.n), 1)


def _row_sum(a: _Axis, matrix):
    if a.xp is np:
        return np.broadcast_to(matrix.sum(1, dtype=np.float32, keepdims=True), matrix.shape)
    return _wide(a, apply("reduce", matrix, kind="sum", axes=(1,)), 0)


_RADIUS = 2  # of the widest kernel that looks beyond the ends


def _support(a: _Axis, sampling: Sampling):
    """How many elements a widened kernel may reach beyond an end."""
    if isinstance(sampling.scale, (int, float)):
        return _RADIUS * python_math.ceil(max(1 / sampling.scale, 1)) + 1
    return simplified(a.n // a.m * _RADIUS + 2 * _RADIUS + 1)


def _kernel_weights(a: _Axis, method: str, sampling: Sampling, border=0):
    """Weights [outputs, inputs] of a kernel around every position; each row adds up to 1.

    The inputs are those of the axis, with ``border`` more before and after them.
    """
    inverse = a.number(1) / (a.number(a.m) / a.number(a.n)) if sampling.scale is None else a.inverse_scale(sampling)
    if sampling.coordinates == "half_pixel":
        sample = (a.index() + 0.5) * inverse
    else:
        sample = COORDINATES[sampling.coordinates](a, sampling) + 0.5
    b = _Axis(simplified(a.n + border * 2), a.m, a.xp)
    distance = a.xp.abs(_places(b) + 0.5 - _wide(b, sample + a.number(border), 0))
    if sampling.antialias:
        distance = distance / _wide(b, a.xp.maximum(inverse, 1.0), 0)
    weights = KERNELS[method](a.xp, distance, sampling)
    total = _row_sum(b, weights)
    return weights / a.xp.where(a.xp.abs(total) < 1.2e-35, 1.0, total)


def _area_weights(a: _Axis, sampling: Sampling):
    """Weights [outputs, inputs]: which share of an output's interval each input covers; the last one reaches on."""
    if sampling.coordinates == "align_corners" and not (type(a.m) is int and a.m == 1):
        inverse = (a.number(a.n) - 1.0) / a.xp.maximum(a.number(a.m) - 1.0, 1.0)
    else:
        inverse = a.number(a.n) / a.number(a.m)
    start, stop = _wide(a, a.index() * inverse, 0), _wide(a, (a.index() + 1.0) * inverse, 0)
    place = _places(a)
    last = place > _wide(a, _reach(a), 1)
    end = a.xp.where(last, a.xp.maximum(stop, place + 1.0), place + 1.0)
    cover = a.xp.minimum(stop, end) - a.xp.maximum(start, place)
    return a.xp.maximum(cover, 0.0) / _wide(a, inverse, 0)


def _reach(a: _Axis):
    """The input size minus 1.5 for every input index."""
    if a.xp is np:
        return np.full(a.n, a.n - 1.5, np.float32)
    return broadcast_to(dim_node(a.n, dt.f32), (a.n,)) - 1.5


def contract(x: Node, axis: int, weights) -> Node:
    """``x`` with its axis replaced by the products of ``weights`` [outputs, inputs] with it."""
    w = const(weights) if isinstance(weights, np.ndarray) else weights
    w = math.cast(w, x.dtype)
    rank = len(x.shape)
    order = (*[k for k in range(rank) if k != axis], axis)
    moved = transpose(x, order)
    lead = moved.shape[:-1]
    flat = apply("reshape", moved, shape=(size_of(lead), x.shape[axis]))
    out = apply("dot", flat, w, transpose_x=False, transpose_y=True)
    back = tuple(sorted(range(rank), key=order.__getitem__))
    return transpose(apply("reshape", out, shape=(*lead, w.shape[0])), back)


# ---------------------------------------------------------------------------------------------- taking


def _along(values, like: Node, axis: int) -> Node:
    """A vector along one axis of ``like``, in its dtype."""
    if isinstance(values, np.ndarray):
        values = const(values.astype(like.dtype.numpy))
        if values.attrs[0][1].is_splat:
            return const(values.attrs[0][1], like.type)
    values = math.cast(values, like.dtype)
    return values if len(like.shape) == 1 else apply("broadcast", values, shape=like.shape, axes=(axis,))


def take(x: Node, axis: int, places) -> Node:
    """The elements at ``places`` (an array or Node of valid indices) along an axis.

    Places in even steps or even runs become movement, which fuses with what uses it; others are gathered.
    """
    if isinstance(places, np.ndarray):
        moved = _moved(x, axis, places)
        if moved is not None:
            return moved
        places = const(places.astype(np.int32))
    lead, m = x.shape[:axis], places.shape[0]
    index = apply("broadcast", places, shape=(*lead, m, 1), axes=(axis,))
    return apply("gather", x, index, batch=axis)


def _moved(x: Node, axis: int, places: np.ndarray) -> Node | None:
    """``take`` by slices and repetition, None where the places are too irregular."""
    steps = np.diff(places)
    if len(places) == 1 or (steps[0] > 0 and (steps == steps[0]).all()):
        step = int(steps[0]) if len(steps) else 1
        start, stop = int(places[0]), int(places[-1]) + 1
        if step == 1:
            return part(x, axis, start, stop)
        rank = len(x.shape)
        return apply("slice", x, start=tuple(start if k == axis else 0 for k in range(rank)),
                     stop=tuple(stop if k == axis else d for k, d in enumerate(x.shape)),
                     step=tuple(step if k == axis else 1 for k in range(rank)))  # fmt: skip
    if ((steps != 0) & (steps != 1)).any():
        return None
    ends = np.flatnonzero(np.append(steps, 1)) + 1
    runs = np.diff(np.concatenate(([0], ends)))
    inner = runs[1:-1]
    if len(inner) and (inner != inner[0]).any():
        return None
    return _repeated(x, axis, int(places[0]), [int(r) for r in runs])


def _repeated(x: Node, axis: int, first: int, runs: list[int]) -> Node:
    """Consecutive elements from ``first`` on, each as often as ``runs`` says; equal runs are made together."""
    parts, k = [], 0
    while k < len(runs):
        stop = k + 1
        while stop < len(runs) and runs[stop] == runs[k]:
            stop += 1
        parts.append(_each(part(x, axis, first + k, first + stop), axis, runs[k]))
        k = stop
    return parts[0] if len(parts) == 1 else concat(parts, axis)


def _each(x: Node, axis: int, count: int) -> Node:
    if count == 1:
        return x
    wide = (*x.shape[: axis + 1], count, *x.shape[axis + 1 :])
    out = apply("broadcast", x, shape=wide, axes=tuple(k for k in range(len(wide)) if k != axis + 1))
    return apply("reshape", out, shape=(*x.shape[:axis], x.shape[axis] * count, *x.shape[axis + 1 :]))
