"""The layout pass: same bits, as few transpositions as can be, and an end in every case."""

import sys

import numpy as np
import pytest
from channels_first import Pieces, image, random_network
from random_graphs import random_graph

from graphc.compile import compile_graph
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.ir.verify import verify_graph
from graphc.lib import math, pool, reduction
from graphc.lib.resample import Sampling, resize_axis
from graphc.options import Options
from graphc.passes.inline import inline_calls
from graphc.passes.layout import lay_out
from graphc.passes.pipeline import infer, pipeline, run
from graphc.passes.shapes import move_less
from graphc.prims import apply, broadcast, cond, conv, reduce, reshape, transpose, window
from graphc.prims.interpret import interpret

NHWC, NCHW = (0, 2, 3, 1), (0, 3, 1, 2)


def transposed(graph: Graph) -> list[str]:
    """What transpositions of values, not of constants, move."""
    return [str(n.inputs[0].type) for n in graph.nodes if n.op == "transpose" and n.inputs[0].op != "const"]


def moved_bytes(graph: Graph) -> int:
    sizes = [n.type.size * n.dtype.size for n in graph.nodes if n.op == "transpose" and n.inputs[0].op != "const"]
    return sum(n if type(n) is int else 10**9 for n in sizes)


def settled(graph: Graph, sum_order: bool = False) -> Graph:
    return move_less(lay_out(graph, sum_order), settled=True)


def optimised(*outputs, x, allow=("sum_order",)) -> Graph:
    return run(Graph("g", (x,), outputs), pipeline(allow=allow))


def agree(graph: Graph, changed: Graph, *arrays, close: bool = False, symbols=None):
    verify_graph(changed, infer)
    assert [y.type for y in changed.outputs] == [y.type for y in graph.outputs]
    results = (interpret(g, *arrays, symbols=symbols) for g in (graph, changed))
    for before, after in zip(*results, strict=True):
        if close:
            np.testing.assert_allclose(after, before, rtol=2e-5, atol=2e-5)
        else:
            assert before.tobytes() == after.tobytes() and before.shape == after.shape


# ------------------------------------------------------------------------------------------------ any graph


@pytest.mark.parametrize("block", range(4))
def test_random_networks(block):
    for seed in range(block, 48, 4):
        graph, array = random_network(seed)
        graph = run(graph, (inline_calls, move_less))
        agree(graph, settled(graph), array)
        agree(graph, settled(graph, True), array, close=True)


def test_random_graphs_move_less_and_stay_settled():
    for seed in range(120):
        graph = move_less(random_graph(seed)[0], settled=True)
        once = settled(graph)
        assert settled(once) is once
        if all(x.type.is_static for x in graph.nodes):
            assert moved_bytes(once) <= moved_bytes(graph)


def test_random_graphs_with_sums_in_any_order():
    for seed in range(60):
        graph, arrays = random_graph(seed)
        changed = settled(graph, True)
        for before, after in zip(interpret(graph, *arrays), interpret(changed, *arrays), strict=True):
            np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4)


def test_nothing_to_do():
    x = image()
    for y in (math.exp(x), transpose(x, NHWC), reshape(transpose(const(np.ones((2, 3), np.float32)), (1, 0)), (6,))):
        graph = Graph("g", (x,), (y,))
        assert lay_out(graph) is graph


# ---------------------------------------------------------------------------------------- how many are left

BLOCKS = {
    "convolutions": (lambda p, x: p.conv(math.tanh(p.conv(x, 4, 3)), 5), 2),
    "mobile block": (lambda p, x: p.mobile_block(p.conv(x, 4), 8, 4), 2),
    "strided mobile block": (lambda p, x: p.mobile_block(p.conv(x, 4), 8, 6, 5, 2), 2),
    "residual blocks": (lambda p, x: p.residual_block(p.residual_block(p.conv(x, 4))), 2),
    "neck": (lambda p, x: p.conv(p.neck(p.conv(x, 4), p.conv(x, 4, 3, 2)), 3), 2),
    "pooling": (lambda p, x: _pooled(pool.avg_pool(p.conv(x, 4), 3, 1, "SAME", "NCHW")), 2),
    "head": (lambda p, x: reshape(reduction.reduce_mean(p.conv(x, 4), (2, 3), True), (x.shape[0], 4)), 1),
    "attention": (lambda p, x: p.attention(p.conv(x, 4)), 2),
    "one channel": (lambda p, x: math.sigmoid(p.conv(x, 1)), 1),
    "softmax of channels": (lambda p, x: p.conv(math.exp(p.conv(x, 4) - _channel_maximum(p.conv(x, 4))), 4), 2),
}


