"""First values of weights from a place in a random stream: scaled variance, orthogonal matrices, identity."""

from __future__ import annotations

import math as python_math

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import math, random
from graphc.lib.dims import shape_of, size
from graphc.lib.draw import float_dtype, splat
from graphc.lib.promote import as_node, broadcast_to, shape_text
from graphc.lib.stateless import place_of
from graphc.prims.control import results_of
from graphc.prims.linalg import qr
from graphc.prims.table import apply

MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform", "normal")
_SEED_SPAN = 2**31 - 1
_KEPT = 0.87962566103423978  # the standard deviation of a normal distribution cut at two deviations


def fans(shape) -> tuple[float, float]:
    """How many inputs and outputs a weight of this shape connects."""
    if len(shape) < 2:
        n = float(shape[0]) if shape else 1.0
        return n, n
    field = float(python_math.prod(shape[:-2]))
    return shape[-2] * field, shape[-1] * field


def check_scaling(scale, mode: str, distribution: str) -> None:
    """Refuse arguments that ``variance_scaling`` does not know.

    Raises:
        UsageError: one of them is unknown, or the scale is not positive.
    """
    if not scale > 0:
        raise UsageError(explain(f"VarianceScaling: the scale must be positive, got {scale}"))
    if mode not in MODES:
        raise UsageError(explain(f"VarianceScaling: mode {mode!r} is not fan_in, fan_out or fan_avg"))
    if distribution not in DISTRIBUTIONS:
        raise UsageError(explain(f"VarianceScaling: unknown distribution {distribution!r}"))


def variance_scaling(key: Node, counter: Node, shape, scale=1.0, mode="fan_in", distribution="truncated_normal",
                     dtype=dt.f32, whole=None) -> Node:  # fmt: skip
    """Random with a variance of ``scale`` divided by the number of inputs, outputs, or their mean.

    ``whole``: the shape of the weight that this is a part of.
    """
    check_scaling(scale, mode, distribution)
    shape = known_shape("VarianceScaling", shape)
    fan_in, fan_out = fans(shape if whole is None else whole)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    variance = scale / max(1.0, fan)
    if distribution == "uniform":
        limit = python_math.sqrt(3.0 * variance)
        return random.uniform(key, counter, shape, -limit, limit, float_dtype("VarianceScaling", dtype))
    if distribution == "untruncated_normal":
        return random.normal(key, counter, shape, 0.0, python_math.sqrt(variance), dtype)
    return random.truncated_normal(key, counter, shape, 0.0, python_math.sqrt(variance) / _KEPT, dtype)


def orthogonal(key: Node, counter: Node, shape, gain=1.0, dtype=dt.f32) -> Node:
    """A matrix [all sizes but the last, the last one] with orthonormal columns or rows, times ``gain``.

    The factorisation runs on the host.

    Raises:
        ShapeError: the shape has fewer than two axes.
    """
    shape = known_shape("Orthogonal", shape)
    if len(shape) < 2:
        raise ShapeError(explain(f"Orthogonal: the shape needs two axes or more, got {shape_text(shape)}"))
    rows, columns = size(shape[:-1]), shape[-1]
    tall = max(rows, columns), min(rows, columns)
    q, r = results_of(qr(random.normal(key, counter, tall, dtype=dtype)))
    eye = _eye(tall[1], tall[1], r.dtype)
    diagonal = apply("reduce", apply("mul", apply("slice", r, start=(0, 0), stop=eye.shape, step=(1, 1)), eye),
                     kind="sum", axes=(0,))  # fmt: skip
    q = apply("mul", q, broadcast_to(apply("sign", diagonal), q.shape))
    if rows < columns:
        q = apply("transpose", q, perm=(1, 0))
    return math.multiply(apply("reshape", q, shape=shape), as_node(gain, q.dtype))


def identity(shape, gain=1.0, dtype=dt.f32) -> Node:
    """``gain`` where row and column agree, else 0.

    Raises:
        ShapeError: the shape is not that of a matrix.
    """
    shape, kind = known_shape("Identity", shape), dt.as_dtype(dtype)
    if len(shape) != 2:
        raise ShapeError(explain(f"Identity: the shape needs two axes, got {shape_text(shape)}"))
    return math.multiply(_eye(*shape, kind), as_node(gain, kind))


def _eye(rows: int, columns: int, dtype) -> Node:
    row, column = (apply("iota", shape=(rows, columns), axis=k, dtype=dt.i64) for k in range(2))
    return apply("select", apply("eq", row, column), splat(1, dtype, row.shape), splat(0, dtype, row.shape))


def known_shape(op: str, shape) -> tuple[int, ...]:
    """A shape of ints.

    Raises:
        ShapeError: a size is not known.
    """
    shape = shape_of(shape, op)
    if not all(type(d) is int for d in shape):
        raise ShapeError(explain(f"{op}: the sizes must be known, got {shape_text(shape)}"))
    return shape


def seeded(function, seed: int, **arguments) -> Node:
    """A random initial value that a seed alone decides, as TensorFlow 2's initialisers draw it."""
    return function(*place_of("initializer", [seed % _SEED_SPAN, 0]), **arguments)
