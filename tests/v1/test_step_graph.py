"""Pure graphs without a session: initial values as constants, and whole training steps."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.compile import compile_graph
from graphc.errors import GraphcError, UsageError


def test_freeze_initial_finds_placeholders_in_the_order_they_were_made():
    b = tf.placeholder(tf.float32, [3], name="b")
    a = tf.placeholder(tf.float32, [3], name="a")
    tf.placeholder(tf.float32, [3], name="unused")
    w = tf.get_variable("w", initializer=tf.constant([1.0, 2.0, 3.0]))
    v = tf.Variable(w.initialized_value() * 2.0, name="v")
    graph = tf.freeze_initial({"y": a * w - b * v}, name="g")
    assert [x.attr("name") for x in graph.inputs] == ["b", "a"]
    assert graph.names == ("y",) and graph.name == "g"
    (y,) = compile_graph(graph)(np.ones(3, np.float32), np.zeros(3, np.float32))
    np.testing.assert_array_equal(y, [-2, -4, -6])


def test_freeze_initial_forms_and_refusals():
    w = tf.get_variable("w", initializer=tf.constant(2.0))
    assert compile_graph(tf.freeze_initial(w * 3.0))()[0] == 6
    assert len(tf.freeze_initial([w * 3.0, w]).outputs) == 2
    with pytest.raises(UsageError, match="no outputs"):
        tf.freeze_initial([])
    with pytest.raises(UsageError, match="change variables"):
        tf.freeze_initial(w.assign_add(1.0))
    unknown = tf.placeholder(tf.float32, name="unknown")
    with pytest.raises(UsageError, match="unknown"):
        tf.freeze_initial(unknown + w)


def test_a_training_step_is_what_the_session_does():
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    w = tf.get_variable("w", [2, 1], initializer=tf.ones_initializer())
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - 1.0))
    step = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
    graph = tf.step_graph([loss, step], name="train")
    names = [n.attr("name") for n in graph.inputs]
    assert names[0] == "x" and graph.names[0] == loss.op.name
    assert sorted(graph.names[1:]) == ["w", "w/Momentum"] and len(graph.donated) == 2
    data = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    run = compile_graph(graph)
    state = {"w": np.ones((2, 1), np.float32), "w_Momentum": np.zeros((2, 1), np.float32)}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(3):
            expected, _ = session.run([loss, step], {x: data})
            got, *new = run(data, *[state[n] for n in names[1:]])
            state = {names[i]: value for (_, i), value in zip(graph.donated, new)}
            assert got.tobytes() == expected.tobytes()
        assert state["w"].tobytes() == session.run(w).tobytes()


def test_a_step_with_random_numbers_has_its_counter():
    tf.set_random_seed(1)
    graph = tf.step_graph(tf.random_uniform([4]))
    (x,) = graph.inputs
    assert graph.names[1:] == ("random_step",) and graph.donated == ((1, 0),)
    values, after = compile_graph(graph)(np.uint64(0))
    assert after == 1 and len(set(values.tolist())) == 4


def test_a_placeholder_named_like_a_variable_keeps_apart():
    x = tf.placeholder(tf.float32, [2], name="a_w")
    with tf.variable_scope("a"):
        w = tf.get_variable("w", [2], initializer=tf.zeros_initializer())
    graph = tf.step_graph([tf.assign_add(w, x)])
    assert len({n.attr("name") for n in graph.inputs}) == 2


def test_refusals():
    with pytest.raises(UsageError, match="no outputs"):
        tf.step_graph([])
    with pytest.raises(UsageError, match="no known rank"):
        tf.step_graph(tf.placeholder(tf.float32, name="p") * 2.0)
    with pytest.raises(GraphcError):
        tf.step_graph([tf.constant(1.0), "absent:0"])
