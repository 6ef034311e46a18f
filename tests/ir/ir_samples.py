"""Seeded random expressions, graphs, kernels and programs for the tests of the IR."""

import random

import numpy as np

from graphc.errors import Location, located
from graphc.ir.blob import Blob
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import Alloc, Array, At, Barrier, Call, For, If, Kernel, Let, Set, Store, load, shuffle, shuffle_xor
from graphc.ir.node import BOOL, INDEX, Node, binary, const, make, simplified, symbol, var
from graphc.ir.program import Branch, Buffer, Copy, Host, Launch, Param, Program, Repeat, Signature
from graphc.ir.type import TupleType, Type

SPECIAL = (0.0, -0.0, 1.0, -1.5, 0.1, 1e-45, 3.4e38, float("inf"), float("-inf"), float("nan"), 65504.0, 1e-300)
NAMES = ("x", "y:0", "dense/kernel", "dot0", "f32", "true", "if", "for", 'qu"ote', "line\nbreak", "größe", "_1")
NUMBERS = [d for d in dt.ALL if d.kind != "s"]


def random_index(r: random.Random, leaves, depth: int = 4) -> Node:
    """An index expression in normal form; divisors are positive."""
    if depth == 0 or r.random() < 0.15:
        return r.choice(leaves) if r.random() < 0.7 else const(r.randint(-9, 9), INDEX)
    op = r.choice(("add", "sub", "mul", "floordiv", "mod", "min", "max"))
    x = random_index(r, leaves, depth - 1)
    if op in ("floordiv", "mod"):
        return binary(op, x, const(r.randint(1, 9), INDEX))
    return binary(op, x, random_index(r, leaves, depth - 1))


def random_element(r: random.Random, dtype):
    """One element of any dtype as an array of rank 0."""
    if dtype.kind == "b":
        return np.asarray(r.random() < 0.5)
    if dtype.kind in "iu":
        info = np.iinfo(dtype.numpy)
        return np.asarray(r.choice((info.min, info.max, 0, 1, r.randint(info.min, info.max))), dtype.numpy)
    with np.errstate(all="ignore"):
        value = np.asarray(r.choice(SPECIAL) if r.random() < 0.6 else r.uniform(-4, 4))
        if dtype.kind == "c":
            return (value + 1j * r.choice(SPECIAL)).astype(dtype.numpy)
        return value.astype(dtype.numpy)


class ExpressionMaker:
    """Random rank-0 expressions over the variables and arrays of one place in a kernel."""

    def __init__(self, r, leaves, arrays):
        self.r, self.leaves, self.arrays = r, list(leaves), list(arrays)

    def index(self):
        return random_index(self.r, [x for x in self.leaves if x.type == INDEX] or [const(1, INDEX)], 2)

    def make(self, dtype, depth: int) -> Node:
        r, type = self.r, Type(dtype, ())
        leaves = [x for x in self.leaves if x.type == type]
        arrays = [a for a in self.arrays if a.type.dtype is dtype]
        if depth == 0 or r.random() < 0.1:
            if leaves and r.random() < 0.6:
                return r.choice(leaves)
            if arrays and r.random() < 0.6:
                a = r.choice(arrays)
                guard = self.make(dt.b1, 1) if r.random() < 0.5 else None
                return load(a.name, [self.index() for _ in a.type.shape], dtype, guard)
            return const(random_element(r, dtype), type)
        if dtype is dt.i64 and r.random() < 0.5:
            return self.index()
        return self._operation(dtype, type, depth - 1)

    def _operation(self, dtype, type, depth):
        r = self.r
        other = r.choice((dt.f32, dt.i64, dt.b1, dt.u8))
        if dtype is dt.b1 and r.random() < 0.5:
            x, y = self.make(other, depth), self.make(other, depth)
            return make(r.choice(("lt", "le", "eq", "ne")), (x, y), (), BOOL)
        kind = r.choice(("binary", "binary", "unary", "cast", "select", "fma", "odd", "raw"))
        if kind == "cast":
            return make(r.choice(("cast", "bitcast")), (self.make(other, depth),), (("dtype", dtype),), type)
        x, y = self.make(dtype, depth), self.make(dtype, depth)
        if kind == "unary":
            return make(r.choice(("neg", "exp", "not")), (x,), (), type)
        if kind == "select":
            return make("select", (self.make(dt.b1, depth), x, y), (), type)
        if kind == "fma":
            return make("fma", (x, y, x), (), type)
        if kind == "odd":
            return make("mulhi", (self.make(other, depth), x), (("shift", r.randint(0, 3)), ("mode", "a b")), type)
        op = r.choice(("add", "sub", "mul", "div", "floordiv", "mod", "and", "or", "max"))
        return make(op, (x, y), (), type) if kind == "raw" else binary(op, x, y)


