"""Dense, Dropout and Flatten."""

from __future__ import annotations

from graphc.api.operators import Operators
from graphc.api.sparse import SparseTensor
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.v1 import nn, ops
from graphc.v1.initializers import Zeros
from graphc.v1.layers.arguments import activation_of, layout_of, positive
from graphc.v1.layers.base import Layer
from graphc.v1.layers.functional import function_of
from graphc.v1.layers.input_spec import InputSpec, origin
from graphc.v1.layers.smart import choose


class Dense(Layer):
    """``activation(inputs @ kernel + bias)`` over the last axis of inputs [..., size].

    Raises:
        ShapeError: the size of the last axis is not known, or there is only one axis.
        UsageError: ``units`` is no positive int. DtypeError: the input is not floating.
    """

    def __init__(self, units, activation=None, use_bias=True, kernel_initializer=None, bias_initializer=Zeros(),
                 kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, trainable=True, name=None, **kwargs):  # fmt: skip
        super().__init__(trainable, name, activity_regularizer=activity_regularizer, **kwargs)
        self.units, self.activation = positive("dense", "units", units), activation_of(activation)
        self.use_bias = use_bias
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        self.kernel_constraint, self.bias_constraint = kernel_constraint, bias_constraint
        self.kernel = self.bias = None
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape) -> None:
        require_floating(self)
        size = self.size_of(input_shape, -1)
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})
        self.kernel = self.add_weight("kernel", (size, self.units), None, self.kernel_initializer,
                                      self.kernel_regularizer, constraint=self.kernel_constraint)  # fmt: skip
        if self.use_bias:
            self.bias = self.add_weight("bias", (self.units,), None, self.bias_initializer, self.bias_regularizer,
                                        constraint=self.bias_constraint)  # fmt: skip
        self.built = True

    def call(self, inputs):
        if isinstance(inputs, SparseTensor):
            out = ops.sparse_tensor_dense_matmul(inputs, self.kernel)
        else:
            inputs = of_dtype(inputs, self.dtype)
            rank = inputs.shape.ndims
            flat = rank is None or rank == 2
            product = ops.matmul if flat else ops.tensordot
            out = product(inputs, self.kernel) if flat else product(inputs, self.kernel, [[rank - 1], [0]])
        if self.use_bias:
            out = nn.bias_add(out, self.bias)
        return out if self.activation is None else self.activation(out)


class Dropout(Layer):
    """Elements zeroed at random with probability ``rate`` and the others scaled up, in training; else the input.

    Args:
        noise_shape: shape of the mask; 1 for an axis that is kept or dropped as a whole.
    """

    def __init__(self, rate=0.5, noise_shape=None, seed=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        if isinstance(rate, (int, float)) and not 0 <= rate <= 1:
            raise UsageError(explain(f"dropout: rate must lie in [0, 1), got {rate}"))
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed

    def call(self, inputs, training=False):
        if isinstance(self.rate, (int, float)) and self.rate == 0:
            return ops.identity(inputs)

        def dropped():
            return nn.dropout(inputs, noise_shape=self.noise_shape, seed=self.seed, rate=self.rate,
                              name="dropout/SelectV2")  # fmt: skip

        return choose(training, dropped, lambda: ops.identity(inputs))


class Flatten(Layer):
    """All axes but the first in one.

    Args:
        data_format: with ``channels_first`` the channels become the last of these axes, before they are joined.
    """

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = layout_of("flatten", data_format or "channels_last")
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs):
        rank = inputs.shape.ndims
        if rank is None:
            raise ShapeError(explain(f"{self.name}: the rank of the input must be known", origin(inputs)))
        if rank == 1:
            return ops.expand_dims(inputs, -1)
        if self.data_format == "channels_first" and rank > 2:
            inputs = ops.transpose(inputs, [0, *range(2, rank), 1])
        first, *rest = inputs.shape.as_list()
        if None not in rest:
            total = 1
            for d in rest:
                total *= d
            return ops.reshape(inputs, [-1 if first is None and total else first or 0, total])
        return ops.reshape(inputs, [ops.shape(inputs)[0] if first is None else first, -1])


def require_floating(layer: Layer) -> None:
    """Refuse weights that cannot be trained.

    Raises:
        DtypeError: the layer's dtype is not floating.
    """
    kind = layer.dtype
    if kind is not None and not kind.is_inexact:
        what = f"{layer.name}: needs a floating dtype, got {kind.name}; convert its input with tf.cast"
        raise DtypeError(explain(what, origin(layer._first) if isinstance(layer._first, Operators) else ()))


def of_dtype(x, dtype):
    """``x`` as a tensor of ``dtype``."""
    return x if x.dtype is dtype else ops.cast(x, dtype)


dense = function_of(Dense, "dense")
dropout = function_of(Dropout, "dropout", order="rate noise_shape seed training name")
flatten = function_of(Flatten, "flatten", order="name data_format")
