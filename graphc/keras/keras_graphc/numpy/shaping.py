"""Operations of ``keras.ops.numpy`` that move elements and put them together."""

from __future__ import annotations

import math

import graphc as tf
from keras.src.backend.common import dtypes

from graphc.keras.keras_graphc.core import convert_to_tensor, shape as shape_of
from graphc.keras.keras_graphc.numpy.promotion import operand, weak


def together(xs) -> list:
    """The tensors in the dtype in which all meet."""
    xs = [operand(x) for x in xs]
    dtype = dtypes.result_type(*(weak(x) for x in xs))
    return [convert_to_tensor(x, dtype) for x in xs]


def reshape(x, newshape):
    if isinstance(newshape, int):
        newshape = (newshape,)
    if not tf.is_tensor(newshape):
        newshape = [-1 if size is None else size for size in newshape]
    return tf.reshape(convert_to_tensor(x), newshape)


def ravel(x):
    return tf.reshape(convert_to_tensor(x), [-1])


def transpose(x, axes=None):
    return tf.transpose(convert_to_tensor(x), perm=axes)


def swapaxes(x, axis1, axis2):
    x = convert_to_tensor(x)
    order = list(range(len(x.shape)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return tf.transpose(x, order)


def moveaxis(x, source, destination):
    x = convert_to_tensor(x)
    rank = len(x.shape)
    sources, places = ([a % rank for a in ((v,) if isinstance(v, int) else v)] for v in (source, destination))
    order = [a for a in range(rank) if a not in sources]
    for place, a in sorted(zip(places, sources)):
        order.insert(place, a)
    return tf.transpose(x, order)


def expand_dims(x, axis):
    x = convert_to_tensor(x)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    rank = len(x.shape) + len(axes)
    for a in axes:
        if not -rank <= a < rank:
            raise ValueError(f"axis {a} is out of bounds for array of dimension {rank}")
    for a in sorted(a % rank for a in axes):
        x = tf.expand_dims(x, a)
    return x


def squeeze(x, axis=None):
    return tf.squeeze(convert_to_tensor(x), axis=axis)


def broadcast_to(x, shape):
    return tf.broadcast_to(convert_to_tensor(x), shape)


def concatenate(xs, axis=0):
    xs = together(xs)
    return tf.concat([ravel(x) for x in xs], 0) if axis is None else tf.concat(xs, axis=axis)


def append(x1, x2, axis=None):
    return concatenate([x1, x2], axis)


def stack(x, axis=0):
    return tf.stack(together(x), axis=axis)


def _at_least(x, rank: int):
    """The tensor with axes of size 1, where NumPy puts them."""
    if not len(x.shape):
        return tf.reshape(x, [1] * rank)
    if len(x.shape) == 1 and rank > 1:
        x = tf.expand_dims(x, 0)
    return tf.expand_dims(x, -1) if len(x.shape) == 2 and rank == 3 else x


def hstack(xs):
    xs = [_at_least(x, 1) for x in together(xs)]
    return tf.concat(xs, axis=0 if len(xs[0].shape) == 1 else 1)


def vstack(xs):
    return tf.concat([_at_least(x, 2) for x in together(xs)], axis=0)


def dstack(xs):
    return tf.concat([_at_least(x, 3) for x in together(xs)], axis=2)


def flip(x, axis=None):
    x = convert_to_tensor(x)
    return tf.reverse(x, list(range(len(x.shape))) if axis is None else [axis] if isinstance(axis, int) else list(axis))


def fliplr(x):
    return flip(x, 1)


def flipud(x):
    return flip(x, 0)


def rot90(array, k=1, axes=(0, 1)):
    array = convert_to_tensor(array)
    if len(array.shape) < 2:
        raise ValueError(f"Input array must have at least 2 dimensions. Received: array.ndim={len(array.shape)}")
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError(f"Invalid axes: {axes}. Axes must be a tuple of two different dimensions.")
    first, second = (a % len(array.shape) for a in axes)
    k %= 4
    if k == 2:
        return flip(array, (first, second))
    if k:
        array = swapaxes(flip(array, second), first, second) if k == 1 else flip(swapaxes(array, first, second), second)
    return array


def roll(x, shift, axis=None):
    x = convert_to_tensor(x)
    if axis is None:
        return tf.reshape(tf.roll(ravel(x), shift, 0), shape_of(x))
    return tf.roll(x, shift, axis)


def repeat(x, repeats, axis=None):
    return tf.repeat(convert_to_tensor(x), repeats, axis=axis)


def tile(x, repeats):
    x = convert_to_tensor(x)
    repeats = [repeats] if isinstance(repeats, int) else list(repeats)
    rank = max(len(repeats), len(x.shape))
    x = tf.reshape(x, [1] * (rank - len(x.shape)) + list(shape_of(x)))
    return tf.tile(x, [1] * (rank - len(repeats)) + repeats)


def _cut(x, indices_or_sections, axis: int) -> list:
    """Pieces between the places of cuts."""
    size = x.shape[axis]
    places = [0, *indices_or_sections, size]
    begin = [slice(None)] * (axis % len(x.shape))
    return [x[(*begin, slice(max(a, 0) if a >= 0 else a, b))] for a, b in zip(places, places[1:])]


def split(x, indices_or_sections, axis=0):
    x = convert_to_tensor(x)
    if isinstance(indices_or_sections, int):
        return tf.split(x, indices_or_sections, axis=axis)
    places = indices_or_sections.numpy().tolist() if tf.is_tensor(indices_or_sections) else list(indices_or_sections)
    return _cut(x, [int(place) for place in places], axis)


def array_split(x, indices_or_sections, axis=0):
    if not isinstance(indices_or_sections, int):
        return split(x, indices_or_sections, axis)
    x, count = convert_to_tensor(x), indices_or_sections
    size = shape_of(x)[axis]
    least, more = size // count, size % count
    if isinstance(size, int):
        return tf.split(x, [least + 1] * more + [least] * (count - more), axis=axis)
    places = [least * k + tf.minimum(more, k) for k in range(count + 1)]
    before = (slice(None),) * (axis % len(x.shape))
    return [x[(*before, slice(a, b))] for a, b in zip(places, places[1:])]


def hsplit(x, indices_or_sections):
    x = convert_to_tensor(x)
    return split(x, indices_or_sections, 0 if len(x.shape) == 1 else 1)


def vsplit(x, indices_or_sections):
    return split(x, indices_or_sections, 0)


def dsplit(x, indices_or_sections):
    return split(x, indices_or_sections, 2)


def meshgrid(*x, indexing="xy"):
    return list(tf.meshgrid(*(ravel(v) for v in together(x)), indexing=indexing))


def size(x):
    x = convert_to_tensor(x)
    sizes = x.shape.as_list()
    return tf.size(x) if None in sizes else math.prod(sizes)


def ndim(x):
    return len(convert_to_tensor(x).shape)
