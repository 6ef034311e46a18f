"""Reverse and forward mode, higher order, what is refused, and the checker itself."""

import numpy as np
import pytest

from graphc.autodiff.check import GradientError, check_gradients
from graphc.autodiff.forward import jvp
from graphc.autodiff.reverse import connected, grad, gradient_graph
from graphc.errors import DtypeError, GraphError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const
from graphc.ir.type import Type
from graphc.prims import (
    broadcast, call, cast, cond, dot, exp, floor, gather, host, item, loop, max, mul, neg, reduce, reshape, select, sin,
    sort, stop, tanh, transpose,
)  # fmt: skip
from graphc.prims.interpret import interpret

V = Type(dt.f64, (3,))
X, Y = input_node("x", V), input_node("y", V)
ARRAY = np.array([0.3, -1.2, 2.0])


def value(node, *arrays, inputs=(X,)):
    return interpret(Graph("g", inputs, (node,)), *arrays)[0]


def test_product_and_chain():
    gx, gy = grad(sin(X * Y), [X, Y])
    a, b = ARRAY, ARRAY + 1
    np.testing.assert_allclose(value(gx, a, b, inputs=(X, Y)), np.cos(a * b) * b)
    np.testing.assert_allclose(value(gy, a, b, inputs=(X, Y)), np.cos(a * b) * a)


def test_seed_and_sum_over_outputs():
    (g,) = grad([X * X, X], [X], [const(2.0, V), None])
    np.testing.assert_allclose(value(g, ARRAY), 4 * ARRAY + 1)


def test_third_order():
    y = X * X * X * X
    for _ in range(3):
        (y,) = grad(y, [X])
    np.testing.assert_allclose(value(y, ARRAY), 24 * ARRAY)


def test_wrt_an_intermediate_value():
    middle = tanh(X)
    (g,) = grad(middle * middle, [middle])
    np.testing.assert_allclose(value(g, ARRAY), 2 * np.tanh(ARRAY))


def test_unconnected():
    assert grad(X, [Y])[0] is const(0, V)
    assert grad(X, [Y], unconnected=None) == [None]
    assert connected(X * X, [X, Y]) == [True, False]
    assert connected(stop(X), [X]) == [False]
    assert connected(floor(X), [X]) == [False]


def test_integers_get_no_cotangent():
    i = input_node("i", Type(dt.i32, (3,)))
    assert grad(cast(i, dt.f64) * X, [i, X], unconnected=None)[0] is None
    assert grad(cast(cast(X, dt.i32), dt.f64), [X], unconnected=None) == [None]


def test_seed_of_another_type():
    with pytest.raises(ShapeError, match="seed"):
        grad(X, [X], [const(1.0, Type(dt.f64, (4,)))])
    with pytest.raises(DtypeError, match="seed"):
        grad(X, [X], [const(1.0, Type(dt.f32, (3,)))])


def test_operation_without_gradient_is_named_with_its_line():
    y = host(X, callback=lambda a: a, types=(V,))
    with pytest.raises(GraphError, match=r"host.*no gradient[\s\S]*test_gradients\.py"):
        grad(mul(y, y), [X])
    assert grad(mul(y, y) + Y, [Y])[0] is const(1, V)
    stopped = host(stop(X), callback=lambda a: a, types=(V,))
    assert connected(stopped * X, [X]) == [True]


def test_custom_gradient():
    x = input_node("a", V)
    g, out = input_node("g", V), input_node("out", V)
    body = Graph("twice", (x,), (x * 2.0,))
    back = Graph("twice_back", (g, out, x), (g * 100.0,))
    (found,) = grad(call(X, graph=body, gradient=back), [X])
    np.testing.assert_allclose(value(found, ARRAY), [100.0] * 3)


def test_deep_chain():
    y = X
    for _ in range(3000):
        y = tanh(y)
    assert grad(y, [X])[0].type == V


