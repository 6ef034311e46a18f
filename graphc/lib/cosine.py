"""Cosine transforms, the spectra built on them, and the mel scale, under TensorFlow's names."""

from __future__ import annotations

import math

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins, simplified
from graphc.ir.type import Type
from graphc.lib.dims import dim, dim_node, integer
from graphc.lib.promote import as_node, broadcast_to, elementwise
from graphc.lib.shape import concat, part, reshape, reverse, split, zeros
from graphc.lib.signal import frame, irfft, overlap_and_add, rfft
from graphc.lib.taper import number, tapered, vorbis_window
from graphc.prims.table import apply

MATRIX_LIMIT = 512  # elements up to which a product with a matrix of cosines, in native code, does the transform

# ------------------------------------------------------------------------------------------ as a product


def _cosines(numerator: Node, period, dtype) -> Node:
    """``cos(pi numerator / period)`` for integers, whose angle is exact because it is reduced first."""
    turns = apply("mod", numerator, broadcast_to(dim_node(simplified(period * 2)), numerator.shape))
    angle = apply("cast", turns, dtype=dt.f64) * (math.pi / period)
    found = apply("cos", angle)
    return found if dtype is dt.f64 else apply("cast", found, dtype=dtype)


def _matrix(kind: int, n: int, dtype) -> Node:
    """The matrix M [element, frequency] with ``dct(x) = x @ M``, not normalised."""
    j, k = [apply("iota", shape=(n, n), axis=a, dtype=dt.i64) for a in (0, 1)]
    match kind:
        case 1:
            ends = apply("or", apply("eq", j, const(0, j.type)), apply("eq", j, const(n - 1, j.type)))
            return apply("mul", _cosines(j * k, n - 1, dtype), _once(ends, dtype))
        case 2:
            return _cosines((j * 2 + 1) * k, 2 * n, dtype) * 2.0
        case 3:
            first = apply("eq", j, const(0, j.type))
            return apply("mul", _cosines(j * (k * 2 + 1), 2 * n, dtype), _once(first, dtype))
    return _cosines((j * 2 + 1) * (k * 2 + 1), 4 * n, dtype) * 2.0


def _once(where: Node, dtype) -> Node:
    """1 where a condition holds, and 2 elsewhere."""
    kind = Type(dtype, where.shape)
    return apply("select", where, const(1, kind), const(2, kind))


def _by_product(x: Node, kind: int) -> Node:
    rows = reshape(x, (1, x.shape[-1])) if len(x.shape) == 1 else x
    flat = reshape(rows, (-1, x.shape[-1]))
    out = apply("dot", flat, _matrix(kind, x.shape[-1], x.dtype), transpose_x=False, transpose_y=False)
    return reshape(out, x.shape)


# ------------------------------------------------------------------------------------- by way of the FFT


def _phases(n, dtype, sign: float) -> Node:
    """``2 exp(sign i pi k / 2n)`` for k below n."""
    place = apply("iota", shape=(n,), axis=0, dtype=dt.f64)
    angle = apply("div", place * (sign * math.pi / 2), number(dim_node(n), place))
    parts = [apply(f, angle) * 2.0 for f in ("cos", "sin")]
    return apply("complex", *[p if dtype is dt.f64 else apply("cast", p, dtype=dtype) for p in parts])


def _by_fft(x: Node, kind: int) -> Node:
    n, last = x.shape[-1], len(x.shape) - 1
    match kind:
        case 1:
            inner = reverse(part(x, last, 1, simplified(n - 1)), [-1])
            return apply("real", rfft(concat([x, inner], last)))
        case 2:
            spectrum = part(rfft(x, [simplified(n * 2)]), last, 0, n)
            return apply("real", elementwise("mul", spectrum, _phases(n, x.dtype, -1.0)))
        case 3:
            whole = apply("complex", x, zeros(x.shape, x.dtype))
            turned = elementwise("mul", whole, _phases(n, x.dtype, 1.0))
            found = part(irfft(turned, [simplified(n * 2)]), last, 0, n)
            return apply("mul", found, number(dim_node(n), found))
    doubled = _by_fft(concat([x, zeros(x.shape, x.dtype)], last), 2)
    odd = reshape(doubled, (*x.shape, 2))
    return reshape(part(odd, last + 1, 1, 2), x.shape)


# --------------------------------------------------------------------------------------------- public names


