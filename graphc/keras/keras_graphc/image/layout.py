"""What functions of images check and arrange first: ranks, the place of the channels, the precision to calculate in."""

from __future__ import annotations

import graphc as tf
from keras.src.backend.common import is_float_dtype, standardize_dtype
from keras.src.backend.config import standardize_data_format

from graphc.keras.keras_graphc.core import convert_to_tensor

_LAST = {3: (1, 2, 0), 4: (0, 2, 3, 1)}
_FIRST = {3: (2, 0, 1), 4: (0, 3, 1, 2)}


def images_of(images):
    """One image or a batch as a tensor.

    Raises:
        ValueError: it has another rank than 3 and 4.
    """
    images = convert_to_tensor(images)
    if len(images.shape) not in (3, 4):
        raise ValueError(
            "Invalid images rank: expected rank 3 (one image) or rank 4 (a batch of images). "
            f"Received: images.shape={tuple(images.shape)}"
        )
    return images


def channels_last(images, data_format, function):
    """``function`` of images whose channels come last, and its images with the channels where they were."""
    if standardize_data_format(data_format) == "channels_last":
        return function(images)
    rank = len(images.shape)
    return tf.transpose(function(tf.transpose(images, _LAST[rank])), _FIRST[rank])


def batched(images, function):
    """``function`` of a batch, for a batch or for one image."""
    return function(images) if len(images.shape) == 4 else tf.squeeze(function(images[None]), [0])


def precise(x):
    """Numbers to calculate with: double precision as it is, all else as single precision."""
    return x if standardize_dtype(x.dtype) == "float64" else tf.cast(x, "float32")


def rounded_to(x, dtype):
    """Calculated numbers as pixels: integers are the nearest ones that the dtype has."""
    dtype = standardize_dtype(dtype)
    return tf.cast(x, dtype) if is_float_dtype(dtype) else tf.saturate_cast(tf.round(x), dtype)