def random_kernel(seed: int) -> Kernel:
    """A kernel that uses every statement; not a legal one."""
    r = random.Random(seed)
    n, m = symbol("n"), symbol(r.choice(NAMES))
    arrays = (
        Array("x", Type(dt.f32, (n, 4))),
        Array(r.choice(NAMES[1:]), Type(dt.f32, (n + 1, n * 28)), written=True),
        Array("k", Type(dt.i64, ()), strides=()),
        Array("b", Type(dt.u8, (3,)), "global", True, (r.randint(1, 4),)),
    )
    maker = ExpressionMaker(r, (n, m), arrays)
    return Kernel(r.choice(NAMES), arrays, (n, m), _random_body(r, maker, 3, [0]))


def _random_body(r, maker, depth, count) -> tuple:
    body, leaves, arrays = [], list(maker.leaves), list(maker.arrays)
    for _ in range(r.randint(1, 4)):
        count[0] += 1
        kind = r.choice(("for", "if", "let", "store", "set", "alloc", "barrier", "call", "for", "store"))
        if kind == "for" and depth:
            extent = r.choice((8, 512, symbol("n"), symbol("n") * 2 + 1, const(3, INDEX)))
            bound = r.choice((None, extent if type(extent) is int else None, 16))
            index = var(f"i{count[0]}", extent=bound)
            inner = ExpressionMaker(r, maker.leaves + [index], maker.arrays)
            loop = r.choice(("serial", "parallel", "vector", "unrolled", "block", "thread"))
            body.append(For(index, extent, _random_body(r, inner, depth - 1, count), loop, r.choice((1, 16))))
        elif kind == "if" and depth:
            orelse = _random_body(r, maker, depth - 1, count) if r.random() < 0.5 else ()
            body.append(If(maker.make(dt.b1, 3), _random_body(r, maker, depth - 1, count), orelse))
        elif kind == "let":
            dtype = r.choice((dt.f32, dt.i64, dt.b1, dt.bf16, dt.u8))
            name = r.choice((f"t{count[0]}", f"a b{count[0]}"))
            value = maker.make(dtype, 4)
            maker.leaves.append(var(name, Type(dtype, ()), r.choice((None, 4)) if dtype is dt.i64 else None))
            body.append(Let(maker.leaves[-1], value))
        elif kind == "set" and any(x.op == "var" for x in maker.leaves):
            target = r.choice([x for x in maker.leaves if x.op == "var"])
            body.append(Set(target, maker.make(target.dtype, 3)))
        elif kind == "alloc":
            array = Array(f"acc{count[0]}", Type(dt.f32, (2, 8)), r.choice(("register", "stack", "shared")), True)
            maker.arrays.append(array)
            attrs = (("buffer", array.name), ("combine", "add"))
            maker.leaves.append(make("fold", (), attrs, Type(dt.f32, ())))
            body.append(Alloc(array))
        elif kind == "barrier":
            body.append(Barrier())
        elif kind == "call":
            array = r.choice(maker.arrays)
            place = At(array.name, tuple(maker.index() for _ in array.type.shape))
            value = maker.make(dt.f32, 3)
            lane = shuffle(value, maker.index())
            body.append(Call("copy_16", (place, r.randint(-9, 9), shuffle_xor(value, 16), lane, maker.index())))
        else:
            array = r.choice(maker.arrays)
            guard = maker.make(dt.b1, 2) if r.random() < 0.3 else None
            index = tuple(maker.index() for _ in array.type.shape)
            body.append(Store(array.name, index, maker.make(array.type.dtype, 5), guard))
    maker.leaves, maker.arrays = leaves, arrays
    return tuple(body)


def random_attr(r: random.Random, depth: int = 2):
    """Any attribute value that can be written."""
    n = symbol("n")
    choices = [
        lambda: r.randint(-(2**40), 2**40),
        lambda: r.choice(SPECIAL),
        lambda: r.choice(NAMES),
        lambda: r.random() < 0.5,
        lambda: None,
        lambda: r.choice(dt.ALL),
        lambda: simplified(random_index(r, (n, symbol("a b"), symbol("f32")), 3)),
        lambda: Type(dt.f32, (n, 3)),
        lambda: TupleType((Type(dt.f32, ()), Type(dt.i64, (2,)))),
        lambda: tuple(random_attr(r, depth - 1) for _ in range(r.randint(0, 3))) if depth else (),
    ]
    return r.choice(choices)()