def dct(input, type=2, n=None, axis=-1, norm=None) -> Node:  # noqa: A002
    """The discrete cosine transform of type 1, 2, 3 or 4 along the last axis; runs on the host beyond 512 elements.

    Args:
        n: the number of elements to transform: longer axes are cut, shorter ones padded with zeros.
        axis: must be -1.
        norm: None, or ``"ortho"`` for an orthonormal transform (not for type 1).

    Raises:
        DtypeError: ``input`` is not float32 or float64.
        UsageError: another type, axis or norm.
    """
    x = as_node(input)
    _check("dct", x, type, axis, norm)
    last = len(x.shape) - 1
    if n is not None:
        x = _resized(x, last, dim(n, "dct"))
    count = x.shape[-1]
    if type == 1 and isinstance(count, int) and count < 2:
        raise ShapeError(explain(f"dct: type 1 needs more than one element, not {x.type}", origins(x=x)))
    if norm == "ortho" and type == 3:
        x = _orthonormal(x, 3)
    small = isinstance(count, int) and count <= MATRIX_LIMIT
    out = _by_product(x, type) if small else _by_fft(x, type)
    return _orthonormal(out, type) if norm == "ortho" and type != 3 else out


def _resized(x: Node, last: int, n) -> Node:
    have = x.shape[last]
    if isinstance(have, Node) or isinstance(n, Node):
        filled = concat([x, zeros((*x.shape[:-1], n), x.dtype)], last)
        return part(filled, last, 0, n)
    if n <= have:
        return part(x, last, 0, n)
    return concat([x, zeros((*x.shape[:-1], n - have), x.dtype)], last)


def _check(op: str, x: Node, kind, axis, norm) -> None:
    if x.dtype not in (dt.f32, dt.f64):
        raise DtypeError(explain(f"{op}: needs float32 or float64, not {x.type}", origins(x=x)))
    if not x.shape:
        raise ShapeError(explain(f"{op}: needs at least one axis, not {x.type}", origins(x=x)))
    if kind not in (1, 2, 3, 4):
        raise UsageError(explain(f"{op}: type must be 1, 2, 3 or 4, got {kind!r}", origins(x=x)))
    if axis != -1:
        raise UsageError(explain(f"{op}: axis must be -1, got {axis!r}", origins(x=x)))
    if norm not in (None, "ortho") or (kind == 1 and norm):
        raise UsageError(explain(f"{op}: norm {norm!r} does not exist for type {kind}", origins(x=x)))


def _orthonormal(x: Node, kind: int) -> Node:
    """Elements times the factors that make a transform orthonormal; the first differs for types 2 and 3."""
    count = number(dim_node(x.shape[-1]), zeros((x.shape[-1],), dt.f64))
    rest = apply("sqrt", apply("div", const(0.5, count.type), count))
    if kind in (2, 3):
        place = apply("iota", shape=count.shape, axis=0, dtype=dt.i64)
        first = apply("sqrt", apply("div", const(0.25 if kind == 2 else 1.0, count.type), count))
        rest = apply("select", apply("eq", place, const(0, place.type)), first, rest)
    rest = rest if x.dtype is dt.f64 else apply("cast", rest, dtype=x.dtype)
    return elementwise("mul", x, rest)


def idct(input, type=2, n=None, axis=-1, norm=None) -> Node:  # noqa: A002
    """The inverse of ``dct`` of this type, up to a factor of twice the number of elements where ``norm`` is None.

    Raises:
        UsageError: ``n`` is given, or see ``dct``.
    """
    if n is not None:
        raise UsageError(explain(f"idct: n must be None, got {n!r}"))
    _check("idct", as_node(input), type, axis, norm)
    return dct(input, {1: 1, 2: 3, 3: 2, 4: 4}[type], None, axis, norm)


