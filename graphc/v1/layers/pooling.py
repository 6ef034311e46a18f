"""Pooling layers: the largest element or the mean of each window."""

from __future__ import annotations

from graphc.v1 import nn, ops
from graphc.v1.layers.arguments import layout_of, padding_of, per_axis, tensorflow_layout, with_ends
from graphc.v1.layers.base import Layer
from graphc.v1.layers.functional import function_of
from graphc.v1.layers.input_spec import InputSpec

_POOLS = {("max", 2): (nn.max_pool, "MaxPool"), ("average", 2): (nn.avg_pool, "AvgPool"),
          ("max", 3): (nn.max_pool3d, "MaxPool3D"), ("average", 3): (nn.avg_pool3d, "AvgPool3D")}  # fmt: skip


class _Pooling(Layer):
    count, kind = 2, "max"

    def __init__(self, pool_size, strides, padding="valid", data_format="channels_last", name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        label, n = self._base_name, self.count
        self.pool_size = per_axis(label, "pool_size", pool_size, n)
        self.strides = per_axis(label, "strides", pool_size if strides is None else strides, n)
        self.padding, self.data_format = padding_of(label, padding), layout_of(label, data_format)
        self.input_spec = InputSpec(ndim=n + 2)

    def call(self, inputs):
        size, strides, count = self.pool_size, self.strides, self.count
        added = 3 if self.data_format == "channels_first" else 2
        if count == 1:  # as two axes, the second of size 1
            inputs, size, strides, count = ops.expand_dims(inputs, added), (*size, 1), (*strides, 1), 2
        function, name = _POOLS[self.kind, count]
        size, strides = (with_ends(v, self.data_format) for v in (size, strides))
        layout = tensorflow_layout(self.data_format, count)
        out = function(inputs, size, strides, self.padding.upper(), data_format=layout, name=name)
        return ops.squeeze(out, [added]) if self.count == 1 else out


class MaxPooling1D(_Pooling):
    """The largest element of each window over the spatial axis of inputs [batch, steps, channels].

    Args:
        pool_size, strides: one int, or one for each spatial axis.
        padding: ``valid`` or ``same``.
        data_format: ``channels_last`` or ``channels_first``.
    """

    count = 1


class MaxPooling2D(_Pooling):
    """The largest element of each window over two spatial axes; see ``MaxPooling1D``."""


class MaxPooling3D(_Pooling):
    """The largest element of each window over three spatial axes; see ``MaxPooling1D``."""

    count = 3


class AveragePooling1D(_Pooling):
    """The mean of each window over one spatial axis; see ``MaxPooling1D``."""

    count, kind = 1, "average"


class AveragePooling2D(_Pooling):
    """The mean of each window over two spatial axes; see ``MaxPooling1D``."""

    kind = "average"


class AveragePooling3D(_Pooling):
    """The mean of each window over three spatial axes; see ``MaxPooling1D``."""

    count, kind = 3, "average"


max_pooling1d = function_of(MaxPooling1D, "max_pooling1d", "name")
max_pooling2d = function_of(MaxPooling2D, "max_pooling2d", "name")
max_pooling3d = function_of(MaxPooling3D, "max_pooling3d", "name")
average_pooling1d = function_of(AveragePooling1D, "average_pooling1d", "name")
average_pooling2d = function_of(AveragePooling2D, "average_pooling2d", "name")
average_pooling3d = function_of(AveragePooling3D, "average_pooling3d", "name")
