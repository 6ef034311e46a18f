"""Attention: every place of a sequence takes a mean of the values of others, weighted by how well they fit."""

from __future__ import annotations

import math as python_math

import numpy as np

from graphc.errors import ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins, simplified
from graphc.lib import linalg, math, nn, reduction
from graphc.lib.dims import axis_of, dim_node
from graphc.lib.math import full_like
from graphc.lib.promote import as_node, broadcast_shape, broadcast_to
from graphc.lib.shape import reshape
from graphc.prims.table import apply

_HIDDEN = {
    dt.f16: -3e4,
    dt.bf16: -1e38,
    dt.f32: -1e38,
    dt.f64: -1e300,
}  # finite: where all is hidden, all counts the same
_LOWEST = {
    dt.f16: -65504.0,
    dt.bf16: -3.3895313892515355e38,
    dt.f32: -3.4028234663852886e38,
    dt.f64: -1.7976931348623157e308,
}  # of all finite numbers


def masked_softmax(logits, mask=None, axis=-1) -> Node:
    """``softmax`` along ``axis`` over the places where ``mask`` is true; where none is, over all of them.

    Args:
        mask: bools that broadcast with the logits, or None.
    """
    x = as_node(logits)
    return nn.softmax(x if mask is None else hidden(x, mask), axis_of("masked_softmax", axis, x))


def hidden(x: Node, mask) -> Node:
    """Logits with a very low value where ``mask`` is false."""
    mask = math.cast(as_node(mask), dt.b1)
    shape = broadcast_shape("masked_softmax", x, mask)
    x, mask = broadcast_to(x, shape), broadcast_to(mask, shape)
    return apply("select", mask, x, full_like(x, _HIDDEN[x.dtype]))


def causal_mask(rows, columns) -> Node:
    """Bools [rows, columns]: row i sees the columns up to i."""
    places = [apply("iota", shape=(rows, columns), axis=k, dtype=dt.i64) for k in (0, 1)]
    return apply("le", places[1], places[0])


def scaled_dot_product_attention(query, key, value, bias=None, mask=None, scale=None, is_causal=False,
                                 soft_cap=None) -> Node:  # fmt: skip
    """``softmax(query @ key^T * scale + bias) @ value`` over the last two axes.

    Args:
        query: [..., places, size]. key: [..., others, size]. value: [..., others, width].
        bias: added to the logits [..., places, others].
        mask: bools that broadcast with the logits: which others each place sees.
        scale: ``1 / sqrt(size)`` by default.
        is_causal: whether a place sees no later ones.
        soft_cap: logits become ``soft_cap * tanh(logits / soft_cap)``.

    Raises:
        ShapeError, DtypeError: operands that do not fit.
    """
    op = "attention"
    q = as_node(query)
    k, v = as_node(key, q.dtype), as_node(value, q.dtype)
    for name, x in (("query", q), ("key", k), ("value", v)):
        if len(x.shape) < 2:
            raise ShapeError(explain(f"{op}: {name} must have at least rank 2, not {x.type}", origins(**{name: x})))
    if type(q.shape[-1]) is int and type(k.shape[-1]) is int and q.shape[-1] != k.shape[-1]:
        raise ShapeError(explain(f"{op}: query {q.type} and key {k.type} differ in size", origins(query=q, key=k)))
    logits = linalg.matmul(math.multiply(q, _scale(q, scale)), k, transpose_b=True)
    if soft_cap is not None:
        logits = math.multiply(apply("tanh", math.divide(logits, soft_cap)), soft_cap)
    if bias is not None:
        logits = math.add(logits, math.cast(bias, logits.dtype))
    if mask is not None:
        logits = hidden(logits, mask)
    if is_causal:
        logits = hidden(logits, causal_mask(*logits.shape[-2:]))
    wide = dt.f32 if logits.dtype in (dt.f16, dt.bf16) else logits.dtype
    return linalg.matmul(math.cast(nn.softmax(math.cast(logits, wide)), v.dtype), v)


def _scale(q: Node, scale):
    if scale is not None:
        return math.cast(scale, q.dtype) if isinstance(scale, Node) else as_node(scale, q.dtype)
    size = q.shape[-1]
    if type(size) is int:
        return python_math.sqrt(1.0 / max(size, 1))
    return apply("rsqrt", dim_node(size, q.dtype))


