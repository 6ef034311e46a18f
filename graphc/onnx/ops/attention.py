"""Attention operators: dot products of queries with keys, its flexible and linear kin, rotary embeddings."""

from __future__ import annotations

import math as python_math

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.node import Node, simplified
from graphc.lib import math, nn
from graphc.lib.attention import mixture, scores, softmax_or_zeros, visible
from graphc.lib.control import steps
from graphc.lib.dims import dim_node
from graphc.lib.index import gather
from graphc.lib.math import full_like
from graphc.lib.shape import concat, expand_dims, pad, part, reshape, split, squeeze, stack, transpose, zeros
from graphc.onnx.call import Call
from graphc.onnx.ops.heads import capped, heads_of, joined, shared_out, usual_scale
from graphc.onnx.ops.precision import working
from graphc.onnx.registry import operator
from graphc.onnx.values import UNKNOWN
from graphc.prims.table import apply

_HALVES = (dt.f16, dt.bf16)


def _scaled_scores(q: Node, k: Node, scale: float | None) -> Node:
    """``scale * q @ k^T``; in half precision both factors are scaled by the root, as the standard has it."""
    if scale is None:
        scale = usual_scale(q.shape[-1], q.dtype)
        if isinstance(scale, Node):
            return scores(math.multiply(q, scale), k)
    if q.dtype not in _HALVES or scale < 0:
        return math.multiply(scores(q, k), scale)  # while the product is stored: cheaper than a pass over the query
    root = float(np.float32(python_math.sqrt(scale)).astype(q.dtype.numpy))
    return scores(math.multiply(q, root), math.multiply(k, root))


# ------------------------------------------------------------------------------------------------- attention


@operator("Attention", since=23)
def attention(call: Call):
    """Softmax of scaled products of queries and keys, with masks, a cache of keys and values, and shared heads."""
    is_packed = len(call[0].shape) == 3
    q, k, v = _operands(call, is_packed)
    past = k.shape[2]
    if call.has(4) != call.has(5):
        raise call.wrong("past_key and past_value are given together or not at all")
    if call.has(4):
        k, v = concat([call[4], k], 2), concat([call[5], v], 2)
        past = call[4].shape[2]
    raw = _scaled_scores(q, k, call.float("scale", None))
    bent = capped(raw, call.float("softcap", 0.0))
    seen, bias = _masks(call, q.shape[2], k.shape[2], past if call.has(4) else 0)
    biased = bent if bias is None else math.add(bent, math.cast(bias, bent.dtype))
    if seen is not None:
        biased = math.where(seen, biased, full_like(biased, -np.inf))
    kind = call.element("softmax_precision", None)
    wide = biased if kind is None else math.cast(biased, kind.carrier)
    probabilities = nn.softmax(wide) if seen is None and bias is None else softmax_or_zeros(wide)
    probabilities = math.cast(probabilities, q.dtype)
    out = math.cast(mixture(math.cast(probabilities, v.dtype), v), q.dtype)
    modes = (raw, bent, biased, probabilities)
    mode = call.int("qk_matmul_output_mode", 0)
    if not 0 <= mode < len(modes):
        raise call.wrong(f"qk_matmul_output_mode is {mode}, not 0 to 3")
    return [joined(out) if is_packed else out, k, v, modes[mode]]


def _operands(call: Call, is_packed: bool) -> list[Node]:
    """Query, key and value as [batch, heads, places, size]."""
    found = [call[0], call[1], call[2]]
    names = ("Q", "K", "V")
    for name, x in zip(names, found):
        if len(x.shape) != (3 if is_packed else 4):
            raise call.wrong(f"Q, K and V must all have rank 3 or all rank 4; {name} is {x.type}")
    if is_packed:
        counts = (call.int("q_num_heads"), call.int("kv_num_heads"), call.int("kv_num_heads"))
        found = [heads_of(call, x, n, name) for name, x, n in zip(names, found, counts)]
    q, k = found[0].shape, found[1].shape
    if type(q[1]) is type(k[1]) is int and (k[1] < 1 or q[1] % k[1]):
        raise call.wrong(f"{q[1]} heads of the query cannot share {k[1]} of the key")
    if type(q[3]) is type(k[3]) is int and q[3] != k[3]:
        raise call.wrong(f"query and key differ in the size of their heads, {q[3]} and {k[3]}")
    return found