def mdct(signals, frame_length, window_fn=vorbis_window, pad_end=False, norm=None) -> Node:
    """Modified cosine transforms of frames half a length apart: [..., n] to [..., frames, frame_length // 2].

    Raises:
        UsageError: ``frame_length`` is no multiple of 4.
    """
    x, length = as_node(signals), integer("mdct", "frame_length", frame_length)
    if length < 4 or length % 4:
        raise UsageError(explain(f"mdct: frame_length must be a multiple of 4, got {length}"))
    frames = _tapered("mdct", frame(x, length, length // 2, pad_end), window_fn)
    a, b, c, d = split(frames, 4, -1)
    first = apply("sub", apply("neg", reverse(c, [-1])), d)
    return dct(concat([first, apply("sub", a, reverse(b, [-1]))], -1), 4, norm=norm)


def inverse_mdct(mdcts, window_fn=vorbis_window, norm=None) -> Node:
    """Signals from modified cosine transforms: the inverse of ``mdct`` where frames overlap."""
    x = as_node(mdcts)
    if len(x.shape) < 2 or not isinstance(x.shape[-1], int) or x.shape[-1] % 2:
        what = f"inverse_mdct: needs [..., frames, half the frame length] with an even last size, not {x.type}"
        raise ShapeError(explain(what, origins(mdcts=x)))
    middle = x.shape[-1]
    found = dct(x, 4, norm=norm)
    found = found if norm == "ortho" else found * (0.5 / max(middle, 1))
    left, right = split(found, 2, -1)
    back = [apply("neg", reverse(p, [-1])) for p in (right, left)]
    frames = concat([right, *back, apply("neg", left)], -1)
    return overlap_and_add(_tapered("inverse_mdct", frames, window_fn), middle)


def _tapered(op: str, frames: Node, window_fn) -> Node:
    return frames * math.sqrt(0.5) if window_fn is None else tapered(op, frames, window_fn)


def mfccs_from_log_mel_spectrograms(log_mel_spectrograms) -> Node:
    """Cepstral coefficients [..., bins] of logarithmic mel spectra: an orthogonal cosine transform of type 2."""
    x = as_node(log_mel_spectrograms)
    found = dct(x, 2)
    count = number(dim_node(simplified(x.shape[-1] * 2)), zeros((), dt.f64))
    return apply("mul", found, number(apply("div", const(1.0, count.type), apply("sqrt", count)), found))


def _mel(frequency: Node) -> Node:
    return apply("log", frequency * (1 / 700.0) + 1.0) * 1127.0


def linear_to_mel_weight_matrix(num_mel_bins=20, num_spectrogram_bins=129, sample_rate=8000, lower_edge_hertz=125.0,
                                upper_edge_hertz=3800.0, dtype=dt.f32) -> Node:  # fmt: skip
    """The matrix [spectrogram bins, mel bins] of triangular weights that turns spectra into mel spectra.

    Raises:
        UsageError: a number of bins is not positive, or the edges are not in order below half the sample rate.
    """
    op, kind = "linear_to_mel_weight_matrix", dt.as_dtype(dtype)
    bins, lines = integer(op, "num_mel_bins", num_mel_bins), dim(num_spectrogram_bins, op)
    numbers = (sample_rate, lower_edge_hertz, upper_edge_hertz)
    if not any(isinstance(v, Node) for v in numbers):
        _check_edges(op, *map(float, numbers))
    if bins < 1:
        raise UsageError(explain(f"{op}: num_mel_bins must be positive, got {bins}"))
    if not kind.is_float:
        raise DtypeError(explain(f"{op}: dtype must be floating, not {kind.name}"))
    scalar = zeros((), dt.f64)
    rate, low, high = [number(v, scalar) for v in numbers]
    place = apply("iota", shape=(lines, bins), axis=0, dtype=dt.f64)
    last = number(dim_node(simplified(lines - 1)), place)
    mels = _mel(apply("div", apply("mul", place, number(rate * 0.5, place)), last))
    low, high = _mel(low), _mel(high)
    step = apply("sub", high, low) * (1 / (bins + 1))
    edge = apply("iota", shape=place.shape, axis=1, dtype=dt.f64)
    edges = [apply("add", apply("mul", edge + float(k), number(step, edge)), number(low, edge)) for k in range(3)]
    rising = apply("div", apply("sub", mels, edges[0]), apply("sub", edges[1], edges[0]))
    falling = apply("div", apply("sub", edges[2], mels), apply("sub", edges[2], edges[1]))
    weight = apply("max", const(0.0, rising.type), apply("min", rising, falling))
    weight = apply("select", apply("eq", place, const(0.0, place.type)), const(0.0, place.type), weight)
    return weight if kind is dt.f64 else apply("cast", weight, dtype=kind)


def _check_edges(op: str, rate: float, low: float, high: float) -> None:
    if rate <= 0 or low < 0 or low >= high or high > rate / 2:
        what = f"{op}: needs 0 <= lower_edge_hertz < upper_edge_hertz <= sample_rate / 2, got {low}, {high} and {rate}"
        raise UsageError(explain(what))
