"""Images with labels that are handed out in shuffled batches."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt

_FAKE_EXAMPLES, _FAKE_PIXELS, _CLASSES = 10000, 784, 10


class DataSet:
    """Images and labels.

    Args:
        images: uint8 [n, rows, columns, 1], values 0 to 255.
        labels: [n] or, one-hot, [n, classes].
        fake_data: images and labels are ignored, batches are of constant values.
        one_hot: whether the labels of ``fake_data`` are one-hot.
        dtype: float32 (pixels become 0.0 to 1.0) or uint8 (as they are).
        reshape: make the images [n, rows * columns].
        seed: seeds NumPy's global generator, which shuffles. Without it the program's own ``np.random.seed`` decides.

    Raises:
        DtypeError: another dtype. ShapeError: sizes that do not fit.
    """

    def __init__(self, images, labels, fake_data=False, one_hot=False, dtype=np.float32, reshape=True, seed=None):
        dtype = dt.as_dtype(dtype)
        if dtype not in (dt.u8, dt.f32):
            raise DtypeError(explain(f"Invalid image dtype {dtype.name!r}, expected uint8 or float32"))
        if seed is not None:
            np.random.seed(seed % (1 << 32))
        self._fake, self.one_hot = bool(fake_data), one_hot
        self._epochs_completed = self._index_in_epoch = 0
        if fake_data:
            self._num_examples = _FAKE_EXAMPLES
            self._images, self._labels = np.empty((0,)), np.empty((0,))
            return
        images, labels = np.asarray(images), np.asarray(labels)
        if len(images) != len(labels):
            raise ShapeError(explain(f"DataSet: {len(images)} images but {len(labels)} labels"))
        if reshape:
            if images.ndim != 4 or images.shape[3] != 1:
                what = f"DataSet: reshape=True needs images [n, rows, columns, 1], got {list(images.shape)}"
                raise ShapeError(explain(what + "; pass reshape=False"))
            images = images.reshape(len(images), images.shape[1] * images.shape[2])
        if dtype is dt.f32:
            images = images.astype(np.float32) * np.float32(1 / 255)
        self._images, self._labels, self._num_examples = images, labels, len(images)

    @property
    def images(self) -> np.ndarray:
        """All images, in the order of the present epoch."""
        return self._images

    @property
    def labels(self) -> np.ndarray:
        """The labels of ``images``."""
        return self._labels

    @property
    def num_examples(self) -> int:
        return self._num_examples

    @property
    def epochs_completed(self) -> int:
        """How many times all images have been handed out."""
        return self._epochs_completed

    def next_batch(self, batch_size: int, fake_data: bool = False, shuffle: bool = True) -> tuple:
        """The next images and labels; at the end of an epoch the rest of it and the start of a new one.

        Raises:
            UsageError: ``batch_size`` is not a number from 0, or there are no images.
        """
        if isinstance(batch_size, bool) or not hasattr(batch_size, "__index__") or batch_size < 0:
            raise UsageError(explain(f"next_batch: the batch size must be a whole number from 0, got {batch_size!r}"))
        if fake_data or self._fake:
            label = [1] + [0] * (_CLASSES - 1) if self.one_hot else 0
            return [[1] * _FAKE_PIXELS for _ in range(batch_size)], [label for _ in range(batch_size)]
        if not self._num_examples and batch_size:
            raise UsageError(explain("next_batch: the set has no images; read_data_sets(validation_size=...) decides"))
        if shuffle and self._epochs_completed == self._index_in_epoch == 0:
            self._shuffle()
        images, labels, missing = [], [], batch_size
        while self._index_in_epoch + missing > self._num_examples:
            missing -= self._take(self._num_examples - self._index_in_epoch, images, labels)
            self._epochs_completed += 1
            self._index_in_epoch = 0
            if shuffle:
                self._shuffle()
        self._take(missing, images, labels)
        return (images[0], labels[0]) if len(images) == 1 else (np.concatenate(images), np.concatenate(labels))

    def _take(self, count: int, images: list, labels: list) -> int:
        start, self._index_in_epoch = self._index_in_epoch, self._index_in_epoch + count
        images.append(self._images[start : start + count])
        labels.append(self._labels[start : start + count])
        return count

    def _shuffle(self) -> None:
        order = np.arange(self._num_examples)
        np.random.shuffle(order)
        self._images, self._labels = self._images[order], self._labels[order]