def _pooled(x):
    return pool.max_pool(x, 2, 2, "VALID", "NCHW")


def _channel_maximum(x):
    return broadcast(reduce(x, "max", (1,)), x.shape, (0, 2, 3))


@pytest.mark.parametrize("batch", [None, 1, 2])
@pytest.mark.parametrize("name", BLOCKS)
def test_only_the_ends_are_transposed(name, batch):
    build, expected = BLOCKS[name]
    x = image(batch=batch)
    y = build(Pieces(), x)
    graph, changed = Graph("g", (x,), (y,)), optimised(y, x=x)
    assert len(transposed(changed)) == expected
    assert transposed(changed)[0] == str(x.type)
    array = np.random.default_rng(1).standard_normal((batch or 2, 3, 8, 12)).astype(np.float32)
    agree(graph, changed, array, close=True)
    agree(graph, optimised(y, x=x, allow=()), array)


def test_unknown_height_and_width():
    h, w = symbol("h"), symbol("w")
    x = image(3, h * 2, w * 2)
    pieces = Pieces()
    small = pool.max_pool(pieces.conv(x, 4), 2, 2, "VALID", "NCHW")
    y = pieces.conv(pieces.neck(pieces.mobile_block(pieces.conv(x, 4), 6, 4), small), 3)
    changed = optimised(y, x=x)
    assert transposed(changed) == ["f32[n,3,h*2,w*2]", "f32[n,h*2,w*2,3]"]
    array = np.random.default_rng(1).standard_normal((2, 3, 8, 12)).astype(np.float32)
    agree(Graph("g", (x,), (y,)), changed, array, close=True, symbols={h: 4, w: 6})


def test_places_of_any_axis_are_taken_channels_last():
    x = image()
    pieces = Pieces()
    y = pieces.conv(resize_axis(pieces.conv(x, 4), 2, 11, "linear", Sampling("align_corners")), 3)
    changed = optimised(y, x=x)
    assert len(transposed(changed)) == 2 and "gather" in {n.op for n in changed.nodes}
    agree(Graph("g", (x,), (y,)), changed, np.random.default_rng(1).standard_normal((2, 3, 8, 12)).astype(np.float32),
          close=True)  # fmt: skip


def test_windows():
    x = image(2)
    y = transpose(window(transpose(x, NHWC) * 2.0, (1, 2), (2, 2)), (0, 3, 1, 2, 4, 5))
    changed = settled(Graph("g", (x,), (y,)))
    assert not transposed(changed)
    agree(Graph("g", (x,), (y,)), changed, np.arange(192, dtype=np.float32).reshape(1, 2, 8, 12))


def test_products_take_transposed_matrices():
    x = input_node("x", Type(dt.f32, (5, 6)))
    y = apply("dot", math.exp(transpose(math.tanh(x), (1, 0))), x, transpose_x=False, transpose_y=False)
    changed = settled(Graph("g", (x,), (y,)))
    assert not transposed(changed) and changed.outputs[0].attr("transpose_x")
    agree(Graph("g", (x,), (y,)), changed, np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32))


def test_the_smaller_value_is_transposed():
    image_ = input_node("x", Type(dt.u8, (1, 3, 8, 12)))
    graph = Graph("g", (image_,), (transpose(math.cast(image_, dt.f32) / 255.0, NHWC),))
    assert transposed(settled(graph)) == ["u8[1,3,8,12]"]


def test_shared_values_are_transposed_once():
    """Three users want channels last, one the other order: one transposition of what they share serves the three."""
    x = image(4)
    y = math.tanh(x)
    lines = [transpose(f(transpose(y, NHWC)), NCHW) for f in (math.exp, math.sin, math.cos)]
    graph = Graph("g", (x,), (lines[0] + lines[1] + lines[2] + y,))
    assert not transposed(settled(graph))


