"""How alike two images are: peak signal-to-noise ratio and structural similarity, under TensorFlow's names."""

from __future__ import annotations

import math as python_math

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins, simplified
from graphc.lib import math, reduction
from graphc.lib.color import convert_image_dtype
from graphc.lib.dims import integer
from graphc.lib.nn import relu
from graphc.lib.promote import adopt, together
from graphc.lib.shape import part
from graphc.prims.table import apply

_POWERS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def _pair(op: str, a, b, max_val) -> tuple[Node, Node, Node]:
    """Two images and the largest value in float32.

    Raises:
        DtypeError: the dtypes differ. ShapeError: fewer than 3 axes, or the last three differ.
    """
    x, y = adopt(op, a, b)
    if min(len(x.shape), len(y.shape)) < 3:
        raise ShapeError(explain(f"{op}: needs images of at least 3 axes, {x.type} and {y.type}", origins(x=x, y=y)))
    for m, n in zip(x.shape[-3:], y.shape[-3:]):
        if type(m) is int and type(n) is int and m != n:
            raise ShapeError(explain(f"{op}: the images differ in size, {x.type} and {y.type}", origins(x=x, y=y)))
    if isinstance(max_val, Node):
        most = math.cast(max_val, x.dtype)
    elif x.dtype.is_integer or x.dtype.is_float:
        most = const(np.asarray(max_val).astype(x.dtype.numpy))
    else:
        raise DtypeError(explain(f"{op}: needs numbers, not {x.type}", origins(x=x)))
    if most.shape:
        raise ShapeError(explain(f"{op}: max_val must be a scalar, not {most.type}", origins(max_val=most)))
    return tuple(convert_image_dtype(v, dt.f32) for v in (x, y, most))


def psnr(a, b, max_val) -> Node:
    """Peak signal-to-noise ratio in decibels of images (the last three axes), float32."""
    x, y, most = _pair("psnr", a, b, max_val)
    error = reduction.reduce_mean(math.squared_difference(x, y), (-3, -2, -1))
    peak = apply("log", most) * (20.0 / python_math.log(10.0))
    return math.subtract(peak, apply("log", error) * (10.0 / python_math.log(10.0)))


def ssim(img1, img2, max_val, filter_size=11, filter_sigma=1.5, k1=0.01, k2=0.03, return_index_map=False) -> Node:
    """Structural similarity of images (the last three axes), float32.

    Args:
        max_val: the difference between the largest and the smallest possible value.
        filter_size, filter_sigma: of the Gaussian window.
        k1, k2: small constants that keep quotients finite.
        return_index_map: one value for each place of the window, instead of their mean.

    Raises:
        ShapeError: the images differ in size or are smaller than the window.
    """
    x, y, most = _pair("ssim", img1, img2, max_val)
    window = _window("ssim", filter_size, filter_sigma)
    luminance, contrast = _similarity("ssim", x, y, most, window, k1, k2)
    both = apply("mul", luminance, contrast)
    return reduction.reduce_mean(both, (-1,) if return_index_map else (-3, -2, -1))


def ssim_multiscale(img1, img2, max_val, power_factors=_POWERS, filter_size=11, filter_sigma=1.5, k1=0.01,
                    k2=0.03) -> Node:  # fmt: skip
    """Structural similarity over several scales, each half the size of the one before, float32.

    Args:
        power_factors: the weight of each scale; their number is that of the scales.

    Raises:
        ShapeError: the images differ in size, or the last scale is smaller than the window.
    """
    op = "ssim_multiscale"
    x, y, most = _pair(op, img1, img2, max_val)
    window, factors = _window(op, filter_size, filter_sigma), [float(p) for p in power_factors]
    if not factors:
        raise UsageError(explain(f"{op}: power_factors must not be empty", origins(img1=x)))
    product = None
    for k, factor in enumerate(factors):
        if k:
            x, y = _halved(x), _halved(y)
        luminance, contrast = _similarity(op, x, y, most, window, k1, k2)
        part_ = contrast if k + 1 < len(factors) else apply("mul", luminance, contrast)
        mean = relu(reduction.reduce_mean(part_, (-3, -2)))
        term = math.pow(mean, factor)
        product = term if product is None else apply("mul", product, term)
    return reduction.reduce_mean(product, (-1,))


def _window(op: str, size, sigma) -> np.ndarray:
    """Gaussian weights along one axis, adding up to 1; the window is their outer product."""
    n = integer(op, "filter_size", size)
    if n < 1:
        raise UsageError(explain(f"{op}: filter_size must be positive, got {n}"))
    places = np.arange(n, dtype=np.float64) - (n - 1) / 2
    weights = np.exp(places**2 * (-0.5 / float(sigma) ** 2))
    return weights / weights.sum()


def _similarity(op: str, x: Node, y: Node, most: Node, window: np.ndarray, k1, k2) -> tuple[Node, Node]:
    """Luminance and contrast-structure of every place of the window."""
    x, y = together(op, x, y)
    c1, c2 = (math.square(most * float(k)) for k in (k1, k2))
    mean_x, mean_y = _blurred(op, x, window), _blurred(op, y, window)
    cross = apply("mul", mean_x, mean_y) * 2.0
    squares = apply("add", math.square(mean_x), math.square(mean_y))
    luminance = apply("div", math.add(cross, c1), math.add(squares, c1))
    products = _blurred(op, apply("mul", x, y), window) * 2.0
    powers = _blurred(op, apply("add", math.square(x), math.square(y)), window)
    contrast = apply("div", math.add(apply("sub", products, cross), c2), math.add(apply("sub", powers, squares), c2))
    return luminance, contrast


def _blurred(op: str, x: Node, window: np.ndarray) -> Node:
    """Weighted means over all places where the window fits, along height, then along width."""
    rank, n = len(x.shape), len(window)
    for axis in (rank - 3, rank - 2):
        have = x.shape[axis]
        if type(have) is int and have < n:
            what = f"{op}: a window of {n} does not fit into axis {axis} of {x.type}"
            raise ShapeError(explain(what, origins(x=x)))
        total = None
        for k, weight in enumerate(window):
            term = part(x, axis, k, simplified(have - (n - 1 - k))) * float(weight)
            total = term if total is None else apply("add", total, term)
        x = total
    return x


def _halved(x: Node) -> Node:
    """Means of 2 x 2 pixels; a last odd row or column counts twice."""
    rank = len(x.shape)
    for axis in (rank - 3, rank - 2):
        x = _half(x, axis)
    return x


def _half(x: Node, axis: int) -> Node:
    n = x.shape[axis]
    count = simplified((n + 1) // 2)
    if simplified(n % 2) != 0:
        x = apply("concat", x, part(x, axis, simplified(n - n % 2), n), axis=axis)
        x = apply("ensure", x, shape=(*x.shape[:axis], simplified(count * 2), *x.shape[axis + 1 :]))
    pairs = apply("reshape", x, shape=(*x.shape[:axis], count, 2, *x.shape[axis + 1 :]))
    return reduction.reduce_sum(pairs, axis + 1) * 0.5
