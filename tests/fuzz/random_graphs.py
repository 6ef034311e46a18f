"""Seeded random graphs over most primitives, grown with their values at hand so that everything stays comparable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc import prims as p
from graphc.autodiff.reverse import grad
from graphc.errors import GraphcError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, close, input_node, needed, symbols_of
from graphc.ir.node import Node, const, is_index, symbol
from graphc.ir.sizes import maker, symbols_in
from graphc.ir.type import Type
from graphc.prims.interpret import concrete, value_of
from tests.fuzz import bodies, catalogue, composites, rows
from graphc.inspect.noise import SHADOWS, allowed, distance, epsilon_of, has_noise, magnitude, noisy_value

FREQUENT = (dt.f32, dt.f32, dt.f32, dt.f64, dt.i32, dt.i64, dt.b1)
RARE = (dt.f32, dt.f64, dt.f16, dt.bf16, dt.i8, dt.u8, dt.u32, dt.i16, dt.u16, dt.u64, dt.c64, dt.c128)
DTYPES = FREQUENT * 2 + RARE
LIMIT = {dt.f16: 60.0, dt.bf16: 60.0, dt.f32: 1e4, dt.f64: 1e4, dt.c64: 1e3, dt.c128: 1e3}  # beyond: thrown away
JUMPS = frozenset(
    "floor ceil round trunc sign floordiv mod eq ne argreduce bitcast sort unique nonzero measure".split()
)
SMALL_INTEGERS = (-3, 4)
SMALL, LARGE = (1, 2, 3, 4, 5, 7, 8, 16, 17, 33), (1, 3, 16, 64, 100, 257, 1000)
WAYS = {"element_wise": 0.31, "move": 0.18, "combine": 0.11, "contract": 0.05, "look_up": 0.06, "again": 0.02,
        "leaf": 0.05, "special_row": 0.09, "control": 0.05, "composite": 0.08}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A graph, arrays for its inputs, and how far each output may be away (0: every bit is defined)."""

    graph: Graph
    arrays: tuple
    tolerance: tuple


