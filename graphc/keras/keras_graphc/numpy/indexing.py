"""Operations of ``keras.ops.numpy`` that find elements, sort them and count them."""

from __future__ import annotations

import math

import graphc as tf
from keras.src.backend.common import dtypes, standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor, shape as shape_of
from graphc.keras.keras_graphc.numpy.promotion import float_dtype, pair
from graphc.keras.keras_graphc.numpy.shaping import ravel, size, swapaxes
from graphc.keras.keras_graphc.sparse import classes
from graphc.keras.keras_graphc.sparse.tensors import SPARSE

FEW = 32  # elements that a search compares one by one


def _from_start(indices, size):
    """Indices of which negative ones count from the end."""
    return tf.where(indices < 0, indices + cast(size, indices.dtype), indices)


def _index(x):
    x = convert_to_tensor(x)
    return x if standardize_dtype(x.dtype) in ("int32", "int64") else cast(x, "int32")


def take(x, indices, axis=None):
    x, indices = convert_to_tensor(x), _index(indices)
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    return tf.gather(x, _from_start(indices, shape_of(x)[axis]), axis=axis)


def take_along_axis(x, indices, axis=None):
    x, indices = convert_to_tensor(x), _index(indices)
    if axis is None:
        return tf.gather(ravel(x), _from_start(ravel(indices), size(x)))
    last = len(x.shape) - 1
    axis %= last + 1
    indices = _from_start(indices, shape_of(x)[axis])
    own, wanted = ([size for a, size in enumerate(v.shape.as_list()) if a != axis] for v in (x, indices))
    if own != wanted or None in own:
        x, indices = _broadcast_but(axis, x, indices)
    found = tf.gather(swapaxes(x, axis, last), swapaxes(indices, axis, last), axis=last, batch_dims=last)
    return swapaxes(found, axis, last)


def _broadcast_but(axis: int, *xs) -> list:
    """Tensors of one rank in the shape in which they meet, each with its own size of one axis."""
    sizes = [list(shape_of(x)) for x in xs]
    others = [tf.stack([*own[:axis], *own[axis + 1 :]]) for own in sizes]
    common = tf.unstack(tf.broadcast_dynamic_shape(*others), num=len(sizes[0]) - 1)
    return [tf.broadcast_to(x, [*common[:axis], own[axis], *common[axis:]]) for x, own in zip(xs, sizes)]


def nonzero(x):
    x = convert_to_tensor(x)
    found = tf.where(tf.not_equal(x, cast(0, x.dtype)))
    return tuple(cast(part, "int32") for part in tf.unstack(found, num=len(x.shape), axis=1))


def unravel_index(indices, shape):
    indices = convert_to_tensor(indices)
    left, parts = _from_start(indices, math.prod(shape)), []
    for extent in reversed(shape):
        extent = cast(extent, left.dtype)
        parts.append(tf.math.floormod(left, extent))
        left = tf.math.floordiv(left, extent)
    return tuple(reversed(parts))


def sort(x, axis=-1):
    x = convert_to_tensor(x)
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    if standardize_dtype(x.dtype) == "bool":
        return cast(tf.sort(cast(x, "int8"), axis=axis), "bool")
    return tf.sort(x, axis=axis)


def argsort(x, axis=-1):
    x = convert_to_tensor(x)
    x = cast(x, "uint8") if standardize_dtype(x.dtype) == "bool" else x
    if not len(x.shape):
        return tf.zeros((1,), "int32")
    return tf.argsort(ravel(x) if axis is None else x, axis=-1 if axis is None else axis, stable=True)


def argpartition(x, kth, axis=-1):
    x = convert_to_tensor(x)
    return argsort(ravel(x) if axis is None else x, -1 if axis is None else axis)


def searchsorted(sorted_sequence, values, side="left"):
    sorted_sequence = convert_to_tensor(sorted_sequence)
    if len(sorted_sequence.shape) != 1:
        raise ValueError(
            "`searchsorted` only supports 1-D sorted sequences. You can use `keras.ops.vectorized_map` to extend it to "
            f"N-D sequences. Received: sorted_sequence.shape={tuple(sorted_sequence.shape)}"
        )
    sorted_sequence, values = pair(sorted_sequence, values)
    found = tf.searchsorted(sorted_sequence, ravel(values), side=side, out_type="int32")
    return tf.reshape(found, shape_of(values))


