"""The different elements or slices of a tensor."""

from __future__ import annotations

import graphc as tf
from graphc.api.composite import record
from graphc.lib.select import unique_in_order

from graphc.keras.keras_graphc.core import cast, convert_to_tensor, shape as shape_of


def unique(
    x, sorted=True, return_index=False, return_inverse=False, return_counts=False, axis=None, size=None, fill_value=None
):  # fmt: skip
    """Sorted also where ``sorted`` is False, as no order is promised then; every NaN is another one."""
    x = convert_to_tensor(x)
    flat = tf.reshape(x, [-1]) if axis is None else x
    along = 0 if axis is None else axis % len(x.shape)
    values, inverse, counts = record("UniqueWithCountsV2", unique_in_order, "x", x=flat, axis=along)
    found = [_of_size(values, along, size, cast(0 if fill_value is None else fill_value, x.dtype))]
    if return_index:
        first = tf.math.unsorted_segment_min(tf.range(shape_of(inverse)[0]), inverse, tf.size(counts))
        found.append(first if size is None else _of_size(first, 0, size, tf.reduce_max(first[:1])))
    if return_inverse:
        found.append(tf.reshape(inverse, shape_of(x)) if axis is None else inverse)
    if return_counts:
        found.append(_of_size(counts, 0, size, cast(0, "int32")))
    return found[0] if len(found) == 1 else tuple(found)


def _of_size(x, axis: int, size: int | None, filler):
    """The first ``size`` slices along an axis; where there are fewer, ``filler`` stands for the others."""
    if size is None:
        return x
    before = (slice(None),) * axis
    filled = tf.pad(x, [[0, size if a == axis else 0] for a in range(len(x.shape))], constant_values=filler)
    sizes = x.shape.as_list()
    return tf.ensure_shape(filled[(*before, slice(0, size))], [*sizes[:axis], size, *sizes[axis + 1 :]])
