"""Pooling with explicit paddings, holes and hanging windows against windows taken one by one; ties in its gradient."""

import itertools

import numpy as np
import pytest

from graphc.compile import compile_graph
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.lib.pool import max_pool2d
from graphc.lib.pooling import pooled
from graphc.prims.pullback import pullback

CASES = [(2, 1, 0, 0, 1), (2, 2, 0, 0, 1), (3, 2, 1, 1, 1), (3, 2, 0, 1, 1), (2, 3, 1, 0, 1), (3, 1, 2, 2, 2),
         (3, 2, 1, 2, 3), (9, 2, 4, 4, 1), (5, 3, 0, 0, 2)]  # fmt: skip


def by_hand(x, kind, k, s, low, high, d, count_padding, ceil):
    """Pooling of the last axis, window by window."""
    n, reach = x.shape[-1], (k - 1) * d + 1
    room = n + low + high - reach
    count = (-(-room // s) if ceil else room // s) + 1
    if ceil and (count - 1) * s >= n + low:
        count -= 1
    out = []
    for w in range(count):
        places = [w * s - low + j * d for j in range(k)]
        real = x[..., [p for p in places if 0 <= p < n]]
        if kind == "max":
            out.append(real.max(-1, initial=-np.inf))
            continue
        counted = sum(-low <= p < n + high for p in places) if count_padding else real.shape[-1]
        out.append(real.sum(-1) / (counted if kind == "avg" else 1))
    return np.stack(out, -1)


@pytest.mark.parametrize("length", [11, 12])
@pytest.mark.parametrize("kind", ["max", "avg", "sum"])
@pytest.mark.parametrize("case", CASES)
def test_pooled_is_what_every_window_gives(case, kind, length):
    k, s, low, high, d = case
    x = np.random.default_rng(length).normal(size=(3, length))
    ways = list(itertools.product((False, True), (False, True)))
    for size in (length, symbol("n")):
        node = input_node("x", Type(dt.f64, (3, size)))
        outputs = [pooled("pool", node, kind, (1,), (k,), (s,), (low,), (high,), (d,), *way) for way in ways]
        for way, found in zip(ways, compile_graph(Graph("pool", (node,), tuple(outputs)))(x), strict=True):
            np.testing.assert_allclose(found, by_hand(x, kind, k, s, low, high, d, *way), rtol=1e-12, atol=1e-12)


TIES = [(2, 2, "VALID"), (3, 2, "SAME"), (3, 1, "SAME"), (2, 3, "SAME"), (7, 2, "SAME")]


@pytest.mark.parametrize("k, s, padding", TIES)
def test_the_first_of_equal_maxima_receives_the_gradient(k, s, padding):
    x = np.random.default_rng(k).integers(0, 2, (1, 7, 8, 2)).astype(np.float32)
    node = input_node("x", Type(dt.f32, x.shape))
    out = max_pool2d(node, k, s, padding)
    g = input_node("g", out.type)
    seed = np.arange(1, np.prod(out.shape) + 1, dtype=np.float32).reshape(out.shape)
    (found,) = compile_graph(Graph("slope", (node, g), tuple(pullback((out,), (g,), (node,)))))(x, seed)
    same = padding == "SAME"
    reach = [max((m - 1) * s + k - n, 0) // 2 if same else 0 for m, n in zip(out.shape[1:3], x.shape[1:3])]
    wanted = np.zeros_like(x)
    for row, column, c in np.ndindex(out.shape[1:]):
        places = [(row * s - reach[0] + i, column * s - reach[1] + j) for i in range(k) for j in range(k)]
        places = [p for p in places if 0 <= p[0] < 7 and 0 <= p[1] < 8]
        best = max(places, key=lambda p: x[(0, *p, c)])  # the first of equals
        wanted[(0, *best, c)] += seed[0, row, column, c]
    np.testing.assert_array_equal(found, wanted)
