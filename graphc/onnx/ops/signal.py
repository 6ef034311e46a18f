"""Signals: Fourier transforms, their short-time form, windows, weights of the mel scale."""

from __future__ import annotations

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, simplified
from graphc.lib import complex as numbers
from graphc.lib import math, signal
from graphc.lib.fourier import fourier, is_product, whole_spectrum
from graphc.lib.shape import part, squeeze, stack, transpose
from graphc.lib.signal import fitted, frame
from graphc.lib.taper import cosine_window
from graphc.onnx.call import Call
from graphc.onnx.ops.precision import floats_of
from graphc.onnx.registry import operator
from graphc.prims.shape import inverse

# -------------------------------------------------------------------------------------------- transforms


@operator("DFT", since=20)
def dft(call: Call):
    """The discrete Fourier transform along an axis; the last axis holds real and imaginary parts."""
    axis = call.static_ints(2)[0] if call.has(2) else -2
    return _dft(call, axis)


@operator("DFT", since=17)
def old_dft(call: Call):
    """Version 17: the axis is an attribute."""
    return _dft(call, call.int("axis", 1))


def _dft(call: Call, axis: int) -> Node:
    x = call[0]
    rank = len(x.shape)
    if rank < 2 or not -rank <= axis < rank or axis % rank == rank - 1:
        raise call.wrong(f"axis {axis} is no axis of a signal of rank {rank}, whose last axis holds parts of numbers")
    axis %= rank
    is_inverse, is_half = bool(call.int("inverse", 0)), bool(call.int("onesided", 0))
    re, im = _parts(call, x)
    order = (*[k for k in range(rank - 1) if k != axis], axis)
    re, im = (None if v is None else transpose(v, order) for v in (re, im))
    n = call.sizes(1)[0] if call.has(1) else None
    if n is None:
        n = simplified((x.shape[axis] - 1) * 2) if is_inverse and is_half else x.shape[axis]
    if type(n) is int and n < 1:
        raise call.wrong(f"a transform of {n} elements")
    if is_inverse and is_half:
        found = [_real_signal(re, im, n)]
    else:
        found = _spectrum(re, im, n, is_inverse, is_half)
    return math.cast(stack([transpose(v, inverse(order)) for v in found], rank - 1), x.dtype)


def _parts(call: Call, x: Node) -> tuple[Node, Node | None]:
    """Real and imaginary part of numbers along the last axis, in a type to calculate in."""
    count = x.shape[-1]
    if type(count) is not int:
        raise call.refuse("the size of the last axis (1 for real numbers, 2 for complex ones) must be known")
    if count not in (1, 2):
        raise call.wrong(f"the last axis must have size 1 (real numbers) or 2 (complex ones), not {count}")
    wide = floats_of(x)
    last = len(x.shape) - 1
    found = [squeeze(part(wide, last, k, k + 1), last) for k in range(count)]
    return found[0], found[1] if count == 2 else None


