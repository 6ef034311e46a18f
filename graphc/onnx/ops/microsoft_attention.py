"""Attention in ONNX Runtime's domain com.microsoft: of a sequence to itself, to others, with heads that share keys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphc.errors import FormatError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, simplified
from graphc.lib import math, nn, shape
from graphc.lib.attention import mixture, scores, softmax_or_zeros, visible
from graphc.lib.dims import dim_node, larger, measured
from graphc.lib.index import picked
from graphc.lib.math import full_like
from graphc.lib.promote import broadcast_to
from graphc.onnx.call import Call
from graphc.onnx.ops.attention import rotary_embedding
from graphc.onnx.ops.heads import capped, heads_of, joined, usual_scale
from graphc.onnx.ops.integer_products import by_rows, centred, product, scale_in
from graphc.onnx.ops.products import product as float_product
from graphc.onnx.registry import MICROSOFT, operator
from graphc.prims.table import apply


def _heads(call: Call, x: Node) -> Node:
    """[batch, places, heads * size] as [batch, heads, places, size]; what has four axes is that already."""
    return x if len(x.shape) == 4 else heads_of(call, x, call.int("num_heads"), "an input")


def _padding(call: Call, mask: Node, columns, dtype) -> Node:
    """What is added to the scores where a mask of keys is 0, or for keys behind a length."""
    if len(mask.shape) == 1:
        place = apply("iota", shape=(columns,), axis=0, dtype=dt.i64)
        length = shape.reshape(math.cast(mask, dt.i64), (mask.shape[0], 1, 1, 1))
        kept = math.less(place, length)
    elif len(mask.shape) in (2, 3):
        kept = math.not_equal(mask, 0)
        kept = shape.reshape(kept, (mask.shape[0], 1, *([1] if len(mask.shape) == 2 else []), *mask.shape[1:]))
    else:
        raise call.refuse(f"a mask of {len(mask.shape)} axes")
    hidden = full_like(apply("cast", kept, dtype=dtype), call.float("mask_filter_value", -10000.0))
    return apply("select", kept, full_like(hidden, 0), hidden)


def _factor(call: Call, q: Node) -> float | Node:
    """What the products are multiplied by: an attribute, or one over the root of the size of a head."""
    return call.float("scale", 0.0) or usual_scale(q.shape[3], q.dtype)


def _attended(call: Call, q: Node, k: Node, v: Node, mask: Node | None, bias: Node | None) -> Node:
    """Softmax of scaled products of queries and keys, times the values; all [batch, heads, places, size]."""
    weight = scores(math.multiply(q, _factor(call, q)), k)
    rows, columns = q.shape[2], k.shape[2]
    if call.int("unidirectional", 0):
        seen = broadcast_to(visible(rows, columns, simplified(columns - rows), None, 0), weight.shape)
        lowest = float(np.finfo(np.float32).min) if q.dtype is dt.f32 else -1e4
        weight = apply("select", seen, weight, full_like(weight, lowest))
    if mask is not None:
        weight = math.add(weight, _padding(call, mask, columns, weight.dtype))
    if bias is not None:
        weight = math.add(weight, bias)
    return joined(mixture(nn.softmax(weight), v))


def _projected(call: Call, both: Node, places: dict[str, int]) -> list:
    """The result of Attention for queries, keys and values side by side in the last axis.

    Args:
        places: which input is the mask, what came before, and what is added to the scores.
    """
    if call.int("do_rotary", 0) or call.int("past_present_share_buffer", 0):
        raise call.refuse("do_rotary and past_present_share_buffer")
    width = both.shape[2]
    if type(width) is not int:
        raise call.refuse("an unknown number of channels")
    sizes = call.ints("qkv_hidden_sizes", [width // 3] * 3)
    if len(sizes) != 3 or sum(sizes) != width:
        raise FormatError(f"{call.op}: attribute 'qkv_hidden_sizes' is {sizes} for {width} channels")
    q, k, v = (_heads(call, x) for x in shape.split(both, sizes, 2))
    if call.has(places["past"]):
        past = call[places["past"]]
        before = [shape.squeeze(shape.part(past, 0, n, n + 1), [0]) for n in (0, 1)]
        k, v = shape.concat([before[0], k], 2), shape.concat([before[1], v], 2)
    out = _attended(call, q, k, v, call.get(places["mask"]), call.get(places["bias"]))
    return [out, shape.stack([k, v], 0) if call.wants(1) else None]


@operator("Attention", domain=MICROSOFT)
def attention(call: Call):
    """The attention of a sequence to itself: a product with weights makes its queries, keys and values."""
    both = float_product(call[0], call[1])
    both = math.add(both, call[2]) if call.has(2) else both
    return _projected(call, both, {"mask": 3, "past": 4, "bias": 5})


@operator("QAttention", domain=MICROSOFT)
def quantised_attention(call: Call):
    """``Attention`` of quantised inputs and weights."""
    inputs = tuple(call.inputs[k] if k < len(call) else None for k in (0, 1, 6, 7))
    apart = replace(call, inputs=inputs)
    a, w = centred(apart, 0, 2, True), centred(apart, 1, 3, False)
    scale = math.multiply(by_rows(call, scale_in(call, 3), 3, True), by_rows(call, scale_in(call, 4), 2, False))
    both = math.add(math.multiply(math.cast(product(call, a, w), dt.f32), scale), call[2])
    return _projected(call, both, {"mask": 5, "past": 8, "bias": len(call)})


@operator("MultiHeadAttention", domain=MICROSOFT)
def multi_head_attention(call: Call):
    """Attention of queries to keys and values that are given, with a cache of these."""
    if len(call) > 8 and any(call.has(k) for k in range(8, len(call))):
        raise call.refuse("past_sequence_length and cache_indirection")
    if not call.has(1) or not call.has(2) or len(call[0].shape) != 3:
        raise call.refuse("queries, keys and values packed into one tensor")
    q, k, v = (call[n] for n in range(3))
    if call.has(3):
        sizes = [x.shape[2] if len(x.shape) == 3 else simplified(x.shape[1] * x.shape[3]) for x in (q, k, v)]
        if any(type(d) is not int for d in sizes):
            raise call.refuse("an unknown number of channels with a bias")
        parts = shape.split(call[3], sizes, 0)
        q, k, v = (math.add(x, b) if len(x.shape) == 3 else x for x, b in zip((q, k, v), parts))
    q, k, v = (_heads(call, x) for x in (q, k, v))
    if call.has(6) and call.has(7):
        k, v = shape.concat([call[6], k], 2), shape.concat([call[7], v], 2)
    return [_attended(call, q, k, v, call.get(4), call.get(5)), k, v]


# ------------------------------------------------------------------------------------------ shared heads


@operator("GroupQueryAttention", domain=MICROSOFT)
def group_query_attention(call: Call):
    """Attention whose heads share those of the keys; each example may have another number of places so far."""
    if any(call.has(k) for k in range(9, len(call))) or call.int("smooth_softmax", 0) > 0:
        raise call.refuse("position_ids, attention_bias, head_sink and smooth_softmax")
    q, k, v = _shared(call)
    lengths = shape.reshape(math.cast(call[5], dt.i64), (q.shape[0],))
    before = math.maximum(math.subtract(math.add(lengths, 1), dim_node(q.shape[2])), 0)
    if call.int("do_rotary", 0):
        line = apply("iota", shape=(q.shape[0], q.shape[2]), axis=1, dtype=dt.i64)
        places = math.add(shape.expand_dims(before, 1), line)
        given = call.attributes.get("rotary_interleaved")
        named = {} if given is None else {"interleaved": given}
        q, k = (rotary_embedding(replace(call, inputs=(x, call[7], call[8], places), attributes=named)) for x in (q, k))
    k, v = (_continued(call, n, x, before) for n, x in ((3, k), (4, v)))
    weight = scores(math.multiply(q, _factor(call, q)), k)
    weight = capped(weight, call.float("softcap", 0.0))
    window = call.int("local_window_size", -1)
    seen = visible(q.shape[2], k.shape[2], before, None if window < 0 else window - 1, 0)
    weight = apply("select", broadcast_to(seen, weight.shape), weight, full_like(weight, -np.inf))
    return [joined(mixture(softmax_or_zeros(weight), v)), k, v]


def _shared(call: Call) -> list[Node]:
    """Queries, keys and values as [batch, heads, places, size], which may be given side by side."""
    counts = [call.int("num_heads"), *[call.int("kv_num_heads")] * 2]
    if min(counts) < 1 or counts[0] % counts[1]:
        raise FormatError(f"{call.op}: {counts[0]} heads cannot share {counts[1]} of the keys")
    both = call[0]
    if len(both.shape) != 3 or type(both.shape[2]) is not int:
        raise call.wrong("the queries must be [batch, places, channels], with a known number of channels")
    parts = [call[k] for k in range(3)] if call.has(1) else None
    if parts is None:
        size = both.shape[2] // sum(counts)
        parts = shape.split(both, [n * size for n in counts], 2)
    return [heads_of(call, x, n, name) for x, n, name in zip(parts, counts, ("query", "key", "value"))]


def _continued(call: Call, cache: int, new: Node, before: Node) -> Node:
    """What each example has in the cache, then what is new, then zeros."""
    if not call.has(cache):
        return new
    past = call[cache]
    room = larger(measured(call[6], call.op), past.shape[2])
    place = apply("iota", shape=(new.shape[0], room), axis=1, dtype=dt.i64)
    start = broadcast_to(shape.expand_dims(before, 1), place.shape)
    moved = math.add(math.subtract(place, start), dim_node(past.shape[2]))
    index = apply("select", apply("lt", place, start), place, moved)
    return picked(call.op, shape.concat([past, new], 2), index, 2, 1)
