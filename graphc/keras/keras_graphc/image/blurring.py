"""Images seen through a window of weights: blurred by a bell, and their edges by Sobel's differences."""

from __future__ import annotations

import graphc as tf

from graphc.keras.keras_graphc.core import convert_to_tensor
from graphc.keras.keras_graphc.image.layout import batched, channels_last, images_of, precise, rounded_to


def gaussian_blur(images, kernel_size=(3, 3), sigma=(1.0, 1.0), data_format=None):
    """Blurred images, zeros around them. Width and height (in this order, as Keras has it) are blurred one by one."""
    images = images_of(images)
    sigma = tf.cast(convert_to_tensor(sigma), "float32")
    across, down = (_bell(int(size), sigma[k]) for k, size in enumerate(kernel_size))

    def blurred(x):
        channels = x.shape[-1]
        for window in (down[:, None, None, None], across[None, :, None, None]):
            window = tf.broadcast_to(tf.cast(window, x.dtype), (*window.shape[:2], channels, 1))
            x = tf.nn.depthwise_conv2d(x, window, [1, 1, 1, 1], "SAME")
        return x

    answer = channels_last(precise(images), data_format, lambda x: batched(x, blurred))
    return rounded_to(answer, images.dtype)


def _bell(size: int, sigma):
    """Weights of ``size`` neighbours that add up to 1."""
    distance = tf.range(size, dtype="float32") - (size - 1) / 2
    bell = tf.exp(-0.5 * tf.square(distance / sigma))
    return bell / tf.reduce_sum(bell)


def sobel_edges(images, data_format=None):
    """Differences down and across, [..., 2]; the images are mirrored at their ends, as TensorFlow has it."""
    images = images_of(images)
    if data_format != "channels_first":
        return tf.image.sobel_edges(images)
    return tf.transpose(tf.image.sobel_edges(tf.transpose(images, (0, 2, 3, 1))), (0, 3, 1, 2, 4))
