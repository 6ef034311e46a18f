"""Products of bytes with exact sums: dot4 and conv4, whose operands are words of four neighbouring bytes.

The first operand's bytes are unsigned, the second's signed; along the axis that is summed, four of them make one word (the
lowest byte first). Sums are i32 and wrap.
"""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.prims.contract import conv_array, conv_type, dot_type, stretch
from graphc.prims.table import Prim, apply, declare


def _words(op: str, x: Type, y: Type) -> None:
    if not x.dtype is y.dtype is dt.i32:
        raise DtypeError(f"{op}: needs words (i32), {x} x {y}")


def unpacked(words: np.ndarray, dtype, axis: int) -> np.ndarray:
    """The bytes of words as i32, four neighbours along ``axis`` of each."""
    axis %= words.ndim
    parts = np.moveaxis(np.ascontiguousarray(words)[..., None].view(dtype), -1, axis + 1)
    shape = (*words.shape[:axis], 4 * words.shape[axis], *words.shape[axis + 1 :])
    return parts.reshape(shape).astype(np.int32)


def packed(numbers: np.ndarray, axis: int) -> np.ndarray:
    """Integers that bytes hold as words, zeros where the last word of an axis is not full."""
    axis %= numbers.ndim
    short = -numbers.shape[axis] % 4
    numbers = np.pad(numbers, [(0, short if a == axis else 0) for a in range(numbers.ndim)])
    shape = (*numbers.shape[:axis], numbers.shape[axis] // 4, 4, *numbers.shape[axis + 1 :])
    parts = np.moveaxis((numbers & 255).astype(np.uint8).reshape(shape), axis + 1, -1)
    return np.ascontiguousarray(parts).view("<i4")[..., 0]


def _dot4_type(x: Type, y: Type, transpose_x: bool, transpose_y: bool) -> Type:
    _words("dot4", x, y)
    return dot_type(x, y, transpose_x, transpose_y)


def _dot4_array(x, y, transpose_x, transpose_y):
    x, y = (np.swapaxes(a, -1, -2) if flag else a for a, flag in ((x, transpose_x), (y, transpose_y)))
    return np.matmul(unpacked(x, np.uint8, -1), unpacked(y, np.int8, -2))


declare(Prim("dot4", _dot4_type, _dot4_array, nest="dot4"))


def dot4(x: Node, y: Node) -> Node:
    """The products of the bytes of ``x[..., m, k/4]``, unsigned, with those of ``y[..., k/4, n]``, signed, summed over k."""
    return apply("dot4", x, y, transpose_x=False, transpose_y=False)


def _conv4_type(x: Type, w: Type, stride, low, high, dilation, x_dilation, groups: int, fill: int) -> Type:
    _words("conv4", x, w)
    if any(s != 1 for s in x_dilation) or not 0 <= fill <= 255:
        raise UsageError("conv4: the input has no holes, and the fill is a byte")
    return conv_type(x, w, stride, low, high, dilation, x_dilation, groups)


def _conv4_array(x, w, stride, low, high, dilation, x_dilation, groups, fill):
    x = stretch(unpacked(x, np.uint8, -1) - np.int32(fill), low, high, x_dilation) + np.int32(fill)
    none = (0,) * len(low)
    return conv_array(x, unpacked(w, np.int8, -2), stride, none, none, dilation, x_dilation, groups)


declare(Prim("conv4", _conv4_type, _conv4_array, nest="conv4"))


def conv4(x: Node, w: Node, attrs: dict, fill: int = 0) -> Node:
    """The convolution of ``x`` [n, *spatial, c/4], unsigned bytes, with ``w`` [*k, c/groups/4, o], signed ones.

    Args:
        attrs: those of ``conv``. fill: the byte that stands in the padding.
    """
    return apply("conv4", x, w, **attrs, fill=fill)
