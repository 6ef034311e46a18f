"""Pieces of convolutional networks written channels first, and random networks of them."""

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node, const, symbol
from graphc.ir.type import Type
from graphc.lib import math, pool, reduction
from graphc.lib.conv import convolution
from graphc.lib.resample import Sampling, resize_axis
from graphc.prims import apply, transpose

FLOOR = Sampling(coordinates="asymmetric", nearest="floor", scale=2.0)


class Pieces:
    """Builds with constants drawn from one seed."""

    def __init__(self, seed: int = 0):
        self.random = np.random.default_rng(seed)

    def numbers(self, *shape) -> Node:
        return const((self.random.standard_normal(shape) * 0.4).astype(np.float32))

    def conv(self, x: Node, filters: int, size: int = 1, stride: int = 1, groups: int = 1) -> Node:
        around = size // 2
        w = transpose(self.numbers(filters, x.shape[1] // groups, size, size), (2, 3, 1, 0))
        return convolution(x, w, stride, [(0, 0), (0, 0), (around, around), (around, around)], "NCHW")

    def batch_norm(self, x: Node) -> Node:
        channels = (1, x.shape[1], 1, 1)
        mean, gain, offset = (self.numbers(*channels) for _ in range(3))
        variance = const(self.random.uniform(0.5, 2, channels).astype(np.float32))
        inverse = math.rsqrt(variance + 1e-3)
        return math.add(math.multiply(math.multiply(math.subtract(x, mean), inverse), gain), offset)

    def squeeze_excite(self, x: Node) -> Node:
        mean = reduction.reduce_mean(x, (2, 3), True)
        gate = self.conv(math.maximum(self.conv(mean, 2), 0.0), x.shape[1])
        return math.multiply(x, clipped(gate * 0.2 + 0.5, 1.0))

    def mobile_block(self, x: Node, inner: int, outer: int, size: int = 3, stride: int = 1) -> Node:
        y = hard_swish(self.batch_norm(self.conv(x, inner)))
        y = hard_swish(self.batch_norm(self.conv(y, inner, size, stride, inner)))
        y = self.batch_norm(self.conv(self.squeeze_excite(y), outer))
        return math.add(x, y) if y.type == x.type else y

    def residual_block(self, x: Node) -> Node:
        y = math.maximum(self.batch_norm(self.conv(x, x.shape[1], 3)), 0.0)
        return math.maximum(math.add(x, self.batch_norm(self.conv(y, x.shape[1], 3))), 0.0)

    def neck(self, large: Node, small: Node) -> Node:
        """Two levels of features, the smaller one twice as large, side by side."""
        wide = self.conv(small, 3)
        for axis in (2, 3):
            wide = resize_axis(wide, axis, wide.shape[axis] * 2, "nearest", FLOOR)
        return apply("concat", self.conv(large, 2), wide, axis=1)

    def attention(self, x: Node) -> Node:
        """Every place looks at every other; the projections are of [batch, places, channels]."""
        n, c, h, w = x.shape
        line = transpose(apply("reshape", x, shape=(n, c, h * w)), (0, 2, 1))
        flat = apply("reshape", line, shape=(n * (h * w), c))
        q, k, v = (apply("reshape", apply("dot", flat, self.numbers(c, c), transpose_x=False, transpose_y=False),
                         shape=line.shape) for _ in range(3))  # fmt: skip
        score = apply("dot", q, k, transpose_x=False, transpose_y=True)
        top = apply("broadcast", apply("reduce", score, kind="max", axes=(2,)), shape=score.shape, axes=(0, 1))
        seen = apply("dot", apply("exp", score - top), v, transpose_x=False, transpose_y=False)
        return apply("reshape", transpose(seen, (0, 2, 1)), shape=x.shape) + x


def clipped(x: Node, top: float) -> Node:
    return math.minimum(math.maximum(x, 0.0), top)


def hard_swish(x: Node) -> Node:
    return math.multiply(x, math.divide(clipped(x + 3.0, 6.0), 6.0))


def image(channels: int = 3, height=8, width=12, batch=None) -> Node:
    """An input; its batch is of unknown size unless one is given."""
    batch = symbol("n") if batch is None else batch
    return input_node("x", Type(dt.f32, (batch, channels, height, width)))


def random_network(seed: int) -> tuple[Graph, np.ndarray]:
    """A network of a few pieces with branches, and an array for its input."""
    pieces = Pieces(seed)
    random = pieces.random
    batch = (None, 1, 2)[seed % 3]
    x = image(4, batch=batch)
    pool_ = [x, pieces.conv(x, 4)]
    kinds = [
        lambda a: pieces.mobile_block(a, 6, a.shape[1]),
        lambda a: pieces.residual_block(a),
        lambda a: pieces.conv(a, a.shape[1], 3),
        lambda a: pieces.attention(a),
        lambda a: pieces.squeeze_excite(a),
        lambda a: math.tanh(a),
        lambda a: pool.max_pool(a, 3, 1, "SAME", "NCHW"),
        lambda a: pool.avg_pool(a, 3, 1, "SAME", "NCHW"),
        lambda a: apply("reverse", a, axes=(3,)),
        lambda a: math.add(a, pool_[int(random.integers(len(pool_)))]),
        lambda a: apply("select", math.less(a, pool_[0]), a, pool_[-1]),
        lambda a: apply("cast", apply("cast", a, dtype=dt.f64), dtype=dt.f32),
        lambda a: transpose(transpose(a, (0, 2, 3, 1)), (0, 3, 1, 2)),
        lambda a: apply("reshape", math.exp(apply("reshape", a, shape=(*a.shape[:2], 96))), shape=a.shape),
        lambda a: apply("slice", apply("concat", a, a * 2.0, axis=1), start=(0, 2, 0, 0),
                        stop=(a.shape[0], 6, *a.shape[2:]), step=(1, 1, 1, 1)),
    ]  # fmt: skip
    for _ in range(8):
        pool_.append(kinds[int(random.integers(len(kinds)))](pool_[-int(random.integers(1, min(4, len(pool_)) + 1))]))
    mean = reduction.reduce_mean(pool_[-1], (2, 3))
    graph = Graph("network", (x,), (pool_[-1], mean, apply("argreduce", pool_[-2], kind="max", axis=1, dtype=dt.i32)))
    return graph, random.standard_normal((batch or 2, 4, 8, 12)).astype(np.float32)
