"""Planned memory: no value is overwritten while it is still read, and outputs, donated or not, come out right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphc import prims as p
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, const, symbol
from graphc.ir.program import Branch, Copy, Host, Launch, Program, Repeat
from graphc.ir.target import X86_64_V3
from graphc.ir.type import Type
from graphc.lower.buffers import ALIGNMENT
from graphc.prims.interpret import dim_value, interpret
from tests.fuzz.random_graphs import random_case
from tests.native import SPLITS, bits_equal, host_targets, run_native, verified

TARGETS = host_targets()
n = symbol("n")
native = pytest.mark.skipif(not TARGETS, reason="needs an x86-64 CPU")


def f32(name, *shape):
    return input_node(name, Type(dt.f32, shape))


def same_as_interpreted(graph: Graph, *arrays) -> None:
    """Exactly, however loops are cut; the graphs here only add, multiply and move."""
    for parts in SPLITS:
        for k, (right, found) in enumerate(zip(interpret(graph, *arrays), run_native(graph, arrays, TARGETS[0], parts), strict=True)):
            assert bits_equal(right, found), f"output {k}\nright {right}\nfound {found}\n{graph}"


# ------------------------------------------------------------------------------------------- overlaps


class Replay:
    """Who wrote which memory last, found from the steps of a Program alone."""

    def __init__(self, program: Program, sizes: dict):
        self.program = program
        self.kernels = {k.name: k for k in program.kernels}
        self.spans = {b.name: self._span(b, sizes) for b in program.buffers}
        self.written = {name for step in self._all(program.steps) for name in self._writes(step)}
        ends = sorted({(space, e) for space, a, b in self.spans.values() for e in (a, b)})
        self.cells = [(s, a, b) for (s, a), (t, b) in zip(ends, ends[1:]) if s == t]
        given = {cell: "given" for cell in self.cells if cell[0][0] not in ("arena", "output")}
        self.writers: dict[tuple, frozenset] = {cell: frozenset({name}) for cell, name in given.items()}
        self.arena = dim_value(program.signature.arena, sizes)

    @staticmethod
    def _span(buffer, sizes: dict) -> tuple:
        """(space, first byte, byte after the last)."""
        kind, where = buffer.place
        size = dim_value(buffer.type.size, sizes) * buffer.type.dtype.size
        if kind in ("input", "output"):
            return (kind, where), 0, size
        where = dim_value(where, sizes)
        return (kind, 0), where, where + size

    def _all(self, steps):
        for step in steps:
            yield step
            for part in ("then", "orelse", "test", "body"):
                yield from self._all(getattr(step, part, ()))

    def _writes(self, step) -> list:
        match step:
            case Launch(kernel, args):
                return [name for name, array in zip(args, self.kernels[kernel].arrays) if array.written]
            case Copy(_, target):
                return [target]
            case Host(results=results):
                return list(results)
            case Repeat(counter=counter) if counter is not None:
                return [counter]
        return []

    def _reads(self, step) -> list:
        match step:
            case Launch(kernel, args):
                return [name for name, array in zip(args, self.kernels[kernel].arrays) if not array.written]
            case Copy(source, _):
                return [source]
            case Host(args=args):
                return list(args)
            case Branch(condition):
                return [condition]
        return []

    def covered(self, name: str) -> list:
        space, a, b = self.spans[name]
        return [cell for cell in self.cells if cell[0] == space and cell[1] >= a and cell[2] <= b]

    def check(self) -> None:
        """Every step reads what was written for it."""
        for name, (space, a, b) in self.spans.items():
            assert space[0] != "arena" or (a % ALIGNMENT == 0 and b <= self.arena), f"{name} at {a}..{b} of {self.arena}"
        self.run(self.program.steps)

    def run(self, steps) -> None:
        for step in steps:
            self._step(step)
            match step:
                case Branch(_, then, orelse):
                    before = dict(self.writers)
                    self.run(then)
                    after, self.writers = self.writers, before
                    self.run(orelse)
                    for cell, who in after.items():
                        self.writers[cell] = self.writers.get(cell, frozenset()) | who
                case Repeat():
                    for _ in range(3):  # what one round leaves must be there in the next
                        self.run(step.test)
                        if step.condition is not None:
                            self.read(step.condition, step)
                        self.write(step)
                        self.run(step.body)
                    self.run(step.test)

    def _step(self, step) -> None:
        writes = self._writes(step)
        for name in self._reads(step):
            self.read(name, step)
            for other in writes:
                same = self.spans[name] == self.spans[other] and isinstance(step, Launch)
                assert same or not set(self.covered(name)) & set(self.covered(other)), f"{name} and {other} overlap in {step}"
        for k, name in enumerate(writes):
            assert not any(set(self.covered(name)) & set(self.covered(other)) for other in writes[:k]), f"two writes overlap in {step}"
        self.write(step)

    def read(self, name: str, step) -> None:
        for cell in self.covered(name):
            found = self.writers.get(cell, frozenset({"nobody"}))
            if name in self.written:
                assert found <= {name, "given"}, f"{name} was overwritten by {set(found)} before {step}\n{self.program}"
            else:  # an input, a constant, or a view of another buffer
                fits = all(w == "given" or self.spans[w][0] == self.spans[name][0] and self.spans[w][1] == self.spans[name][1]
                           for w in found)  # fmt: skip
                assert fits and "nobody" not in found, f"{name} holds {set(found)} before {step}\n{self.program}"

    def write(self, step) -> None:
        for name in self._writes(step):
            for cell in self.covered(name):
                self.writers[cell] = frozenset({name})


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_nothing_is_overwritten_while_it_is_read(first):
    for seed in range(first, first + 10):
        graph = random_case(seed).graph
        program = verified(graph, X86_64_V3)
        for size in (1, 3, 64, 1000) if program.signature.symbols else (1,):
            Replay(program, {symbol(s): size for s in program.signature.symbols}).check()


def test_the_replay_finds_an_overlap():
    x = f32("x", 100)
    y = p.reduce(x * 2.0, "sum", (0,))
    parts = [p.reverse(p.item(p.sort(x * k, 0, False), 0), (0,)) for k in (2.0, 3.0)]
    program = verified(Graph("g", (x,), (parts[0] + parts[1] + p.broadcast(y, (100,), ()),)), X86_64_V3)
    Replay(program, {}).check()
    crowded = tuple(replace(b, place=("arena", 0)) if b.place[0] == "arena" else b for b in program.buffers)
    with pytest.raises(AssertionError, match="overlap|overwritten|holds"):
        Replay(replace(program, buffers=crowded), {}).check()


@pytest.mark.parametrize("rows", (64, n), ids=str)
def test_a_long_chain_needs_the_memory_of_two_values(rows):
    y, weights = f32("x", rows, 100), f32("w", 100, 100)
    graph = Graph("chain", (y, weights), (y,))
    for _ in range(9):
        y = p.dot(y, weights)
    program = verified(graph.with_outputs((y,)), X86_64_V3)
    for size in (64,) if rows == 64 else (1, 64, 1000):
        arena = dim_value(program.signature.arena, {n: size})
        assert 2 * 400 * size <= arena <= 2 * (400 * size + 2 * ALIGNMENT)


# ------------------------------------------------------------------------------------------- outputs


X, Y = np.arange(12, dtype=np.float32).reshape(3, 4), np.arange(12, dtype=np.float32).reshape(3, 4)[::-1] * 7 + 1
x, y = f32("x", 3, 4), f32("y", 3, 4)
TWICE = x * 2.0
SORTED = p.item(p.sort(x, 1, True), 0)
TABLE_OF = const(np.arange(12, dtype=np.float32).reshape(3, 4) ** 2, Type(dt.f32, (3, 4)))
OUTPUTS = {
    "inputs": (x, y),
    "an input twice": (x, x, y + x),
    "a constant": (TABLE_OF, TABLE_OF, const(3.0, x.type)),
    "one value twice": (TWICE, TWICE, TWICE + 1.0),
    "reshapes of one value": (p.reshape(TWICE, (12,)), TWICE, p.reshape(TWICE, (4, 3))),
    "reshapes of an input": (p.reshape(x, (12,)), p.reshape(x, (2, 6)), x),
    "a reshape of a constant": (p.reshape(TABLE_OF, (12,)), TABLE_OF),
    "a reshape of a reshape": (p.reshape(p.reshape(SORTED, (12,)), (6, 2)),),
    "some results of several": (SORTED, p.item(p.sort(x, 0, False), 1)),
    "a size": (p.iota((3, 4), 1, dt.f32), x),
}


@native
@pytest.mark.parametrize("what", OUTPUTS)
def test_outputs(what):
    same_as_interpreted(Graph("outputs", (x, y), OUTPUTS[what]), X, Y)


MATRIX = np.arange(16, dtype=np.float32).reshape(4, 4) - 5
w = f32("w", 4, 4)
p_input = input_node("p", Type(dt.b1, ()))
a4 = input_node("a", Type(dt.f32, (3, 4)))
CHOICE = {"then": Graph("then", (a4,), (a4 * 3.0,)), "orelse": Graph("orelse", (a4,), (p.reverse(a4, (0,)),))}
DONATED = {
    "an update": ((x + y,), ((0, 0),)),
    "an update and the old value": ((x + y, x), ((0, 0),)),
    "the old value reshaped": ((x + y, p.reshape(x, (12,))), ((0, 0),)),
    "the old value elsewhere": ((x + y, p.reverse(x, (0,))), ((0, 0),)),
    "the old value in a sort": ((x + y, p.item(p.sort(x, 1, True), 0)), ((0, 0),)),
    "the old value in a branch": ((x + y, p.cond(p_input, x, **CHOICE)), ((0, 0),)),
    "a branch": ((p.cond(p_input, x, **CHOICE), x + 1.0), ((0, 0),)),
    "an exchange": ((y, x), ((0, 0), (1, 1))),
    "an exchange with a sum": ((y, x, x + y), ((0, 0), (1, 1))),
    "an exchange of updates": ((y * 2.0, x + 1.0), ((0, 0), (1, 1))),
    "itself": ((x, x + y), ((0, 0),)),
    "the other input": ((y, x * 2.0), ((0, 0),)),
    "one value twice": ((TWICE, TWICE), ((0, 0), (1, 1))),
    "a constant": ((TABLE_OF, x + y), ((0, 0),)),
    "elements moved": ((p.reverse(x, (0,)) + y,), ((0, 0),)),
    "elements moved after arithmetic": ((p.reverse(x * 3.0, (0, 1)) + y,), ((0, 0),)),
    "rows summed": ((x - p.broadcast(p.reduce(x, "sum", (1,)), (3, 4), (0,)),), ((0, 0),)),
    "all summed": ((x - p.broadcast(p.reduce(x, "sum", (0, 1)), (3, 4), ()),), ((0, 0),)),
    "columns summed": ((x - p.broadcast(p.reduce(x, "sum", (0,)), (3, 4), (1,)),), ((0, 0),)),
    "a product's left": ((p.dot(x, w),), ((0, 0),)),
    "a product's epilogue": ((p.dot(y, w) + x,), ((0, 0),)),
    "a product and its epilogue": ((p.dot(x, w) + x,), ((0, 0),)),
    "a product's epilogue that moves": ((p.dot(y, w) + p.reverse(x, (1,)),), ((0, 0),)),
    "a product's right": ((p.dot(w, w) + w,), ((0, 2),)),
    "a chain in place": ((p.item(p.sort(x + y, 1, False), 0) * 2.0 + 1.0,), ((0, 1),)),
}


@native
@pytest.mark.parametrize("what", DONATED)
@pytest.mark.parametrize("flag", (True, False))
def test_donated(what, flag):
    outputs, donated = DONATED[what]
    graph = Graph("donated", (x, y, w, p_input), outputs, (), donated)
    Replay(verified(graph, X86_64_V3), {}).check()
    same_as_interpreted(graph, X, Y, MATRIX, np.array(flag))


def test_an_update_copies_nothing():
    program = verified(Graph("step", (x, y), (x + y * 2.0, y * 0.5), (), ((0, 0), (1, 1))), X86_64_V3)
    assert all(type(s) is Launch for s in program.steps) and program.signature.arena == 0


@native
def test_values_in_memory_that_are_read_through_movement_are_not_written_over():
    sorted_ = p.item(p.sort(x, 1, False), 0)
    same_as_interpreted(Graph("g", (x,), (p.reverse(sorted_ * 2.0, (0, 1)) * 3.0 + 1.0,)), X)
    other = p.item(p.sort(x, 0, False), 0)
    mixed = p.reverse(other * 2.0, (1,)) + other
    same_as_interpreted(Graph("g", (x,), (p.item(p.sort(mixed, 0, True), 0),)), X)


@native
def test_reshapes_reach_the_host_and_other_kernels_with_their_shape():
    a = input_node("a", Type(dt.f64, (4, n, 9)))
    spd = p.reshape(a * 1.0, (4 * n, 3, 3))
    g = Graph("g", (a,), (p.cholesky(spd), p.reshape(p.cholesky(spd), (4, n, 9)) * 2.0))
    data = np.broadcast_to(np.array([4.0, 1, 0, 1, 5, 2, 0, 2, 6]), (4, 2, 9)).copy()
    same_as_interpreted(g, data)


@native
def test_complex_numbers_go_through_the_host():
    z = input_node("z", Type(dt.c64, (3, n)))
    t = p.transpose(z * z, (1, 0))
    g = Graph("g", (z,), (t, p.reshape(t, (n * 3,)), p.cast(p.cast(x, dt.c64), dt.f32) + 1.0, p.reduce(z, "sum", (0,))))
    g = Graph("g", (z, x), g.outputs)
    data = (np.arange(6).reshape(3, 2) * (1 + 2j)).astype(np.complex64)
    same_as_interpreted(g, data, X)


@native
def test_sizes_as_values():
    i = input_node("i", INDEX)
    v = f32("v", n)
    g = Graph("g", (v, i), (n * 2 + 1, p.cast(n, dt.f32) + p.reduce(v, "sum", (0,)), i + n))
    same_as_interpreted(g, np.arange(5, dtype=np.float32), np.int64(3))