def _masks(call: Call, rows, columns, past) -> tuple[Node | None, Node | None]:
    """Which columns each row sees, and what is added to the scores; None where there is no such thing."""
    mask, lengths = call.get(3), call.get(6)
    offset = past if lengths is None or call.has(4) else math.subtract(math.cast(lengths, dt.i64), dim_node(rows))
    left, right = (call.int(f"{side}_window_size", -1) for side in ("left", "right"))
    if call.int("is_causal", 0):
        right = 0
    parts = []
    if left >= 0 or right >= 0:
        parts.append(visible(rows, columns, offset, None if left < 0 else left, None if right < 0 else right))
    if lengths is not None:
        place = apply("iota", shape=(columns,), axis=0, dtype=dt.i64)
        last = reshape(math.cast(lengths, dt.i64), (lengths.shape[0], 1, 1, 1))
        parts.append(math.less(place, last))
    bias = None
    if mask is not None:
        mask = _padded(call, mask, columns)
        if mask.dtype is dt.b1:
            parts.append(mask)
        else:
            bias = mask
    seen = None
    for x in parts:
        seen = x if seen is None else math.logical_and(seen, x)
    return seen, bias


def _padded(call: Call, mask: Node, columns) -> Node:
    """A mask for fewer columns than there are hides the others."""
    if not mask.shape or len(mask.shape) > 4:
        raise call.wrong(f"attn_mask must have rank 1 to 4, not {len(mask.shape)}")
    have = mask.shape[-1]
    if have is columns or have == columns or (call.version < 24 and have == 1):
        return mask
    missing = simplified(columns - have)
    if type(missing) is int and missing < 0:
        raise call.wrong(f"attn_mask has {have} columns for {columns} keys")
    border = [(0, 0)] * (len(mask.shape) - 1) + [(0, missing)]
    return pad(mask, border, constant_values=False if mask.dtype is dt.b1 else -np.inf)


@operator("FlexAttention", domain="ai.onnx.preview")
def flex_attention(call: Call):
    """Attention whose scores and probabilities are changed by graphs of the model."""
    q, k, v = (call[i] for i in range(3))
    if any(len(x.shape) != 4 for x in (q, k, v)):
        raise call.wrong("Q, K and V must have rank 4")
    kind = call.element("softmax_precision", None)
    wide = kind.carrier if kind is not None else working(q.dtype)
    found = _modified(call, "score_mod", math.cast(_scaled_scores(q, k, call.float("scale", None)), wide))
    found = softmax_or_zeros(found) if "score_mod" in call.attributes else nn.softmax(found)
    found = _modified(call, "prob_mod", found)
    return math.cast(mixture(math.cast(found, v.dtype), v), q.dtype)


def _modified(call: Call, name: str, x: Node) -> Node:
    """What the graph in an attribute makes of ``x``; ``x`` where there is none."""
    if name not in call.attributes:
        return x
    found = call.body(name)(x)
    if any(x is UNKNOWN for x in found):
        raise call.refuse(f"{name} has parts that are not supported")
    if len(found) != 1 or not isinstance(found[0], Node) or len(found[0].shape) != len(x.shape):
        raise call.wrong(f"{name} must have one result of rank {len(x.shape)}")
    return math.cast(found[0], x.dtype)


# ------------------------------------------------------------------------------------------ linear attention

_RULES = {"linear": (False, False), "gated": (True, False), "delta": (False, True), "gated_delta": (True, True)}


