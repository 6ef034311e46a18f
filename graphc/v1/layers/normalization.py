"""Batch normalisation with moving averages, optionally with renormalisation or over parts of the batch."""

from __future__ import annotations

import math as python_math

from graphc.api.shape import TensorShape
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import nn, ops
from graphc.v1.control import control_dependencies
from graphc.v1.graph import get_default_graph
from graphc.v1.initializers import Ones, Zeros
from graphc.v1.layers.base import Layer, initializer_of
from graphc.v1.layers.core import require_floating
from graphc.v1.layers.functional import function_of
from graphc.v1.layers.input_spec import InputSpec
from graphc.v1.layers.smart import known_bool
from graphc.v1.variables import assign, assign_sub

_CLIPS = ("rmax", "rmin", "dmax")
_FUSED = {(4, 1): "NCHW", (4, 3): "NHWC", (5, 1): "NCDHW", (5, 4): "NDHWC"}  # (rank, axis) -> layout
_SMALLEST_EPSILON = 1.001e-5  # of fused normalisation


class BatchNormalization(Layer):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` with the statistics of the batch in training.

    Otherwise the moving averages are used. Their updates are in the collection ``tf.GraphKeys.UPDATE_OPS``; run them
    with the training operation::

        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            train_op = optimizer.minimize(loss)

    Args:
        axis: the axis of the features, or several.
        momentum: how much of a moving average stays in an update.
        center, scale: whether there is a ``beta`` and a ``gamma``.
        renorm, renorm_clipping, renorm_momentum: batch renormalisation; bounds ``rmax``, ``rmin``, ``dmax``.
        fused: False to update the moving variance with the biased variance of the batch, also for rank 4 and 5.
        virtual_batch_size: examples that are normalised together; it must divide the batch.
        adjustment: from the shape of the input to a scale and an offset, which are applied in training.

    Raises:
        ShapeError: the size of ``axis`` is not known. UsageError: an argument is impossible.
    """

    def __init__(self, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer=Zeros(),
                 gamma_initializer=Ones(), moving_mean_initializer=Zeros(), moving_variance_initializer=Ones(),
                 beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None,
                 renorm=False, renorm_clipping=None, renorm_momentum=0.99, fused=None, trainable=True,
                 virtual_batch_size=None, adjustment=None, name=None, **kwargs):  # fmt: skip
        super().__init__(trainable, name, **kwargs)
        self.axis, self.momentum, self.epsilon, self.center, self.scale = axis, momentum, epsilon, center, scale
        self.beta_initializer, self.gamma_initializer = beta_initializer, gamma_initializer
        self.moving_mean_initializer = moving_mean_initializer
        self.moving_variance_initializer = moving_variance_initializer
        self.beta_regularizer, self.gamma_regularizer = beta_regularizer, gamma_regularizer
        self.beta_constraint, self.gamma_constraint = beta_constraint, gamma_constraint
        self.renorm, self.renorm_clipping = bool(renorm), dict(renorm_clipping or {})
        self.renorm_momentum, self.fused = renorm_momentum, fused is None or bool(fused)
        self.virtual_batch_size, self.adjustment = virtual_batch_size, adjustment
        if set(self.renorm_clipping) - set(_CLIPS):
            what = f"batch_normalization: renorm_clipping may have {', '.join(_CLIPS)}, got {renorm_clipping!r}"
            raise UsageError(explain(what))
        if virtual_batch_size is not None:
            self._check_virtual()
        self.gamma = self.beta = self.moving_mean = self.moving_variance = None

    def _check_virtual(self) -> None:
        size = self.virtual_batch_size
        if not isinstance(size, int) or size < 1:
            what = f"batch_normalization: virtual_batch_size must be a positive int, got {size!r}"
            raise UsageError(explain(what))
        if self.adjustment is not None or self.renorm:
            what = "batch_normalization: virtual_batch_size cannot be combined with adjustment or renorm"
            raise UsageError(explain(what))

    # ----------------------------------------------------------------------------------------- variables

    def build(self, input_shape) -> None:
        require_floating(self)
        shape = TensorShape(input_shape)
        self.axis = self._axes(shape.ndims)
        sizes = {a: self.size_of(shape, a) for a in self.axis}
        self.input_spec = InputSpec(ndim=shape.ndims, axes=sizes)
        plain = len(sizes) == 1 and self.virtual_batch_size is None
        special = self.renorm or self.adjustment is not None
        layout = _FUSED.get((shape.ndims, self.axis[0])) if self.fused and plain and not special else None
        self.layout, self.fused = layout, layout is not None
        if plain:
            weights = (sizes[self.axis[0]],)
        else:
            weights = tuple(sizes.get(a, 1) for a in range(shape.ndims))
            weights = weights if self.virtual_batch_size is None else (1, *weights)
        if self.scale:
            self.gamma = self._weight("gamma", weights, self.gamma_initializer, self.gamma_regularizer,
                                      self.gamma_constraint)  # fmt: skip
        if self.center:
            self.beta = self._weight("beta", weights, self.beta_initializer, self.beta_regularizer,
                                     self.beta_constraint)  # fmt: skip
        self.moving_mean = self._average("moving_mean", weights, self.moving_mean_initializer)
        self.moving_variance = self._average("moving_variance", weights, self.moving_variance_initializer)
        if self.renorm:
            variance = initializer_of(self.moving_variance_initializer)
            variance = variance() if isinstance(variance, type) else variance

            def stddev(shape, dtype=None):
                return ops.sqrt(variance(shape, dtype=dtype))

            self.moving_stddev = self._average("moving_stddev", weights, stddev)
            self.renorm_mean = self._average("renorm_mean", weights, self.moving_mean_initializer)
            self.renorm_stddev = self._average("renorm_stddev", weights, stddev)
        self.built = True

    def _axes(self, rank: int | None) -> list[int]:
        given = list(self.axis) if isinstance(self.axis, (list, tuple)) else [self.axis]
        if rank is None:
            self.size_of(TensorShape(None), 0)  # says that the rank must be known
        if any(type(a) is not int or not -rank <= a < rank for a in given) or not given:
            what = f"batch_normalization: axis {self.axis!r} does not fit an input of rank {rank}"
            raise UsageError(explain(what))
        found = [a % rank for a in given]
        if len(set(found)) < len(found) or (0 in found and self.virtual_batch_size is not None):
            problem = "names an axis twice" if len(set(found)) < len(found) else "is the batch, which is to be divided"
            raise UsageError(explain(f"batch_normalization: axis {self.axis!r} {problem}"))
        return found

    @property
    def _weights_dtype(self):
        return dt.f32 if self.dtype is None or self.dtype.bits < 32 else self.dtype

    def _weight(self, name: str, shape, initializer, regularizer, constraint):
        return self.add_weight(name, shape, self._weights_dtype, initializer, regularizer, constraint=constraint)

    def _average(self, name: str, shape, initializer):
        return self.add_weight(name, shape, self._weights_dtype, initializer, trainable=False)

    # ------------------------------------------------------------------------------------------- calling

    def call(self, inputs, training=False):
        known = known_bool("batch_normalization: training", training)
        if self.fused and known is not None:
            return self._fused_call(inputs, known)
        x = inputs if inputs.dtype is self._weights_dtype else ops.cast(inputs, self._weights_dtype)
        shape = None
        if self.virtual_batch_size is not None:
            shape, x = ops.shape(x), self._divided(x, known)
        y = self._normalized(x, training, known)
        y = y if shape is None else ops.reshape(y, shape)
        y = y if y.dtype is inputs.dtype else ops.cast(y, inputs.dtype)
        y.set_shape(inputs.shape)
        return y

    def _divided(self, x, known: bool | None):
        """The batch as [examples that are normalised together, groups]; one group where it is not known to train."""
        ends = [self.virtual_batch_size, -1] if known else [-1, 1]
        sizes = [ops.shape(x)[k] if n is None else n for k, n in enumerate(x.shape.as_list())]
        return ops.reshape(x, [*ends, *sizes[1:]])

    def _fused_call(self, inputs, training: bool):
        gamma = self.gamma if self.scale else ops.ones(self.moving_mean.shape, self._weights_dtype)
        beta = self.beta if self.center else ops.zeros(self.moving_mean.shape, self._weights_dtype)
        averages = {} if training else {"mean": self.moving_mean, "variance": self.moving_variance}
        y, mean, variance = nn.fused_batch_norm(inputs, gamma, beta, epsilon=self.epsilon, data_format=self.layout,
                                                is_training=training, **averages)  # fmt: skip
        if training:
            self.add_update([self._moved(self.moving_mean, mean), self._moved(self.moving_variance, variance)])
        return y

    def _normalized(self, x, training, known: bool | None):
        factors = [(self.gamma, self.beta)]
        mean, variance = self.moving_mean, self.moving_variance
        if known is not False:
            kept = 1 if self.virtual_batch_size is not None else None
            own = self.axis if kept is None else [a + 1 for a in self.axis]
            axes = [a for a in range(x.shape.ndims) if a not in own and a != kept]
            mean, variance = nn.moments(x, axes, keep_dims=kept is not None or len(self.axis) > 1)
            new = mean, variance * self._unbiased(x) if self.fused else variance
            if known is None:
                mean, variance = (self._if(training, a, b) for a, b in
                                  ((mean, self.moving_mean), (variance, self.moving_variance)))  # fmt: skip
                new = (self._if(training, a, b) for a, b in zip(new, (self.moving_mean, self.moving_variance)))
            if kept is not None:
                new = (ops.reduce_mean(v, 1, keepdims=True) for v in new)
            factors = self._adjusted(x, training, known) + self._renormalized(mean, variance, training, known) + factors
            self._update(*new, training, known)
        scale, offset = _composed([(self._broadcast(s, x), self._broadcast(o, x)) for s, o in factors])
        epsilon = max(self.epsilon, _SMALLEST_EPSILON) if self.fused else self.epsilon
        mean, variance = self._broadcast(mean, x), self._broadcast(variance, x)
        return nn.batch_normalization(x, mean, variance, offset, scale, epsilon, name="batchnorm/add_1")

    def _broadcast(self, v, x):
        """A vector of features along their axis."""
        rank = x.shape.ndims
        if v is None or v.shape.ndims != 1 or self.axis == [rank - 1] or rank == 1:
            return v
        return ops.reshape(v, [-1 if a == self.axis[0] else 1 for a in range(rank)])

    @staticmethod
    def _if(training, then, otherwise):
        return ops.where_v2(training, then, otherwise)

    def _unbiased(self, x):
        """``n / (n - 1)`` for n elements of each feature."""
        count = ops.cast(ops.size(x), x.dtype) / float(self.moving_mean.shape.num_elements())
        return count / ops.maximum(count - 1.0, 1.0)

    # ------------------------------------------------------------------------------------------- updates

    def _adjusted(self, x, training, known: bool | None) -> list:
        if self.adjustment is None:
            return []
        scale, offset = self.adjustment(ops.shape(x))
        if known is None:
            scale = self._if(training, scale, ops.ones_like(scale))
            offset = self._if(training, offset, ops.zeros_like(offset))
        return [(scale, offset)]

    def _renormalized(self, mean, variance, training, known: bool | None) -> list:
        """The correction towards slower averages, which themselves are updated."""
        if not self.renorm:
            return []
        stddev = ops.sqrt(variance + self.epsilon)
        slow = ops.maximum(self.renorm_stddev, python_math.sqrt(self.epsilon))
        r, d = stddev / slow, (mean - self.renorm_mean) / slow
        clip = self.renorm_clipping
        r = r if clip.get("rmin") is None else ops.maximum(r, clip["rmin"])
        r = r if clip.get("rmax") is None else ops.minimum(r, clip["rmax"])
        d = d if clip.get("dmax") is None else ops.clip_by_value(d, -clip["dmax"], clip["dmax"])
        if known is None:
            r, d = self._if(training, r, ops.ones_like(r)), self._if(training, d, ops.zeros_like(d))
            mean = self._if(training, mean, self.renorm_mean)
            stddev = self._if(training, stddev, self.renorm_stddev)
        self._slow = [self._moved(self.renorm_mean, mean, self.renorm_momentum),
                      self._moved(self.renorm_stddev, stddev, self.renorm_momentum)]  # fmt: skip
        return [(ops.stop_gradient(r, name="renorm_r"), ops.stop_gradient(d, name="renorm_d"))]

    def _update(self, mean, variance, training, known: bool | None) -> None:
        if not self.renorm:
            self.add_update([self._moved(self.moving_mean, mean), self._moved(self.moving_variance, variance)])
            return
        stddev = ops.sqrt(variance + self.epsilon)
        if known is None:
            stddev = self._if(training, stddev, self.moving_stddev)
        with control_dependencies(self._slow):
            moved = self._moved(self.moving_stddev, stddev)
            square = ops.maximum(moved * moved - self.epsilon, 0.0)
            if known is None:
                square = self._if(training, square, self.moving_variance)
            self.add_update([self._moved(self.moving_mean, mean), assign(self.moving_variance, square)])

    def _moved(self, variable, value, momentum=None):
        """The update of a moving average."""
        decay = 1.0 - (self.momentum if momentum is None else momentum)
        with get_default_graph().name_scope("AssignMovingAvg") as scope:
            value = value if value.dtype is variable.dtype else ops.cast(value, variable.dtype)
            return assign_sub(variable, (variable - value) * decay, name=scope)


def _composed(factors: list) -> tuple:
    """Several pairs of scale and offset, applied one after the other, as one; None stands for 1 and 0."""
    scale, offset = factors[0]
    for s, o in factors[1:]:
        if s is not None:
            scale = s if scale is None else scale * s
            offset = None if offset is None else offset * s
        if o is not None:
            offset = o if offset is None else offset + o
    return scale, offset


batch_normalization = function_of(
    BatchNormalization, "batch_normalization",
    order="""axis momentum epsilon center scale beta_initializer gamma_initializer moving_mean_initializer
        moving_variance_initializer beta_regularizer gamma_regularizer beta_constraint gamma_constraint training
        trainable name reuse renorm renorm_clipping renorm_momentum fused virtual_batch_size adjustment""")  # fmt: skip