def random_constant(r: random.Random) -> Node:
    dtype = r.choice(NUMBERS)
    shape = r.choice(((), (3,), (2, 2), (0,), (1,), (5, 4)))
    if r.random() < 0.5:
        return const(random_element(r, dtype), Type(dtype, shape))
    values = np.empty(shape, dtype.numpy)
    for k in np.ndindex(shape):
        values[k] = random_element(r, dtype)
    return const(values, Type(dtype, shape))


def random_graph(seed: int, depth: int = 1) -> Graph:
    """A graph with every kind of attribute, constants of every dtype, nested graphs; not well typed."""
    r = random.Random(seed)
    n = symbol("n")
    names = r.sample(NAMES, r.randint(1, 4))
    shapes = ((), (n,), (n, 3), (n * 2 + 1, 0))
    inputs = tuple(input_node(name, Type(r.choice(dt.ALL), r.choice(shapes))) for name in names)
    values = list(inputs)
    for k in range(r.randint(0, 25)):
        with located(r.choice((None, Location("/home/user/model.py", k + 1)))):
            values.append(_random_value(r, values, depth))
    outputs = tuple(r.choices(values, k=r.randint(0, 3)))
    labels = tuple(r.choice((f"out{k}", "loss", "a b")) for k in range(len(outputs)))
    donated = ((0, 0),) if outputs and r.random() < 0.3 else ()
    return Graph(r.choice(NAMES), inputs, outputs, labels, donated)


def _random_value(r, values, depth):
    if r.random() < 0.2:
        return random_constant(r)
    type = Type(r.choice(dt.ALL), r.choice(((), (3, 4), (symbol("n"), 7))))
    if r.random() < 0.1:
        type = TupleType((type, Type(dt.i32, (2,))))
    attrs = tuple((f"a{k}", random_attr(r)) for k in range(r.randint(0, 3)))
    if depth and r.random() < 0.15:
        attrs += (("graph", random_graph(r.randint(0, 10**6), depth - 1)),)
    op = r.choice(("add", "dot", "atan", "atan2", "reduce", "log1p"))
    return make(op, tuple(r.choices(values, k=r.randint(0, 3))), attrs, type)


def random_program(seed: int) -> Program:
    """A program with every kind of step and place; not a legal one."""
    r = random.Random(seed)
    n = symbol("n")
    kernels = tuple(random_kernel(seed * 3 + k) for k in range(r.randint(0, 2)))
    types = (Type(dt.f32, (n, 3)), Type(dt.b1, ()), Type(dt.i64, ()))
    names = r.sample(NAMES, 4)
    params = tuple(Param(name, r.choice(types), r.choice((None, Location("model.py", 3)))) for name in names)
    places = (("input", 0), ("output", 1), ("constant", 64), ("arena", n * 64), ("arena", 0))
    buffers = tuple(Buffer(name, r.choice(types), r.choice(places)) for name in names)
    signature = Signature(params[:2], params[2:], ("n",), r.choice(((), ((0, 1), (1, 0)))), r.choice((0, 4096, n * 4)))
    constants = r.choice((b"", bytes(range(200))))
    return Program("main", signature, buffers, kernels, _random_steps(r, names, 3), Blob.of(constants))


def _random_steps(r, names, depth) -> tuple:
    steps, n = [], symbol("n")
    for _ in range(r.randint(0, 4)):
        some = tuple(r.choices(names, k=2))
        kind = r.choice(("launch", "copy", "host", "branch", "repeat"))
        if kind == "copy":
            steps.append(Copy(*some))
        elif kind == "host":
            attrs = (("a", r.choice((1, "sum", (n, 2), dt.f32, 0.5))), ("body", random_graph(r.randint(0, 99), 0)))
            steps.append(Host("sort", attrs, some, some[:1], Location("model.py", 8)))
        elif kind == "branch" and depth:
            steps.append(Branch(some[0], _random_steps(r, names, depth - 1), _random_steps(r, names, depth - 1)))
        elif kind == "repeat" and depth:
            parts = _random_steps(r, names, depth - 1), _random_steps(r, names, depth - 1)
            count = r.choice((None, 3, symbol("n")))
            steps.append(Repeat(*parts, r.choice((None, some[0])), count, r.choice((None, some[1]))))
        else:
            steps.append(Launch("k", some, r.choice(((), (symbol("n"), 3)))))
    return tuple(steps)
