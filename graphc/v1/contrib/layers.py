"""``tf.contrib.layers``: fully connected layers, flattening, and initializers under their older names."""

from __future__ import annotations

from collections.abc import Callable

from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import nn, ops
from graphc.v1.contrib.scopes import add_arg_scope
from graphc.v1.exports import members
from graphc.v1.graph import get_default_graph
from graphc.v1.graph_keys import GraphKeys
from graphc.v1.initializers import VarianceScaling, Zeros
from graphc.v1.scope import get_variable, variable_scope

__getattr__, __dir__ = members("contrib.layers")
_ZEROS = Zeros()
_GLOBAL = (GraphKeys.GLOBAL_VARIABLES,)
_MODES = {"FAN_IN": "fan_in", "FAN_OUT": "fan_out", "FAN_AVG": "fan_avg"}


def variance_scaling_initializer(factor=2.0, mode="FAN_IN", uniform=False, seed=None, dtype=dt.f32) -> VarianceScaling:
    """Random numbers whose variance is ``factor`` divided by the number of inputs, outputs, or their mean.

    Args:
        factor: 2.0 for layers with relu.
        mode: FAN_IN, FAN_OUT or FAN_AVG.
        uniform: evenly distributed instead of a truncated normal distribution.

    Raises:
        UsageError: another mode.
    """
    if mode not in _MODES:
        what = f"variance_scaling_initializer: mode must be one of {', '.join(_MODES)}, got {mode!r}"
        raise UsageError(explain(what))
    return VarianceScaling(factor, _MODES[mode], "uniform" if uniform else "truncated_normal", seed, dtype)


def xavier_initializer(uniform=True, seed=None, dtype=dt.f32) -> VarianceScaling:
    """Random numbers that keep the scale of gradients about the same in all layers."""
    return variance_scaling_initializer(1.0, "FAN_AVG", uniform, seed, dtype)


xavier_initializer_conv2d = xavier_initializer


@add_arg_scope
def flatten(inputs, outputs_collections=None, scope=None):
    """[n, ...] to [n, k], where k is the product of the other sizes.

    Raises:
        UsageError: ``inputs`` is of rank 0.
    """
    inputs = ops.convert_to_tensor(inputs)
    shape = inputs.shape.as_list()
    if not shape:
        raise UsageError(explain(f"flatten: a tensor of rank 1 or more is needed, got shape {inputs.shape}"))
    size = 1
    for length in shape[1:]:
        size = -1 if length is None or size == -1 else size * length
    with get_default_graph().name_scope(scope or "Flatten"):
        rows = -1 if shape[0] is None and size != -1 else ops.shape(inputs)[0]
        return _collected(ops.reshape(inputs, [rows, size]), outputs_collections)


@add_arg_scope
def fully_connected(inputs, num_outputs, activation_fn: Callable | None = nn.relu, normalizer_fn=None,
                    normalizer_params=None, weights_initializer=None, weights_regularizer=None,
                    biases_initializer=_ZEROS, biases_regularizer=None, reuse=None, variables_collections=None,
                    outputs_collections=None, trainable=True, scope=None):  # fmt: skip
    """``activation_fn(inputs @ weights + biases)``, where the last axis of ``inputs`` is the one that is multiplied.

    Args:
        inputs: [..., k], float.
        num_outputs: size of the last axis of the result.
        activation_fn: relu unless told otherwise; None for a linear layer.
        normalizer_fn: applied instead of adding biases, with ``normalizer_params`` as keyword arguments.
        weights_initializer: xavier_initializer() if None.
        reuse: use the variables of ``scope`` that exist.
        variables_collections, outputs_collections: names of collections to add to.
        scope: of the variables ``weights`` and ``biases``; ``fully_connected`` with a number if None.

    Raises:
        UsageError: the size of the last axis is not known, or ``num_outputs`` is no integer.
    """
    inputs = ops.convert_to_tensor(inputs)
    shape = inputs.shape
    if isinstance(num_outputs, bool) or not hasattr(num_outputs, "__index__"):
        raise UsageError(explain(f"fully_connected: num_outputs must be an integer, got {num_outputs!r}"))
    if not shape.ndims or shape.as_list()[-1] is None:
        raise UsageError(explain(f"fully_connected: the size of the last axis must be known, got shape {shape}"))
    collections = [*variables_collections, *_GLOBAL] if variables_collections else None
    kept = dict(collections=collections, trainable=trainable)
    with variable_scope(scope, "fully_connected", [inputs], reuse=reuse):
        size = [shape.as_list()[-1], num_outputs]
        start = weights_initializer if weights_initializer is not None else xavier_initializer()
        weights = get_variable("weights", size, inputs.dtype, start, weights_regularizer, **kept)
        outputs = ops.matmul(inputs, weights) if shape.ndims == 2 else ops.tensordot(inputs, weights, 1)
        if normalizer_fn is not None:
            outputs = normalizer_fn(outputs, **(normalizer_params or {}))
        elif biases_initializer is not None:
            biases = get_variable("biases", size[1:], inputs.dtype, biases_initializer, biases_regularizer, **kept)
            outputs = nn.bias_add(outputs, biases) if shape.ndims > 1 else outputs + biases
        outputs = outputs if activation_fn is None else activation_fn(outputs)
        return _collected(outputs, outputs_collections)


def relu(inputs, num_outputs, **arguments):
    """``fully_connected`` with relu."""
    return fully_connected(inputs, num_outputs, nn.relu, **arguments)


def linear(inputs, num_outputs, **arguments):
    """``fully_connected`` without an activation."""
    return fully_connected(inputs, num_outputs, None, **arguments)


def _collected(outputs, collections):
    if collections is not None:
        names = [collections] if isinstance(collections, str) else list(collections)
        get_default_graph().add_to_collections(names, outputs)
    return outputs