def digitize(x, bins):
    bins, x = pair(bins, x)
    return tf.reshape(tf.searchsorted(bins, ravel(x), side="right", out_type="int32"), shape_of(x))


def isin(x1, x2, assume_unique=False, invert=False):
    """Few elements are compared one by one; many are sorted first, and each of ``x1`` is looked up."""
    x1, x2 = pair(x1, x2)
    wanted = ravel(x2)
    count = wanted.shape[0]
    if x1.dtype.is_bool or x1.dtype.is_complex or (count is not None and count <= FEW):
        found = tf.reduce_any(tf.equal(x1[..., None], wanted), axis=-1)
    else:
        wanted = tf.pad(tf.sort(wanted), [[0, 1]])  # one more, so that there is one to compare with
        places = tf.searchsorted(wanted[:-1], ravel(x1), out_type="int32")
        found = tf.equal(tf.gather(wanted, places), ravel(x1)) & (places < size(x2))
        found = tf.reshape(found, shape_of(x1))
    return ~found if invert else found


def bincount(x, weights=None, minlength=0, sparse=False):
    x = convert_to_tensor(x)
    dtype = "int32" if weights is None else dtypes.result_type(x.dtype, convert_to_tensor(weights).dtype)
    if sparse or type(x) in SPARSE:
        return classes.bincount(x, weights, minlength, dtype)
    count = tf.maximum(tf.reduce_max(cast(x, "int32")) + 1, minlength)
    weights = tf.ones_like(x, dtype) if weights is None else cast(weights, dtype)
    x = cast(x, "int32")
    if len(x.shape) == 1:
        return tf.math.unsorted_segment_sum(weights, x, count)
    rows = shape_of(x)[0]
    places = x + tf.range(rows)[:, None] * count
    return tf.reshape(tf.math.unsorted_segment_sum(ravel(weights), ravel(places), rows * count), [rows, count])


def histogram(x, bins=10, range=None):
    x = convert_to_tensor(x)
    x = ravel(cast(x, float_dtype(x.dtype)))
    if range is None:
        low, high = tf.reduce_min(x), tf.reduce_max(x)
        low, high = tf.where(tf.equal(low, high), low - 0.5, low), tf.where(tf.equal(low, high), high + 0.5, high)
    else:
        low, high = (cast(bound, x.dtype) for bound in range)
    edges = tf.linspace(low, high, bins + 1) if isinstance(bins, int) else cast(bins, x.dtype)
    count = bins if isinstance(bins, int) else edges.shape[0] - 1
    places = tf.searchsorted(edges, x, side="right") - 1
    places = tf.where(tf.equal(x, edges[-1]), count - 1, places)
    inside = (x >= edges[0]) & (x <= edges[-1])
    counts = tf.math.unsorted_segment_sum(cast(inside, "int32"), tf.where(inside, places, 0), count)
    return counts, edges


def diff(a, n=1, axis=-1):
    a = convert_to_tensor(a)
    axis %= len(a.shape)
    start = (slice(None),) * axis
    for _ in [None] * n:
        after, before = a[(*start, slice(1, None))], a[(*start, slice(None, -1))]
        a = tf.not_equal(after, before) if standardize_dtype(a.dtype) == "bool" else after - before
    return a


def trapezoid(y, x=None, dx=1.0, axis=-1):
    y = convert_to_tensor(y)
    dtype = float_dtype(y.dtype)
    y = cast(y, dtype)
    axis %= len(y.shape)
    start = (slice(None),) * axis
    heights = y[(*start, slice(1, None))] + y[(*start, slice(None, -1))]
    if x is None:
        widths = cast(dx, dtype)
    else:
        x = convert_to_tensor(x)
        widths = cast(diff(x, axis=axis if len(x.shape) > 1 else 0), dtype)
        if len(x.shape) == 1:
            widths = tf.reshape(widths, [-1] + [1] * (len(y.shape) - 1 - axis))
    return tf.reduce_sum(heights * widths / 2, axis=axis)
