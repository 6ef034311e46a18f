"""Discrete Fourier transforms of known lengths as products with constant matrices: compiled, and differentiable.

A long transform is made of short ones: of ``a * b`` elements, one of ``a`` elements, a turn of each element, and one of
``b`` elements. Real and imaginary parts are separate Nodes.
"""

from __future__ import annotations

import numpy as np

from graphc.ir.node import Node, const
from graphc.lib import linalg, math
from graphc.lib.shape import concat, part, reshape, reverse, transpose

_SHORT = 128  # elements of a transform that is one product
_PART = 64  # elements of a part of a longer one
_PRIME = 1024  # elements of a transform that has no parts, and still is one product
_LONGEST = 1 << 20


def is_product(n) -> bool:
    """Whether a transform of ``n`` elements is made of products: its size is known and has small factors."""
    if type(n) is not int or not 1 <= n <= _LONGEST:
        return False
    while n > _SHORT:
        a = _factor(n)
        if a == 1:
            return n <= _PRIME
        n //= a
    return True


def _factor(n: int) -> int:
    """The largest divisor that a part of a transform may have."""
    return max(a for a in range(1, _PART + 1) if n % a == 0)


def fourier(real: Node, imaginary: Node | None, inverse: bool = False, bins: int | None = None) -> tuple[Node, Node]:
    """The transform over the last axis.

    Args:
        real, imaginary: f32 or f64 [..., n], where ``is_product(n)``; no imaginary part means real numbers.
        inverse: the inverse transform, which divides by n.
        bins: how many of the first frequencies are wanted; all by default.
    """
    n = real.shape[-1]
    bins = n if bins is None else bins
    turned = _transformed(real, imaginary, -1 if inverse else 1, bins)
    return tuple(math.divide(x, float(n)) for x in turned) if inverse else turned


def _transformed(real: Node, imaginary: Node | None, sign: int, bins: int) -> tuple[Node, Node]:
    n = real.shape[-1]
    a = 1 if n <= _SHORT else _factor(n)
    if a == 1:
        return _product(real, imaginary, sign, bins)
    b, lead = n // a, real.shape[:-1]
    swap = (*range(len(lead)), len(lead) + 1, len(lead))
    parts = [None if x is None else transpose(reshape(x, (*lead, a, b)), swap) for x in (real, imaginary)]
    re, im = _turned(*_product(*parts, sign, a), n, sign)
    re, im = _transformed(transpose(re, swap), transpose(im, swap), sign, b)
    return tuple(part(reshape(transpose(x, swap), (*lead, n)), len(lead), 0, bins) for x in (re, im))


def _product(real: Node, imaginary: Node | None, sign: int, bins: int) -> tuple[Node, Node]:
    """One product, of both parts side by side."""
    n, axis = real.shape[-1], len(real.shape) - 1
    turn = np.outer(np.arange(n), np.arange(bins)) % n * (2 * np.pi / n)
    cos, sin = np.cos(turn), np.sin(turn) * sign
    rows = [[cos, -sin]] if imaginary is None else [[cos, -sin], [sin, cos]]
    matrix = const(np.block(rows).astype(real.dtype.numpy))
    out = linalg.matmul(real if imaginary is None else concat([real, imaginary], axis), matrix)
    return part(out, axis, 0, bins), part(out, axis, bins, 2 * bins)


def _turned(re: Node, im: Node, n: int, sign: int) -> tuple[Node, Node]:
    """Element [..., j, k] times ``exp(-2 pi i j k / n)``."""
    j, k = re.shape[-2:]
    turn = np.outer(np.arange(j), np.arange(k)) % n * (2 * np.pi / n)
    cos, sin = (const(f.astype(re.dtype.numpy)) for f in (np.cos(turn), np.sin(turn) * sign))
    return (math.add(math.multiply(re, cos), math.multiply(im, sin)),
            math.subtract(math.multiply(im, cos), math.multiply(re, sin)))  # fmt: skip


def whole_spectrum(re: Node, im: Node, n: int) -> tuple[Node, Node]:
    """The n frequencies of a real signal, of the first ``n // 2 + 1`` of them."""
    axis = len(re.shape) - 1
    mirrored = [reverse(part(x, axis, 1, (n + 1) // 2), axis) for x in (re, im)]
    return concat([re, mirrored[0]], axis), concat([im, math.negative(mirrored[1])], axis)
