"""Planned memory: no two live values overlap, outputs and states lie where they are wanted, reuse changes nothing."""

import numpy as np
import pytest

import graphc.lower.lower as lowering
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, const, symbol
from graphc.ir.program import Copy
from graphc.ir.target import X86_64_V4
from graphc.ir.type import Type
from graphc.lower.buffers import Storage, aligned, plan
from graphc.lower.places import Pairs
from graphc.prims import (
    add, broadcast, call, cond, concat, cumulate, dot, exp, item, loop, lt, max, min, mul, neg, reduce, reshape, reverse,
    slice, sort, sub, transpose, while_,
)  # fmt: skip
from graphc.prims.interpret import dim_value, interpret
from tests.lower.memory_check import Replay
from tests.native import Native, bits_equal, host_targets, run_native, verified

TARGETS = host_targets()
N = symbol("n")
SEEDS = range(10)


# ------------------------------------------------------------------------------------- random programs


class Maker:
    """Random graphs over square integer matrices, whose every result is exact."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.side = (6, N)[seed % 2]
        self.type = Type(dt.i32, (self.side, self.side))
        self.inputs = [input_node(f"x{k}", self.type) for k in range(3)]
        self.pool = list(self.inputs)

    def pick(self, choices):
        return choices[int(self.random.integers(len(choices)))]

    def value(self):
        return self.pick(self.pool[-5:] if self.random.random() < 0.6 else self.pool)

    def body(self, *inputs, count: int = 1) -> Graph:
        """A small graph over some inputs, the square ones of which feed its outputs."""
        outer, self.pool = self.pool, [x for x in inputs if x.type == self.type]
        for _ in range(int(self.random.integers(1, 4))):
            self.pool.append(self.simple())
        made = Graph("body", inputs, tuple(self.value() for _ in range(count)))
        self.pool = outer
        return made

    def simple(self):
        x, y = self.value(), self.value()
        side = self.side
        made = [
            lambda: add(x, y), lambda: sub(x, y), lambda: mul(x, neg(y)), lambda: max(x, min(y, add(x, y))),
            lambda: transpose(x, (1, 0)), lambda: add(transpose(x, (1, 0)), y), lambda: sub(reverse(x, (0,)), x),
            lambda: add(dot(x, y), x), lambda: dot(x, x, True, False), lambda: mul(dot(x, y), reverse(y, (1,))),
            lambda: sub(x, broadcast(reduce(y, "max", (1,)), x.shape, (0,))),
            lambda: add(y, broadcast(reduce(x, "sum", (0,)), x.shape, (1,))),
            lambda: add(x, broadcast(reduce(y, "sum", (0, 1)), x.shape)),
            lambda: cumulate(x, "sum", 0), lambda: item(sort(x, 1), 0), lambda: item(sort(y, 0), 1),
            lambda: reshape(reverse(reshape(x, (side * side,)), (0,)), x.shape),
            lambda: slice(concat(x, y, axis=0), (1, 0), (side + 1, side)),
        ]  # fmt: skip
        return self.pick(made)()

    def control(self):
        a, b = (input_node(name, self.type) for name in "ab")
        i = input_node("i", INDEX)
        x, y = self.value(), self.value()
        kind = self.pick(("cond", "while", "loop", "call"))
        if kind == "call":
            return item(call(x, y, graph=self.body(a, b, count=2)), int(self.random.integers(2)))
        if kind == "cond":
            test = lt(reduce(x, "max", (0, 1)), const(3, Type(dt.i32, ())))
            return cond(test, x, y, then=self.body(a, b), orelse=self.body(a, b))
        if kind == "while":
            inner = self.body(a, b, count=2)
            step = Graph("body", (i, a, b), (i + 1, *inner.outputs))
            test = Graph("test", (i, a, b), (lt(i, const(int(self.random.integers(4)), INDEX)),))
            return item(while_(const(0, INDEX), x, y, test=test, body=step), int(self.random.integers(1, 3)))
        count = int(self.random.integers(4))
        done = loop(x, y, count=count, carries=1, scanned=0, body=self.body(i, a, b, count=2))
        stacked = reduce(item(done, 1), "sum", (0,))
        return self.pick((item(done, 0), stacked, add(item(done, 0), stacked)))

    def graph(self) -> Graph:
        for _ in range(18):
            self.pool.append(self.control() if self.random.random() < 0.2 else self.simple())
        outputs = [self.value() for _ in range(4)] + [self.pick(self.inputs), self.pool[-1]]
        states = self.random.permutation(3)[: int(self.random.integers(4))]
        places = self.random.permutation(len(outputs))
        donated = tuple(sorted((int(o), int(i)) for o, i in zip(places, states)))
        return Graph("random", tuple(self.inputs), tuple(outputs), (), donated)


def random_graph(seed: int) -> tuple[Graph, list]:
    maker = Maker(seed)
    made = maker.graph()
    side = 5 if maker.side is N else 6
    return made, [maker.random.integers(-4, 5, (side, side)).astype(np.int32) for _ in made.inputs]


@pytest.mark.parametrize("seed", range(100))
def test_no_two_live_values_overlap(seed):
    graph, _ = random_graph(seed)
    program = verified(graph, X86_64_V4)
    for n in (0, 1, 5, 70):
        Replay(program, {N: n}).run()


@pytest.mark.parametrize("seed", SEEDS)
def test_random_programs_are_right_and_reuse_changes_nothing(seed, monkeypatch):
    graph, arrays = random_graph(seed)
    want = interpret(graph, *arrays)
    reused = Native(graph, TARGETS[0])
    monkeypatch.setattr(lowering, "pointwise", lambda *args: Pairs())
    plain = Native(graph, TARGETS[0])
    for native in (reused, plain):
        for got, w in zip(native(*arrays, parts=2), want, strict=True):
            assert bits_equal(got, w)
    assert dim_value(reused.program.signature.arena, {N: 5}) <= dim_value(plain.program.signature.arena, {N: 5})


def test_the_replay_finds_an_overlap(monkeypatch):
    """What the property above rests on: a plan that forgets lifetimes is refused."""
    monkeypatch.setattr(Storage, "touch", lambda self, step: setattr(self, "first", 0) or setattr(self, "last", 0))
    monkeypatch.setattr(lowering, "plan", lambda storages, measured: _everything_at_zero(storages))
    found = 0
    for seed in range(6):
        try:
            Replay(verified(random_graph(seed)[0], X86_64_V4), {N: 5}).run()
        except AssertionError:
            found += 1
    assert found >= 4


def _everything_at_zero(storages) -> int:
    for s in storages:
        if s.root().place is None:
            s.root().place = ("arena", 0)
    return 1 << 30


# ---------------------------------------------------------------------------------------------- states


def state(name: str, *shape):
    return input_node(name, Type(dt.f32, shape or (N, 4)))


def check(graph: Graph, n: int = 5) -> tuple:
    """The outputs, right on every target and in a replay for several sizes."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal([n if d is N else d for d in x.shape]).astype(np.float32) for x in graph.inputs]
    want = interpret(graph, *arrays)
    for size in (0, 1, n):
        Replay(verified(graph, X86_64_V4), {N: size}).run()
    for target in TARGETS:
        got = run_native(graph, arrays, target, 2)
        for g, w in zip(got, want, strict=True):
            assert g.shape == w.shape
            np.testing.assert_allclose(g, w, rtol=1e-5, atol=1e-5)
    return got