def test_sums_keep_their_order_unless_allowed():
    x = image(4)
    pieces = Pieces()
    sums = [reduce(pieces.conv(x, 3), "sum", (2, 3)), reduce(pieces.conv(x, 3), "sum", (1,))]
    graph = run(Graph("g", (x,), tuple(sums)), (move_less,))
    for changed, axes, last in ((settled(graph), [(2, 3), (1,)], [True, False]),
                                (settled(graph, True), [(1, 2), (3,)], [False, True])):  # fmt: skip
        found = [n for n in changed.nodes if n.op == "reduce"]
        assert [n.attr("axes") for n in found] == axes
        assert [n.inputs[0].type.rank - 1 in n.attr("axes") for n in found] == last
    extreme = Graph("g", (x,), (reduce(pieces.conv(x, 3), "max", (2, 3)),))
    assert len(transposed(settled(run(extreme, (move_less,))))) == 1


def test_bodies_are_laid_out_too():
    x = image(4)
    inner = Graph("then", (x,), (transpose(math.exp(transpose(math.tanh(x), NHWC)), NCHW),))
    other = Graph("else", (x,), (x,))
    flag = input_node("flag", Type(dt.b1, ()))
    graph = Graph("g", (flag, x), (cond(flag, x, then=inner, orelse=other),))
    body = next(v for n in lay_out(graph).nodes for _, v in n.attrs if isinstance(v, Graph) and v.name == "then")
    assert not transposed(move_less(body, settled=True))


@pytest.mark.parametrize("seed", range(3))
def test_compiled_code_answers_with_the_same_bits(seed):
    graph, array = random_network(100 + seed)
    runs = [compile_graph(graph, Options(cache=False, skip=skip))(array) for skip in ((), ("lay_out",))]
    for got, wanted in zip(*runs, strict=True):
        assert got.tobytes() == wanted.tobytes()


def test_compiled_convolution_of_one_place_has_the_bits_of_a_product():
    x = input_node("x", Type(dt.f32, (symbol("n"), 1, 1, 67)))
    graph = Graph("g", (x,), (conv(x, Pieces().numbers(1, 1, 67, 35)),))
    array = np.random.default_rng(0).standard_normal((5, 1, 1, 67)).astype(np.float32)
    one, other = (compile_graph(graph, Options(cache=False, skip=skip))(array)[0] for skip in ((), ("move_less",)))
    assert one.tobytes() == other.tobytes()


# ---------------------------------------------------------------------------------------------- hard cases


def contrary(length: int, seed: int = 0):
    """A long chain in which every value is wanted in another order than the next."""
    random = np.random.default_rng(seed)
    x = input_node(f"x{length}", Type(dt.f32, (4, 5, 6, 7)))
    y = x
    for k in range(length):
        y = transpose(math.tanh(y), tuple(random.permutation(4).tolist()))
        if k % 3 == 2:
            y = y + transpose(x, [x.shape.index(d) for d in y.shape])
        if k % 5 == 4:
            y = apply("cumulate", y, kind="max", axis=2, exclusive=False, reverse=False)
    return Graph("contrary", (x,), (y,))


def calls(graph: Graph) -> int:
    count = 0

    def tick(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(tick)
    try:
        lay_out(graph)
    finally:
        sys.setprofile(None)
    return count


def test_contrary_wishes_come_to_an_end():
    for seed in range(4):
        graph = contrary(60, seed)
        changed = settled(graph)
        assert moved_bytes(changed) <= moved_bytes(graph)
        assert moved_bytes(settled(changed)) <= moved_bytes(changed)
        agree(graph, changed, np.random.default_rng(1).standard_normal((4, 5, 6, 7)).astype(np.float32))


def test_work_grows_with_the_length_of_contrary_chains():
    assert calls(contrary(400)) < 2.6 * calls(contrary(200))


def test_work_grows_with_the_length_of_networks():
    def network(count: int) -> Graph:
        x = image(3, 8, 8 + count)
        pieces, y = Pieces(), x
        for _ in range(count):
            y = math.tanh(pieces.conv(y, 3))
        return Graph("deep", (x,), (y,))

    assert calls(network(400)) < 2.3 * calls(network(200))
    assert len(transposed(settled(network(100)))) == 2


def test_one_decision_for_a_chain_of_any_length():
    x = image(4)
    y = transpose(x, NHWC)
    for _ in range(1000):
        y = math.tanh(y)
    graph = Graph("g", (x,), (transpose(y, NCHW),))
    changed = lay_out(graph)
    assert not transposed(changed) and len(changed.nodes) == 1001