class Maker:
    """Grows a pool of Nodes together with their values."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.large = self.chance(0.06)
        self.sizes, self.room = (LARGE, 200_000) if self.large else (SMALL, 6_000)
        self.n = symbol("n")
        if self.chance(0.04):
            self.sizes = (*self.sizes, 0)
        self.symbols = {self.n: self.pick((1, 37, 130, 700) if self.large else (1, 2, 3, 5, 8, 16, 19, 40, 0))}
        self.symbolic = self.chance(0.4)
        self.values: dict[Node, object] = {}
        self.shadows: dict[Node, tuple] = {}
        self.noisy: dict[Node, bool] = {}
        self.far: dict[Node, float] = {}
        self.bodies: dict = {}
        self.inputs: list[Node] = []
        self.pool: list[Node] = []
        self.dtypes = [self.pick(DTYPES) for _ in range(3)]
        self.ways, self.depth = WAYS, 0

    # ------------------------------------------------------------------------------------------ choices

    def pick(self, choices):
        return choices[int(self.random.integers(len(choices)))]

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def below(self, n: int) -> int:
        return int(self.random.integers(n))

    def some(self, accept=lambda x: True) -> Node | None:
        """A value of the pool, more likely a young one."""
        recent = [x for x in (self.pool[-6:] if self.chance(0.7) else self.pool) if accept(x)]
        found = recent or [x for x in self.pool if accept(x)]
        return self.pick(found) if found else None

    def shape(self) -> tuple:
        rank = self.pick((0, 1, 1, 2, 2, 2, 2, 3, 3, 4))
        shape = [self.pick(self.sizes) for _ in range(rank)]
        if rank and self.symbolic and self.chance(0.7):
            shape[0] = self.n
        while self.count(shape) > self.room:
            shape[self.below(rank)] = self.pick((1, 2, 3))
        return tuple(shape)

    def numbers(self, shape) -> tuple:
        return concrete(tuple(shape), self.symbols)

    def count(self, shape) -> int:
        return int(np.prod(self.numbers(shape), dtype=np.int64))

    # ------------------------------------------------------------------------------------------- values

    def enter(self, node: Node) -> Node | None:
        """Compute a Node; None if its value is too big or too wild, or hangs on the order of rounded numbers."""
        for n in needed((node,)):
            if n not in self.values and not self._enter_one(n):
                return None
        return node

    def _enter_one(self, n: Node) -> bool:
        arrays = [self.values[x] for x in n.inputs]
        noisy = any(self.noisy[x] for x in n.inputs)
        if noisy and (n.op in JUMPS or (n.op == "cast" and n.dtype.kind in "biu")):
            return False
        if not multiplies_calmly(n, arrays) or not works_on_host(n, arrays) or self.is_huge(n):
            return False
        with np.errstate(all="ignore"):
            try:
                value = value_of(n, arrays, self.symbols)
            except GraphcError:  # a row that refuses such values
                return False
            if not self.is_tame(value):
                return False
            noisy = has_noise(n, noisy, self.bodies)
            shadows = self._shadows(n, value) if noisy else (value,) * SHADOWS
        far = max([distance(value, s) for s in shadows], default=0.0) if noisy else 0.0
        if far > (0.25 if epsilon_of(n) > 1e-4 else 0.01) * max(magnitude(value), 1.0):
            return False
        self.values[n], self.shadows[n], self.noisy[n] = value, shadows, noisy
        self.far[n] = far
        return True

    def is_huge(self, n: Node) -> bool:
        types = getattr(n.type, "items", (n.type,))
        return any(self.count(t.shape) > 4 * self.room for t in types if not any(maker(d) is n for d in symbols_in(t)))

    def _shadows(self, n: Node, value) -> tuple:
        found = []
        for k in range(SHADOWS):
            symbols = dict(self.symbols)
            try:
                found.append(noisy_value(n, [self.shadows[x][k] for x in n.inputs], symbols, self.random))
            except GraphcError:  # the noise made it a case that the row refuses
                return (np.full((), np.nan),)
        return tuple(found)

    def tolerance(self, y: Node) -> float:
        """How far a result for ``y`` may be away."""
        if not self.noisy[y]:
            return 0.0
        return allowed(y, magnitude(self.values[y]), self.far[y])

    def is_tame(self, value) -> bool:
        if isinstance(value, tuple):
            return all(map(self.is_tame, value))
        limit = LIMIT.get(dt.as_dtype(value.dtype)) if value.dtype != object else None
        return value.size <= self.room and (
            limit is None or not value.size or bool(np.abs(value).max() < limit)
        )  # NaN is not below anything

    def array(self, type: Type, low: int = SMALL_INTEGERS[0], high: int = SMALL_INTEGERS[1]) -> np.ndarray:
        """Random elements: quarters for some, arbitrary floats for others."""
        shape = concrete(type.shape, self.symbols)
        if type.dtype is dt.b1:
            return self.random.random(shape) < 0.5
        if type.dtype.is_integer:
            if (low, high) == SMALL_INTEGERS and self.chance(0.15):  # they overflow
                return np.asarray(self.random.integers(-(2**63), 2**63 - 1, shape)).astype(type.dtype.numpy)
            return np.asarray(self.random.integers(low, high, shape)).astype(type.dtype.numpy)
        if type.dtype.is_complex:
            return np.asarray(self.random.standard_normal(shape) + 1j * self.random.standard_normal(shape)).astype(
                type.dtype.numpy)  # fmt: skip
        if type.dtype is dt.string:
            return np.array(self.random.choice([b"", b"a", b"graph", b"\xff0"], shape), object).reshape(shape)
        if self.chance(0.4):
            return np.asarray(self.random.integers(-8, 9, shape) / 4).astype(type.dtype.numpy)
        return np.asarray(self.random.standard_normal(shape)).astype(type.dtype.numpy)

    def input(self, type: Type, **limits) -> Node:
        if any(isinstance(d, Node) and (d.op != "symbol" or maker(d) is not None) for d in type.shape):
            raise ShapeError("an input has plain symbols for dimensions")
        x = input_node(f"x{len(self.inputs)}", type)
        self.inputs.append(x)
        self.give(x, self.array(type, **limits))
        return x

    def give(self, x: Node, value) -> None:
        """Enter an input with its value."""
        self.values[x], self.shadows[x], self.noisy[x], self.far[x] = value, (value,) * SHADOWS, False, 0.0

    def constant(self, type: Type) -> Node:
        if type.dtype is dt.string:
            return rows.words(self, type.shape if type.is_static else ())
        if type.is_static and self.chance(0.5):
            return const(self.array(type), type)
        return const(self.pick((0, 1, -1, 2, 3, 0.5, -0.0, 0.25)), type)

    # ----------------------------------------------------------------------------------------- operands

    def like(self, x: Node, dtype=None) -> Node:
        """Some value of the type of ``x`` (or of its shape and another dtype)."""
        wanted = x.type.with_dtype(dtype or x.dtype)
        same = [y for y in self.pool if y.type == wanted]
        if same and self.chance(0.6):
            return self.pick(same)
        choice = self.below(6)
        if choice == 0:
            return self.constant(wanted)
        if choice == 1 and wanted.dtype.is_integer and wanted.rank:
            return p.iota(wanted.shape, self.below(wanted.rank), wanted.dtype)
        found = self.stretched(wanted)
        if found is not None and choice < 5:
            return found
        if wanted.dtype is dt.b1 and x.dtype is not dt.b1 and not self.noisy.get(x):
            return p.lt(x, self.constant(x.type))
        if len(self.inputs) < 9:
            return self.input(wanted)
        return self.constant(wanted)

    def stretched(self, wanted: Type) -> Node | None:
        """A value of the pool broadcast, reshaped or cast to a type."""
        made = []
        for y in self.pool[-12:]:
            if y.dtype is not wanted.dtype:
                if y.shape == wanted.shape and y.dtype is not dt.b1:
                    made.append(p.cast(y, wanted.dtype))
                continue
            if y.type.size == wanted.size:
                made.append(p.reshape(y, wanted.shape))
            for axes in ((), (0,), (wanted.rank - 1,), (0, wanted.rank - 1), (1,), (0, 1), (1, 2)):
                fits = len(axes) == y.type.rank < wanted.rank and len(set(axes)) == len(axes)
                if fits and all(0 <= a < wanted.rank and wanted.shape[a] == d for a, d in zip(axes, y.shape)):
                    made.append(p.broadcast(y, wanted.shape, axes))
        return self.pick(made) if made else None

    # -------------------------------------------------------------------------------------------- growth

    def element_wise(self) -> Node:
        return rows.element_wise(self)

    def special_row(self) -> Node:
        return self.pick(rows.MAKERS)(self)

    def control(self) -> Node:
        return bodies.control(self)

    def composite(self) -> Node:
        return catalogue.composite(self)

    def move(self) -> Node:
        x = self.some()
        rank = x.type.rank
        if rank == 0 or self.chance(0.25):
            return self.widen(x)
        axis = self.below(rank)
        made = [lambda: p.transpose(x, self.random.permutation(rank).tolist()), lambda: self.reshaped(x),
                lambda: self.cut(x),
                lambda: p.reverse(x, [a for a in range(rank) if self.chance(0.5)] or [axis]), lambda: self.padded(x),
                lambda: p.concat(x, self.like(x), axis=axis), lambda: p.concat(x, x, self.like(x), axis=axis),
                lambda: p.concat(self.cut(x, axis), self.cut(x, axis), axis=axis),
                lambda: self.windows(x, axis)]  # fmt: skip
        return self.pick(made)()

    def widen(self, x: Node) -> Node:
        shape = list(x.shape)
        places = list(range(len(shape)))
        for _ in range(self.pick((1, 1, 2))):
            at = self.below(len(shape) + 1)
            shape.insert(at, self.n if self.symbolic and at == 0 and self.chance(0.5) else self.pick((1, 2, 3, 8, 17)))
            places = [q + (q >= at) for q in places]
        return p.broadcast(x, shape, places)

    def reshaped(self, x: Node) -> Node:
        shape = list(x.shape)
        k = self.below(len(shape))
        choice = self.below(5)
        if choice == 0:
            return p.reshape(x, (x.type.size,))
        if choice == 1 and len(shape) > 1:
            k = self.below(len(shape) - 1)
            return p.reshape(x, shape[:k] + [shape[k] * shape[k + 1]] + shape[k + 2 :])
        if choice == 2:
            return p.reshape(x, [d for d in shape if d != 1])
        if choice == 3 and type(shape[k]) is int:
            factor = self.pick([f for f in range(1, shape[k] + 1) if shape[k] % f == 0] or [1])
            return p.reshape(x, shape[:k] + [factor, shape[k] // factor] + shape[k + 1 :])
        return p.reshape(x, shape[:k] + [1] + shape[k:])

    def cut(self, x: Node, only: int | None = None) -> Node:
        start, stop, step = [0] * x.type.rank, list(x.shape), [1] * x.type.rank
        for k, size in enumerate(x.shape):
            if only not in (None, k) or self.chance(0.3):
                continue
            if type(size) is not int:
                step[k] = self.pick((1, 2, 3))
                continue
            start[k], stop[k] = sorted((self.below(size + 1), self.below(size + 1)))
            if start[k] == stop[k] and self.chance(0.9):
                start[k], stop[k] = 0, size
            step[k] = self.pick((1, 1, 2, 3))
        return p.slice(x, start, stop, step)

    def padded(self, x: Node) -> Node:
        value = self.some(lambda y: y.type == Type(x.dtype, ()))
        if value is None or self.chance(0.7):
            value = self.constant(Type(x.dtype, ()))
        return p.pad(x, value, *[[self.pick((0, 0, 1, 2, 5)) for _ in x.shape] for _ in range(2)])

    def windows(self, x: Node, axis: int) -> Node:
        if type(x.shape[axis]) is not int or x.shape[axis] < 3:
            return p.reverse(x, [axis])
        made = p.window(x, [axis], [2], [self.pick((1, 2))], [self.pick((1, 2))])
        how = [made.attr(name) for name in ("axes", "size", "stride", "dilation")]
        return made if self.chance(0.5) else p.unwindow(made, x.shape, *how)

    def combine(self) -> Node:
        """Reductions and their kin."""
        x = self.some(lambda y: y.type.rank > 0) or self.input(Type(dt.f32, (5, 17)))
        rank = x.type.rank
        if not self.count(x.shape):
            return p.reduce(x, "any" if x.dtype is dt.b1 else "sum", [self.below(rank)])
        axes = [a for a in range(rank) if self.chance(0.5)] or [self.below(rank)]
        axis = self.below(rank)
        if x.dtype is dt.b1:
            return p.reduce(x, self.pick(("all", "any")), axes)
        made = [lambda: p.reduce(x, self.pick(("sum", "sum", "max", "min", "prod")), axes)] * 4 + [
            lambda: p.cumulate(x, self.pick(("sum", "max", "min", "prod")), axis, self.chance(0.5), self.chance(0.5)),
            lambda: p.argreduce(x, self.pick(("max", "min")), axis, self.pick((dt.i32, dt.i64))),
            lambda: p.item(p.sort(x, axis, self.chance(0.5)), self.below(2))]  # fmt: skip
        if x.dtype in (dt.f32, dt.f64):
            made += [lambda f=f: f(x, axes) for f in (composites.softmax, composites.normalise, composites.spread)]
        return self.pick(made)()

    def contract(self) -> Node:
        x = self.some(lambda y: y.type.rank >= 2 and y.dtype is not dt.b1) or self.input(Type(dt.f32, (7, 16)))
        tx, ty = self.chance(0.3), self.chance(0.3)
        batch, k = x.shape[:-2], x.shape[-2] if tx else x.shape[-1]
        m = self.pick(self.sizes)
        wanted = Type(x.dtype, (*batch, m, k) if ty else (*batch, k, m))
        found = [y for y in self.pool if y.dtype is x.dtype and y.type.rank == x.type.rank and y.shape[:-2] == batch
                 and y.shape[-1 if ty else -2] == k]  # fmt: skip
        y = self.pick(found) if found and self.chance(0.6) else self.stretched(wanted)
        if y is None:
            y = const(self.array(wanted), wanted) if wanted.is_static and self.chance(0.5) else self.input(wanted)
        return p.dot(x, y, tx, ty) if self.chance(0.8) else composites.dense(x, y, tx, ty)

    def look_up(self) -> Node:
        """Gather and scatter with some indices out of range."""
        x = self.some(lambda y: y.type.rank > 0) or self.input(Type(dt.f32, (5, 17)))
        batch = self.pick((0, 0, 0, 1)) if x.type.rank > 1 else 0
        depth = self.pick((1, 1, 2)) if x.type.rank - batch > 1 else 1
        inner = self.pick(((), (3,), (7,), (2, 4)))
        wanted = Type(self.pick((dt.i32, dt.i64)), (*x.shape[:batch], *inner, depth))
        room = int(concrete(x.shape, self.symbols)[batch])
        same = self.stretched(wanted)
        indices = same if same is not None and self.chance(0.3) else self.input(wanted, low=-1, high=room + 2)
        if self.chance(0.5):
            return p.gather(x, indices, batch)
        updates = Type(x.dtype, indices.shape[:-1] + x.shape[batch + depth :])
        made = self.stretched(updates)
        kind = self.pick(("add", "set", "max", "min", "mul")) if x.dtype is not dt.b1 else "set"
        return p.scatter(x, indices, made if made is not None else self.input(updates), kind, batch)

    def again(self) -> Node:
        """The same expression under another root, so that something is shared."""
        x = self.some()
        return self.pick([lambda: p.reshape(x, (1, *x.shape)), lambda: p.stop(x),
                          lambda: p.select(self.like(x, dt.b1), x, x),
                          lambda: p.select(self.like(x, dt.b1), x, self.like(x))])()  # fmt: skip

    def grow(self) -> None:
        """Try to enlarge the pool by one value."""
        way = str(self.random.choice(list(self.ways), p=list(self.ways.values())))
        try:
            made = getattr(self, way)()
        except GraphcError:
            return
        for node in made if isinstance(made, (list, tuple)) else (made,):
            self.keep(node)

    def keep(self, node: Node) -> None:
        """Take a Node into the pool if its value can be looked at."""
        if node.type.rank > 5 or is_index(node) or self.enter(node) is None or self.count(node.shape) > self.room:
            return
        if node not in self.pool:
            self.pool.append(node)

    def leaf(self) -> Node:
        type = Type(self.pick(self.dtypes), self.shape())
        return self.constant(type) if self.chance(0.5) or len(self.inputs) > 6 else self.input(type)

    # ------------------------------------------------------------------------------------------- results

    def case(self, size: int) -> Case:
        for _ in range(self.pick((2, 3, 4))):
            self.pool.append(self.input(Type(self.pick(self.dtypes), self.shape())))
        if self.symbolic:
            rest = () if self.chance(0.3) else (self.pick(self.sizes),)
            self.pool.append(self.input(Type(dt.f32, (self.n, *rest))))
        for _ in range(size * 4):
            if len(self.pool) > size:
                break
            self.grow()
        outputs = [self.some() for _ in range(self.pick((1, 2, 4, 7)))]
        outputs.append(self.pool[-1])
        if self.chance(0.15):
            outputs.append(self.pick(self.inputs))
        if self.chance(0.15):
            outputs.append(self.pick(outputs))
        if self.chance(0.15):
            outputs.append(self.flat(self.pick(outputs)))
        if self.chance(0.1):
            outputs.append(self.constant(Type(self.pick(self.dtypes), self.shape())))
        outputs = [y for y in outputs if self.enter(y) is not None]
        if self.chance(0.2):
            outputs += self.gradients(outputs)
        self.random.shuffle(outputs)
        reached = set(needed(outputs))
        inputs = [x for x in self.inputs if x in reached or self.chance(0.2) or self.n in x.shape]
        if not self.bound(outputs) <= {s for x in inputs for s in symbols_in(x.type)}:
            inputs.append(self.input(Type(dt.f32, (self.n,))))
        graph = Graph("fuzz", tuple(inputs), tuple(outputs), donated=self.donations(inputs, outputs))
        return Case(close(graph), tuple(self.values[x] for x in inputs), tuple(map(self.tolerance, outputs)))

    def bound(self, outputs) -> set:
        """The symbols that only inputs can tell."""
        found = {s for n in needed(outputs) for s in symbols_of(n)} | {n for n in needed(outputs) if n.op == "symbol"}
        return {s for s in found if maker(s) is None}

    def gradients(self, outputs: list) -> list:
        """Gradients of some outputs by the inputs, as far as their values can be looked at."""
        wrt = [x for x in self.inputs if x.dtype.is_inexact]
        chosen = [y for y in outputs if y.dtype.is_inexact][:2]
        if not wrt or not chosen:
            return []
        try:
            found = [g for g in grad(chosen, wrt, unconnected=None) if g is not None]
        except GraphcError:  # a row that has none
            return []
        return [g for g in found if self.enter(g) is not None]

    def flat(self, x: Node) -> Node:
        return p.reshape(x, (x.type.size,))

    def donations(self, inputs: list, outputs: list) -> tuple:
        """Outputs that take over the memory of inputs of their type."""
        pairs, taken = [], set()
        for k, y in enumerate(outputs):
            found = [j for j, x in enumerate(inputs) if x.type == y.type and j not in taken]
            if found and self.chance(0.5):
                taken.add(j := self.pick(found))
                pairs.append((k, j))
        return tuple(pairs)


def multiplies_calmly(node: Node, arrays: list) -> bool:
    """False if a product might overflow in some order of its factors."""
    if node.op not in ("reduce", "cumulate", "scatter") or node.attr("kind") not in ("prod", "mul"):
        return True
    if not node.dtype.is_inexact:
        return True
    factors = np.log2(np.maximum(np.abs(arrays[-1].astype(np.complex128)), 1))
    if node.op == "scatter":
        return factors.sum() < 10
    axes = node.attr("axes") if node.op == "reduce" else node.attr("axis")
    return bool((factors.sum(axes) < 15).all())


def works_on_host(node: Node, arrays: list) -> bool:
    """False where a result might be any of several: eigenvectors of nearly equal eigenvalues, and singular matrices."""
    if node.op not in (
        "qr",
        "eigh",
        "eig",
        "svd",
        "lu",
        "solve",
        "inverse",
        "slogdet",
        "triangular_solve",
        "matrix_function",
    ):
        return True
    a = np.asarray(arrays[0])
    if not a.size or a.shape[-1] != a.shape[-2]:
        return bool(a.size)
    s = np.linalg.svd(a.astype(np.complex128), compute_uv=False)
    return bool((s[..., -1] > 0.05 * s[..., 0]).all())


def random_case(seed: int) -> Case:
    """The case of a seed: up to 30 values grown from inputs of random shapes and dtypes."""
    grown = Maker(seed)
    return grown.case(grown.pick((5, 8, 12, 16, 24, 30)))
