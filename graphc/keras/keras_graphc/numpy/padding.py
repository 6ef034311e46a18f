"""``pad`` of ``keras.ops.numpy``, in all modes that NumPy has."""

from __future__ import annotations

import graphc as tf
import numpy as np

from graphc.keras.keras_graphc.core import cast, convert_to_tensor
from graphc.keras.keras_graphc.numpy.promotion import is_whole
from graphc.keras.keras_graphc.numpy.reductions import max, mean, median, min

_PLACES = {"edge": "edge", "wrap": "wrap", "circular": "wrap", "reflect": "reflect", "symmetric": "symmetric"}
_STATISTICS = {"maximum": max, "minimum": min, "mean": mean, "median": median}


def pad(x, pad_width, mode="constant", constant_values=None):
    """Elements before and after each axis. Modes other than constant, reflect and symmetric need sizes that are known.

    Raises:
        ValueError: an unknown mode, constants for another mode than "constant", or an unknown size.
    """
    if constant_values is not None and mode != "constant":
        raise ValueError(
            f"Argument `constant_values` can only be provided when `mode == 'constant'`. Received: mode={mode}"
        )
    x = convert_to_tensor(x)
    pairs = _pairs(pad_width, len(x.shape))
    if mode in ("constant", "empty"):
        return tf.pad(x, pairs, constant_values=cast(0 if constant_values is None else constant_values, x.dtype))
    sizes = x.shape.as_list()
    if mode in ("reflect", "symmetric"):
        most = [None if size is None else size - (mode == "reflect") for size in sizes]
        if all(most_of is None or pair[0] <= most_of >= pair[1] for most_of, pair in zip(most, pairs)):
            return tf.pad(x, pairs, mode.upper())
    if mode not in _PLACES and mode not in _STATISTICS and mode != "linear_ramp":
        known = sorted(["constant", "empty", "linear_ramp", *_PLACES, *_STATISTICS])
        raise ValueError(f"Unknown `mode`: {mode!r}. The graphc backend has {known}")
    for axis, (size, (low, high)) in enumerate(zip(sizes, pairs)):
        if low or high:
            x = _longer(x, axis, size, low, high, mode)
    return x


def _pairs(pad_width, rank: int) -> list[tuple]:
    if isinstance(pad_width, int):
        return [(pad_width, pad_width)] * rank
    pairs = [tuple(p) * (2 if len(p) == 1 else 1) for p in pad_width]
    return pairs * rank if len(pairs) == 1 else pairs


def _longer(x, axis: int, size: int | None, low: int, high: int, mode: str):
    """The tensor with ``low`` elements before and ``high`` after those of one axis."""
    if mode in _PLACES:
        if size is None:
            raise ValueError(f"pad: mode {mode!r} needs the size of axis {axis} of shape {tuple(x.shape)}")
        return tf.gather(x, np.pad(np.arange(size), (low, high), _PLACES[mode]), axis=axis)
    if mode in _STATISTICS:
        found = _STATISTICS[mode](x, axis, keepdims=True)
        found = cast(tf.round(found) if is_whole(x) and not is_whole(found) else found, x.dtype)
        return tf.concat([tf.repeat(found, low, axis), x, tf.repeat(found, high, axis)], axis)
    begin, shape = (slice(None),) * axis, [-1 if a == axis else 1 for a in range(len(x.shape))]
    ramps = np.arange(low) / (low or 1), np.arange(high)[::-1] / (high or 1)
    exact = "float64" if is_whole(x) else x.dtype
    before, after = (
        cast(cast(x[(*begin, edge)], exact) * tf.constant(ramp.reshape(shape), exact), x.dtype)
        for edge, ramp in zip((slice(0, 1), slice(-1, None)), ramps)
    )
    return tf.concat([before, x, after], axis)
