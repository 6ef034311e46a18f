"""``tf.contrib.layers`` for images: convolutions, pooling, normalisation, dropout, and lists of layers."""

from __future__ import annotations

from collections.abc import Callable

from graphc.errors import UsageError, explain
from graphc.v1 import layers, nn, ops
from graphc.v1.contrib.scopes import add_arg_scope
from graphc.v1.control import control_dependencies
from graphc.v1.graph import get_default_graph
from graphc.v1.graph_keys import GraphKeys
from graphc.v1.initializers import GlorotUniform, Ones, Zeros
from graphc.v1.scope import variable_scope

_NAMES = {"kernel": "weights", "bias": "biases"}
_FORMATS = {None: "channels_last", "NHWC": "channels_last", "NCHW": "channels_first"}


def _getter(collections, renamed: bool = True) -> Callable:
    """A custom getter that gives the variables of ``tf.layers`` older names, and keeps them as model variables."""

    def getter(getter, name, *args, **kwargs):
        scope, _, last = name.rpartition("/")
        own = _NAMES.get(last, last) if renamed else last
        found = collections.get(own) if isinstance(collections, dict) else collections
        kept = kwargs.get("collections") or [GraphKeys.GLOBAL_VARIABLES]
        kwargs["collections"] = list(dict.fromkeys([*kept, GraphKeys.MODEL_VARIABLES, *(found or ())]))
        return getter(f"{scope}/{own}" if scope else own, *args, **kwargs)

    return getter


def _layout(what: str, data_format) -> str:
    if data_format not in _FORMATS:
        raise UsageError(explain(f"{what}: data_format must be NHWC, NCHW or None, got {data_format!r}"))
    return _FORMATS[data_format]


def _finished(outputs, activation_fn, collections):
    outputs = outputs if activation_fn is None else activation_fn(outputs)
    if collections:
        names = [collections] if isinstance(collections, str) else list(collections)
        get_default_graph().add_to_collections(names, outputs)
    return outputs


def _convolved(kind: type, label: str, inputs, num_outputs, kernel_size, stride, padding, data_format, activation_fn,
               normalizer_fn, normalizer_params, weights, biases, reuse, variables_collections, outputs_collections,
               trainable, scope, **more):  # fmt: skip
    start, regularizer = weights
    if normalizer_fn is not None:
        biases = (None, None)
    with variable_scope(scope, label, [inputs], reuse=reuse, custom_getter=_getter(variables_collections)) as found:
        layer = kind(
            num_outputs, kernel_size, strides=stride, padding=padding, data_format=_layout(label, data_format),
            use_bias=biases[0] is not None, kernel_initializer=start or GlorotUniform(),
            bias_initializer=biases[0] or Zeros(), kernel_regularizer=regularizer, bias_regularizer=biases[1],
            trainable=trainable, name=found.name, _scope=found, _reuse=reuse, **more,
        )  # fmt: skip
        outputs = layer(inputs)
        if normalizer_fn is not None:
            outputs = normalizer_fn(outputs, **(normalizer_params or {}))
        return _finished(outputs, activation_fn, outputs_collections)


@add_arg_scope
def conv2d(inputs, num_outputs, kernel_size, stride=1, padding="SAME", data_format=None, rate=1, activation_fn=nn.relu,
           normalizer_fn=None, normalizer_params=None, weights_initializer=None, weights_regularizer=None,
           biases_initializer=Zeros(), biases_regularizer=None, reuse=None, variables_collections=None,
           outputs_collections=None, trainable=True, scope=None):  # fmt: skip
    """A convolution of images with variables ``weights`` and ``biases``, then ``activation_fn``.

    Args:
        inputs: [n, rows, columns, channels], or as ``data_format`` NCHW says; num_outputs: channels of the result.
        kernel_size, stride, rate: one int, or two; padding: SAME or VALID.
        activation_fn: relu unless told otherwise; None for a linear layer.
        normalizer_fn: applied instead of adding biases, with ``normalizer_params`` as keyword arguments.
        scope: of the variables; ``Conv`` with a number if None.

    Raises:
        ShapeError, UsageError: an argument does not fit.
    """
    return _convolved(
        layers.Conv2D, "Conv", inputs, num_outputs, kernel_size, stride, padding, data_format, activation_fn,
        normalizer_fn, normalizer_params, (weights_initializer, weights_regularizer),
        (biases_initializer, biases_regularizer), reuse, variables_collections, outputs_collections, trainable, scope,
        dilation_rate=rate,
    )  # fmt: skip


