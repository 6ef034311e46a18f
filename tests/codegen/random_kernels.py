"""Random kernels by seed: every loop kind, register state, branches and access patterns."""

from __future__ import annotations

import random

from graphc.ir import dtype as dt
from graphc.ir.kernel import PARALLEL, SERIAL, UNROLLED, VECTOR, Alloc, Array, For, If, Kernel, Let, Set, Store, load
from graphc.ir.node import INDEX, compare, const, make, symbol, var
from graphc.ir.type import Type

F32 = Type(dt.f32, ())
N, M = symbol("n"), symbol("m")


class Maker:
    """Makes one kernel over ``x[n, m + 8]``, ``z[n, 2m + 9]``, ``row[m + 8]``, ``column[n]``, ``index[m]``."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.fixed = self.random.random() < 0.5
        self.n, self.m = self.random.randint(1, 4), self.random.choice([1, 5, 16, 19, 40, 64, 75])
        self.extents = (self.n, self.m) if self.fixed else (N, M)
        self.count = 0

    def name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def number(self):
        return const(self.random.choice([0.0, -0.0, 0.5, 1.0, -2.0, 3.25]), F32)

    def test(self, i, j, values, depth: int):
        kind = self.random.randrange(4)
        if kind == 0:
            op, factor = self.random.choice(["lt", "le", "ne", "eq"]), self.random.randint(1, 3)
            bound = self.random.randint(0, 60)
            return compare(op, j * factor, bound)
        if kind == 1:
            return compare("lt", j + i * 2, self.extents[1] - 3)
        if kind == 2:
            return make("and", (self.test(i, j, values, 0), self.test(i, j, values, 0)), (), Type(dt.b1, ()))
        return compare("lt", self.value(i, j, values, depth), self.value(i, j, values, depth))

    def leaf(self, i, j, values):
        shift, m = self.random.randrange(8), self.extents[1]
        pick = self.random.randrange(11)
        if pick == 6 and j.op == "const":
            pick = 10
        if pick == 0:
            return self.number()
        if pick == 1:
            return load("x", (i, m + 7 - j - shift), dt.f32)
        if pick == 2:
            return load("z", (i, j * 2 + shift), dt.f32)
        if pick == 3:
            return load("row", (j + shift,), dt.f32)
        if pick == 4:
            return load("column", (i,), dt.f32)
        if pick == 5:
            at = make("cast", (load("index", (j,), dt.i32),), (("dtype", dt.i64),), INDEX)
            return load("row", (at,), dt.f32)
        if pick == 6:
            inside = compare("le", const(0, INDEX), j - shift), compare("lt", j * 3 - shift, m)
            inside = make("and", inside, (), Type(dt.b1, ()))
            return load("x", (i, j * 3 - shift), dt.f32, inside) if self.random.random() < 0.5 else load(
                "x", (i, j - shift), dt.f32, inside)
        if pick == 7:
            return make("cast", ((i * 5 + j * 3 + shift) % (shift + 1),), (("dtype", dt.f32),), F32)
        if pick == 8 and values:
            return self.random.choice(values)
        return load("x", (i, j + shift), dt.f32)

    def value(self, i, j, values, depth: int):
        if depth == 0:
            return self.leaf(i, j, values)
        part = lambda: self.value(i, j, values, depth - 1)  # noqa: E731
        pick = self.random.randrange(8)
        if pick < 4:
            return make(self.random.choice(["add", "sub", "mul", "max", "min"]), (part(), part()), (), F32)
        if pick == 4:
            return make("fma", (part(), part(), part()), (), F32)
        if pick == 5:
            return make("select", (self.test(i, j, values, depth - 1), part(), part()), (), F32)
        if pick == 6:
            return make(self.random.choice(["neg", "abs", "floor"]), (part(),), (), F32)
        return self.leaf(i, j, values)

    def inner(self, i, values) -> For:
        """A loop along a row that stores into it."""
        kind = self.random.choice([VECTOR, VECTOR, VECTOR, SERIAL, UNROLLED if self.fixed else VECTOR])
        j = var(self.name("j"), INDEX, self.extents[1])
        body, seen = [], list(values)
        for _ in range(self.random.randrange(3)):
            v = var(self.name("v"), F32)
            body.append(Let(v, self.value(i, j, seen, 2)))
            seen.append(v)
            if self.random.random() < 0.4:
                orelse = (Set(v, self.number()),)[: self.random.randrange(2)]
                body.append(If(compare("lt", i, 2), (Set(v, self.value(i, j, seen, 1)),), orelse))
        if self.random.random() < 0.3:
            k, v = var(self.name("k"), INDEX, 3), var(self.name("s"), F32)
            step = v * load("row", (j + k,), dt.f32) + load("z", (i, k), dt.f32)
            body += [Let(v, self.number()), For(k, 3, (Set(v, step),), UNROLLED)]
            seen.append(v)
        guard = self.test(i, j, seen, 1) if self.random.random() < 0.4 else None
        body.append(Store("o", (i, j), self.value(i, j, seen, 3), guard))
        return For(j, self.extents[1], tuple(body), kind)

    def reduction(self, i, name: str) -> list:
        """64 lanes run along a row."""
        def element():
            return load(name, (lane,), dt.f32)

        lane, c, m = var(self.name("l"), INDEX, 64), var(self.name("c")), self.extents[1]
        op = self.random.choice(["add", "max", "min"])
        step = lambda at: make(op, (element(), load("x", (i, at), dt.f32)), (), F32)  # noqa: E731
        main = For(c, m // 64, (For(lane, 64, (Store(name, (lane,), step(c * 64 + lane)),), VECTOR),))
        rest = For(lane, m % 64, (Store(name, (lane,), step(m // 64 * 64 + lane)),), VECTOR)
        first = For(lane, 64, (Store(name, (lane,), self.number()),), VECTOR)
        result = var(self.name("r"), F32)
        fold = make("fold", (), (("buffer", name), ("combine", op)), F32)
        body = [first, main, rest]
        if self.random.random() < 0.5:
            body[1:2] = [If(compare("lt", i, 1), (main,), (rest,)[: self.random.randrange(2)])]
        return [Alloc(Array(name, Type(dt.f32, (64,)), "register", True)), *body, Let(result, fold)]

    def kernel(self) -> Kernel:
        n, m = self.extents
        i = var("i", INDEX, n)
        carried = var("carried", F32)
        kind = self.random.choice([SERIAL, PARALLEL])
        body, values = [], []
        if self.random.random() < 0.5:
            body += self.reduction(i, "acc")
            values.append(body[-1].var)
        if kind == SERIAL:
            body.append(Set(carried, self.value(i, const(0, INDEX), [*values, carried], 1)))
            values.append(carried)
        body += [self.inner(i, values) for _ in range(self.random.randint(1, 2))]
        arrays = {"x": (n, m + 8), "z": (n, m * 2 + 9), "row": (m + 8,), "column": (n,), "o": (n, m)}
        declared = [Array(a, Type(dt.f32, shape), written=a == "o") for a, shape in arrays.items()]
        declared.append(Array("index", Type(dt.i32, (m,))))
        loop = For(i, n, tuple(body), kind)
        return Kernel("random", tuple(declared), () if self.fixed else (N, M), (Let(carried, self.number()), loop))
