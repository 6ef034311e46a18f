"""correlate: the gradient of a convolution with respect to its filter, one operation for which there is a kernel.

Programs are not written with it: a pass puts it in the place of a convolution between transpositions that says the same.
"""

from __future__ import annotations

import itertools

import numpy as np

from graphc.errors import ShapeError
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.prims.contract import conv, conv_input
from graphc.prims.reduce import WIDE, narrow
from graphc.prims.table import Prim, apply, declare


def _type(x: Type, g: Type, kernel, stride, low, dilation) -> Type:
    if x.rank != g.rank or x.dtype is not g.dtype or x.shape[0] != g.shape[0]:
        raise ShapeError(f"correlate: operands do not fit, {x} x {g}")
    if not len(kernel) == len(stride) == len(low) == len(dilation) == x.rank - 2:
        raise ShapeError(f"correlate: every window attribute needs {x.rank - 2} numbers, {x} x {g}")
    return Type(x.dtype, (*kernel, x.shape[-1], g.shape[-1]))


def _array(x, g, kernel, stride, low, dilation):
    dtype, wide = x.dtype, WIDE.get(x.dtype, x.dtype)
    x, g = x.astype(wide), g.astype(wide)
    out = np.zeros((*kernel, x.shape[-1], g.shape[-1]), wide)
    for tap in itertools.product(*map(range, kernel)):
        piece = x
        for a, (t, s, b, d, n) in enumerate(zip(tap, stride, low, dilation, g.shape[1:-1]), 1):
            places = np.arange(n) * s + t * d - b
            inside = (places >= 0) & (places < x.shape[a])
            shape = [-1 if k == a else 1 for k in range(x.ndim)]
            piece = piece.take(np.clip(places, 0, max(0, x.shape[a] - 1)), a) if x.shape[a] else np.zeros(
                (*piece.shape[:a], n, *piece.shape[a + 1 :]), wide)  # fmt: skip
            piece = np.where(inside.reshape(shape), piece, 0)
        out[tap] = piece.reshape(-1, x.shape[-1]).T @ g.reshape(-1, g.shape[-1])
    return narrow(out, dtype)


def _vjp(h, out, x, g, kernel, stride, low, dilation):
    ones = (1,) * len(kernel)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    high = [(n - 1) * s + r - b - m for n, s, r, b, m in zip(g.shape[1:-1], stride, reach, low, x.shape[1:-1])]
    return conv_input(g, h, x.shape, stride, low, dilation, ones, 1), conv(x, h, stride, low, high, dilation)


declare(Prim("correlate", _type, _array, _vjp, nest="correlate"))


def correlate(x: Node, g: Node, kernel, stride, low, dilation) -> Node:
    """out[*k, c, o] = sum over (n, *p) of x[n, *(p*stride - low + k*dilation), c] * g[n, *p, o]; x is 0 outside."""
    window = {"kernel": kernel, "stride": stride, "low": low, "dilation": dilation}
    return apply("correlate", x, g, **{name: tuple(v) for name, v in window.items()})
