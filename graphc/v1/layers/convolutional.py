"""Convolutions over one, two and three spatial axes, and their transposes."""

from __future__ import annotations

import inspect

from graphc.errors import ShapeError, UsageError, explain
from graphc.v1 import nn, ops
from graphc.v1.initializers import Zeros
from graphc.v1.layers.arguments import (
    activation_of, layout_of, padding_of, per_axis, positive, tensorflow_layout, with_ends,
)  # fmt: skip
from graphc.v1.layers.base import Layer
from graphc.v1.layers.core import of_dtype, require_floating
from graphc.v1.layers.functional import function_of
from graphc.v1.layers.input_spec import InputSpec, origin

_CONVOLUTIONS = {1: (nn.conv1d, "Conv1D"), 2: (nn.conv2d, "Conv2D"), 3: (nn.conv3d, "Conv3D")}
_TRANSPOSES = {2: nn.conv2d_transpose, 3: nn.conv3d_transpose}


class Convolution(Layer):
    """What convolutions have in common.

    Attributes:
        count: how many spatial axes there are.
    """

    count = 2

    def __init_subclass__(cls):
        own = inspect.signature(cls.__init__).parameters.values()
        each = {n: (1,) * cls.count for n in ("strides", "dilation_rate")} if cls.count > 1 else {}
        shown = [p.replace(default=each.get(p.name, p.default)) for p in own if p.name != "self"]
        cls.__signature__ = inspect.Signature(shown)

    def __init__(self, filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                 bias_initializer, bias_regularizer, bias_constraint, trainable, name, activity_regularizer=None,
                 **kwargs):  # fmt: skip
        super().__init__(trainable, name, activity_regularizer=activity_regularizer, **kwargs)
        kind, n = self._base_name, self.count
        self.filters = positive(kind, "filters", filters)
        self.kernel_size = per_axis(kind, "kernel_size", kernel_size, n)
        self.strides = per_axis(kind, "strides", strides, n)
        self.dilation_rate = per_axis(kind, "dilation_rate", dilation_rate, n)
        self.padding, self.data_format = padding_of(kind, padding, n == 1), layout_of(kind, data_format)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            what = f"{kind}: strides {self.strides} and dilation_rate {self.dilation_rate} cannot both be above 1"
            raise UsageError(explain(what))
        self.activation, self.use_bias = activation_of(activation), use_bias
        self.bias_initializer, self.bias_regularizer = bias_initializer, bias_regularizer
        self.bias_constraint, self.bias = bias_constraint, None
        self.layout = tensorflow_layout(self.data_format, n)
        self.input_spec = InputSpec(ndim=n + 2)

    @property
    def channel_axis(self) -> int:
        """The axis of the channels."""
        return 1 if self.data_format == "channels_first" else -1

    def start_building(self, input_shape) -> int:
        """Checks before variables are made. Returns the number of input channels."""
        require_floating(self)
        channels = self.size_of(input_shape, self.channel_axis)
        self.input_spec = InputSpec(ndim=self.count + 2, axes={self.channel_axis: channels})
        return channels

    def add_bias(self) -> None:
        """Make the bias, if there is to be one."""
        if self.use_bias:
            self.bias = self.add_weight("bias", (self.filters,), None, self.bias_initializer, self.bias_regularizer,
                                        constraint=self.bias_constraint)  # fmt: skip

    def finished(self, out):
        """The bias added and the activation applied."""
        if self.use_bias:
            out = nn.bias_add(out, self.bias, data_format="NCHW" if self.channel_axis == 1 else "NHWC")
        return out if self.activation is None else self.activation(out)

    def spatial(self, inputs) -> list:
        """The sizes of the spatial axes, None where they are not known."""
        sizes = inputs.shape.as_list()
        return sizes[2:] if self.channel_axis == 1 else sizes[1:-1]

    def check_fits(self, inputs) -> None:
        """Refuse a window that is larger than the input.

        Raises:
            ShapeError: without padding nothing is left.
        """
        reach = [(k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate)]
        if self.padding == "valid" and any(n is not None and n < r for n, r in zip(self.spatial(inputs), reach)):
            what = (f"{self.name}: the window covers {reach}, more than the {self.spatial(inputs)} of the input; "
                    "use padding='same', a smaller kernel_size or larger inputs")  # fmt: skip
            raise ShapeError(explain(what, origin(inputs)))

    def padded(self, inputs) -> tuple:
        """The input in the layer's dtype, and the padding that is left to the operation.

        Causal inputs get zeros before them here, so that nothing is seen before its time.

        Raises:
            ShapeError: the window is larger than the input.
        """
        inputs = of_dtype(inputs, self.dtype)
        self.check_fits(inputs)
        if self.padding != "causal":
            return inputs, self.padding.upper()
        width = (self.kernel_size[0] - 1) * self.dilation_rate[0]
        paddings = [[0, 0], [0, 0], [width, 0]] if self.channel_axis == 1 else [[0, 0], [width, 0], [0, 0]]
        return ops.pad(inputs, paddings), "VALID"


