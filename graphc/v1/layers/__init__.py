"""``tf.layers`` of TensorFlow 1: layers as functions, which make their variables, and as objects, which share them."""

from graphc.v1.layers.base import Layer
from graphc.v1.layers.convolutional import (
    Conv1D, Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose, conv1d, conv2d, conv2d_transpose, conv3d,
    conv3d_transpose,
)  # fmt: skip
from graphc.v1.layers.core import Dense, Dropout, Flatten, dense, dropout, flatten
from graphc.v1.layers.input_spec import InputSpec
from graphc.v1.layers.normalization import BatchNormalization, batch_normalization
from graphc.v1.layers.pooling import (
    AveragePooling1D, AveragePooling2D, AveragePooling3D, MaxPooling1D, MaxPooling2D, MaxPooling3D, average_pooling1d,
    average_pooling2d, average_pooling3d, max_pooling1d, max_pooling2d, max_pooling3d,
)  # fmt: skip
from graphc.v1.layers.separable import SeparableConv1D, SeparableConv2D, separable_conv1d, separable_conv2d

__all__ = [
    "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "BatchNormalization", "Conv1D", "Conv2D",
    "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "Dense", "Dropout", "Flatten", "InputSpec", "Layer",
    "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "SeparableConv1D", "SeparableConv2D", "average_pooling1d",
    "average_pooling2d", "average_pooling3d", "batch_normalization", "conv1d", "conv2d", "conv2d_transpose", "conv3d",
    "conv3d_transpose", "dense", "dropout", "flatten", "max_pooling1d", "max_pooling2d", "max_pooling3d",
    "separable_conv1d", "separable_conv2d",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
