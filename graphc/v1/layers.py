"""``tf.layers`` of TensorFlow 1: functions that make their variables."""

from __future__ import annotations

from graphc.errors import ShapeError, explain
from graphc.v1 import nn, ops
from graphc.v1.initializers import Zeros
from graphc.v1.scope import get_variable, variable_scope
from graphc.v1.tensor import Tensor


def dense(inputs, units, activation=None, use_bias=True, kernel_initializer=None, bias_initializer=Zeros(),
          kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
          bias_constraint=None, trainable=True, name=None, reuse=None) -> Tensor:  # fmt: skip
    """``activation(inputs @ kernel + bias)`` over the last axis.

    Raises:
        ShapeError: the last size of ``inputs`` is not known.
    """
    inputs = ops.convert_to_tensor(inputs)
    shape = inputs.shape
    if shape.ndims is None or shape.ndims < 2 or shape[-1].value is None:
        raise ShapeError(explain(f"dense: needs inputs with a known last size, not shape {shape}"))
    with variable_scope(name, "dense", reuse=reuse):
        kernel = get_variable(
            "kernel", (shape[-1].value, units), inputs.dtype, kernel_initializer, kernel_regularizer, trainable
        )
        if shape.ndims == 2:
            out = ops.matmul(inputs, kernel)
        else:
            out = ops.tensordot(inputs, kernel, [[shape.ndims - 1], [0]])
        if use_bias:
            bias = get_variable("bias", (units,), inputs.dtype, bias_initializer, bias_regularizer, trainable)
            out = nn.bias_add(out, bias)
        return out if activation is None else activation(out)


def flatten(inputs, name=None, data_format="channels_last") -> Tensor:
    """All axes but the first in one."""
    inputs = ops.convert_to_tensor(inputs)
    sizes = inputs.shape.as_list()
    known = [d for d in sizes[1:] if d is not None]
    total = 1
    for d in known:
        total *= d
    last = total if len(known) == len(sizes) - 1 else -1
    first = sizes[0] if sizes[0] is not None else -1 if last != -1 else ops.shape_of(inputs)[0]
    return ops.reshape(inputs, [first, last], name=name or "flatten/Reshape")


def dropout(inputs, rate=0.5, noise_shape=None, seed=None, training=False, name=None) -> Tensor:
    """``tf.nn.dropout`` while training, the identity otherwise; ``training`` may be a boolean tensor."""
    if training is False or training is None:
        return ops.identity(inputs, name=name or "dropout/Identity")
    dropped = nn.dropout(inputs, rate=rate, noise_shape=noise_shape, seed=seed, name=name)
    return dropped if training is True else ops.where_v2(training, dropped, inputs)
