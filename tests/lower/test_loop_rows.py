"""What a loop reads and stacks lies in rows; its weights are packed before it; its gradient is joined and summed up after it."""

import numpy as np
import pytest

from graphc.autodiff.check import check_gradients
from graphc.autodiff.reverse import grad
from graphc.compile import lower_graph, optimise
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, const, symbol
from graphc.ir.parser import parse
from graphc.ir.printer import program_text
from graphc.ir.program import Copy, Launch, Repeat
from graphc.ir.target import TARGETS
from graphc.ir.type import Type
from graphc.lower.lower import lower
from graphc.options import Options
from graphc.passes.loops import know_constants
from graphc.prims import (
    add, broadcast, concat, dot, item, loop, mul, pad, reduce, reshape, sigmoid, slice, tanh,
)  # fmt: skip
from graphc.prims.apart import side_by_side
from graphc.prims.interpret import interpret
from tests.native import SPLITS, bits_equal, host_targets, run_native

UNITS, SIZE = 5, 3


def lstm(steps, batch, back=False, kind=dt.f32, weights=None) -> Graph:
    """A cell over the product of [x, h] and its weights, the gates cut from the sum."""
    i, h, c = (input_node(n, t) for n, t in (("i", INDEX), ("h", Type(kind, (batch, UNITS))), ("c", Type(kind, (batch, UNITS)))))
    row = input_node("row", Type(kind, (batch, SIZE)))
    w, b = input_node("w", Type(kind, (SIZE + UNITS, 4 * UNITS))), input_node("b", Type(kind, (4 * UNITS,)))
    z = add(dot(concat(row, h, axis=1), w), broadcast(b, (batch, 4 * UNITS), (1,)))
    cut = [slice(z, (0, k * UNITS), (batch, (k + 1) * UNITS)) for k in range(4)]
    new = add(mul(sigmoid(cut[0]), c), mul(sigmoid(cut[1]), tanh(cut[2])))
    out = mul(sigmoid(cut[3]), tanh(new))
    step = Graph("lstm", (i, h, c, row, w, b), (out, new, out, z))
    rows = input_node("rows", Type(kind, (steps, batch, SIZE)))
    given = w if weights is None else const(weights, w.type)
    done = loop(h, c, rows, given, b, count=steps, carries=2, scanned=1, body=step, backwards=back)
    inputs = (h, c, rows, *([w] if weights is None else []), b)
    return Graph("network", inputs, tuple(item(done, k) for k in range(4)))


def arrays_of(graph: Graph, sizes: dict | None = None) -> list:
    random = np.random.default_rng(7)
    shapes = [[(sizes or {}).get(d, d) for d in x.shape] for x in graph.inputs]
    return [np.asarray(random.standard_normal(s), x.dtype.numpy) for s, x in zip(shapes, graph.inputs)]


def agree(graph: Graph, arrays: list) -> None:
    want = interpret(graph, *arrays)
    for target in host_targets():
        first = None
        for parts in SPLITS:
            got = run_native(graph, arrays, target, parts)
            for g, w in zip(got, want, strict=True):
                np.testing.assert_allclose(g, w, rtol=2e-5, atol=1e-6)
            assert first is None or all(map(bits_equal, first, got))
            first = got


@pytest.mark.parametrize("steps,batch", [(0, 2), (1, 1), (1, 3), (2, 1), (7, 2), (3, 17), (4, 0)])
@pytest.mark.parametrize("back", (False, True))
def test_networks(steps, batch, back):
    graph = lstm(steps, batch, back)
    agree(graph, arrays_of(graph))


def test_networks_of_symbolic_sizes():
    n, b = symbol("n"), symbol("b")
    graph = lstm(n, b)
    for sizes in ({n: 0, b: 2}, {n: 1, b: 1}, {n: 5, b: 3}):
        agree(graph, arrays_of(graph, sizes))


@pytest.mark.parametrize("steps,batch", [(1, 1), (5, 1), (6, 4), (0, 3)])
def test_gradients_of_networks(steps, batch):
    graph = lstm(steps, batch, kind=dt.f64)
    total = reduce(mul(graph.outputs[2], graph.outputs[2]), "sum", (0, 1, 2)) + reduce(graph.outputs[1], "sum", (0, 1))
    check_gradients(Graph("loss", graph.inputs, (total,)), arrays_of(graph), order=2)


