"""Seeded random convolutional networks, most over few-digit numbers, so that every bit of a result is defined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc import prims as p
from graphc.errors import GraphcError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node, const, simplified, symbol
from graphc.ir.type import Type
from graphc.lib import depthwise, math, nn, pool, reduction
from graphc.lib.window import extent, window_counts
from graphc.prims.interpret import concrete


CHANNELS = (1, 1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 17, 20, 24, 31, 32, 33, 40, 48, 64, 65)
EXTENTS = (1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 24, 25, 31, 40)
DTYPES = (dt.f32,) * 7 + (dt.f64, dt.f16, dt.i32)
LARGEST = 20_000  # elements of a value
WORK = 3_000_000  # products of a convolution
TOP = 4.0  # results are clipped to this, and rounded to quarters, where exact ones are wanted
SIZES = ({}, {"n": 1, "a": 1, "b": 1, "c": 1}, {"n": 0}, {"n": 3, "a": 2, "b": 19, "c": 3})


@dataclass(frozen=True)
class Network:
    """A graph and arrays for its inputs in several sizes.

    ``exact``: every step is exact or rounds once, so that compiled code has the bits of the interpreter. ``tame``: no
    infinities and NaNs.
    """

    graph: Graph
    arrays: tuple
    exact: bool
    tame: bool


class Grower:
    """Grows values of one layout and dtype."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng([seed, 77])
        self.rank = self.pick((1, 2, 2, 2, 2, 2, 3))
        self.first = self.chance(0.5)  # channels before the spatial axes
        self.dtype = self.pick(DTYPES)
        self.exact = self.dtype is dt.i32 or self.chance(0.65)
        self.tame = not self.exact or self.dtype is dt.i32 or self.chance(0.8)
        self.symbols = {name: symbol(name) for name in "nabc"}
        self.usual = {"n": self.pick((1, 2, 3, 5))} | {k: self.pick(EXTENTS) for k in "abc"}
        self.inputs: list[Node] = []
        self.pool: list[Node] = []
        self.outputs: list[Node] = []

    # ------------------------------------------------------------------------------------------ choices

    def pick(self, choices):
        return choices[int(self.random.integers(len(choices)))]

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def array(self, type: Type, weights: bool = False) -> np.ndarray:
        """Few-digit numbers where results are to be exact; now and then some that are none, and negative zeros."""
        if not self.exact:
            scale = 0.3 if weights else 1.0
            return np.asarray(self.random.standard_normal(type.shape) * scale).astype(type.dtype.numpy)
        array = np.asarray(self.random.integers(-2, 3, type.shape)).astype(type.dtype.numpy)
        if type.dtype.is_float:
            array = array * self.pick((1, 1, 0.5, 0.25)) if not weights else array
            array = np.where(self.random.random(type.shape) < 0.1, -0.0, array).astype(type.dtype.numpy)
            if not self.tame and self.chance(0.5):
                odd = np.array(self.random.choice([np.nan, np.inf, -np.inf], type.shape), type.dtype.numpy)
                array = np.where(self.random.random(type.shape) < 0.02, odd, array)
        return np.array(array, order="C")

    def weights(self, shape_: tuple, known: float = 0.8) -> Node:
        type = Type(self.dtype, shape_)
        if self.chance(known) or len(self.inputs) > 5:
            return const(self.array(type, True), type)
        return self.input(type)

    def input(self, type: Type) -> Node:
        x = input_node(f"x{len(self.inputs)}", type)
        self.inputs.append(x)
        return x

    def image(self) -> Node:
        channels = self.pick(CHANNELS)
        n = self.symbols["n"] if self.chance(0.5) else self.usual["n"]
        spatial = [self.usual[k] for k in "abc"[: self.rank]]
        if self.rank == 3:
            spatial = [min(s, 9) for s in spatial]
        if self.chance(0.5):
            chosen = self.chance(0.5)
            spatial = [self.symbols[k] if chosen or self.chance(0.5) else s for k, s in zip("abc", spatial)]
        return self.input(Type(self.dtype, (n, channels, *spatial) if self.first else (n, *spatial, channels)))

    def count(self, shape_) -> int:
        return int(np.prod(self.numbers(shape_), dtype=np.int64))

    def numbers(self, shape_) -> tuple:
        return concrete(tuple(shape_), {self.symbols[k]: v for k, v in self.usual.items()})

    # ------------------------------------------------------------------------------------------ layout

    @property
    def channel(self) -> int:
        return 1 if self.first else self.rank + 1

    @property
    def spatial(self) -> range:
        return range(2, self.rank + 2) if self.first else range(1, self.rank + 1)

    def last(self, x: Node) -> Node:
        return p.transpose(x, (0, *range(2, self.rank + 2), 1)) if self.first else x

    def back(self, x: Node) -> Node:
        return p.transpose(x, (0, self.rank + 1, *range(1, self.rank + 1))) if self.first else x

    def vector(self, x: Node, values=None) -> Node:
        """One number for each channel, in the shape of ``x``."""
        c = x.shape[self.channel]
        v = self.weights((c,), 0.9) if values is None else const(np.asarray(values).astype(self.dtype.numpy))
        return p.broadcast(v, x.shape, (self.channel,))

    def full(self, x: Node, value: float) -> Node:
        return const(value, x.type)

    def calm(self, x: Node) -> Node:
        """Small numbers with few digits: what the next sums may be made of."""
        if self.dtype is dt.i32:
            return x
        low, high = (-TOP, TOP) if self.exact else (-30.0, 30.0)
        x = p.min(p.max(x, self.full(x, low)), self.full(x, high))
        return p.mul(p.floor(p.mul(x, self.full(x, 4.0))), self.full(x, 0.25)) if self.exact else x

    # ------------------------------------------------------------------------------------------ pieces

    def convolve(self, x: Node) -> Node:
        """A convolution, with what often follows one."""
        ways = (self.dense, self.dense, self.dense, self.grouped, self.by_channel, self.transposed)
        y = self.back(self.pick(ways)(self.last(x)))
        if self.chance(0.2):
            self.outputs.append(y)
        return self.calm(self.follow(y))

    def window(self, x: Node) -> dict:
        rank = self.rank
        many = self.chance(0.15)
        pointwise = self.chance(0.25)
        size = [1 if pointwise else self.pick((1, 2, 3, 3, 3, 5) if not many else (1, 3, 7, 11)) for _ in range(rank)]
        return {
            "size": tuple(size),
            "stride": tuple([self.pick((1, 1, 1, 2, 3)) if self.chance(0.5) else 1 for _ in size]),
            "dilation": tuple([self.pick((1, 2, 3)) if self.chance(0.25) else 1 for _ in size]),
            "low": tuple([self.border(k) for k in size]),
            "high": tuple([self.border(k) for k in size]),
        }

    def border(self, size: int) -> int:
        way = self.random.random()
        if way < 0.55:
            return size // 2
        if way < 0.75:
            return 0
        return self.pick((-2, -1, -1, 1, 2, 5, 9))

    def dense(self, x: Node, groups: int = 1, each: int | None = None) -> Node:
        window = self.window(x)
        each = self.pick(CHANNELS) if each is None else each
        w = self.weights((*window.pop("size"), x.shape[-1] // groups, groups * each))
        return self.checked(p.conv(x, w, groups=groups, **window), w)

    def grouped(self, x: Node) -> Node:
        channels = x.shape[-1]
        groups = self.pick([g for g in range(1, channels + 1) if channels % g == 0])
        return self.dense(x, groups, self.pick((1, 1, 2, 3, 4, 8, 16, 17)))

    def by_channel(self, x: Node) -> Node:
        """A convolution of each channel by itself: as one of groups, or as a sum of shifted products."""
        window, channels, each = self.window(x), x.shape[-1], self.pick((1, 1, 1, 2, 3))
        if self.chance(0.5):
            return self.dense(x, channels, each)
        size = window.pop("size")
        w = self.weights((*size, 1, channels * each))
        low, high = ([max(0, b) for b in window[k]] for k in ("low", "high"))
        reaches = [extent(k, d) for k, d in zip(size, window["dilation"])]
        counts = window_counts(x.shape[1:-1], reaches, window["stride"], low, high, "EXPLICIT")
        return depthwise.grouped(x, w, window["stride"], low, high, window["dilation"], counts)

    def transposed(self, x: Node) -> Node:
        """Holes in the input, and borders that often make windows meet in every way."""
        holes = [self.pick((1, 2, 2, 2, 3, 4)) for _ in range(self.rank)]
        size = [s if self.chance(0.4) else self.pick((1, 2, 3, 4, 5)) for s in holes]
        low = [max(0, k - 1 - self.pick((0, 0, 0, 1, 2))) for k in size]
        high = [max(0, k - 1 - self.pick((0, 0, 0, 1))) + self.pick((0, 0, 1)) for k in size]
        dilation = [self.pick((1, 2)) if self.chance(0.1) else 1 for _ in size]
        groups = 1
        if self.chance(0.2):
            groups = self.pick([g for g in range(1, x.shape[-1] + 1) if x.shape[-1] % g == 0])
        shape_ = (*size, x.shape[-1] // groups, groups * self.pick((1, 1, 2, 3, 8, 17)))
        tame, self.tame = self.tame, True  # infinite weights times the zeros between inputs: see passes/phases.py
        w = self.weights(shape_, 0.8 if tame else 1.0)
        self.tame = tame
        return self.checked(p.conv(x, w, low=low, high=high, dilation=dilation, x_dilation=holes, groups=groups), w)

    def checked(self, y: Node, w: Node) -> Node:
        if self.count(y.shape) * int(np.prod(w.shape[:-1])) > WORK:
            raise GraphcError("too much work")
        return y

    def follow(self, y: Node) -> Node:
        if self.chance(0.5):
            y = p.add(y, self.vector(y))
        if self.chance(0.35):
            y = self.normalised(y)
        if self.chance(0.3):
            y = self.joined(y)
        if self.chance(0.7):
            y = self.activation(y)
        if self.chance(0.15):
            y = self.joined(y)
        return y

    def normalised(self, y: Node) -> Node:
        if self.dtype is dt.i32:
            return p.mul(p.sub(y, self.vector(y)), self.vector(y))
        c = y.shape[self.channel]
        scale = 2.0 ** self.random.integers(-2, 2, c) if self.exact else self.random.uniform(0.5, 2, c)
        scale = scale * self.random.choice([-1, 1], c) if self.chance(0.3) else scale
        y = p.mul(p.sub(y, self.vector(y)), self.vector(y, scale))
        y = p.div(y, self.full(y, self.pick((2.0, 4.0) if self.exact else (3.0, 0.7)))) if self.chance(0.3) else y
        y = p.neg(y) if self.chance(0.1) else y
        return p.add(y, self.vector(y)) if self.chance(0.8) else y

    def joined(self, y: Node) -> Node:
        """With another value of its shape, or one that is repeated to it."""
        same = [x for x in self.pool if x.type == y.type]
        other = self.pick(same) if same else None
        if other is None or self.chance(0.3):
            axes = [a for a in range(self.rank + 2) if self.chance(0.6)]
            type = Type(self.dtype, tuple([y.shape[a] for a in axes]))
            if len(self.inputs) < 6 and self.direct(type):
                other = p.broadcast(self.input(type), y.shape, axes)
            else:
                other = self.vector(y)
        x, z = (y, other) if self.chance(0.5) else (other, y)
        return self.pick((p.add, p.add, p.sub, p.max))(x, z)

    def direct(self, type: Type) -> bool:
        """Whether an input may have this type: its sizes are numbers or plain symbols that the image has."""
        known = {d for x in self.inputs for d in x.shape}
        return all(d in known or not isinstance(d, Node) for d in type.shape)

    def activation(self, y: Node) -> Node:
        zero = self.full(y, 0)
        ways = [lambda: p.max(y, zero), lambda: p.max(y, zero), lambda: p.min(p.max(y, zero), self.full(y, 3)),
                lambda: p.max(y, p.neg(y))]  # fmt: skip
        if self.dtype.is_float:
            gate = p.min(p.max(p.add(y, self.full(y, 2.0)), zero), self.full(y, 4.0))
            ways += [lambda: p.mul(y, p.mul(gate, self.full(y, 0.25))), lambda: p.max(y, p.mul(y, self.full(y, 0.25)))]
        if self.exact:
            ways += [lambda: p.select(p.lt(y, zero), zero, y)]
        else:
            six = self.full(y, 6)
            ways += [lambda: math.sigmoid(y), lambda: p.mul(y, math.sigmoid(y)), lambda: nn.gelu(y),
                     lambda: math.tanh(y),
                     lambda: p.mul(y, p.div(p.min(p.max(p.add(y, self.full(y, 3)), zero), six), six))]  # fmt: skip
        return self.pick(ways)()

    def pooled(self, x: Node) -> Node:
        k = [self.pick((1, 2, 3)) for _ in range(self.rank)]
        form = {1: "NWC", 2: "NHWC", 3: "NDHWC"}[self.rank]
        if self.first:
            form = "NC" + form[1:-1]
        kind = "MAX" if self.dtype is dt.i32 or self.chance(0.6) else "AVG"
        y = pool.pool(x, k, kind, [self.pick((1, 1, 2)) for _ in k], self.pick(("SAME", "VALID")), form)
        return self.calm(y) if kind == "AVG" else y

    def moved(self, x: Node) -> Node:
        rank = self.rank + 2
        axis = self.pick(range(1, rank))
        rest = [a for a in range(rank) if a != axis]
        same = [v for v in self.pool if all(v.shape[a] == x.shape[a] for a in rest)]
        ways = [self.cut, self.padded, self.doubled, self.shuffled, lambda v: p.reverse(v, (axis,)),
                *[lambda v: p.concat(v, self.pick(same), axis=axis)] * 2]  # fmt: skip
        return self.pick(ways)(x)

    def cut(self, x: Node) -> Node:
        start, stop, step = [0] * len(x.shape), list(x.shape), [1] * len(x.shape)
        for a in range(1, len(x.shape)):
            if type(x.shape[a]) is int and x.shape[a] > 1 and self.chance(0.5):
                start[a] = int(self.random.integers(x.shape[a] - 1))
                stop[a] = int(self.random.integers(start[a] + 1, x.shape[a] + 1))
            step[a] = self.pick((1, 1, 2)) if a in self.spatial else 1
        return p.slice(x, start, stop, step)

    def padded(self, x: Node) -> Node:
        def amounts() -> list:
            some = [self.pick((0, 1, 2)) if a in self.spatial or self.chance(0.3) else 0 for a in range(len(x.shape))]
            return [0, *some[1:]]

        return p.pad(x, const(self.pick((0, 0, 1)), Type(self.dtype, ())), amounts(), amounts())

    def doubled(self, x: Node) -> Node:
        """Every element of the spatial axes twice."""
        for a in self.spatial:
            wide = (*x.shape[: a + 1], 2, *x.shape[a + 1 :])
            y = p.broadcast(x, wide, (*range(a + 1), *range(a + 2, len(wide))))
            x = p.reshape(y, (*x.shape[:a], simplified(x.shape[a] * 2), *x.shape[a + 1 :]))
        return x

    def shuffled(self, x: Node) -> Node:
        """Channels of several groups take turns."""
        c, a = x.shape[self.channel], self.channel
        groups = self.pick([g for g in range(1, c + 1) if c % g == 0])
        y = p.reshape(x, (*x.shape[:a], groups, c // groups, *x.shape[a + 1 :]))
        perm = list(range(len(y.shape)))
        perm[a], perm[a + 1] = a + 1, a
        return p.reshape(p.transpose(y, perm), x.shape)

    def gated(self, x: Node) -> Node:
        """Squeeze and excite."""
        if not self.dtype.is_float:
            return self.by_sum(x)
        mean = self.calm(reduction.reduce_mean(x, tuple(self.spatial), True))
        inner = self.last(mean)
        c, few = inner.shape[-1], self.pick((1, 2, 8))
        one = (1,) * self.rank
        y = p.conv(inner, self.weights((*one, c, few)))
        y = p.conv(self.calm(p.max(y, self.full(y, 0))), self.weights((*one, few, c)))
        y = self.calm(p.add(y, p.broadcast(self.weights((c,)), y.shape, (len(y.shape) - 1,))))
        gate = p.min(p.max(p.add(p.mul(y, self.full(y, 0.25)), self.full(y, 0.5)), self.full(y, 0)), self.full(y, 1))
        gate = math.sigmoid(y) if not self.exact and self.chance(0.5) else gate
        return self.calm(math.multiply(x, self.back(gate)))

    def by_sum(self, x: Node) -> Node:
        axes = self.pick(((self.channel,), tuple(self.spatial)))
        total = p.reduce(x, self.pick(("sum", "max")), axes)
        return self.calm(p.sub(x, p.broadcast(total, x.shape, [a for a in range(len(x.shape)) if a not in axes])))

    def soft(self, x: Node) -> Node:
        return self.by_sum(x) if self.exact else nn.softmax(x, self.pick((self.channel, *self.spatial)))

    def projected(self, x: Node) -> Node:
        """Channels through a matrix, all places as rows."""
        y = self.last(x)
        c, more = y.shape[-1], self.pick(CHANNELS)
        flat = p.reshape(y, (simplified(Type(self.dtype, y.shape[:-1]).size), c))
        flip = self.chance(0.3)
        w = self.weights((more, c) if flip else (c, more))
        out = p.dot(flat, w, False, flip)
        bias = p.broadcast(self.weights((more,)), out.shape, (1,))
        out = p.max(p.add(out, bias), self.full(out, 0)) if self.chance(0.6) else out
        return self.calm(self.back(p.reshape(out, (*y.shape[:-1], more))))

    # ------------------------------------------------------------------------------------------ growth

    def network(self) -> Network:
        self.pool.append(self.image())
        ways = [self.convolve] * 7 + [self.pooled, self.moved, self.moved, self.gated, self.soft, self.projected]
        tries, wanted = 0, int(self.random.integers(1, 7))
        while len(self.pool) <= wanted and tries < 40:
            tries += 1
            x = self.pool[-1] if self.chance(0.7) else self.pick(self.pool)
            before = len(self.inputs), len(self.outputs)
            try:
                y = self.pick(ways)(x)
                fits = 0 < self.count(y.shape) <= LARGEST
            except (GraphcError, IndexError):
                fits = False
            if fits:
                self.pool.append(y)
            else:
                del self.inputs[before[0] :], self.outputs[before[1] :]
        more = [x for x in self.pool[1:-1] if self.chance(0.2)]
        graph = Graph("network", tuple(self.inputs), tuple(dict.fromkeys((self.pool[-1], *more, *self.outputs))))
        return Network(graph, tuple(self.arrays(graph)), self.exact, self.tame)

    def arrays(self, graph: Graph) -> list[tuple]:
        """Arrays for the usual sizes, and for others where sizes are symbols."""
        found, seen = [], []
        for sizes in SIZES:
            values = {self.symbols[k]: v for k, v in (self.usual | sizes).items()}
            types = [concrete(x.type, values) for x in self.inputs]
            if any(0 in concrete(x.shape[1:], values) for x in graph.nodes if isinstance(x.type, Type)):
                continue  # windows of nothing: the programs refuse more of them than the interpreter
            if types not in seen and sum(int(np.prod(t.shape)) for t in types) < 4 * LARGEST:
                seen.append(types)
                found.append(tuple([self.array(t, k > 0) for k, t in enumerate(types)]))
        return found


def random_network(seed: int) -> Network:
    """The network of a seed."""
    return Grower(seed).network()
