"""Activations, cross entropies and other parts of neural networks under TensorFlow's names."""

from __future__ import annotations

import math as python_math

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const_value, origins
from graphc.lib import math, random, reduction, stateless
from graphc.lib.dims import axis_of, shape_of
from graphc.lib.math import full_like, require_inexact
from graphc.lib.promote import as_node, broadcast_to, elementwise
from graphc.prims.table import apply

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _floating(op: str, x) -> Node:
    return require_inexact(op, as_node(x))


def _real(op: str, x) -> Node:
    x = as_node(x)
    if not x.dtype.is_float:
        raise DtypeError(explain(f"{op}: needs a real floating operand, not {x.type}", origins(x=x)))
    return x


def _choose(condition: Node, x: Node, y: Node) -> Node:
    return apply("select", condition, x, y)


def _positive(x: Node) -> Node:
    return apply("lt", full_like(x, 0), x)


def _parts(x: Node) -> tuple[Node, Node]:
    """``max(x, 0)`` and ``-|x|`` by one comparison, so that a sum of terms in them has the right slope at 0 too."""
    zero = full_like(x, 0)
    below = apply("lt", x, zero)
    return _choose(below, zero, x), _choose(below, x, apply("neg", x))


def relu(features) -> Node:
    """``max(x, 0)``; its slope at 0 is 0."""
    x = as_node(features)
    return apply("max", full_like(x, 0), x)  # where operands are equal, the gradient goes to the first


def relu6(features) -> Node:
    """``min(max(x, 0), 6)``; its slope at 0 and at 6 is 0."""
    x = as_node(features)
    return apply("min", full_like(x, 6), relu(x))


def crelu(features, axis=-1) -> Node:
    """``relu`` of the features and of their negatives, joined along ``axis``."""
    x = as_node(features)
    return relu(apply("concat", x, apply("neg", x), axis=axis_of("crelu", axis, x)))


def leaky_relu(features, alpha=0.2) -> Node:
    """``x`` where positive, ``alpha * x`` elsewhere; integers become float32."""
    x = as_node(features)
    x = math.cast(x, dt.f32) if x.dtype.is_integer else _floating("leaky_relu", x)
    return _choose(_positive(x), x, math.multiply(x, alpha))


def scaled_elu(x, alpha) -> Node:
    """``x``, and ``alpha * (exp(x) - 1)`` where negative."""
    x = _floating("elu", x)
    zero = full_like(x, 0)
    below = apply("expm1", apply("min", x, zero))
    return _choose(apply("lt", x, zero), math.multiply(below, alpha), x)


def elu(features) -> Node:
    """``x``, and ``exp(x) - 1`` where negative."""
    return scaled_elu(features, 1.0)


def selu(features) -> Node:
    """The self-normalising ``elu``."""
    return math.multiply(scaled_elu(features, SELU_ALPHA), SELU_SCALE)


def softplus(features) -> Node:
    """``log(1 + exp(x))`` without overflow."""
    positive, falling = _parts(_floating("softplus", features))
    return apply("add", positive, apply("log1p", apply("exp", falling)))


def softsign(features) -> Node:
    """``x / (1 + |x|)``."""
    x = _floating("softsign", features)
    return apply("div", x, apply("add", full_like(x, 1), apply("abs", x)))


def silu(features, beta=1.0) -> Node:
    """``x * sigmoid(beta * x)``."""
    x = _floating("silu", features)
    plain = isinstance(beta, (int, float)) and beta == 1
    return math.multiply(x, apply("sigmoid", x if plain else math.multiply(x, beta)))


def gelu(features, approximate=False) -> Node:
    """``x * P(X <= x)`` for a standard normal X, exactly or by the tanh formula."""
    x = _floating("gelu", features)
    if approximate:
        cubic = math.multiply(apply("mul", apply("mul", x, x), x), 0.044715)
        inner = apply("tanh", math.multiply(apply("add", x, cubic), 0.7978845608028654))
    else:
        inner = apply("erf", math.multiply(x, 0.7071067811865476))
    return apply("mul", math.multiply(x, 0.5), apply("add", inner, full_like(x, 1)))


