"""The sizes of one convolution in three spatial axes, and what its taps read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from graphc.ir.node import Node, simplified
from graphc.lower.nests.loops import as_index, ceil_divide, product


@dataclass(frozen=True)
class Shape:
    """A convolution in three spatial axes (depth, height, width), missing ones of size 1.

    ``batch``, ``space``, ``low`` and ``out`` may be symbolic. ``channels`` and ``outputs`` are those of one group.
    """

    batch: object
    space: tuple
    channels: object
    kernel: tuple
    outputs: object
    groups: int
    out: tuple
    stride: tuple[int, int, int]
    low: tuple
    high: tuple
    dilation: tuple[int, int, int]
    spread: tuple[int, int, int]

    @property
    def is_pointwise(self) -> bool:
        """Whether every output pixel is computed from the input pixel in the same place."""
        return self.kernel == self.stride == self.spread == (1, 1, 1) and self.is_unpadded

    @property
    def is_unpadded(self) -> bool:
        """Whether no tap of an output pixel lies outside the input."""
        return all(type(d) is int and d <= 0 for d in (*self.low, *self.high))

    @property
    def pixels(self) -> object:
        """How many output pixels there are."""
        return product((self.batch, *self.out))

    @property
    def depth(self) -> object:
        """How many products one output element sums."""
        return product((*self.kernel, self.channels))


def shape_of(node: Node) -> Shape:
    """The sizes of a convolution of at most three spatial axes. Axes that are 1 everywhere come first: the memory is the
    same, and the width, along which tiles lie, is then an axis that has an extent."""
    x, w = node.inputs
    rank = len(x.shape) - 2
    groups = node.attr("groups")
    axes = list(zip(
        x.shape[1:-1], w.shape[:-2], node.shape[1:-1], node.attr("stride"), node.attr("low"), node.attr("high"),
        node.attr("dilation"), node.attr("x_dilation"),
    ))  # fmt: skip
    trivial = [a for a in axes if _is_trivial(a)]
    axes = [(1, 1, 1, 1, 0, 0, 1, 1)] * (3 - rank) + trivial + [a for a in axes if not _is_trivial(a)]
    space, kernel, out, stride, low, high, dilation, spread = zip(*axes)
    stride = tuple([1 if n == 1 else s for n, s in zip(out, stride)])
    dilation = tuple([1 if n == 1 else d for n, d in zip(kernel, dilation)])
    spread = tuple([1 if n == 1 else s for n, s in zip(space, spread)])
    outputs = simplified(w.shape[-1] // groups)
    return Shape(x.shape[0], space, w.shape[-2], kernel, outputs, groups, out, stride, low, high, dilation, spread)


def _is_trivial(axis: tuple) -> bool:
    space, kernel, out, _, low, high, _, _ = axis
    return space == 1 and kernel == 1 and out == 1 and low == 0 and high == 0


def flattened(shape: Shape) -> Shape:
    """A pointwise convolution with all pixels in one axis; others as they are."""
    if not shape.is_pointwise or shape.space != shape.out:
        return shape
    line = (1, 1, shape.pixels)
    return replace(shape, batch=1, space=line, out=line, low=(0, 0, 0), high=(0, 0, 0))


def is_finite(w: Node) -> bool:
    """Whether weights are known and finite, so that leaving out products with zeros changes nothing."""
    if w.op != "const":
        return False
    array = w.attr("value").array
    return bool(np.isfinite(array if array.dtype.kind == "f" else array.astype(np.float64)).all())


@dataclass(frozen=True)
class Taps:
    """The taps of one axis for the output positions q*spread + phase: ``count`` of them, the first is ``first``.

    Tap ``first + u*spread`` reads the input at ``q*stride + u*dilation + offset``.
    """

    first: object
    spread: int
    count: object
    stride: int
    dilation: int
    offset: object


def taps_of(shape: Shape, axis: int, phase: object) -> Taps:
    """The taps of an axis. Where the input has holes, only taps that meet none are counted (``stride`` is 1 there)."""
    spread, low = shape.spread[axis], shape.low[axis]
    if spread == 1:
        return Taps(0, 1, shape.kernel[axis], shape.stride[axis], shape.dilation[axis], simplified(0 - low))
    first = simplified(as_index(low - phase) % spread)
    count = ceil_divide(as_index(shape.kernel[axis]) - first, spread)
    return Taps(first, spread, count, 1, 1, simplified((as_index(phase) + first - low) // spread))
