"""Batches of images as PNG files: floats are stretched so that they can be seen."""

from __future__ import annotations

import numpy as np

from graphc.errors import InvalidArgumentError, explain
from graphc.prims.image_files import write_png

BAD_COLOR = (255, 0, 0, 255)  # of pixels that are no finite numbers
_FLAT = 1e-6  # an image that is nowhere brighter is black


def stretched(image: np.ndarray, bad_color=BAD_COLOR) -> np.ndarray:
    """u8 of a floating image [height, width, channels]: 255 is the largest value; where there are negative values, 128
    is zero."""
    kind = image.dtype.type  # TensorFlow scales halves as halves
    finite = np.isfinite(image).all(axis=-1, keepdims=True)
    good = image[finite[..., 0]].astype(np.float32)
    low, high = (good.min(), good.max()) if good.size else (np.float32(0), np.float32(0))
    if low < 0:
        largest, offset, top = max(abs(low), abs(high)), kind(128), np.float32(127)
    else:
        largest, offset, top = high, kind(0), np.float32(255)
    scale = kind(0 if largest < _FLAT else top / largest)
    moved = np.where(finite, image, kind(0)) * scale + offset
    return np.where(finite, moved.astype(np.uint8), np.array(bad_color[: image.shape[-1]], np.uint8))


def checked(images: np.ndarray) -> np.ndarray:
    """A batch of images.

    Raises:
        InvalidArgumentError: other axes or channels.
    """
    if images.ndim != 4 or images.shape[3] not in (1, 3, 4):
        sizes = ",".join(map(str, images.shape))
        what = f"an image summary needs a 4-D tensor whose last dimension is 1, 3 or 4, not [{sizes}]"
        raise InvalidArgumentError(explain(what))
    return images


def encoded(images: np.ndarray, count: int) -> list[bytes]:
    """PNG files of the first ``count`` images of a batch, u8 or floating."""
    shown = checked(images)[:count]
    return [write_png(im if im.dtype == np.uint8 else stretched(im)) for im in shown]