A, B = state("a"), state("b")
STATES = {
    "updated": ((A * 2.0,), ((0, 0),)),
    "updated, the old value is an output": ((A * 2.0, A), ((0, 0),)),
    "updated, the old value is an output as another shape": ((A * 2.0, reshape(A, (4, N))), ((0, 0),)),
    "updated, the old value is read later": ((A * 2.0, add(transpose(A, (1, 0)), 1.0 * transpose(B, (1, 0)))), ((0, 0),)),
    "read at another place": ((reverse(A, (0,)),), ((0, 0),)),
    "exchanged": ((B, A), ((0, 0), (1, 1))),
    "exchanged and also returned": ((B, A, A, B), ((0, 0), (1, 1))),
    "one in two states": ((A, A), ((0, 0), (1, 1))),
    "turned over": ((reshape(B, (4, N)), reshape(A, (N * 4,))), ()),
    "unchanged": ((A, B * 2.0), ((0, 0), (1, 1))),
    "unchanged and returned": ((A, A), ((0, 0),)),
    "a constant": ((const(3.0, A.type), const(3.0, A.type)), ((0, 0),)),
    "twice": ((add(A, B), add(A, B)), ((0, 0),)),
    "in both states": ((add(A, B), add(A, B)), ((0, 0), (1, 1))),
    "its own reshape": ((add(A, B), reshape(add(A, B), (4, N)), reshape(add(A, B), (N * 4,))), ((0, 1),)),
    "two updates that read each other": ((add(A, B), sub(A, B)), ((0, 0), (1, 1))),
    "two updates, crossed": ((add(A, B), sub(A, B)), ((0, 1), (1, 0))),
    "an update from the other's new value": ((add(A, B), mul(add(A, B), B)), ((0, 0), (1, 1))),
    "the sum of its rows": ((add(A, broadcast(reduce(A, "sum", (0,)), A.shape, (1,))),), ((0, 0),)),
    "a row normalised": ((sub(A, broadcast(reduce(exp(A), "max", (1,)), A.shape, (0,))),), ((0, 0),)),
    "a row group with an old value": ((reduce(A, "sum", (1,)), mul(A, 2.0 * B), A), ((1, 0),)),
    "swapped through work": ((B * 1.5, A * 1.5), ((0, 0), (1, 1))),
}


