"""Seeded random graphs of elementary primitives, rich in what passes look for."""

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.prims import (
    abs, add, broadcast, call, cast, concat, dot, ensure, eq, floor, le, lt, max, min, mul, neg, not_, pad, pow, reduce,
    reshape, reverse, select, slice, sub, transpose,
)  # fmt: skip

VALUES = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 3.0)
DTYPES = (dt.f64, dt.f32, dt.i32, dt.i64)


class _Maker:
    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.n = symbol("n")
        self.dtype = DTYPES[seed % len(DTYPES)]
        self.calm = (0.15, 0.5, 0.8)[seed // len(DTYPES) % 3]  # share of element-wise operations
        shapes = [(2, 3), (3, 2), (3,), (), (1, 3), (self.n, 3), (self.n,)]
        self.inputs = tuple([input_node(f"x{k}", Type(self.dtype, s)) for k, s in enumerate(shapes)])
        self.pool = list(self.inputs)

    def pick(self, choices):
        return choices[int(self.random.integers(len(choices)))]

    def splat(self, type):
        return const(self.pick(VALUES), type)

    def like(self, x):
        """Some value of the type of ``x``."""
        same = [y for y in self.pool if y.type == x.type]
        return self.splat(x.type) if self.random.random() < 0.4 else self.pick(same)

    def element_wise(self, x):
        y = self.like(x)
        made = [lambda: -x, lambda: -(-x), lambda: add(x, y), lambda: sub(x, y), lambda: mul(x, y),
                lambda: add(y, neg(x)),
                lambda: max(x, y), lambda: min(y, x), lambda: abs(x), lambda: select(lt(x, y), x, y),
                lambda: select(not_(le(x, y)), y, x), lambda: select(eq(x, y), x, x),
                lambda: cast(cast(x, dt.f64), x.dtype),
                lambda: self.call(x, y)]  # fmt: skip
        if x.dtype.is_float:
            divisor = const(self.pick((1.0, 2.0, 3.0, -1.0)), x.type)
            made += [lambda: x / divisor, lambda: floor(floor(x)), lambda: pow(x, y)]
        return self.pick(made)()

    def call(self, x, y):
        a, b = input_node("a", x.type), input_node("b", y.type)
        return call(x, y, graph=Graph("body", (a, b), ((a * 1) - (-b),)))

    def move(self, x):
        rank, shape = x.type.rank, x.shape
        if rank == 0:
            return broadcast(x, self.pick([(3,), (2, 3), (self.n, 3)]))
        axis = int(self.random.integers(rank))
        zero = const(self.pick(VALUES), Type(x.dtype, ()))
        low = [int(k == axis) for k in range(rank)]
        made = [lambda: transpose(x, tuple(self.random.permutation(rank).tolist())), lambda: reverse(x, (axis,)),
                lambda: reshape(x, (1, *shape)), lambda: reshape(x, (*shape, 1)), lambda: reshape(x, (x.type.size,)),
                lambda: reshape(x, [d for d in shape if d != 1]), lambda: pad(x, zero, low, low[::-1]),
                lambda: broadcast(x, (2, *shape), tuple(range(1, rank + 1))),
                lambda: concat(x, self.like(x), axis=axis),
                lambda: broadcast(x, (*shape, 1), tuple(range(rank))), lambda: self.cut(x, axis),
                lambda: reduce(x, self.pick(["sum", "max", "max", "min"]), (axis,)),
                lambda: self.cut(concat(x, self.like(x), axis=axis), axis),
                lambda: self.cut(pad(x, zero, low, low), axis),
                lambda: transpose(pad(x, zero, low, low), tuple(range(rank))[::-1])]  # fmt: skip
        if rank == 2:
            made += [lambda: dot(transpose(x, (1, 0)), x, False, False), lambda: dot(x, transpose(x, (1, 0)))]
        return self.pick(made)()

    def cut(self, x, axis):
        size = x.shape[axis]
        if type(size) is not int:
            return slice(x, [0] * x.type.rank, x.shape)
        a, b = sorted(self.random.integers(0, size + 1, 2).tolist())
        start, stop, step = [0] * x.type.rank, list(x.shape), [1] * x.type.rank
        start[axis], stop[axis], step[axis] = a, b, int(self.random.integers(1, 3))
        return slice(x, start, stop, step)

    def graph(self, size: int) -> Graph:
        for _ in range(size):
            recent = self.pool[-6:] if self.random.random() < 0.7 else self.pool
            x = self.pick([y for y in recent if y.type.rank < 4])
            made = self.element_wise(x) if self.random.random() < self.calm else self.move(x)
            if made.type.is_static and made.type.size > 4000:
                continue
            self.pool.append(made)
        return Graph("random", self.inputs, tuple(self.pool[-4:]))


def random_graph(seed: int, size: int = 25) -> tuple[Graph, list[np.ndarray]]:
    """A Graph of about ``size`` operations and arrays for its inputs (the symbol n is 4)."""
    maker = _Maker(seed)
    graph = maker.graph(size)
    arrays = []
    for x in graph.inputs:
        shape = [4 if d is maker.n else d for d in x.shape]
        values = maker.random.choice([-2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 3.25], shape)
        arrays.append(np.asarray(values).astype(x.dtype.numpy))
    return graph, arrays


def ensured_graph() -> Graph:
    """Two inputs of different symbols that an ``ensure`` equates."""
    x = input_node("x", Type(dt.f32, (symbol("n"), 3)))
    y = input_node("y", Type(dt.f32, (symbol("m"), 3)))
    return Graph("ensured", (x, y), (add(x, ensure(y, x.shape)),), ("sum",), ((0, 0),))
