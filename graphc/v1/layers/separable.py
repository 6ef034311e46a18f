"""Convolutions in two parts: one for each channel, then one that mixes the channels."""

from __future__ import annotations

from graphc.v1 import nn, ops
from graphc.v1.initializers import Zeros
from graphc.v1.layers.arguments import positive, with_ends
from graphc.v1.layers.convolutional import Convolution
from graphc.v1.layers.functional import function_of


class _Separable(Convolution):
    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format="channels_last", dilation_rate=1,
                 depth_multiplier=1, activation=None, use_bias=True, depthwise_initializer=None,
                 pointwise_initializer=None, bias_initializer=Zeros(), depthwise_regularizer=None,
                 pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 depthwise_constraint=None, pointwise_constraint=None, bias_constraint=None, trainable=True, name=None,
                 **kwargs):  # fmt: skip
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                         bias_initializer, bias_regularizer, bias_constraint, trainable, name, activity_regularizer,
                         **kwargs)  # fmt: skip
        self.depth_multiplier = positive(self._base_name, "depth_multiplier", depth_multiplier)
        self.depthwise_initializer, self.pointwise_initializer = depthwise_initializer, pointwise_initializer
        self.depthwise_regularizer, self.pointwise_regularizer = depthwise_regularizer, pointwise_regularizer
        self.depthwise_constraint, self.pointwise_constraint = depthwise_constraint, pointwise_constraint
        self.depthwise_kernel = self.pointwise_kernel = None

    def build(self, input_shape) -> None:
        channels = self.start_building(input_shape)
        self.depthwise_kernel = self.add_weight(
            "depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), None, self.depthwise_initializer,
            self.depthwise_regularizer, constraint=self.depthwise_constraint)  # fmt: skip
        shape = (*(1,) * self.count, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self.add_weight("pointwise_kernel", shape, None, self.pointwise_initializer,
                                                self.pointwise_regularizer,
                                                constraint=self.pointwise_constraint)  # fmt: skip
        self.add_bias()
        self.built = True

    def call(self, inputs):
        inputs, padding = self.padded(inputs)
        depthwise, pointwise, strides, rate = (self.depthwise_kernel, self.pointwise_kernel, self.strides,
                                               self.dilation_rate)  # fmt: skip
        flat = 2 if self.channel_axis == 1 else 1
        if self.count == 1:  # as two axes, the first of size 1
            inputs = ops.expand_dims(inputs, flat)
            depthwise, pointwise = ops.expand_dims(depthwise, 0), ops.expand_dims(pointwise, 0)
            strides, rate = strides * 2, rate * 2
        out = nn.separable_conv2d(inputs, depthwise, pointwise, with_ends(strides, self.data_format), padding,
                                  rate=list(rate), data_format="NCHW" if flat == 2 else "NHWC")  # fmt: skip
        if self.use_bias:
            out = nn.bias_add(out, self.bias, data_format="NCHW" if flat == 2 else "NHWC")
        if self.count == 1:
            out = ops.squeeze(out, [flat])
        return out if self.activation is None else self.activation(out)


class SeparableConv1D(_Separable):
    """A convolution over one spatial axis for each channel, then one of size 1 over all channels.

    Args:
        depth_multiplier: how many results the first part makes of each channel.
        filters, kernel_size, strides, padding, data_format, dilation_rate: see ``Conv1D``.
    """

    count = 1


class SeparableConv2D(_Separable):
    """A convolution over two spatial axes for each channel, then one of size 1 over all channels.

    Args:
        depth_multiplier: how many results the first part makes of each channel.
        filters, kernel_size, strides, padding, data_format, dilation_rate: see ``Conv1D``.
    """


separable_conv1d = function_of(SeparableConv1D, "separable_conv1d")
separable_conv2d = function_of(SeparableConv2D, "separable_conv2d")
