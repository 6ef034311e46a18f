"""Fourier transforms (run on the host), frames of signals, and short-time spectra under TensorFlow's names."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, origins, simplified
from graphc.lib.dims import axes_of, axis_of, dim, integer, listed, shape_of, size
from graphc.lib.promote import as_node
from graphc.lib.shape import concat, part, transpose, zeros
from graphc.lib.taper import hann_window, number, tapered
from graphc.prims.fft import half
from graphc.prims.table import apply

# ---------------------------------------------------------------------------------------------- transforms


def _operand(op: str, value, rank: int, of_reals: bool) -> Node:
    """The operand of a transform.

    Raises:
        DtypeError: it is real instead of complex, or the other way round. ShapeError: its rank is too low.
    """
    x = as_node(value)
    wanted = (dt.f32, dt.f64) if of_reals else (dt.c64, dt.c128)
    if x.dtype not in wanted:
        names = " or ".join(d.name for d in wanted)
        raise DtypeError(explain(f"{op}: needs {names}, not {x.type}", origins(x=x)))
    if len(x.shape) < rank:
        raise ShapeError(explain(f"{op}: needs at least {rank} axes, not {x.type}", origins(x=x)))
    return x


def fitted(x: Node, axis: int, wanted) -> Node:
    """``x`` cut or padded with zeros at the end of an axis, so that it has ``wanted`` elements there."""
    have = x.shape[axis]
    if have is wanted or have == wanted:
        return x
    kept = min(have, wanted) if type(have) is type(wanted) is int else simplified(_extreme("min", have, wanted))
    x = part(x, axis, 0, kept)
    high = [0] * len(x.shape)
    high[axis] = simplified(wanted - kept)
    if type(high[axis]) is int and high[axis] == 0:
        return x
    return apply("pad", x, zeros((), x.dtype), low=(0,) * len(high), high=tuple(high))


def _extreme(op: str, a, b):
    return binary(op, a, b) if isinstance(a, Node) else binary(op, b, a)


def _transform(op: str, value, kind: str, axes, lengths=None, norm=None) -> Node:
    """One transform over ``axes`` (from the end, or any), after cutting or padding to ``lengths``."""
    x = _operand(op, value, max((-a for a in axes), default=1), kind == "rfft")
    axes = tuple(axis_of(op, a, x) for a in axes)
    if len(set(axes)) != len(axes):
        raise ShapeError(explain(f"{op}: axes {axes} name an axis of {x.type} twice", origins(x=x)))
    length = 0
    if lengths is None and kind == "irfft":
        length = simplified((x.shape[axes[-1]] - 1) * 2)
    if lengths is not None:
        if len(lengths) != len(axes):
            raise ShapeError(explain(f"{op}: fft_length has {len(lengths)} sizes for {len(axes)} axes", origins(x=x)))
        for a, n in zip(axes, lengths):
            last = kind == "irfft" and a == axes[-1]
            x, length = fitted(x, a, half(n) if last else n), n if last else length
    out = apply("fft", x, kind=kind, axes=axes, length=length)
    return _normalised(op, out, x, kind, axes, length, norm)


def _normalised(op: str, out: Node, x: Node, kind: str, axes, length, norm) -> Node:
    if norm in (None, "backward"):
        return out
    if norm not in ("ortho", "forward"):
        raise UsageError(explain(f"{op}: norm {norm!r} is not backward, ortho or forward", origins(x=x)))
    count = size(length if kind == "irfft" and a == axes[-1] else x.shape[a] for a in axes)
    count = count if isinstance(count, Node) else float(count)
    factor = number(count, zeros((), dt.f64))
    factor = factor if norm == "forward" else apply("sqrt", factor)
    forward = kind in ("fft", "rfft")
    scale = number(factor, zeros(out.shape, out.dtype))
    return apply("div" if forward else "mul", out, scale)


def _plain(name: str, kind: str, count: int):
    def op(input) -> Node:  # noqa: A002
        return _transform(name, input, kind, range(-count, 0))

    what = "transform" if kind == "fft" else "inverse transform"
    op.__doc__ = f"The discrete Fourier {what} over the last {count} axes of a complex tensor; runs on the host."
    op.__name__ = op.__qualname__ = name
    return op


def _real(name: str, kind: str, count: int):
    def op(input_tensor, fft_length=None) -> Node:
        lengths = None if fft_length is None else shape_of(fft_length, name)
        return _transform(name, input_tensor, kind, range(-count, 0), lengths)

    between = "from real values to half a spectrum" if kind == "rfft" else "from half a spectrum to real values"
    op.__doc__ = (
        f"The Fourier transform over the last {count} axes, {between}; runs on the host.\n\n"
        "    ``fft_length`` are the sizes of the real side: longer axes are cut, shorter ones padded with zeros.\n    "
    )
    op.__name__ = op.__qualname__ = name
    return op


fft, fft2d, fft3d = [_plain(f"fft{s}", "fft", k) for k, s in ((1, ""), (2, "2d"), (3, "3d"))]
ifft, ifft2d, ifft3d = [_plain(f"ifft{s}", "ifft", k) for k, s in ((1, ""), (2, "2d"), (3, "3d"))]
rfft, rfft2d, rfft3d = [_real(f"rfft{s}", "rfft", k) for k, s in ((1, ""), (2, "2d"), (3, "3d"))]
irfft, irfft2d, irfft3d = [_real(f"irfft{s}", "irfft", k) for k, s in ((1, ""), (2, "2d"), (3, "3d"))]


def _any_axes(name: str, kind: str):
    def op(input_tensor, fft_length=None, axes=None, norm=None) -> Node:
        x = as_node(input_tensor)
        lengths = None if fft_length is None else shape_of(fft_length, name)
        if axes is None:
            axes = range(-(len(x.shape) if lengths is None else len(lengths)), 0)
        return _transform(name, x, kind, [axis_of(name, a, x) for a in listed(name, "axes", axes)], lengths, norm)

    op.__doc__ = (
        f"The ``{kind}`` transform over any axes (default: all, or the last where lengths are given); on the host.\n\n"
        "    ``norm``: backward (inverse transforms divide), forward (the others do), ortho (both, by the root).\n    "
    )
    op.__name__ = op.__qualname__ = name
    return op


fftnd, ifftnd = _any_axes("fftnd", "fft"), _any_axes("ifftnd", "ifft")
rfftnd, irfftnd = _any_axes("rfftnd", "rfft"), _any_axes("irfftnd", "irfft")


def _shifted(op: str, x, axes, forward: bool) -> Node:
    x = as_node(x)
    for k in axes_of(op, axes, x):
        n = x.shape[k]
        cut = simplified((n + 1) // 2) if forward else simplified(n // 2)
        x = concat([part(x, k, cut, n), part(x, k, 0, cut)], k)
    return x


def fftshift(x, axes=None) -> Node:
    """Frequency 0 moved to the middle of the axes (default: all)."""
    return _shifted("fftshift", x, axes, True)


def ifftshift(x, axes=None) -> Node:
    """What ``fftshift`` did undone."""
    return _shifted("ifftshift", x, axes, False)


# -------------------------------------------------------------------------------------------------- frames


def frame(signal, frame_length, frame_step, pad_end=False, pad_value=0, axis=-1) -> Node:
    """Overlapping frames of an axis, which becomes two: the number of frames and ``frame_length``.

    Args:
        pad_end: also frames that reach over the end, filled with ``pad_value``.

    Raises:
        UsageError: a length or step is not a positive int.
    """
    x = as_node(signal)
    k = axis_of("frame", axis, x)
    length, step = _positive("frame", "frame_length", frame_length), _positive("frame", "frame_step", frame_step)
    n = x.shape[k]
    if pad_end:
        count = simplified((n + step - 1) // step)
        missing = (count - 1) * step + length - n
        missing = simplified(binary("max", missing, 0)) if isinstance(missing, Node) else max(missing, 0)
        high = tuple(missing if a == k else 0 for a in range(len(x.shape)))
        if not (type(missing) is int and missing == 0) and not (type(n) is int and n == 0):
            x = apply("pad", x, as_node(pad_value, x.dtype), low=(0,) * len(high), high=high)
    is_short = type(x.shape[k]) is int and x.shape[k] < length
    x = fitted(x, k, length) if is_short else x
    out = apply("window", x, axes=(k,), size=(length,), stride=(step,), dilation=(1,))
    rank = len(x.shape)
    return transpose(part(out, k, 0, 0) if is_short else out, (*range(k + 1), rank, *range(k + 1, rank)))


def _positive(op: str, name: str, value) -> int:
    n = integer(op, name, value)
    if n < 1:
        raise UsageError(explain(f"{op}: {name} must be positive, got {n}"))
    return n


def overlap_and_add(signal, frame_step) -> Node:
    """Frames [..., frames, length] added up ``frame_step`` apart into [..., (frames - 1) * step + length]."""
    x = as_node(signal)
    step = _positive("overlap_and_add", "frame_step", frame_step)
    if len(x.shape) < 2 or type(x.shape[-1]) is not int:
        what = f"overlap_and_add: needs [..., frames, length] with a known length, not {x.type}"
        raise ShapeError(explain(what, origins(signal=x)))
    count, length = x.shape[-2:]
    whole = (*x.shape[:-2], simplified((count - 1) * step + length))
    if 0 in (count, length):
        return zeros(tuple(max(d, 0) if type(d) is int else d for d in whole), x.dtype)
    return apply("unwindow", x, shape=whole, axes=(len(whole) - 1,), size=(length,), stride=(step,), dilation=(1,))


def _spectrum_length(op: str, fft_length, frame_length: int):
    return 1 << max(frame_length - 1, 0).bit_length() if fft_length is None else dim(fft_length, op)


def stft(signals, frame_length, frame_step, fft_length=None, window_fn=hann_window, pad_end=False) -> Node:
    """Short-time Fourier transforms of real signals: [..., n] to complex [..., frames, fft_length // 2 + 1].

    ``fft_length`` is by default the next power of two; the transform runs on the host.
    """
    x = _operand("stft", signals, 1, True)
    length = _positive("stft", "frame_length", frame_length)
    frames = tapered("stft", frame(x, length, frame_step, pad_end), window_fn)
    return rfft(frames, [_spectrum_length("stft", fft_length, length)])


def inverse_stft(stfts, frame_length, frame_step, fft_length=None, window_fn=hann_window) -> Node:
    """Signals from short-time spectra: frames by inverse transforms, tapered and added up."""
    x = _operand("inverse_stft", stfts, 2, False)
    length = _positive("inverse_stft", "frame_length", frame_length)
    frames = irfft(x, [_spectrum_length("inverse_stft", fft_length, length)])
    frames = fitted(frames, len(frames.shape) - 1, length)
    return overlap_and_add(tapered("inverse_stft", frames, window_fn), frame_step)
