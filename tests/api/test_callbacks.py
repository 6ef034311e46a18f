"""Python functions as operations, eagerly."""

import numpy as np
import pytest

import graphc as tf
from graphc.compile import compile_graph, has_callbacks
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.type import Type
from graphc.prims import cond, host
from graphc.prims.host import register_callback


def test_numpy_function_gets_arrays():
    kinds = []

    def product(a, b):
        kinds.append((type(a), type(b)))
        return np.outer(a, b)

    found = tf.numpy_function(product, [tf.constant([1.0, 2.0]), [3.0, 4.0]], tf.float32)
    np.testing.assert_array_equal(found, [[3, 4], [6, 8]])
    assert kinds == [(np.ndarray, np.ndarray)]
    one, two = tf.numpy_function(lambda x: (x, x + 1), [tf.constant(1)], [tf.int32, tf.int32])
    assert (int(one), int(two)) == (1, 2)


def test_numpy_function_raises_what_the_function_raises():
    def bad(x):
        raise KeyError("no")

    with pytest.raises(KeyError):
        tf.numpy_function(bad, [1.0], tf.float32)


def test_py_function_has_a_gradient():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.py_function(lambda a: a * a if float(a) > 0 else -a, [x], tf.float32)
    assert float(y) == 9.0 and float(tape.gradient(y, x)) == 6.0


def test_py_function_answers_in_the_structure_of_tout():
    (only,) = tf.py_function(lambda a: a + 1, [1.0], [tf.float32])
    assert float(only) == 2.0
    assert tf.py_function(lambda a: None, [1.0], []) == []
    a, b = tf.py_function(lambda a: (a, "text"), [1.0], (tf.float32, tf.string))
    assert float(a) == 1.0 and b.numpy() == b"text"
    number = tf.py_function(lambda: 5.0, [], tf.float32)
    assert number.shape.rank == 0 and float(number) == 5.0


@pytest.mark.parametrize(
    "error, kind",
    [(ValueError, tf.errors.InvalidArgumentError), (TypeError, tf.errors.InvalidArgumentError),
     (StopIteration, tf.errors.OutOfRangeError), (KeyError, tf.errors.UnknownError),
     (tf.errors.NotFoundError, tf.errors.NotFoundError)],
)  # fmt: skip
def test_errors_of_py_function(error, kind):
    def bad(x):
        raise error("oops")

    with pytest.raises(kind, match="oops"):
        tf.py_function(bad, [1.0], tf.float32)


def test_refusals():
    with pytest.raises(ValueError, match="Tout says int32"):
        tf.py_function(lambda x: x, [1.0], tf.int32)
    with pytest.raises(ValueError, match="func must be a function"):
        tf.numpy_function(3, [1.0], tf.float32)
    with pytest.raises(ValueError, match="inp must be a list"):
        tf.numpy_function(abs, 1.0, tf.float32)
    with pytest.raises(ValueError, match="1 values, but Tout has 2"):
        tf.py_function(lambda x: x, [1.0], [tf.float32, tf.float32])


def test_callbacks_of_one_name_are_told_apart_also_inside_branches():
    def made(k):
        def add(x):
            return x + k

        x, flag = input_node("x", Type(dt.f32, (2,))), input_node("flag", Type(dt.b1, ()))
        y = host(x, callback=add, types=(x.type,))
        then, other = Graph("then", (x,), (y,)), Graph("other", (x,), (x,))
        return (
            compile_graph(Graph("outside", (x,), (y,))),
            compile_graph(Graph("inside", (flag, x), (cond(flag, x, then=then, orelse=other),))),
        )

    (first, inside), (second, inside_too) = made(np.float32(1)), made(np.float32(2))
    x = np.array([1, 2], np.float32)
    assert first(x)[0].tolist() == [2, 3] and second(x)[0].tolist() == [3, 4]
    assert inside(True, x)[0].tolist() == [2, 3] and inside_too(True, x)[0].tolist() == [3, 4]
    assert inside(False, x)[0].tolist() == [1, 2]


def test_graphs_with_registered_callbacks_are_shared():
    register_callback("test.twice", lambda x: x * 2)
    x = input_node("x", Type(dt.f32, (2,)))
    graphs = [Graph("g", (x,), (host(x, callback="test.twice", types=(x.type,)),)) for _ in range(2)]
    assert compile_graph(graphs[0]) is compile_graph(graphs[1]) and not has_callbacks(graphs[0])
