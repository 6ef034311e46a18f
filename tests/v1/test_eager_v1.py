"""TensorFlow 1's names after ``enable_eager_execution``."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.api.mode import MODE


@pytest.fixture(autouse=True)
def eager():
    tf.reset_default_graph()
    tf.enable_eager_execution()
    yield
    MODE.choose(None)
    tf.reset_default_graph()


def test_values_are_there_at_once():
    assert tf.constant([1.0, 2.0]).numpy().tolist() == [1.0, 2.0] and float(tf.constant(2.0, shape=[])) == 2.0
    assert tf.convert_to_tensor([1.0]).numpy().tolist() == [1.0] and tf.executing_eagerly()
    assert tf.group(tf.constant(1.0)) is None and tf.no_op() is None and tf.global_variables_initializer() is None
    with tf.name_scope("a"), tf.control_dependencies([tf.constant(1.0)]), tf.device("/cpu:0"):
        assert tf.ones([2]).numpy().tolist() == [1.0, 1.0]


def test_variables():
    v = tf.Variable([1.0, 2.0], name="v")
    assert isinstance(v, tf.Variable) and v.numpy().tolist() == [1.0, 2.0]
    tf.assign(v, [3.0, 4.0])
    tf.assign_add(v, [1.0, 1.0])
    tf.scatter_add(v, [0], [6.0])
    assert v.numpy().tolist() == [10.0, 5.0] and bool(tf.is_variable_initialized(v))
    with tf.variable_scope("a"):
        w = tf.get_variable("w", [2], initializer=tf.ones_initializer(), regularizer=tf.nn.l2_loss)
    assert w.name == "a/w:0" and w.numpy().tolist() == [1.0, 1.0]
    twice = tf.make_template("t", lambda x: 2.0 * x)
    assert float(twice(tf.constant(2.0))) == 4.0


def test_what_belongs_to_graphs_is_refused():
    with pytest.raises(RuntimeError, match="placeholder: there is nothing to feed in eager mode"):
        tf.placeholder(tf.float32)
    with pytest.raises(RuntimeError, match="use tf.GradientTape"):
        tf.gradients(tf.constant(1.0), tf.constant(1.0))
    with pytest.raises(ValueError, match="in no graph; in eager mode use tf.train.Checkpoint"):
        tf.train.Saver([tf.Variable(1.0)])
    assert tf.scatter_div(tf.Variable([6.0]), [0], [2.0]).numpy().tolist() == [3.0]


def test_graphs_still_work():
    with tf.Graph().as_default():
        x, w = tf.placeholder(tf.float32, []), tf.Variable(2.0)
        assert not tf.executing_eagerly() and isinstance(tf.constant(1.0), tf.Tensor)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            assert sess.run(x * w, {x: np.float32(3.0)}) == 6.0


def test_only_at_the_start_of_a_program():
    tf.enable_eager_execution()  # it is on
    tf.disable_eager_execution()
    tf.constant(1.0, name="early")
    with pytest.raises(ValueError, match="must be called at program startup, but the default graph has operations"):
        tf.enable_eager_execution()
    assert not tf.executing_eagerly()
    tf.reset_default_graph()
    tf.enable_eager_execution()
    assert tf.executing_eagerly()


def test_names_of_variables():
    with tf.name_scope("a") as scope:
        assert scope == "a/" and tf.Variable(1.0, name="v").name == "a/v:0"
        with tf.name_scope("b"):
            assert tf.Variable(1.0).name == "a/b/Variable:0"
        assert tf.get_variable("w", [2]).name == "w:0"
    with tf.variable_scope("s"):
        first = tf.get_variable("w", [2], initializer=tf.ones_initializer())
        assert first.name == "s/w:0" and tf.Variable(1.0, name="v").name == "s/v:0"
    with tf.variable_scope("s", reuse=True):
        again = tf.get_variable("w", [2])
    assert again.name == "s/w:0" and again is not first  # nothing is shared: objects keep their variables


def test_layers_and_loops():
    layer = tf.layers.Dense(2, kernel_initializer=tf.ones_initializer())
    assert layer(tf.ones([1, 3])).numpy().tolist() == [[3, 3]]
    assert [v.name for v in layer.variables] == ["dense/kernel:0", "dense/bias:0"]
    norm = tf.layers.BatchNormalization()
    assert norm(tf.constant([[1.0, 2.0], [3.0, 4.0]]), training=True).numpy().round(3).tolist() == [[-1, -1], [1, 1]]
    np.testing.assert_allclose(norm.moving_mean.numpy(), [0.02, 0.03], rtol=1e-6)
    (last,) = tf.while_loop(lambda i: i < 5, lambda i: [i + 1], [tf.constant(0)])
    assert last.numpy() == 5
    assert tf.placeholder_with_default(tf.constant(1.0), []).numpy() == 1.0


def test_training():
    v, step = tf.Variable(3.0), tf.train.get_or_create_global_step()
    assert step is tf.train.get_global_step() and step.name == "global_step:0"
    optimizer = tf.train.GradientDescentOptimizer(tf.train.exponential_decay(0.1, step, 1, 0.5))
    for _ in range(2):
        optimizer.minimize(lambda: v * v, global_step=step)
    assert step.numpy() == 2 and v.numpy() == pytest.approx(2.4 - 0.05 * 4.8)
    with pytest.raises(RuntimeError, match="loss must be a function"):
        optimizer.minimize(v * v)


def test_seeds():
    def drawn():
        tf.set_random_seed(3)
        return [tf.random_uniform([2]).numpy().tolist() for _ in range(2)]

    first = drawn()
    assert first == drawn() and first[0] != first[1]


def test_functions_that_answer_with_gradients():
    from graphc.v1.contrib import eager as tfe

    w, b = tfe.Variable(2.0), tfe.Variable(1.0)

    def loss(x):
        return (w * x + b) ** 2

    value, pairs = tfe.implicit_value_and_gradients(loss)(tf.constant(3.0))
    assert value.numpy() == 49 and [(g.numpy(), v is u) for (g, v), u in zip(pairs, (w, b))] == [(42, True), (14, True)]
    tf.train.GradientDescentOptimizer(0.1).apply_gradients(tfe.implicit_gradients(loss)(3.0))
    assert w.numpy() == pytest.approx(2 - 4.2) and b.numpy() == pytest.approx(1 - 1.4)

    def product(x, y):
        return x * x * y

    assert [g.numpy() for g in tfe.gradients_function(product)(3.0, 2.0)] == [12, 9]
    assert [g.numpy() for g in tfe.gradients_function(product, params=["y"])(3.0, 2.0)] == [9]
    value, (slope,) = tfe.value_and_gradients_function(product, params=[0])(3.0, 2.0)
    assert value.numpy() == 18 and slope.numpy() == 12
    with pytest.raises(ValueError, match="reads no trainable variable"):
        tfe.implicit_gradients(lambda: tf.constant(1.0))()
    with pytest.raises(ValueError, match="there is no argument 'z' among the 2"):
        tfe.gradients_function(product, params=["z"])(3.0, 2.0)
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match="needs eager evaluation"):
        tfe.implicit_gradients(loss)(3.0)