def dot_product_attention(query, key, value, bias=None, mask=None, scale=None, is_causal=False, flash_attention=None,
                          attn_logits_soft_cap=None) -> Node:  # fmt: skip
    """``scaled_dot_product_attention`` of several heads, in Keras' layout.

    Args:
        query: [batch, places, heads, size]. key, value: [batch, others, key heads, size]; several heads may share one.
        bias, mask: broadcast with [batch, heads, places, others].
        flash_attention: without effect.

    Raises:
        ShapeError: not of rank 4, or heads that cannot be shared out. DtypeError: different dtypes.
    """
    nodes = {"query": as_node(query), "key": as_node(key), "value": as_node(value)}
    for name, x in nodes.items():
        if len(x.shape) != 4:
            raise ShapeError(
                explain(f"dot_product_attention: {name} must have rank 4, not {x.type}", origins(**{name: x}))
            )
    q, k, v = (apply("transpose", x, perm=(0, 2, 1, 3)) for x in nodes.values())
    heads, groups = q.shape[1], k.shape[1]
    if type(heads) is int and type(groups) is int and heads != groups:
        if heads % groups:
            what = f"dot_product_attention: {heads} heads of the query cannot share {groups} of the key"
            raise ShapeError(explain(what, origins(**nodes)))
        k, v = (_repeated(x, heads // groups) for x in (k, v))
    out = scaled_dot_product_attention(q, k, v, bias, mask, scale, is_causal, attn_logits_soft_cap)
    return apply("transpose", out, perm=(0, 2, 1, 3))


def _repeated(x: Node, times: int) -> Node:
    """Every head ``times`` times."""
    batch, groups, places, width = x.shape
    wide = apply("broadcast", x, shape=(batch, groups, times, places, width), axes=(0, 1, 3, 4))
    return apply("reshape", wide, shape=(batch, groups * times, places, width))


def softmax_or_zeros(logits: Node) -> Node:
    """``softmax`` along the last axis; zeros where all logits of a row are minus infinity, as nothing is seen there."""
    x = as_node(logits)
    axes = (len(x.shape) - 1,)
    top = apply("stop", reduction.reduce("softmax", "max", x, axes, True))
    e = apply("exp", math.subtract(x, math.maximum(top, full_like(top, _LOWEST[x.dtype]))))
    total = reduction.reduce("softmax", "sum", e, axes, True)  # at least 1, or 0 where nothing is seen
    return math.multiply(e, math.reciprocal(math.maximum(total, full_like(total, 0.5))))


def scores(query: Node, key: Node) -> Node:
    """``query @ key^T`` of several heads: [batch, heads, places, others].

    Args:
        query: [batch, heads, places, size].
        key: [batch, key heads, others, size]; the first ``heads / key heads`` heads share the first one, and so on.
    """
    return _of_groups(query, key, True)


def mixture(probabilities: Node, value: Node) -> Node:
    """``probabilities @ value`` of several heads, which share those of the value as in ``scores``."""
    return _of_groups(probabilities, value, False)


def _of_groups(x: Node, y: Node, transposed: bool) -> Node:
    """A product of heads that share those of ``y``: the rows of all that share one are one matrix."""
    heads, groups = x.shape[1], y.shape[1]
    if heads is groups or heads == groups or not (type(heads) is type(groups) is int):
        return linalg.matmul(x, y, transpose_b=transposed)
    if groups < 1 or heads % groups:
        what = f"attention: {heads} heads of the query cannot share {groups} of the key"
        raise ShapeError(explain(what, origins(query=x, key=y)))
    batch, _, places, size = x.shape
    rows = reshape(x, (batch, groups, simplified(places * (heads // groups)), size))
    out = linalg.matmul(rows, y, transpose_b=transposed)
    return reshape(out, (batch, heads, places, out.shape[-1]))


def visible(rows, columns, offset=0, left=None, right=None) -> Node:
    """Bools of which columns each row sees: those from ``row + offset - left`` to ``row + offset + right``.

    Args:
        rows, columns: how many there are.
        offset: an int, a size, or integers [batch].
        left, right: how far a row sees; None: all.

    Returns:
        [rows, columns], or [batch, 1, rows, columns].
    """
    shape = (rows, columns)
    row, column = [apply("iota", shape=shape, axis=k, dtype=dt.i64) for k in (0, 1)]
    here = as_node(offset, dt.i64) if not isinstance(offset, Node) else math.cast(offset, dt.i64)
    if here.shape:
        shape = (here.shape[0], 1, rows, columns)
        row, column = [apply("broadcast", x, shape=shape, axes=(2, 3)) for x in (row, column)]
        here = apply("broadcast", here, shape=shape, axes=(0,))
    row = math.add(row, here)
    bounds = []
    if right is not None:
        bounds.append(math.less_equal(column, math.add(row, int(right)) if right else row))
    if left is not None:
        bounds.append(math.less_equal(math.subtract(row, int(left)) if left else row, column))
    if not bounds:
        return as_node(np.ones((1, 1), bool))
    return bounds[0] if len(bounds) == 1 else apply("and", *bounds)