@add_arg_scope
def conv2d_transpose(inputs, num_outputs, kernel_size, stride=1, padding="SAME", data_format="NHWC",
                     activation_fn=nn.relu, normalizer_fn=None, normalizer_params=None, weights_initializer=None,
                     weights_regularizer=None, biases_initializer=Zeros(), biases_regularizer=None, reuse=None,
                     variables_collections=None, outputs_collections=None, trainable=True, scope=None):  # fmt: skip
    """The transpose of a convolution, with arguments as ``conv2d``."""
    return _convolved(
        layers.Conv2DTranspose, "Conv2d_transpose", inputs, num_outputs, kernel_size, stride, padding, data_format,
        activation_fn, normalizer_fn, normalizer_params, (weights_initializer, weights_regularizer),
        (biases_initializer, biases_regularizer), reuse, variables_collections, outputs_collections, trainable, scope,
    )  # fmt: skip


@add_arg_scope
def max_pool2d(inputs, kernel_size, stride=2, padding="VALID", data_format="NHWC", outputs_collections=None,
               scope=None):  # fmt: skip
    """The maximum of each window of images.

    Args:
        kernel_size, stride: one int, or two; padding: VALID or SAME.
    """
    with get_default_graph().name_scope(scope or "MaxPool2D"):
        pooled = layers.max_pooling2d(inputs, kernel_size, stride, padding, _layout("max_pool2d", data_format))
        return _finished(pooled, None, outputs_collections)


@add_arg_scope
def avg_pool2d(inputs, kernel_size, stride=2, padding="VALID", data_format="NHWC", outputs_collections=None,
               scope=None):  # fmt: skip
    """The mean of each window of images, with arguments as ``max_pool2d``."""
    with get_default_graph().name_scope(scope or "AvgPool2D"):
        pooled = layers.average_pooling2d(inputs, kernel_size, stride, padding, _layout("avg_pool2d", data_format))
        return _finished(pooled, None, outputs_collections)


