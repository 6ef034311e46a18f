"""Transformations of ``tf.contrib.data`` that are options of methods now."""

from __future__ import annotations

from collections.abc import Callable


def batch_and_drop_remainder(batch_size) -> Callable:
    """``Dataset.batch`` of whole batches, for ``Dataset.apply``."""
    return lambda dataset: dataset.batch(batch_size, drop_remainder=True)


def padded_batch_and_drop_remainder(batch_size, padded_shapes, padding_values=None) -> Callable:
    """``Dataset.padded_batch`` of whole batches, for ``Dataset.apply``."""
    return lambda dataset: dataset.padded_batch(batch_size, padded_shapes, padding_values, drop_remainder=True)
