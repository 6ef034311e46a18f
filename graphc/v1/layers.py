"""``tf.layers`` of TensorFlow 1: functions that make their variables."""

from __future__ import annotations

from graphc.errors import ShapeError, UsageError, explain
from graphc.v1 import nn, ops
from graphc.v1.initializers import Zeros
from graphc.v1.scope import get_variable, variable_scope
from graphc.v1.tensor import Tensor

_ACTIVATIONS = {
    "elu": nn.elu, "relu": nn.relu, "relu6": nn.relu6, "selu": nn.selu, "sigmoid": nn.sigmoid, "softmax": nn.softmax,
    "softplus": nn.softplus, "softsign": nn.softsign, "tanh": nn.tanh,
}  # fmt: skip


def dense(inputs, units, activation=None, use_bias=True, kernel_initializer=None, bias_initializer=Zeros(),
          kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
          bias_constraint=None, trainable=True, name=None, reuse=None) -> Tensor:  # fmt: skip
    """``activation(inputs @ kernel + bias)`` over the last axis.

    Raises:
        ShapeError: the last size of ``inputs`` is not known.
    """
    inputs = ops.convert_to_tensor(inputs)
    shape = inputs.shape
    if shape.ndims is None or shape.ndims < 2 or shape.as_list()[-1] is None:
        raise ShapeError(explain(f"dense: needs inputs with a known last size, not shape {shape}"))
    if not isinstance(units, int) or units < 1:
        raise UsageError(explain(f"dense: units must be a positive int, got {units!r}"))
    with variable_scope(name, "dense", reuse=reuse):
        kernel = get_variable(
            "kernel", (shape.as_list()[-1], units), inputs.dtype, kernel_initializer, kernel_regularizer, trainable
        )
        if shape.ndims == 2:
            out = ops.matmul(inputs, kernel)
        else:
            out = ops.tensordot(inputs, kernel, [[shape.ndims - 1], [0]])
        if use_bias:
            bias = get_variable("bias", (units,), inputs.dtype, bias_initializer, bias_regularizer, trainable)
            out = nn.bias_add(out, bias)
        return _activated(out, activation)


def _activated(x: Tensor, activation) -> Tensor:
    """``activation(x)`` for a function, the name of one, or None."""
    if activation is None or activation == "linear":
        return x
    function = _ACTIVATIONS.get(activation) if isinstance(activation, str) else activation
    if not callable(function):
        what = f"layer: activation must be a function or one of {', '.join(_ACTIVATIONS)}, got {activation!r}"
        raise UsageError(explain(what))
    return function(x)


def flatten(inputs, name=None, data_format="channels_last") -> Tensor:
    """All axes but the first in one."""
    inputs = ops.convert_to_tensor(inputs)
    if not inputs.shape.ndims:
        raise ShapeError(explain(f"flatten: needs at least one axis, got shape {inputs.shape}"))
    sizes = inputs.shape.as_list()
    known = [d for d in sizes[1:] if d is not None]
    total = 1
    for d in known:
        total *= d
    last = total if len(known) == len(sizes) - 1 else -1
    first = sizes[0] if sizes[0] is not None else -1 if last != -1 else ops.shape(inputs)[0]
    return ops.reshape(inputs, [first, last], name=name or "flatten/Reshape")


def dropout(inputs, rate=0.5, noise_shape=None, seed=None, training=False, name=None) -> Tensor:
    """``tf.nn.dropout`` while training, the identity otherwise; ``training`` may be a boolean tensor."""
    if training is False or training is None:
        return ops.identity(inputs, name=name or "dropout/Identity")
    dropped = nn.dropout(inputs, rate=rate, noise_shape=noise_shape, seed=seed, name=name)
    return dropped if training is True else ops.where_v2(training, dropped, inputs)


__all__ = [
    "dense", "dropout", "flatten",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
