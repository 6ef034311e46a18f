"""Values written to and read from places of a tensor: ``scatter``, ``slice``, ``unstack`` and what changes with them."""

from __future__ import annotations

import graphc as tf
from graphc.api.eager import eager
from graphc.api.recorder import recorder_for
from graphc.keras.keras_graphc.core.tensors import convert_to_tensor, shape as shape_of
from graphc.lib.scatter import tensor_scatter_nd_mul


def _multiplied(inputs, indices, updates):
    """What TensorFlow has no name for."""
    operands = [inputs, indices, updates]
    recorder = recorder_for(operands, eager)
    return recorder.call("TensorScatterMul", "scatter_mul", tensor_scatter_nd_mul, operands, ["x", "indices", "updates"])


_CHANGES = {
    None: tf.tensor_scatter_nd_update,
    "add": tf.tensor_scatter_nd_add,
    "max": tf.tensor_scatter_nd_max,
    "min": tf.tensor_scatter_nd_min,
    "mul": _multiplied,
}


def scatter(indices, values, shape):
    return tf.scatter_nd(convert_to_tensor(indices), convert_to_tensor(values), shape)


def scatter_update(inputs, indices, updates, reduction=None):
    if reduction not in _CHANGES:
        raise ValueError(f"Unsupported reduction: {reduction}")
    inputs = convert_to_tensor(inputs)
    return _CHANGES[reduction](inputs, convert_to_tensor(indices), convert_to_tensor(updates, inputs.dtype.name))


def slice(inputs, start_indices, shape):
    return tf.slice(convert_to_tensor(inputs), start_indices, shape)


def slice_update(inputs, start_indices, updates):
    """``inputs`` with ``updates`` from ``start_indices`` on; a start too near to the end is moved, as XLA does."""
    inputs = convert_to_tensor(inputs)
    updates = convert_to_tensor(updates, inputs.dtype.name)
    if inputs.shape.rank != updates.shape.rank:
        raise ValueError(
            f"`inputs` and `updates` must have the same rank. Received: {tuple(inputs.shape)} and {tuple(updates.shape)}"
        )
    chosen = None
    for axis, (size, part) in enumerate(zip(shape_of(inputs), shape_of(updates))):
        if type(size) is type(part) is int and size == part:
            continue
        start = tf.clip_by_value(tf.cast(start_indices[axis], "int32"), 0, size - part)
        place = tf.range(size, dtype="int32") - start
        updates = tf.gather(updates, tf.clip_by_value(place, 0, part - 1), axis=axis)
        inside = tf.reshape((place >= 0) & (place < part), [-1 if k == axis else 1 for k in range(inputs.shape.rank)])
        chosen = inside if chosen is None else chosen & inside
    return updates if chosen is None else tf.where(chosen, updates, inputs)


def unstack(x, num=None, axis=0):
    return tf.unstack(convert_to_tensor(x), num=num, axis=axis)