def test_jvp_is_the_directional_derivative():
    (t,) = jvp([exp(X) * Y], [X, Y], [const(1.0, V), const(0.0, V)])
    np.testing.assert_allclose(value(t, ARRAY, ARRAY, inputs=(X, Y)), np.exp(ARRAY) * ARRAY)
    (t,) = jvp([X], [Y], [const(1.0, V)])
    assert t is const(0, V)
    with pytest.raises(ShapeError, match="tangent"):
        jvp([X], [X], [const(1.0, Type(dt.f64, (4,)))])


def test_gradient_graph():
    graph = gradient_graph(Graph("f", (X, Y), (X * Y,)))
    out, gx, gy = interpret(graph, ARRAY, ARRAY + 1, np.ones(3))
    np.testing.assert_allclose(gx, ARRAY + 1)
    np.testing.assert_allclose(gy, ARRAY)
    assert graph.names == ("out0", "grad_x", "grad_y")


RANDOM = np.random.default_rng(1)
M, N = RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(4, 2))
P, STEP = input_node("p", V), input_node("step", Type(dt.i64, ()))
SUMMED = Graph("step", (STEP, P, X), (sin(P * X), P * P))
THEN, ELSE = Graph("then", (X,), (X * X,)), Graph("else", (X,), (neg(X),))
YES = const(True, Type(dt.b1, ()))

FUNCTIONS = {
    "mlp": (lambda x, w: tanh(dot(x, w)), (M, N)),
    "row sum": (lambda x: reduce(x * x, "sum", (1,)), (M,)),
    "row max": (lambda x: reduce(x, "max", (1,)), (M,)),
    "softmax": (lambda x: exp(x) / broadcast(reduce(exp(x), "sum", (1,)), x.shape, (0,)), (M,)),
    "movement": (lambda x: transpose(reshape(x, (2, 6)), (1, 0)) * 3.0, (M,)),
    "select": (lambda x, y: select(x < y, x * y, sin(x)), (M, 0.1 - M)),
    "gather": (lambda x, i: gather(x, i, 0), (M, np.array([[2], [0], [2]]))),
    "sort": (lambda x: item(sort(x, 1), 0) * x, (M,)),
    "maximum": (lambda x, y: max(x, y), (M, M[:, ::-1].copy())),
    "loop": (lambda x, w: [item(loop(x, w, count=3, carries=1, scanned=0, body=SUMMED), k) for k in (0, 1)],
                     (ARRAY, ARRAY)),
    "cond": (lambda x: cond(YES, x, then=THEN, orelse=ELSE) * x, (ARRAY,)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_finite_differences(name):
    function, arrays = FUNCTIONS[name]
    check_gradients(function, arrays, order=2)


def test_single_precision():
    check_gradients(lambda x: sin(x) * x, [M.astype(np.float32)], order=2)


def test_checker_finds_a_wrong_gradient():
    x, g, out = input_node("a", V), input_node("g", V), input_node("out", V)
    wrong = Graph("wrong", (g, out, x), (g * 3.0,))
    body = Graph("twice", (x,), (x * 2.0,))
    for mode in ("reverse", "forward"):
        with pytest.raises(GradientError, match="finite differences"):
            check_gradients(lambda x: call(x, graph=body, gradient=wrong), [ARRAY], modes=(mode,))


def test_checker_looks_at_every_element_though_it_moves_few():
    long = input_node("long", Type(dt.f64, (200,)))
    g, out = input_node("g", long.type), input_node("out", long.type)
    one_off = const(np.where(np.arange(200) == 7, 2.5, 2.0), long.type)
    body, wrong = Graph("twice", (long,), (long * 2.0,)), Graph("wrong", (g, out, long), (g * one_off,))
    right = Graph("right", (g, out, long), (g * 2.0,))
    array = np.linspace(-1, 1, 200)
    check_gradients(lambda x: call(x, graph=body, gradient=right), [array], modes=("reverse",), samples=2)
    with pytest.raises(GradientError, match="along a random direction"):
        check_gradients(lambda x: call(x, graph=body, gradient=wrong), [array], modes=("reverse",), samples=2)
