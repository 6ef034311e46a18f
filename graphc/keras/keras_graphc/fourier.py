"""The Fourier transforms of ``keras.ops``: complex tensors are pairs of their real and imaginary parts."""

from __future__ import annotations

import graphc as tf
import numpy as np
from keras.src.backend.common import standardize_dtype

from graphc.keras.keras_graphc.core import convert_to_tensor
from graphc.keras.keras_graphc.numpy.promotion import as_float

_COSINES = {"hann": 0.5, "hamming": 0.54}  # a window of this name is a - (1 - a) cos


def _complex(x):
    """One complex tensor of the pair of its parts.

    Raises:
        ValueError: it is no pair, or one of tensors of other shapes or dtypes than floating ones.
    """
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"Input `x` should be a tuple of two tensors - real and imaginary. Received: x={x}")
    real, imag = (convert_to_tensor(part) for part in x)
    if real.shape != imag.shape:
        raise ValueError(
            "Input `x` should be a tuple of two tensors - real and imaginary - of the same shape. "
            f"Received: x[0].shape = {real.shape}, x[1].shape = {imag.shape}"
        )
    if not (real.dtype.is_floating and imag.dtype.is_floating):
        raise ValueError(f"Both tensors of input `x` should be of type float. Received: {real.dtype}, {imag.dtype}")
    kind = "float64" if "float64" in (real.dtype.name, imag.dtype.name) else "float32"
    return tf.complex(convert_to_tensor(real, kind), convert_to_tensor(imag, kind))


def _parts(x) -> tuple:
    return tf.math.real(x), tf.math.imag(x)


def _reals(x):
    """A tensor of one of the two dtypes that transforms are made in."""
    x = as_float(x)
    return x if standardize_dtype(x.dtype) == "float64" else convert_to_tensor(x, "float32")


def fft(x):
    return _parts(tf.signal.fft(_complex(x)))


def fft2(x):
    return _parts(tf.signal.fft2d(_complex(x)))


def ifft2(x):
    return _parts(tf.signal.ifft2d(_complex(x)))


def rfft(x, fft_length=None):
    return _parts(tf.signal.rfft(_reals(x), None if fft_length is None else [fft_length]))


def irfft(x, fft_length=None):
    return tf.signal.irfft(_complex(x), None if fft_length is None else [fft_length])


def _window(window, sequence_length: int, fft_length: int, dtype):
    """The window of a sequence in the middle of a transform's length.

    Raises:
        ValueError: it has no such name or another length.
    """
    if window is None:
        return tf.ones((fft_length,), dtype)
    if isinstance(window, str):
        if window not in _COSINES:
            raise ValueError(
                f'If a string is passed to `window`, it must be one of `"hann"`, `"hamming"`. Received: window={window}'
            )
        level, turn = _COSINES[window], 2 * np.pi / max(sequence_length, 1) * np.arange(sequence_length)
        window = level - (1 - level) * np.cos(turn)
    window = convert_to_tensor(window, dtype)
    if window.shape.as_list() != [sequence_length]:
        raise ValueError(
            "The shape of `window` must be equal to [sequence_length]. "
            f"Received: window shape={window.shape}, sequence_length={sequence_length}"
        )
    before = (fft_length - sequence_length) // 2
    return tf.pad(window, [[before, fft_length - sequence_length - before]])


def stft(x, sequence_length, sequence_stride, fft_length, window="hann", center=True):
    if standardize_dtype(x.dtype) not in ("float32", "float64"):
        raise TypeError(f"Invalid input type. Expected `float32` or `float64`. Received: input type={x.dtype}")
    if fft_length < sequence_length:
        raise ValueError(
            "`fft_length` must equal or larger than `sequence_length`. "
            f"Received: sequence_length={sequence_length}, fft_length={fft_length}"
        )
    x = convert_to_tensor(x)
    taper = _window(window, sequence_length, fft_length, x.dtype)
    if center:
        x = tf.pad(x, [(0, 0)] * (x.shape.rank - 1) + [(fft_length // 2, fft_length // 2)], "REFLECT")
    return _parts(tf.signal.rfft(tf.signal.frame(x, fft_length, sequence_stride) * taper))


def _undoing(window, stride: int):
    """The window over the sum of the squares of all that lie over one another, ``stride`` apart."""
    (length,) = window.shape
    count = -(-length // stride)
    squares = tf.reshape(tf.pad(tf.square(window), [[0, count * stride - length]]), (count, stride))
    return window / tf.tile(tf.reduce_sum(squares, 0), [count])[:length]


def istft(x, sequence_length, sequence_stride, fft_length, length=None, window="hann", center=True):
    x = _complex(x)
    if x.shape.rank < 2:
        raise ValueError(f"Input `x` must have at least 2 dimensions. Received shape: {x.shape}")
    frames = tf.signal.irfft(x, [fft_length])
    if window is not None:
        frames = frames * _undoing(_window(window, sequence_length, fft_length, frames.dtype), sequence_stride)
    signal = tf.signal.overlap_and_add(frames, sequence_stride)
    start = fft_length // 2 if center else 0
    if length is not None:
        return signal[..., start : start + length]
    return signal[..., start : -start or None]
