"""Every pass keeps the meaning of random graphs, is idempotent, leaves the signature alone, and is fast."""

import sys

import numpy as np
import pytest
from random_graphs import ensured_graph, random_graph

from graphc.errors import ShapeError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.ir.verify import verify_graph
from graphc.passes.fold import fold_constants
from graphc.passes.inline import inline_calls
from graphc.passes.layout import lay_out
from graphc.passes.pipeline import FAST_PIPELINE, PIPELINE, infer, pass_name, run
from graphc.passes.shapes import move_less
from graphc.passes.simplify import simplify
from graphc.passes.specialise import specialise
from graphc.passes.unify import unify_dims
from graphc.prims import broadcast, call, cast, dot, ensure, exp, item, loop, neg, reduce, sort, tanh
from graphc.prims.interpret import interpret

PASSES = (inline_calls, unify_dims, fold_constants, simplify, move_less, lay_out)
SEEDS = range(100)
X2 = input_node("x", Type(dt.f32, (2,)))


def same_bits(graph: Graph, changed: Graph, arrays):
    for before, after in zip(interpret(graph, *arrays), interpret(changed, *arrays), strict=True):
        before, after = np.asarray(before), np.asarray(after)
        assert before.dtype == after.dtype and before.shape == after.shape
        number = ~np.isnan(before) if before.dtype.kind == "f" else np.ones(before.shape, bool)
        np.testing.assert_array_equal(before, after)
        np.testing.assert_array_equal(np.signbit(before[number]), np.signbit(after[number]))


def kept(graph: Graph, changed: Graph):
    assert changed.inputs == graph.inputs and changed.names == graph.names and changed.donated == graph.donated
    assert [y.type for y in changed.outputs] == [y.type for y in graph.outputs]


@pytest.mark.parametrize("block", range(10))
def test_random_graphs(block):
    for seed in SEEDS[block::10]:
        graph, arrays = random_graph(seed)
        verify_graph(graph, infer)
        off = PASSES[seed % len(PASSES)]
        without = tuple(p for p in PIPELINE if p is not off)
        for passes in (*[(p,) for p in PASSES], PIPELINE, without):
            changed = run(graph, passes)
            kept(graph, changed)
            same_bits(graph, changed, arrays)


@pytest.mark.parametrize("one", [p for p in PASSES if p is not lay_out], ids=pass_name)
def test_idempotent(one):
    for seed in SEEDS:
        graph = run(random_graph(seed)[0], (one,))
        assert one(graph) is graph


def test_random_graphs_for_a_size():
    for seed in range(20):
        graph, arrays = random_graph(seed)
        changed = run(specialise(graph, {"n": 4}))
        assert not changed.symbols
        same_bits(graph, changed, arrays)


def test_fast_pipeline_agrees_on_ordinary_values():
    for seed in range(0, 40, 4):
        graph, arrays = random_graph(seed, 8)
        arrays = [np.random.default_rng(seed).uniform(0.5, 2, a.shape) for a in arrays]
        changed = run(graph, FAST_PIPELINE)
        for before, after in zip(interpret(graph, *arrays), interpret(changed, *arrays)):
            np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)


def test_unused_inputs_stay():
    x, y = input_node("x", Type(dt.f32, (2,))), input_node("y", Type(dt.f32, (2,)))
    graph = run(Graph("g", (x, y), (x * 1.0,), ("same",), ((0, 0),)))
    assert graph.inputs == (x, y) and graph.outputs == (x,) and graph.donated == ((0, 0),)


def test_symbols_are_unified_and_the_promise_vanishes():
    graph = ensured_graph()
    changed = run(graph, (unify_dims,))
    assert len(changed.symbols) == 1 and not [n for n in changed.nodes if n.op == "ensure"]
    assert changed.names == ("sum",) and changed.donated == ((0, 0),)
    a = np.ones((4, 3), np.float32)
    same_bits(graph, changed, [a, a])
    with pytest.raises(ShapeError):
        interpret(changed, a, np.ones((5, 3), np.float32))


def test_symbol_equated_with_a_number():
    x = input_node("x", Type(dt.f32, (symbol("n"),)))
    changed = run(Graph("g", (x,), (neg(ensure(x, (3,))),)), (unify_dims,))
    assert changed.inputs[0].shape == (3,) and changed.outputs[0].inputs[0] is changed.inputs[0]


def test_chain_of_promises():
    a, b, c = [input_node(s, Type(dt.f32, (symbol(s),))) for s in "abc"]
    graph = Graph("g", (a, b, c), (ensure(c, b.shape) + b, ensure(b, a.shape) + a, ensure(a, (5,))))
    changed = run(graph, (unify_dims,))
    assert [x.shape for x in changed.inputs] == [(5,)] * 3


