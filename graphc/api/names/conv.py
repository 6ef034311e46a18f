"""TensorFlow's convolutions: their names, and the lib functions that build them."""

from __future__ import annotations

from graphc.api.op import Op
from graphc.api.space_to_batch import with_space_to_batch
from graphc.lib import conv, depthwise, morphology

ROWS = (
    Op("nn.convolution", "Convolution", conv.convolution, "input filters", "convolution"),
    Op("conv", "Conv", conv.conv, "input filter"),
    Op("nn.conv1d", "Conv1D", conv.conv1d, "input filters", "conv1d"),
    Op("nn.conv2d", "Conv2D", conv.conv2d, "input filters"),
    Op("nn.conv3d", "Conv3D", conv.conv3d, "input filters"),
    Op("nn.conv_transpose", "ConvTranspose", conv.conv_transpose, "input filters", "conv_transpose"),
    Op("nn.conv1d_transpose", "Conv1DTranspose", conv.conv1d_transpose, "input filters", "conv1d_transpose"),
    Op("nn.conv2d_transpose", "Conv2DBackpropInput", conv.conv2d_transpose, "input filters", "conv2d_transpose"),
    Op("nn.conv3d_transpose", "Conv3DBackpropInputV2", conv.conv3d_transpose, "input filters", "conv3d_transpose"),
    Op("nn.depthwise_conv2d", "DepthwiseConv2dNative", depthwise.depthwise_conv2d, "input filter", "depthwise"),
    Op("nn.depthwise_conv2d_backprop_input compat.v1.nn.depthwise_conv2d_native_backprop_input",
       "DepthwiseConv2dNativeBackpropInput", depthwise.depthwise_conv2d_backprop_input, "filter out_backprop"),
    Op("nn.depthwise_conv2d_backprop_filter compat.v1.nn.depthwise_conv2d_native_backprop_filter",
       "DepthwiseConv2dNativeBackpropFilter", depthwise.depthwise_conv2d_backprop_filter, "input out_backprop"),
    Op("compat.v1.nn.depthwise_conv2d_native", "DepthwiseConv2dNative", depthwise.depthwise_conv2d, "input filter"),
    Op("nn.separable_conv2d", "SeparableConv2d", conv.separable_conv2d, "input depthwise_filter pointwise_filter",
       "separable_conv2d"),
    Op("nn.atrous_conv2d", "AtrousConv2d", conv.atrous_conv2d, "value filters", "atrous_conv2d"),
    Op("nn.atrous_conv2d_transpose", "AtrousConv2dTranspose", conv.atrous_conv2d_transpose, "value filters",
       "atrous_conv2d_transpose"),
    Op("compat.v1.nn.conv2d_backprop_input", "Conv2DBackpropInput", conv.conv2d_backprop_input,
       "filter out_backprop filters"),
    Op("compat.v1.nn.conv2d_backprop_filter", "Conv2DBackpropFilter", conv.conv2d_backprop_filter,
       "input out_backprop"),
    Op("compat.v1.nn.conv3d_backprop_filter compat.v1.nn.conv3d_backprop_filter_v2", "Conv3DBackpropFilterV2",
       conv.conv3d_backprop_filter, "input out_backprop"),
    Op("nn.dilation2d", "Dilation2D", morphology.dilation2d, "input filters"),
    Op("nn.erosion2d", "Erosion2D", morphology.erosion2d, "value filters", "erosion2d"),
)  # fmt: skip

FUNCTIONS = {"nn.with_space_to_batch": with_space_to_batch}
