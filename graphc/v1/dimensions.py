"""Sizes taken out of shapes, whichever of TensorFlow's two ways to give them is on."""

from __future__ import annotations

from graphc.api.shape import Dimension, TensorShape


def dimension_value(dimension) -> int | None:
    """A size, a Dimension or an int, as an int or None."""
    return dimension.value if isinstance(dimension, Dimension) else dimension


def dimension_at_index(shape, index: int) -> Dimension:
    """The size of a shape at an axis as a Dimension, which is unknown where the rank is."""
    shape = TensorShape(shape)
    return Dimension(None) if shape.dims is None else shape.dims[index]
