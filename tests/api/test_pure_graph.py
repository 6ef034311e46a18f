"""Traces of functions as Graphs that stand alone."""

import numpy as np
import pytest

import graphc as tf
from graphc.api.function.pure import pure_graph
from graphc.errors import UsageError


def traced(function, *specs):
    return tf.function(function).get_concrete_function(*specs)


def test_variables_that_are_read_are_constants():
    w, offset = tf.Variable([[1.0], [2.0]], name="w"), tf.constant(3.0)
    concrete = traced(lambda x: x @ w + offset, tf.TensorSpec([None, 2]))
    graph = pure_graph(concrete, "line", ["x"], ["y"])
    assert [x.attr("name") for x in graph.inputs] == ["x"] and graph.names == ("y",) and not graph.donated
    (found,) = tf.compile_graph(graph)(np.array([[1, 1], [0, 2]], np.float32))
    np.testing.assert_array_equal(found, [[6], [7]])


def test_variables_that_are_assigned_go_in_and_come_out():
    count, step = tf.Variable(1, name="count"), tf.Variable(2, name="step")

    def add(x):
        count.assign_add(x * step)
        return count + 0

    concrete = traced(add, tf.TensorSpec([], "int32"))
    graph = pure_graph(concrete, "add", ["x"], ["now"])
    assert [x.attr("name") for x in graph.inputs] == ["x", "count"] and graph.names == ("now", "count")
    assert graph.donated == ((1, 1),)
    whole = pure_graph(concrete, "add", ["x"], ["now"], keeps_state=True)
    assert [x.attr("name") for x in whole.inputs] == ["x", "step", "count"]
    now, new = tf.compile_graph(whole)(np.int32(5), np.int32(10), np.array(1, np.int32))
    assert (now, new) == (51, 51) and int(count) == 1


def test_variables_that_no_result_needs_can_be_left_out():
    calls, scale, rate = tf.Variable(0, name="calls"), tf.Variable(2.0, name="scale"), tf.Variable(1.5, name="rate")

    def f(x):
        calls.assign_add(1)
        y = x * scale
        scale.assign(scale * rate)
        rate.assign(rate + 1)
        return y

    graph = pure_graph(traced(f, tf.TensorSpec([])), "f", ["x"], ["y"], drops_unseen=True)
    assert {x.attr("name") for x in graph.inputs} == {"x", "scale", "rate"} and set(graph.names) == {"y", "scale", "rate"}


def test_sizes_can_be_one():
    concrete = traced(lambda x, y: x + y, tf.TensorSpec([None]), tf.TensorSpec([None]))
    x, y = concrete.traced.graph.inputs
    graph = pure_graph(concrete, "add", ["x", "y"], ["z"], sizes={y.shape[0]: x.shape[0]})
    assert {n.shape for n in (*graph.inputs, *graph.outputs)} == {x.shape}


def test_names_stay_apart():
    v = tf.Variable(1.0, name="x")
    concrete = traced(lambda x: v.assign_add(x), tf.TensorSpec([]))
    graph = pure_graph(concrete, "g", ["x"], ["x"])
    assert [x.attr("name") for x in graph.inputs] == ["x", "x_1"] and graph.names == ("x", "x_1")


def test_random_numbers_are_drawn_from_what_goes_in():
    concrete = traced(lambda x: x + tf.random.uniform([2]), tf.TensorSpec([2]))
    graph = pure_graph(concrete, "noise", ["x"], ["y"])
    assert [x.attr("name") for x in graph.inputs] == ["x", "random_key", "random_count"]
    assert graph.names == ("y", "random_count")


def test_effects_are_refused():
    def shown(x):
        tf.print(x)
        return x

    with pytest.raises(UsageError, match="has effects"):
        pure_graph(traced(shown, tf.TensorSpec([])), "g", ["x"], ["y"])