@pytest.mark.parametrize("name", STATES)
def test_states(name):
    outputs, donated = STATES[name]
    graph = Graph("states", (A, B), outputs, (), donated)
    for n in (1, 5):
        check(graph, n)


def test_an_input_a_constant_and_a_value_as_outputs_without_donation():
    table = const(np.arange(12, dtype=np.float32).reshape(3, 4))
    value = mul(A, A)
    outputs = (A, A, reshape(A, (N * 4,)), table, reshape(table, (12,)), value, value, reshape(value, (4, N)), const(1.0, A.type))
    for n in (0, 1, 5):
        check(Graph("outputs", (A,), outputs), n)


def test_a_product_updates_its_operand_and_its_epilogues_operand():
    s, w = state("s", 8, 8), state("w", 8, 8)
    check(Graph("g", (s, w), (dot(s, w), add(dot(s, w), w)), (), ((0, 0), (1, 1))))
    check(Graph("g", (s, w), (add(dot(s, w), w),), (), ((0, 1),)))
    check(Graph("g", (s, w), (dot(w, w), add(dot(w, w), s)), (), ((1, 0),)))


def test_partial_sums_do_not_lie_over_what_the_epilogue_reads():
    x, y, b = state("x", 5, 2500), state("y", 2500, 40), state("b", 5, 40)
    product = dot(x, y)
    made = Graph("deep", (x, y, b), (product, add(product, b)), (), ((0, 2),))
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(v.shape).astype(np.float32) for v in made.inputs]
    inner = exp(b)
    planned = Graph("deep", (x, y, b), (add(product, inner), reduce(reverse(product, (0,)), "max", (0,))))
    for graph in (made, planned):
        for got, want in zip(run_native(graph, arrays, TARGETS[0]), interpret(graph, *arrays), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-3)