@add_arg_scope
def batch_norm(inputs, decay=0.999, center=True, scale=False, epsilon=0.001, activation_fn=None,
               param_initializers=None, param_regularizers=None, updates_collections=GraphKeys.UPDATE_OPS,
               is_training=True, reuse=None, variables_collections=None, outputs_collections=None, trainable=True,
               batch_weights=None, fused=None, data_format="NHWC", zero_debias_moving_mean=False, scope=None,
               renorm=False, renorm_clipping=None, renorm_decay=0.99, adjustment=None):  # fmt: skip
    """Batch normalisation with variables ``beta``, ``gamma``, ``moving_mean`` and ``moving_variance``.

    Args:
        decay: how much of a moving average stays in an update.
        updates_collections: where the updates of moving averages go; None runs them with the layer.
        is_training: a bool or a boolean tensor: whether the statistics of the batch are used.

    Raises:
        UsageError: ``batch_weights`` or ``zero_debias_moving_mean`` are given, which there are not here.
    """
    if batch_weights is not None or zero_debias_moving_mean:
        raise UsageError(explain("batch_norm: batch_weights and zero_debias_moving_mean are not available"))
    first, kept = param_initializers or {}, param_regularizers or {}
    start = {f"{k}_initializer": first.get(k, like) for k, like in (
        ("beta", Zeros()), ("gamma", Ones()), ("moving_mean", Zeros()), ("moving_variance", Ones()))}  # fmt: skip
    graph, getter = get_default_graph(), _getter(variables_collections)
    with variable_scope(scope, "BatchNorm", [inputs], reuse=reuse, custom_getter=getter) as found:
        layer = layers.BatchNormalization(
            1 if _layout("batch_norm", data_format) == "channels_first" else -1, decay, epsilon, center, scale,
            beta_regularizer=kept.get("beta"), gamma_regularizer=kept.get("gamma"), renorm=renorm,
            renorm_clipping=renorm_clipping, renorm_momentum=renorm_decay, fused=fused, trainable=trainable,
            adjustment=adjustment, name=found.name, _scope=found, _reuse=reuse, **start,
        )  # fmt: skip
        outputs = layer(inputs, training=is_training)
        updates = list(layer.updates)
        if updates_collections != GraphKeys.UPDATE_OPS:
            collected = graph.get_collection_ref(GraphKeys.UPDATE_OPS)
            collected[:] = [op for op in collected if not any(op is u for u in updates)]
        if updates_collections is None:
            with control_dependencies(updates):
                outputs = ops.identity(outputs)
        elif updates_collections != GraphKeys.UPDATE_OPS:
            for update in updates:
                graph.add_to_collections(updates_collections, update)
        return _finished(outputs, activation_fn, outputs_collections)


@add_arg_scope
def dropout(inputs, keep_prob=0.5, noise_shape=None, is_training=True, outputs_collections=None, scope=None, seed=None):
    """Zero with a probability of ``1 - keep_prob``, else divided by ``keep_prob``; the input if not ``is_training``."""
    with variable_scope(scope, "Dropout", [inputs]):
        dropped = layers.dropout(inputs, 1 - keep_prob, noise_shape, seed, is_training)
        return _finished(dropped, None, outputs_collections)


@add_arg_scope
def one_hot_encoding(labels, num_classes, on_value=1.0, off_value=0.0, outputs_collections=None, scope=None):
    """Integer labels as rows that are ``on_value`` at the label."""
    with get_default_graph().name_scope(scope or "OneHotEncoding"):
        labels = ops.convert_to_tensor(labels)
        encoded = ops.one_hot(labels, num_classes, on_value=on_value, off_value=off_value)
        return _finished(encoded, None, outputs_collections)


def softmax(logits, scope=None):
    """The softmax over the last axis."""
    with get_default_graph().name_scope(scope or "softmax"):
        return nn.softmax(logits)


def repeat(inputs, repetitions: int, layer: Callable, *args, **kwargs):
    """``layer`` applied ``repetitions`` times, each time to what came before; in ``<scope>/<scope>_1`` and so on."""
    scope = kwargs.pop("scope", None)
    with variable_scope(scope, "Repeat", [inputs]):
        label = scope or getattr(layer, "__name__", "repeat")
        for k in range(repetitions):
            inputs = layer(inputs, *args, **{**kwargs, "scope": f"{label}/{label}_{k + 1}".rpartition("/")[2]})
        return inputs


def stack(inputs, layer: Callable, stack_args, **kwargs):
    """``layer`` applied once for each of ``stack_args`` (one argument, or a list), each time to what came before."""
    scope = kwargs.pop("scope", None)
    if not isinstance(stack_args, (list, tuple)):
        raise UsageError(explain(f"stack: stack_args must be a list, got {stack_args!r}"))
    with variable_scope(scope, "Stack", [inputs]):
        label = scope or getattr(layer, "__name__", "stack")
        for k, given in enumerate(stack_args):
            given = given if isinstance(given, (list, tuple)) else [given]
            inputs = layer(inputs, *given, **{**kwargs, "scope": f"{label.rpartition('/')[2]}_{k + 1}"})
        return inputs