@operator("LinearAttention", since=27)
def linear_attention(call: Call):
    """A state of keys times values that is read by queries, one place after the other."""
    rule = call.choice("update_rule", "gated_delta", "linear", "gated", "delta")
    has_decay, has_beta = _RULES[rule]
    for k, name, wanted in ((4, "decay", has_decay), (5, "beta", has_beta)):
        if call.has(k) != wanted:
            raise call.wrong(f"update_rule {rule!r} {'needs' if wanted else 'takes no'} input {name}")
    heads, groups = call.int("q_num_heads"), call.int("kv_num_heads")
    if any(len(call[i].shape) != 3 for i in range(3)) or groups < 1 or heads < 1 or heads % groups:
        raise call.wrong(f"needs query, key and value of rank 3 and heads that can be shared, not {heads} and {groups}")
    rows = [heads_of(call, math.cast(call[i], dt.f32), c, n)
            for i, (n, c) in enumerate((("query", heads), ("key", groups), ("value", groups)))]  # fmt: skip
    size, width = rows[1].shape[3], rows[2].shape[3]
    if has_decay:
        rows.append(math.exp(heads_of(call, math.cast(call[4], dt.f32), groups, "decay")))
    if has_beta:
        rows.append(heads_of(call, math.cast(call[5], dt.f32), 1 if call[5].shape[2] == 1 else groups, "beta"))
    state = math.cast(call[3], dt.f32) if call.has(3) else zeros((call[0].shape[0], groups, size, width), dt.f32)
    scale = call.float("scale", 0.0)
    factor = scale if scale else usual_scale(size, dt.f32)

    def step(number, carries, row, operands):
        new = _updated(carries[0], row, has_decay, has_beta)
        read = mixture(expand_dims(row[0], 2), new)
        return [new], [math.multiply(squeeze(read, 2), factor)]

    rows = [transpose(x, (2, 0, 1, 3)) for x in rows]
    if type(rows[0].shape[0]) is int and rows[0].shape[0] == 1:
        (last,), (out,) = step(None, [state], [squeeze(x, 0) for x in rows], [])
        out = expand_dims(out, 0)
    else:
        (last,), (out,) = steps(step, [state], rows, op="LinearAttention")
    kind = call[3].dtype if call.has(3) else call[0].dtype
    return [math.cast(joined(transpose(out, (1, 2, 0, 3))), call[0].dtype), math.cast(last, kind)]


def _updated(state: Node, row: list[Node], has_decay: bool, has_beta: bool) -> Node:
    """The state [batch, heads, size, width] after one more place."""
    key, value = row[1], row[2]
    if has_decay:
        state = math.multiply(state, expand_dims(row[3], 3))
    if has_beta:
        known = squeeze(mixture(expand_dims(key, 2), state), 2)
        value = math.multiply(row[-1], math.subtract(value, known))
    return math.add(state, math.multiply(expand_dims(key, 3), expand_dims(value, 2)))


# ------------------------------------------------------------------------------------------ rotary embedding


@operator("RotaryEmbedding", since=23)
def rotary_embedding(call: Call):
    """Pairs of elements turned by angles that depend on the place."""
    x, is_packed = call[0], len(call[0].shape) == 3
    if len(x.shape) not in (3, 4):
        raise call.wrong("X must have rank 3 or 4")
    turned = shared_out(call, x, call.int("num_heads"), "X") if is_packed else transpose(x, (0, 2, 1, 3))
    size = turned.shape[3]
    width = call.int("rotary_embedding_dim", 0) or size
    if type(width) is not int or width % 2 or (type(size) is int and width > size):
        raise call.wrong(f"rotates {width} of {size} elements; the number must be even and known")
    cos, sin = (_angles(call, k, width // 2) for k in (1, 2))
    rest = part(turned, 3, width, size)
    rotated = _rotated(part(turned, 3, 0, width), cos, sin, bool(call.int("interleaved", 0)))
    out = rotated if type(size) is int and size == width else concat([rotated, rest], 3)
    return reshape(out, x.shape) if is_packed else transpose(out, (0, 2, 1, 3))


def _angles(call: Call, k: int, half: int) -> Node:
    """Cosines or sines as [batch, places, 1, half]."""
    cache = call[k]
    if call.has(3):
        cache = gather(cache, call[3])
    if len(cache.shape) != 3 or (type(cache.shape[2]) is int and cache.shape[2] != half):
        raise call.wrong(f"the cosines and sines must be [batch, places, {half}], not {cache.type}")
    return expand_dims(cache, 2)


def _rotated(x: Node, cos: Node, sin: Node, is_interleaved: bool) -> Node:
    if is_interleaved:
        pairs = reshape(x, (*x.shape[:3], x.shape[3] // 2, 2))
        a, b = (squeeze(part(pairs, 4, k, k + 1), 4) for k in (0, 1))
    else:
        a, b = split(x, 2, 3)
    real = math.subtract(math.multiply(cos, a), math.multiply(sin, b))
    imaginary = math.add(math.multiply(sin, a), math.multiply(cos, b))
    return reshape(stack([real, imaginary], 4), x.shape) if is_interleaved else concat([real, imaginary], 3)