def test_an_update_in_place_needs_no_copy_and_no_arena():
    graph = Graph("sgd", (A, B), (sub(A, B * 0.1),), (), ((0, 0),))
    program = verified(graph, X86_64_V4)
    assert len(program.steps) == 1 and program.signature.arena == 0
    swap = verified(Graph("swap", (A, B), (B, A), (), ((0, 0), (1, 1))), X86_64_V4)
    assert all(isinstance(s, Copy) for s in swap.steps) and len(swap.steps) <= 4


# ----------------------------------------------------------------------------------------------- plans


def storages(count: int, seed: int, symbolic: bool) -> list[Storage]:
    rng = np.random.default_rng(seed)
    made = []
    for k in range(count):
        size = int(rng.integers(0, 400))
        shape = (size, N) if symbolic and rng.random() < 0.5 else (size,)
        s = Storage(Type(dt.f32, shape), f"s{k}")
        first = int(rng.integers(0, 30))
        s.touch(first)
        s.touch(first + int(rng.integers(0, 8)))
        made.append(s)
    return made


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("symbolic", (False, True), ids=("static", "symbolic"))
def test_plans_keep_what_lives_together_apart(seed, symbolic):
    made = storages(60, seed, symbolic)
    size = plan(made)
    for n in (0, 1, 7, 1000):
        spans = [(dim_value(s.place[1], {N: n}), dim_value(s.bytes, {N: n}), s) for s in made]
        for k, (begin, length, s) in enumerate(spans):
            assert begin % 64 == 0 and begin + length <= dim_value(size, {N: n})
            for other, more, t in spans[:k]:
                apart = begin + length <= other or other + more <= begin
                assert apart or s.last < t.first or t.last < s.first, f"{s.name} and {t.name} for n = {n}"


def test_plans_use_memory_again():
    made = storages(200, 1, False)
    assert plan(made) < 0.5 * sum(aligned(s.bytes) for s in made)
    chain = A
    for _ in range(6):
        chain = transpose(reverse(cumulate(chain, "sum", 0), (0,)), (0, 1))
    program = verified(Graph("chain", (A,), (chain,)), X86_64_V4)
    assert dim_value(program.signature.arena, {N: 1000}) <= 3 * (16000 + 128), "two or three values live at a time"


@pytest.mark.parametrize("n", (0, 1, 5))
def test_symbolic_arenas(n):
    m = symbol("m")
    x, y = input_node("x", Type(dt.f32, (N, m))), input_node("y", Type(dt.f32, (m, N)))
    a = cumulate(x, "sum", 0)
    b = dot(y, a)
    outputs = (item(sort(b, 1), 0), concat(cumulate(a, "max", 1), x, axis=0), reduce(item(sort(b, 0), 0), "sum", (0, 1)))
    graph = Graph("arena", (x, y), outputs)
    program = verified(graph, X86_64_V4)
    for k in (0, 1, 33):
        Replay(program, {N: n, m: k}).run()
        rng = np.random.default_rng(0)
        arrays = [rng.integers(-3, 4, s).astype(np.float32) for s in ((n, k), (k, n))]
        for got, want in zip(run_native(graph, arrays, TARGETS[0]), interpret(graph, *arrays), strict=True):
            np.testing.assert_array_equal(got, want)


def test_every_byte_of_every_output_is_written():
    """run_native fills outputs with 0xFF bytes, so -1 as an i8 would be left where nothing is stored."""
    x = input_node("x", Type(dt.i8, (N, 33)))
    other = const(1, x.type)
    outputs = (max(x, other), reverse(x, (1,)), transpose(x, (1, 0)), reduce(x, "max", (0,)), reduce(x, "max", (1,)),
               cumulate(x, "max", 0), concat(x, x, axis=1), item(sort(x, 0), 0), dot(x, x, True, False), x)  # fmt: skip
    graph = Graph("bytes", (x,), outputs)
    for n in (1, 2, 65):
        arrays = [np.full((n, 33), 2, np.int8)]
        for target in TARGETS:
            for got in run_native(graph, arrays, target, 3):
                assert (got != -1).all()
