"""Gradients where tensors are fed that would be computed: TensorFlow's values (recorded with its optimizer off)."""

import numpy as np
import pytest
from evaluation import value

import graphc.v1 as tf
from graphc import errors


@pytest.mark.parametrize("shape", [[], None])
def test_the_derivative_goes_on_before_a_fed_tensor(shape):
    x = tf.placeholder(tf.float32, shape)
    h = 2 * x
    (g,) = tf.gradients(h * h, x)
    assert value(g, {x: 3.0, h: 1.0}) == 4.0
    assert value(g, {x: 3.0}) == 24.0


@pytest.mark.parametrize("shape", [[2], [None]])
def test_it_is_taken_at_the_values_before(shape):
    x = tf.placeholder(tf.float32, shape)
    h = x * x
    assert value(tf.gradients(h * h, x)[0], {x: [3, 4], h: [1, 5]}).tolist() == [12, 80]


def test_chains_and_several():
    x = tf.placeholder(tf.float32, [])
    a = x * x
    b = a * a
    assert value(tf.gradients(b * b, x)[0], {x: 3, a: 2, b: 5}) == 240
    c = x * x * x
    assert value(tf.gradients(a * c, x)[0], {x: 3, a: 2, c: 5}) == 84


def test_only_what_is_needed_must_be_fed():
    x = tf.placeholder(tf.float32, [2], "x")
    double, square = 2 * x, x * x
    assert value(tf.gradients(double * double, x)[0], {double: [1, 5]}).tolist() == [4, 20]
    (g,) = tf.gradients(square * square, x)
    with pytest.raises(errors.FeedError, match="needed but not fed: x "):
        value(g, {square: [1, 5]})
    assert value(tf.gradients(3 * x, x)[0]).tolist() == [3, 3]


def test_a_forgotten_feed_dict_is_named():
    x, y = tf.placeholder(tf.float32, [None, 3], "x"), tf.placeholder(tf.float32, [None, 1], "y")
    loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1) - y))
    train = tf.train.AdamOptimizer().minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        with pytest.raises(errors.FeedError, match=r"2 placeholders are needed but not fed: x .*, y "):
            sess.run(train)
        with pytest.raises(errors.FeedError, match=r"1 placeholder is needed but not fed: y "):
            sess.run([train, loss], {x: np.ones((2, 3))})
        sess.run(train, {x: np.ones((2, 3)), y: np.ones((2, 1))})