def gradient(steps=4, batch=3) -> Graph:
    graph = lstm(steps, batch)
    total = reduce(mul(graph.outputs[2], graph.outputs[2]), "sum", (0, 1, 2))
    return Graph("gradient", graph.inputs, tuple(grad(total, graph.inputs)))


def test_the_gradient_of_weights_is_one_product_after_the_loop():
    graph = optimise(gradient())
    shapes = [n.shape for n in graph.nodes if n.op == "dot" and n.attr("transpose_x")]
    assert shapes == [(SIZE + UNITS, 4 * UNITS)]
    bodies = [n.attr("body") for n in graph.nodes if n.op == "loop"]
    assert len(bodies) == 2 and not any(n.op == "dot" and n.attr("transpose_x") for b in bodies for n in b.nodes)
    agree(gradient(), arrays_of(gradient()))


def test_gates_are_joined_and_not_added():
    back = next(n.attr("body") for n in optimise(gradient()).nodes if n.op == "loop" and n.attr("body").name.endswith("pullback"))
    assert not any(n.op == "pad" for n in back.nodes)
    assert [n.shape for n in back.nodes if n.op == "concat"].count((3, 4 * UNITS)) == 1


def test_pieces_that_overlap_are_added():
    x = input_node("x", Type(dt.f32, (2, 4)))
    zero = const(0, Type(dt.f32, ()))
    first, second, third = (pad(x, zero, (0, k), (0, 8 - k)) for k in (0, 2, 8))
    assert side_by_side(first, second) is None and side_by_side(first, x) is None
    joined = side_by_side(third, first)
    assert joined.op == "concat" and [y.shape[1] for y in joined.inputs] == [4, 4, 4]
    other = pad(x, zero, (0, 4), (0, 4))
    assert all(y is x for y in side_by_side(joined, other).inputs)
    assert side_by_side(pad(x, const(1, Type(dt.f32, ())), (0, 0), (0, 8)), second) is None


def steps_of(graph: Graph) -> list:
    program = lower(optimise(graph), TARGETS["x86-64-v3"])
    return program, [s for s in program.steps if isinstance(s, Repeat)]


def test_rows_are_not_copied_and_read_back_as_text():
    program, (repeat,) = steps_of(lstm(4, 3))
    rows = {b.name: b.place[1][0] for b in program.buffers if b.place[0] == "row"}
    assert len(rows) == 3
    assert [s.kernel[:-1] for s in repeat.body if isinstance(s, Launch)] == ["join", "dot", "map"]
    assert len([s for s in repeat.body if isinstance(s, Copy)]) == 1  # the output, which is carried on as well
    assert parse(program_text(program)) == program


def test_weights_are_packed_before_the_loop_or_when_compiling():
    program, (repeat,) = steps_of(lstm(4, 3))
    names = [s.kernel for s in program.steps if isinstance(s, Launch)]
    assert any(n.startswith("pack") for n in names)
    assert not any(s.kernel.startswith("pack") for s in repeat.body if isinstance(s, Launch))
    known = np.random.default_rng(0).standard_normal((SIZE + UNITS, 4 * UNITS)).astype("f")
    graph = lstm(4, 3, weights=known)
    program, _ = steps_of(graph)
    assert not any(s.kernel.startswith("pack") for s in program.steps if isinstance(s, Launch))
    agree(graph, arrays_of(graph))


def test_constants_move_into_bodies():
    graph = know_constants(lstm(4, 3, weights=np.ones((SIZE + UNITS, 4 * UNITS), np.float32)))
    (node,) = [n for n in graph.nodes if n.op == "loop"]
    assert any(n.op == "const" and n.shape == (SIZE + UNITS, 4 * UNITS) for n in node.attr("body").nodes)


def test_for_every_target():
    for target in ("x86-64", "aarch64", "riscv64"):
        assert lower_graph(optimise(gradient()), Options(target=target)).steps


@pytest.mark.parametrize("axis", (0, 1, 2))
@pytest.mark.parametrize("sizes", [(1, 1), (3, 16), (17, 2), (0, 4)])
def test_values_set_side_by_side(axis, sizes):
    shapes = [tuple(n if k == axis else 3 for k in range(3)) for n in sizes]
    xs = [input_node(f"x{k}", Type(dt.f32, s)) for k, s in enumerate(shapes)]
    graph = Graph("join", tuple(xs), (concat(tanh(xs[0]), mul(xs[1], xs[1]), reshape(xs[0], xs[0].shape), axis=axis),))
    agree(graph, arrays_of(graph))