class _Conv(Convolution):
    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format="channels_last", dilation_rate=1,
                 activation=None, use_bias=True, kernel_initializer=None, bias_initializer=Zeros(),
                 kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, trainable=True, name=None, **kwargs):  # fmt: skip
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                         bias_initializer, bias_regularizer, bias_constraint, trainable, name, activity_regularizer,
                         **kwargs)  # fmt: skip
        self.kernel_initializer, self.kernel_regularizer = kernel_initializer, kernel_regularizer
        self.kernel_constraint, self.kernel = kernel_constraint, None

    def build(self, input_shape) -> None:
        shape = (*self.kernel_size, self.start_building(input_shape), self.filters)
        self.kernel = self.add_weight("kernel", shape, None, self.kernel_initializer, self.kernel_regularizer,
                                      constraint=self.kernel_constraint)  # fmt: skip
        self.add_bias()
        self.built = True

    def call(self, inputs):
        inputs, padding = self.padded(inputs)
        function, name = _CONVOLUTIONS[self.count]
        if self.count == 1:
            out = function(inputs, self.kernel, stride=self.strides[0], padding=padding, data_format=self.layout,
                           dilations=self.dilation_rate[0], name=name)  # fmt: skip
        else:
            strides, dilations = (with_ends(v, self.data_format) for v in (self.strides, self.dilation_rate))
            out = function(inputs, self.kernel, strides=strides, padding=padding, data_format=self.layout,
                           dilations=dilations, name=name)  # fmt: skip
        return self.finished(out)


class Conv1D(_Conv):
    """A convolution over one spatial axis of inputs [batch, steps, channels].

    Args:
        filters: channels of the result.
        kernel_size, strides, dilation_rate: one int, or one for each spatial axis.
        padding: ``valid``, ``same`` or ``causal``.
        data_format: ``channels_last`` or ``channels_first``.

    Raises:
        ShapeError: the rank is wrong, the number of channels is not known, or the window is larger than the input.
        UsageError: an argument is impossible. DtypeError: the input is not floating.
    """

    count = 1


class Conv2D(_Conv):
    """A convolution over two spatial axes of inputs [batch, height, width, channels]; see ``Conv1D``."""


class Conv3D(_Conv):
    """A convolution over three spatial axes of inputs [batch, depth, height, width, channels]; see ``Conv1D``."""

    count = 3


class _ConvTranspose(Convolution):
    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format="channels_last", activation=None,
                 use_bias=True, kernel_initializer=None, bias_initializer=Zeros(), kernel_regularizer=None,
                 bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None,
                 trainable=True, name=None, **kwargs):  # fmt: skip
        super().__init__(filters, kernel_size, strides, padding, data_format, 1, activation, use_bias,
                         bias_initializer, bias_regularizer, bias_constraint, trainable, name, activity_regularizer,
                         **kwargs)  # fmt: skip
        self.kernel_initializer, self.kernel_regularizer = kernel_initializer, kernel_regularizer
        self.kernel_constraint, self.kernel = kernel_constraint, None

    def build(self, input_shape) -> None:
        shape = (*self.kernel_size, self.filters, self.start_building(input_shape))
        self.kernel = self.add_weight("kernel", shape, None, self.kernel_initializer, self.kernel_regularizer,
                                      constraint=self.kernel_constraint)  # fmt: skip
        self.add_bias()
        self.built = True

    def call(self, inputs):
        inputs = of_dtype(inputs, self.dtype)
        known, sizes = inputs.shape.as_list(), None
        if None in known:
            sizes = ops.shape(inputs)
        at = [sizes[k] if n is None else n for k, n in enumerate(known)]
        first = 2 if self.channel_axis == 1 else 1
        spatial = [self._grown(k, at[first + k]) for k in range(self.count)]
        shape = [at[0], self.filters, *spatial] if first == 2 else [at[0], *spatial, self.filters]
        strides = with_ends(self.strides, self.data_format)
        out = _TRANSPOSES[self.count](inputs, self.kernel, shape, strides, padding=self.padding.upper(),
                                      data_format=self.layout, name=self._base_kind)  # fmt: skip
        return self.finished(out)

    @property
    def _base_kind(self) -> str:
        return f"conv{self.count}d_transpose"

    def _grown(self, axis: int, size):
        """The size of a spatial axis of the result."""
        overlap = max(self.kernel_size[axis] - self.strides[axis], 0) if self.padding == "valid" else 0
        return size * self.strides[axis] + overlap


class Conv2DTranspose(_ConvTranspose):
    """The transpose of ``Conv2D``: what has its input's shape becomes what has its output's, so strides enlarge."""


class Conv3DTranspose(_ConvTranspose):
    """The transpose of ``Conv3D``."""

    count = 3


conv1d, conv2d, conv3d = (function_of(c, c.__name__.lower()) for c in (Conv1D, Conv2D, Conv3D))
conv2d_transpose = function_of(Conv2DTranspose, "conv2d_transpose")
conv3d_transpose = function_of(Conv3DTranspose, "conv3d_transpose")
