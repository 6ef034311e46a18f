"""Randomly changed images: flips, brightness, contrast, hue, saturation and crops, under TensorFlow's names.

Every change draws from a place in a stream of random numbers (key, counter); the ``stateless_*`` forms find that place
from a seed of two integers, as ``lib.stateless`` does, and so draw TensorFlow's numbers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins
from graphc.lib import color, math, random
from graphc.lib.codec import adjust_jpeg_quality
from graphc.lib.crop import check_image
from graphc.lib.dims import dim, dim_node, shape_of
from graphc.lib.promote import as_node, broadcast_to
from graphc.lib.resample import take
from graphc.lib.stateless import place_of
from graphc.prims.table import apply


def _stateless(function: Callable) -> Callable:
    """The form of a random function that is given a seed last instead of a place in a stream first."""
    name = f"stateless_{function.__name__}"

    def op(*args, **kwargs) -> Node:
        found = dict(signature.bind(*args, **kwargs).arguments)
        return function(*place_of(name, found.pop("seed")), **found)

    own = list(inspect.signature(function).parameters.values())[2:]
    signature = inspect.Signature([*own, inspect.Parameter("seed", inspect.Parameter.POSITIONAL_OR_KEYWORD)])
    op.__signature__ = signature
    op.__name__ = op.__qualname__ = name
    summary = function.__doc__.split("\n")[0]
    op.__doc__ = f"{summary} The same for the same ``seed``, two integers."
    return op


# ------------------------------------------------------------------------------------------------- flips


def _flipped(op: str, key: Node, counter: Node, image, back: int) -> Node:
    """One draw for an image, one for each image of a batch."""
    x = check_image(op, image)
    mirrored = apply("reverse", x, axes=(len(x.shape) - back,))
    if len(x.shape) == 3:
        turn = math.less(random.uniform(key, counter, ()), 0.5)
        return apply("select", broadcast_to(turn, x.shape), mirrored, x)
    turn = math.not_equal(apply("round", random.uniform(key, counter, x.shape[:1])), 0.0)
    return apply("select", apply("broadcast", turn, shape=x.shape, axes=(0,)), mirrored, x)


def random_flip_left_right(key: Node, counter: Node, image) -> Node:
    """The image, or its mirror image with a probability of one half; each image of a batch for itself."""
    return _flipped("random_flip_left_right", key, counter, image, 2)


def random_flip_up_down(key: Node, counter: Node, image) -> Node:
    """The image, or it upside down with a probability of one half; each image of a batch for itself."""
    return _flipped("random_flip_up_down", key, counter, image, 3)


# ----------------------------------------------------------------------------------------- adjustments


def _between(op: str, key: Node, counter: Node, lower: float, upper: float) -> Node:
    if upper <= lower or lower < 0:
        raise UsageError(explain(f"{op}: lower must be at least 0 and below upper, got {lower} and {upper}"))
    return random.uniform(key, counter, (), float(lower), float(upper))


def _around(op: str, key: Node, counter: Node, most: float, limit: float | None = None) -> Node:
    if most < 0 or (limit is not None and most > limit):
        span = "must not be negative" if limit is None else f"must lie in [0, {limit}]"
        raise UsageError(explain(f"{op}: max_delta {span}, got {most}"))
    return random.uniform(key, counter, (), -float(most), float(most))


def random_brightness(key: Node, counter: Node, image, max_delta) -> Node:
    """``adjust_brightness`` by a random number in [-max_delta, max_delta)."""
    return color.adjust_brightness(image, _around("random_brightness", key, counter, max_delta))


def random_contrast(key: Node, counter: Node, image, lower, upper) -> Node:
    """``adjust_contrast`` by a random factor in [lower, upper)."""
    return color.adjust_contrast(image, _between("random_contrast", key, counter, lower, upper))


def random_hue(key: Node, counter: Node, image, max_delta) -> Node:
    """``adjust_hue`` by a random number in [-max_delta, max_delta); at most 0.5."""
    return color.adjust_hue(image, _around("random_hue", key, counter, max_delta, 0.5))


def random_saturation(key: Node, counter: Node, image, lower, upper) -> Node:
    """``adjust_saturation`` by a random factor in [lower, upper)."""
    return color.adjust_saturation(image, _between("random_saturation", key, counter, lower, upper))


def random_jpeg_quality(key: Node, counter: Node, image, min_jpeg_quality, max_jpeg_quality) -> Node:
    """``adjust_jpeg_quality`` by a random quality in [min_jpeg_quality, max_jpeg_quality). Runs on the host.

    Raises:
        UsageError: the limits are not in order, or not in 0..100.
    """
    low, high = min_jpeg_quality, max_jpeg_quality
    if not 0 <= low < high <= 100:
        what = f"random_jpeg_quality: the limits must be in order and in 0..100, got {low} and {high}"
        raise UsageError(explain(what))
    return adjust_jpeg_quality(image, random.uniform(key, counter, (), int(low), int(high), dt.i32))


# ------------------------------------------------------------------------------------------------- crops


def random_crop(key: Node, counter: Node, value, size) -> Node:
    """A part of this size from a random place, the same for all axes that have this size already.

    Raises:
        ShapeError: not one size for each axis, or a size that exceeds the axis.
    """
    x, wanted = as_node(value), shape_of(size, "random_crop")
    if len(wanted) != len(x.shape):
        what = f"random_crop: needs one size for each axis of {x.type}, got {len(wanted)}"
        raise ShapeError(explain(what, origins(value=x)))
    for k, (n, m) in enumerate(zip(x.shape, wanted)):
        if type(n) is int and type(m) is int and m > n:
            raise ShapeError(explain(f"random_crop: size {m} exceeds axis {k} of {x.type}", origins(value=x)))
    if not wanted:
        return x
    draws = random.uniform(key, counter, (len(wanted),), 0, _HIGHEST, dt.i32)
    for k, (n, m) in enumerate(zip(x.shape, wanted)):
        if n is m or n == m:
            continue
        free = apply("cast", dim_node(dim(n - m) + 1), dtype=dt.i32)
        one = apply("reshape", apply("slice", draws, start=(k,), stop=(k + 1,), step=(1,)), shape=())
        x = _cut(x, k, apply("mod", one, free), m)
    return x


_HIGHEST = 2**31 - 1


def _cut(x: Node, axis: int, start: Node, size) -> Node:
    """``size`` elements from a place that is known only while running."""
    places = apply("iota", shape=(size,), axis=0, dtype=dt.i32)
    return take(x, axis, apply("add", places, broadcast_to(start, (size,))))


stateless_random_flip_left_right = _stateless(random_flip_left_right)
stateless_random_flip_up_down = _stateless(random_flip_up_down)
stateless_random_brightness = _stateless(random_brightness)
stateless_random_contrast = _stateless(random_contrast)
stateless_random_hue = _stateless(random_hue)
stateless_random_saturation = _stateless(random_saturation)
stateless_random_jpeg_quality = _stateless(random_jpeg_quality)
stateless_random_crop = _stateless(random_crop)
