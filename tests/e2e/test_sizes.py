"""Sizes that do not fit are refused before anything runs, and values that share memory are read where they lie."""

import numpy as np
import pytest

import graphc
import graphc.v1 as tf
from graphc.errors import ShapeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims import broadcast, dot, ensure, reshape, slice

N = symbol("n")
X = input_node("x", Type(dt.f32, (N,)))
OPTIONS = Options(cache=False)


def ones(n):
    return np.ones(n, np.float32)


def test_a_promise_that_does_not_hold():
    call = graphc.compile_graph(Graph("g", (X,), (reshape(ensure(X, (N // 7 * 7,)), (N // 7, 7)) + 1.0,)), OPTIONS)
    assert call(ones(14))[0].shape == (2, 7)
    with pytest.raises(ShapeError, match=r"(?s)sizes do not fit: .*does not hold.*test_sizes.py"):
        call(ones(10))
    assert call(ones(7))[0].shape == (1, 7)


def test_a_row_that_is_not_there():
    call = graphc.compile_graph(Graph("g", (X,), (slice(X, (3,), (4,)) * 2.0,)), OPTIONS)
    assert call(ones(4))[0].tolist() == [2]
    for n in (0, 3):
        with pytest.raises(ShapeError, match="slice: 3 to 4"):
            call(ones(n))


def test_a_value_beyond_all_memory():
    wide = broadcast(X, (1 << 40, N), (1,))
    call = graphc.compile_graph(Graph("g", (X,), (wide * 2.0,)), OPTIONS)
    with pytest.raises(ShapeError, match="64 TiB"):
        call(ones(1000))
    wraps = broadcast(X, (1 << 62, N), (1,))
    with pytest.raises(ShapeError, match="64 TiB"):
        graphc.compile_graph(Graph("g", (X,), (wraps * 2.0,)), OPTIONS)(ones(4))


def test_state_is_untouched_by_a_refused_call():
    state = input_node("state", Type(dt.f32, ()))
    last = reshape(slice(X, (2,), (3,)), ())
    call = graphc.compile_graph(Graph("g", (X, state), (state + last,), (), ((0, 1),)), OPTIONS)
    total = np.zeros((), np.float32)
    step = call.bind({1: total})
    step(ones(3))
    with pytest.raises(ShapeError):
        step(ones(2))
    assert total == 1


def test_operands_that_are_reshaped_in_place():
    column, row = reshape(X, (N, 1)), reshape(X, (1, N))
    call = graphc.compile_graph(Graph("g", (X,), (dot(column, row), dot(row, column))), OPTIONS)
    x = np.arange(5, dtype=np.float32)
    outer, inner = call(x)
    assert np.array_equal(outer, np.outer(x, x)) and inner.tolist() == [[30]]


def test_a_computed_value_reshaped_for_a_contraction():
    doubled = X * 2.0
    matrix = reshape(doubled, (N, 1))
    call = graphc.compile_graph(Graph("g", (X,), (dot(matrix, reshape(doubled, (1, N))) + 1.0, doubled)), OPTIONS)
    x = np.arange(4, dtype=np.float32)
    product, twice = call(x)
    assert np.array_equal(product, np.outer(2 * x, 2 * x) + 1) and np.array_equal(twice, 2 * x)


@pytest.mark.parametrize(
    "build, good, bad",
    [
        (lambda x: tf.split(x, 2)[1], 4, 5),
        (lambda x: tf.reshape(x, [-1, 7]), 14, 10),
        (lambda x: x[-1], 1, 0),
        (lambda x: tf.split(x, [1, 2])[0], 3, 4),
    ],
    ids=["split", "reshape", "index", "split by sizes"],
)
def test_a_session_names_the_line_of_what_does_not_fit(build, good, bad):
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None])
        y = build(x)
        with tf.Session() as session:
            session.run(y, {x: ones(good)})
            with pytest.raises(ShapeError, match="test_sizes.py"):
                session.run(y, {x: ones(bad)})
            session.run(y, {x: ones(good)})