def log_sigmoid(x) -> Node:
    """``log(sigmoid(x))`` without underflow."""
    return apply("neg", softplus(apply("neg", _floating("log_sigmoid", x))))


def softmax(logits, axis=None) -> Node:
    """``exp(x) / sum(exp(x))`` along ``axis``, shifted so that nothing overflows."""
    x = _floating("softmax", logits)
    axes = (axis_of("softmax", -1 if axis is None else axis, x),)
    e = apply("exp", math.subtract(x, _top(x, axes)))
    return math.multiply(e, math.reciprocal(reduction.reduce("softmax", "sum", e, axes, True)))


def log_softmax(logits, axis=None) -> Node:
    """``x - log(sum(exp(x)))`` along ``axis``, shifted so that nothing overflows."""
    x = _floating("log_softmax", logits)
    axes = (axis_of("log_softmax", -1 if axis is None else axis, x),)
    shifted = math.subtract(x, _top(x, axes))
    total = reduction.reduce("log_softmax", "sum", apply("exp", shifted), axes, True)
    return math.subtract(shifted, apply("log", total))


def _top(x: Node, axes: tuple) -> Node:
    return apply("stop", reduction.reduce("softmax", "max", x, axes, True))


def softmax_cross_entropy_with_logits(labels, logits, axis=-1) -> Node:
    """``-sum(labels * log_softmax(logits))`` along ``axis``; labels of another dtype become that of the logits.

    Raises:
        DtypeError: the logits are not floating. ShapeError: labels and logits do not fit together.
    """
    logits = _floating("softmax_cross_entropy_with_logits", logits)
    labels = math.cast(labels, logits.dtype)
    k = axis_of("softmax_cross_entropy_with_logits", axis, logits)
    logp = log_softmax(logits, k)
    product = elementwise("mul", labels, logp, name="softmax_cross_entropy_with_logits")
    return apply("neg", apply("reduce", product, kind="sum", axes=(axis_of("reduce", k - len(logits.shape), product),)))


def sparse_softmax_cross_entropy_with_logits(labels, logits) -> Node:
    """``-log_softmax(logits)[label]`` for integer labels; NaN where a label is out of range.

    Raises:
        DtypeError: labels are not integers.
        ShapeError: labels are not of the logits' shape without the last axis.
    """
    name = "sparse_softmax_cross_entropy_with_logits"
    x, t = _floating(name, logits), as_node(labels)
    if not t.dtype.is_integer:
        raise DtypeError(explain(f"{name}: labels must be integers, not {t.type}", origins(labels=t, logits=x)))
    if len(t.shape) != len(x.shape) - 1:
        what = f"{name}: labels {t.type} must have one axis less than logits {x.type}"
        raise ShapeError(explain(what, origins(labels=t, logits=x)))
    t = broadcast_to(t, x.shape[:-1], name)
    spread = apply("broadcast", t, shape=x.shape, axes=tuple(range(len(t.shape))))
    hit = apply("eq", spread, apply("iota", shape=x.shape, axis=len(t.shape), dtype=t.dtype))
    logp = log_softmax(x)
    picked = apply("reduce", _choose(hit, logp, full_like(logp, 0)), kind="sum", axes=(len(t.shape),))
    found = apply("reduce", hit, kind="any", axes=(len(t.shape),))
    return _choose(found, apply("neg", picked), full_like(picked, float("nan")))


def sigmoid_cross_entropy_with_logits(labels=None, logits=None) -> Node:
    """``-labels * log(p) - (1 - labels) * log(1 - p)`` with ``p = sigmoid(logits)``, without overflow."""
    if labels is None or logits is None:
        raise UsageError(explain("sigmoid_cross_entropy_with_logits: pass both labels and logits"))
    x = _floating("sigmoid_cross_entropy_with_logits", logits)
    product = math.multiply(x, labels)
    positive, falling = _parts(x)
    return math.add(math.subtract(positive, product), apply("log1p", apply("exp", falling)))