def test_specialise_reaches_bodies_and_values():
    n = symbol("n")
    x, c = input_node("x", Type(dt.i64, (n,))), input_node("c", Type(dt.i64, (n,)))
    i = input_node("i", Type(dt.i64, ()))
    body = Graph("body", (i, c), (c + c,))
    graph = Graph("g", (x,), (loop(x, count=n, carries=1, scanned=0, body=body), n * 2))
    changed = specialise(graph, {"n": 3})
    verify_graph(changed, infer)
    assert not changed.symbols and interpret(changed, np.arange(3))[1] == 6
    with pytest.raises(UsageError, match="symbols are: n"):
        specialise(graph, {"m": 3})


def test_bodies_are_simplified():
    x = input_node("x", Type(dt.f32, (2,)))
    i, c = input_node("i", Type(dt.i64, ())), input_node("c", Type(dt.f32, (2,)))
    graph = Graph("g", (x,), (loop(x, count=3, carries=1, scanned=0, body=Graph("body", (i, c), (-(-c),))),))
    assert simplify(graph).outputs[0].attr("body").outputs == (c,)


def test_calls_with_several_results_are_inlined():
    from_call = Graph("pair", (X2,), (neg(X2), exp(X2)))
    node = call(X2, graph=from_call)
    graph = Graph("g", (X2,), (item(node, 1), item(node, 0)))
    assert run(graph, (inline_calls,)).outputs == (exp(X2), neg(X2))
    assert inline_calls(graph, keep={"pair"}) is graph


def test_on_pass_sees_before_and_after():
    seen = []
    run(Graph("g", (X2,), (-(-X2),)), on_pass=lambda one, before, after: seen.append((pass_name(one), before is after)))
    assert len(seen) == len(PIPELINE) and ("simplify", False) in seen


def test_fold_respects_the_budget():
    big = broadcast(const(np.arange(1000.0)), (1000, 1000), (1,))
    assert fold_constants(Graph("g", (), (big,))).outputs == (big,)
    small = neg(const(np.arange(4.0)))
    assert fold_constants(Graph("g", (), (small,))).outputs[0].op == "const"
    splat = exp(const(0.0, Type(dt.f64, (symbol("n"), 10**6))))
    assert fold_constants(Graph("g", (), (splat,))).outputs[0].attr("value").is_splat


def test_constants_stay_as_small_as_they_are():
    line, wide = const(np.arange(3.0)), (200, 3)
    repeated = broadcast(line, wide, (1,))
    graph = Graph("g", (), (repeated, repeated + repeated, repeated * const(np.arange(600.0).reshape(wide))))
    first, second, third = fold_constants(graph).outputs
    assert first is repeated and second.op == "add" and third.op == "const"
    x = input_node("x", Type(dt.f64, (5, 200)))
    product = Graph("g", (x,), (dot(x, repeated),))
    assert fold_constants(product) is product
    assert fold_constants(product, settled=True).outputs[0].inputs[1].op == "const"
    (total,) = fold_constants(Graph("g", (), (reduce(repeated, "sum", (0,)),))).outputs
    assert total.attr("value").array.tolist() == [0, 200, 400]


def test_sorting_constants_is_left_to_the_run():
    node = item(sort(const(np.arange(4.0)), 0), 0)
    assert fold_constants(Graph("g", (), (node,))).outputs == (node,)


def test_lossy_casts_stay():
    x = input_node("x", Type(dt.i32, (2,)))
    for node in (cast(cast(x, dt.f32), dt.i32), cast(cast(x, dt.f64), dt.i8), cast(cast(x, dt.i8), dt.i32)):
        assert simplify(Graph("g", (x,), (node,))).outputs == (node,)
    assert simplify(Graph("g", (x,), (cast(cast(x, dt.f64), dt.i32),))).outputs == (x,)


def test_float_sums_keep_their_order():
    x = input_node("x", Type(dt.f32, (2, 3, 4)))
    node = reduce(reduce(x, "sum", (2,)), "sum", (1,))
    assert move_less(Graph("g", (x,), (node,))).outputs == (node,)


def test_work_grows_with_the_length():
    def build(length):
        x = input_node(f"x{length}", Type(dt.f32, (8, 8)))  # two graphs that share nothing
        y = x
        for k in range(length // 2):
            y = tanh(y * float(1 + k % 7)) if k % 3 else y + x
        return Graph("deep", (x,), (y,))

    def calls(graph):
        count = 0

        def tick(frame, event, argument):
            nonlocal count
            count += event == "call"

        sys.setprofile(tick)
        try:
            run(graph, verify=False)
        finally:
            sys.setprofile(None)
        return count

    assert calls(build(4000)) < 2.3 * calls(build(2000))