def _spectrum(re: Node, im: Node | None, n, is_inverse: bool, is_half: bool) -> list[Node]:
    """Real and imaginary parts of the transform over the last axis; of ``n`` elements, cut or followed by zeros."""
    last = len(re.shape) - 1
    bins = simplified(n // 2 + 1) if is_half else n
    re, im = (None if v is None else fitted(v, last, n) for v in (re, im))
    if is_product(n):
        return list(fourier(re, im, is_inverse, bins))
    whole = numbers.complex(re, math.multiply(re, 0.0) if im is None else im)
    found = part((signal.ifft if is_inverse else signal.fft)(whole), last, 0, bins)
    return [numbers.real(found), numbers.imag(found)]


def _real_signal(re: Node, im: Node | None, n) -> Node:
    """The ``n`` real numbers along the last axis of which this is the first half of the spectrum."""
    last = len(re.shape) - 1
    im = math.multiply(re, 0.0) if im is None else im
    re, im = (fitted(v, last, simplified(n // 2 + 1)) for v in (re, im))
    if is_product(n):
        return fourier(*whole_spectrum(re, im, n), True)[0]
    return signal.irfft(numbers.complex(re, im), [n])


@operator("STFT", since=17)
def stft(call: Call):
    """Transforms of overlapping parts of a signal."""
    x = call[0]
    if len(x.shape) != 3:
        raise call.wrong("the signal must be [batch, places, 1 or 2]")
    step = call.static_ints(1)[0]
    window = call.get(2)
    length = x.shape[1]
    if call.has(3):
        length = call.static_ints(3)[0]
    elif window is not None and window.shape:
        length = window.shape[0]
    if type(length) is not int:
        raise call.refuse(f"the length of a frame, {length}, must be known; a window or frame_length may say it")
    if length < 1 or step < 1:
        raise call.wrong(f"frames of {length} elements, {step} apart")
    if window is not None and window.shape != (length,):
        raise call.wrong(f"the window {window.type} must have the {length} elements of a frame")
    if type(x.shape[1]) is int and x.shape[1] < length:
        raise call.wrong(f"a frame of {length} elements is longer than the signal")
    re, im = _parts(call, x)
    is_half = bool(call.int("onesided", 1))
    if is_half and im is not None:
        raise call.wrong("onesided needs real numbers")
    frames = [None if v is None else frame(v, length, step) for v in (re, im)]
    if window is not None:
        frames = [None if v is None else math.multiply(v, math.cast(window, v.dtype)) for v in frames]
    return math.cast(stack(_spectrum(*frames, length, False, is_half), 3), x.dtype)


# ------------------------------------------------------------------------------------- windows and weights

_LARGEST = 1 << 24  # elements of a matrix of weights
_FACTORS = {
    "HannWindow": (0.5, -0.5),
    "HammingWindow": (25 / 46, -21 / 46),
    "BlackmanWindow": (0.42, -0.5, 0.08),
}


@operator(*_FACTORS, since=17)
def window(call: Call):
    """A window that tapers a frame towards its ends."""
    sizes = call.sizes(0)
    if len(sizes) != 1:
        raise call.wrong("size must be one number")
    kind = call.element("output_datatype", None)
    made = cosine_window(call.op, sizes[0], _FACTORS[call.op], bool(call.int("periodic", 1)), dt.f64)
    return math.cast(made, dt.f32 if kind is None else kind.carrier)


@operator("MelWeightMatrix", since=17)
def mel_weight_matrix(call: Call):
    """The weights of linear frequencies in bands of the mel scale, triangles with peaks of 1."""
    bands, length, rate = (call.static_ints(k)[0] for k in range(3))
    low, high = (float(call.static(k).reshape(-1)[0]) for k in (3, 4))
    if bands < 0 or length < 0 or rate < 1 or not 0 <= low <= high < np.inf:
        raise call.wrong(f"{bands} bands of {length} elements at {rate} Hz from {low} to {high} Hz")
    if bands * (length // 2 + 1) > _LARGEST:
        raise call.refuse(f"weights of {bands} bands of {length} elements are too many to be computed while loading")
    kind = call.element("output_datatype", None)
    edges = _mel_edges(bands, length, rate, low, high)
    place = np.arange(length // 2 + 1)[:, None]
    left, centre, right = (edges[None, k : k + bands] for k in range(3))
    rising = np.where(centre > left, (place - left) / np.maximum(centre - left, 1), 1.0)
    falling = (right - place) / np.maximum(right - centre, 1)
    table = np.where((place >= left) & (place <= centre), rising, 0.0)
    table = np.where((place >= centre) & (place < right), falling, table)
    return math.cast(const(table), dt.f32 if kind is None else kind.carrier)


def _mel_edges(bands: int, length: int, rate: int, low: float, high: float) -> np.ndarray:
    """The frequencies, counted in steps of the transform, between which the bands lie."""
    start, stop = (2595 * np.log10(1 + hertz / 700) for hertz in (low, high))
    mel = start + np.arange(bands + 2) * ((stop - start) / (bands + 2))
    hertz = 700 * (10 ** (mel / 2595) - 1)
    return np.floor((length + 1) * hertz / rate).astype(np.int64)