def weighted_cross_entropy_with_logits(labels, logits, pos_weight) -> Node:
    """``sigmoid_cross_entropy_with_logits`` with positive examples weighted by ``pos_weight``."""
    x = _floating("weighted_cross_entropy_with_logits", logits)
    z = as_node(labels) if isinstance(labels, Node) else as_node(labels, x.dtype)
    weight = math.add(math.multiply(math.subtract(pos_weight, full_like(x, 1)), z), 1.0)
    smooth = softplus(apply("neg", x))
    return math.add(math.multiply(math.subtract(1.0, z), x), math.multiply(weight, smooth))


def log_poisson_loss(targets, log_input, compute_full_loss=False) -> Node:
    """``exp(log_input) - log_input * targets``; with the full loss, Stirling's approximation of ``log(targets!)`` too.

    Raises:
        ShapeError: the shapes differ.
    """
    x = _floating("log_poisson_loss", log_input)
    z = as_node(targets, x.dtype)
    result = math.subtract(apply("exp", x), math.multiply(x, z))
    if not compute_full_loss:
        return result
    half = math.multiply(apply("log", math.multiply(z, 2 * python_math.pi)), 0.5)
    stirling = math.add(math.subtract(apply("mul", z, apply("log", z)), z), half)
    small = math.logical_and(math.greater_equal(z, 0.0), math.less_equal(z, 1.0))
    return math.add(result, _choose(small, full_like(z, 0), stirling))


def bias_add(value, bias, data_format=None) -> Node:
    """A vector added along the last axis (axis 1 for ``NC...`` layouts).

    Raises:
        ShapeError: the bias is no vector or has another size than that axis.
    """
    x, b = as_node(value), as_node(bias)
    if len(b.shape) != 1 or len(x.shape) < 2:
        raise ShapeError(
            explain(f"bias_add: needs a vector added to rank >= 2, got {x.type} + {b.type}", origins(x=x, y=b))
        )
    if data_format is not None and data_format.startswith("NC"):
        b = apply("reshape", b, shape=(*b.shape, *(1,) * (len(x.shape) - 2)))
    return elementwise("add", x, b, name="bias_add")


def l2_loss(t) -> Node:
    """Half the sum of squares."""
    x = _real("l2_loss", t)
    return math.multiply(reduction.reduce_sum(math.square(x)), 0.5)


def dropout(key: Node, counter: Node, x, rate, noise_shape=None) -> Node:
    """``x`` with elements zeroed with probability ``rate`` and the others scaled by ``1 / (1 - rate)``.

    Args:
        key, counter: what ``random.uniform`` draws from.
        noise_shape: shape of the mask; 1 or None for an axis that is dropped as a whole or kept as it is.

    Raises:
        UsageError: ``rate`` is a known number outside [0, 1).
    """
    x = _real("dropout", x)
    known = const_value(rate) if isinstance(rate, (int, float, Node)) else float(rate)
    if known is not None and not 0 <= known < 1:
        raise UsageError(explain(f"dropout: rate must lie in [0, 1), got {known}", origins(x=x)))
    if known == 0:
        return x
    mask_shape = x.shape if noise_shape is None else _noise_shape(x, noise_shape)
    rate = as_node(rate, x.dtype)
    draw = random.uniform(key, counter, mask_shape, 0.0, 1.0, dt.f64 if x.dtype is dt.f64 else dt.f32)
    kept = math.greater_equal(draw, math.cast(rate, draw.dtype))
    scale = apply("div", full_like(rate, 1), apply("sub", full_like(rate, 1), rate))
    return _choose(broadcast_to(kept, x.shape), math.multiply(x, scale), full_like(x, 0))


def stateless_dropout(x, rate, seed, rng_alg="auto_select", noise_shape=None) -> Node:
    """``dropout`` whose mask follows from ``seed``, two integers.

    Raises:
        UsageError: ``rate`` is a known number outside [0, 1), or ``rng_alg`` is not Philox.
        ShapeError, DtypeError: the seed is not two integers.
    """
    key, counter = stateless.place_of("stateless_dropout", seed, "auto_select" if rng_alg is None else rng_alg)
    return dropout(key, counter, x, rate, noise_shape)


def _noise_shape(x: Node, noise_shape) -> tuple:
    wanted = noise_shape if isinstance(noise_shape, Node) else [
        x.shape[k] if d is None else d for k, d in enumerate(noise_shape)]  # fmt: skip
    return shape_of(wanted, "dropout")