FUNCTIONS = {
    "math.sigmoid": ([0.5, 0.25], [0.25, 0.09375]),
    "math.tanh": ([0.5, 0.25], [0.75, 0.46875]),
    "math.sqrt": ([0.5, 0.25], [1, 1]),
    "math.exp": ([0.5, 0.25], [0.5, 0.125]),
    "math.reciprocal": ([0.5, 0.25], [-0.25, -0.03125]),
    "math.rsqrt": ([0.5, 0.25], [-0.0625, -0.00390625]),
    "nn.relu": ([-0.5, 0.25], [0, 0.5]),
    "nn.relu6": ([-0.5, 0.25], [0, 0.5]),
    "nn.elu": ([-0.5, 0.25], [-0.5, 0.5]),
    "nn.selu": ([-0.5, 0.25], [-1.2580993, 0.5253505]),
    "nn.softmax": ([-0.5, 0.25], [0.8125, -0.03125]),
    "nn.log_softmax": ([-0.5, 0.25], [-0.69673467, 1.1420127]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_that_are_made_of_the_result(name):
    module, function = name.split(".")
    fed, wanted = FUNCTIONS[name]
    x = tf.placeholder(tf.float32, [2])
    h = getattr(getattr(tf, module), function)(x)
    np.testing.assert_allclose(value(tf.gradients(h * h, x)[0], {h: fed}), wanted, rtol=1e-6)


@pytest.mark.parametrize(
    "name, wanted", [("softplus", [-0.8807971, 0.02371294]), ("softsign", [-1 / 9, 1 / 32]), ("leaky_relu", [-1, 0.1])]
)
def test_derivatives_that_are_made_of_the_operand(name, wanted):
    x = tf.placeholder(tf.float32, [2])
    h = getattr(tf.nn, name)(x)
    np.testing.assert_allclose(value(tf.gradients(h * h, x)[0], {x: [2, -3], h: [-0.5, 0.25]}), wanted, rtol=2e-6)


def test_layers():
    x = tf.placeholder(tf.float32, [None, 2], "x")
    w, v = tf.Variable([[1.0, 2.0], [3.0, 4.0]]), tf.Variable([[1.0], [-1.0]])
    h = tf.nn.relu(tf.matmul(x, w))
    y = tf.matmul(h, v)
    found = tf.gradients(tf.reduce_sum(y * y), [w, v])
    before, after = value(found, {x: [[1, 2]], h: [[1, 0]]})
    assert before.tolist() == [[2, 0], [4, 0]] and after.tolist() == [[2], [0]]
    with pytest.raises(errors.FeedError, match="x "):
        value(found, {h: [[1, 0]]})
    assert value(found[1], {x: [[1, 2]], h: [[1, 0]]}).tolist() == [[2], [0]]


def test_the_read_of_a_variable():
    w = tf.Variable(3.0)
    r = w.read_value()
    assert value(tf.gradients(r * r * w, w), {r: 2.0}) == [16.0]


def test_gradients_of_gradients():
    x = tf.placeholder(tf.float32, [])
    h = x * x
    (g,) = tf.gradients(h * h * h, x)
    assert value([g, *tf.gradients(g, x)], {x: 3, h: 2}) == [72, 456]
    (slope,) = tf.gradients(x * x * x, x)
    assert value(tf.gradients(slope * slope, x)[0], {x: 3, slope: 2}) == 72


def test_hessians():
    x = tf.placeholder(tf.float32, [2])
    h = x * x
    found = tf.hessians(tf.reduce_sum(h * h), x)[0]
    assert value(found, {x: [3, 1], h: [2, 5]}).tolist() == [[80, 0], [0, 28]]


def test_the_default_of_a_placeholder():
    x = tf.placeholder(tf.float32, [])
    p = tf.placeholder_with_default(2 * x, [])
    assert value(tf.gradients(p * p, x)[0], {p: 1.0}) == 4
    w = tf.Variable(3.0)
    assert value(tf.gradients(p * p * w, w), {p: 4.0}) == [16]


def test_sources_that_are_fed_and_tensors_that_are_held():
    x = tf.placeholder(tf.float32, [])
    h = x * x
    assert value(tf.gradients(h * h, [x, h]), {x: 3, h: 1}) == [12, 2]
    assert value(tf.gradients(h * h + x, x, stop_gradients=[h]), {x: 3, h: 1}) == [1]
    held = tf.stop_gradient(x * x)
    assert value(tf.gradients(held * held + x, x), {x: 3, held: 1}) == [1]


@pytest.mark.parametrize("product, left, wanted", [(True, 0, [6, 16]), (False, 1, [2, 4])])
def test_a_queue_is_asked_only_where_its_element_is_needed(product, left, wanted):
    q = tf.FIFOQueue(4, [tf.float32], [[2]])
    put, batch, w = q.enqueue([[3.0, 4.0]]), q.dequeue(), tf.Variable([1.0, 2.0])
    y = batch * w if product else batch + w
    (g,) = tf.gradients(y * y, w)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(put)
        assert sess.run(g, {y: [1, 2]}).tolist() == wanted
        assert sess.run(q.size()) == left


def test_feeding_the_element_of_a_queue_asks_for_none():
    q = tf.FIFOQueue(4, [tf.float32], [[2]])
    batch, w = q.dequeue(), tf.Variable([1.0, 2.0])
    y = batch * w
    assert value(tf.gradients(y * y, w)[0], {batch: [1, 2]}).tolist() == [2, 16]


def test_variables_whose_value_is_not_needed_may_have_none():
    w = tf.Variable([1.0, 2.0])
    y = 2 * w
    (g,) = tf.gradients(y * y, w)
    with tf.Session() as sess:
        assert sess.run(g, {y: [1, 2]}).tolist() == [4, 8]


def test_branches_and_loops():
    x, p = tf.placeholder(tf.float32, []), tf.placeholder(tf.bool, [])
    h = 3 * x
    (g,) = tf.gradients(tf.cond(p, lambda: h * h, lambda: h), x)
    assert [value(g, {x: 2, h: 5, p: which}) for which in (True, False)] == [30, 3]
    c = tf.cond(p, lambda: x * x, lambda: 3 * x)
    (g,) = tf.gradients(c * c, x)
    assert [value(g, {x: 2, c: 5, p: which}) for which in (True, False)] == [40, 30]
    _, power = tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * h), [0, h])
    assert value(tf.gradients(power, x)[0], {x: 9, h: 2}) == 96
    assert value(tf.gradients(power * power, x)[0], {x: 2, power: 5}) == 25920


def test_lookups_keep_their_rows():
    table, i = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), tf.placeholder(tf.int32, [None])
    e = tf.nn.embedding_lookup(table, i)
    g = tf.gradients(e * e, table)[0]
    values, places = value([g.values, g.indices], {i: [2, 0], e: [[1, 1], [2, 3]]})
    assert values.tolist() == [[2, 2], [4, 6]] and places.tolist() == [2, 0]


def test_random_numbers_may_be_fed_too():
    x, r = tf.placeholder(tf.float32, [3]), tf.random_uniform([3])
    y = x * tf.floor(r + 0.5)
    assert value(tf.gradients(y * y, x)[0], {r: [0.1, 0.9, 0.7], y: [1, 1, 2]}).tolist() == [0, 2, 4]


def test_training_steps():
    w = tf.Variable(2.0)
    h = w * w
    step = tf.train.GradientDescentOptimizer(0.1).minimize(h * h)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(step, {h: 3.0})
        assert sess.run(w) == pytest.approx(-0.4)


def test_sizes_that_do_not_fit():
    x = tf.placeholder(tf.float32, [None])
    h = x * x
    (g,) = tf.gradients(h * h, x)
    with tf.Session() as sess:
        with pytest.raises(errors.ShapeError, match="size 2, not 3"):
            sess.run(g, {x: [3, 4, 5], h: [1, 5]})
        assert sess.run(g, {x: [3, 4], h: [1, 5]}).tolist() == [12, 80]
