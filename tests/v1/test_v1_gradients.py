"""``tf.gradients``: against closed forms, through every way of asking."""

import numpy as np
import pytest

import graphc.v1 as tf


def value(tensor, feeds=None):
    with tf.Session() as sess:
        if tf.global_variables():
            sess.run(tf.global_variables_initializer())
        return sess.run(tensor, feeds)


def test_sine_over_ten_thousand_points_of_an_unshaped_placeholder():
    x = tf.placeholder(tf.float32)
    (slope,) = tf.gradients(tf.sin(x), [x])
    points = np.linspace(-5, 5, 10_000).astype(np.float32)
    np.testing.assert_allclose(value(slope, {x: points}), np.cos(points), atol=1e-6)


def test_second_and_third_derivatives():
    x = tf.placeholder(tf.float64, [None])
    y = tf.sin(x) * x
    for _ in range(3):
        (y,) = tf.gradients(y, x)
    at = np.linspace(-2, 2, 7)
    np.testing.assert_allclose(value(y, {x: at}), -3 * np.sin(at) - at * np.cos(at), rtol=1e-12)


def test_second_derivatives_of_unknown_rank():
    x = tf.placeholder(tf.float64)
    (once,) = tf.gradients(x**3.0, x)
    (twice,) = tf.gradients(once, x)
    np.testing.assert_allclose(value(twice, {x: [[1.0, 2.0]]}), [[6.0, 12.0]])


def test_intermediate_values():
    x = tf.constant(3.0)
    h = x * x
    y = h * h
    assert value(tf.gradients(y, [x, h])) == [108.0, 18.0]


def test_equal_values_are_told_apart():
    x = tf.placeholder(tf.float32, [])
    same = tf.identity(x)
    y = same * 2.0 + x
    assert value(tf.gradients(y, [same, x]), {x: 1.0}) == [2.0, 3.0]
    a, b = tf.constant(1.0), tf.constant(1.0)
    assert value(tf.gradients(a * 5.0 + b, [a, b])) == [5.0, 1.0]


def test_grad_ys_and_several_ys():
    x = tf.constant([1.0, 2.0])
    assert value(tf.gradients([x * x, 3.0 * x], x, grad_ys=[[1.0, 10.0], None])[0]).tolist() == [5.0, 43.0]
    with pytest.raises(ValueError):
        tf.gradients(x, x, grad_ys=[tf.ones([3])])


def test_stop_gradients():
    a = tf.constant(2.0)
    b = a * 3.0
    assert value(tf.gradients(a + b, [a, b], stop_gradients=[a, b])) == [1.0, 1.0]
    assert value(tf.gradients(a + b, [a, b])) == [4.0, 1.0]
    assert value(tf.gradients(a * tf.stop_gradient(a), a)) == [2.0]


def test_unconnected_is_none():
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32, [])
    assert tf.gradients(x * 2.0, [y]) == [None]
    assert tf.gradients(tf.stop_gradient(y) * 2.0, [y]) == [None]
    assert tf.gradients(tf.cast(tf.argmax([y, y]), tf.float32), [y]) == [None]
    assert tf.gradients(tf.stop_gradient(x), [x]) == [None]
    out = tf.gradients(x * 2.0, [x, y], unconnected_gradients="zero")
    assert value(out, {x: 1.0, y: 5.0}) == [2.0, 0.0]


def test_variables_and_their_reads():
    v, w = tf.Variable([1.0, 2.0]), tf.Variable([3.0, 4.0])
    loss = tf.reduce_sum(v * w * v)
    found = value(tf.gradients(loss, [v, w]))
    assert found[0].tolist() == [6.0, 16.0] and found[1].tolist() == [1.0, 4.0]


def test_reads_before_and_after_a_write_both_count():
    v = tf.Variable(2.0)
    with tf.control_dependencies([v.assign_add(1.0)]):
        after = v.read_value()
    assert value(tf.gradients(v * after, v)) == [5.0]


def test_through_dropout():
    tf.set_random_seed(1)
    x = tf.ones([1000])
    y = tf.nn.dropout(x, 0.5)
    out, slope = value([y, tf.gradients(y, x)[0]])
    np.testing.assert_array_equal(out, slope)
    assert 300 < np.count_nonzero(out) < 700


def test_deep_graphs():
    x = tf.placeholder(tf.float32, [])
    y = x
    for _ in range(3000):
        y = y + 0.001 * x
    assert value(tf.gradients(y, x)[0], {x: 1.0}) == pytest.approx(4.0, rel=1e-3)


@pytest.mark.parametrize(
    "function, slopes",
    [
        (tf.nn.relu, [0, 0, 1]),
        (tf.nn.relu6, [0, 0, 1]),
        (tf.nn.elu, [np.exp(-1), 1, 1]),
        (tf.nn.selu, [1.6732632 * 1.0507010 * np.exp(-1), 1.0507010, 1.0507010]),
        (tf.nn.leaky_relu, [0.2, 0.2, 1]),
        (tf.nn.softplus, [0.26894142, 0.5, 0.73105858]),
        (tf.log_sigmoid, [0.73105858, 0.5, 0.26894142]),
        (lambda x: tf.nn.sigmoid_cross_entropy_with_logits(labels=0 * x, logits=x), [0.26894142, 0.5, 0.73105858]),
        (lambda x: tf.nn.weighted_cross_entropy_with_logits(0 * x + 1, x, 2.0), [-1.46211716, -1.0, -0.53788284]),
        (lambda x: tf.maximum(x, 0.0), [0, 1, 1]),
        (lambda x: tf.clip_by_value(x, 0.0, 1.0), [0, 1, 1]),
        (tf.abs, [-1, 0, 1]),
    ],
    ids=range(12),
)  # fmt: skip
def test_slopes_where_functions_have_a_corner(function, slopes):
    x = tf.placeholder(tf.float32, [3])
    (slope,) = tf.gradients(function(x), x)
    np.testing.assert_allclose(tf.Session().run(slope, {x: [-1, 0, 1]}), slopes, rtol=1e-6)


# ---------------------------------------------------------------------------------------------- lookups


def table_of(rows=6, name="table"):
    return tf.Variable(np.arange(rows * 2, dtype=np.float32).reshape(rows, 2) / 5, name=name)


def test_gradients_of_lookups_are_slices():
    table, ids = table_of(), tf.placeholder(tf.int32, [None, 2])
    (g,) = tf.gradients(tf.reduce_sum(tf.square(tf.nn.embedding_lookup(table, ids))), [table])
    assert isinstance(g, tf.IndexedSlices) and g.indices.dtype is tf.int32 and g.shape.as_list() == [6, 2]
    found, dense = value([g, tf.convert_to_tensor(g)], {ids: [[0, 1], [1, 1]]})
    assert isinstance(found, tf.IndexedSlicesValue)
    np.testing.assert_allclose(found.values, [[0, 0.4], [0.8, 1.2], [0.8, 1.2], [0.8, 1.2]], rtol=1e-6)
    assert found.indices.tolist() == [0, 1, 1, 1] and found.dense_shape.tolist() == [6, 2]
    np.testing.assert_allclose(dense, [[0, 0.4], [2.4, 3.6], [0, 0], [0, 0], [0, 0], [0, 0]], rtol=1e-6)


def test_several_lookups_follow_each_other():
    table = table_of()
    loss = tf.reduce_sum(tf.gather(table, [4])) + 2.0 * tf.reduce_sum(tf.gather(table, tf.constant([1, 1], tf.int64)))
    found = value(tf.gradients(loss, table)[0])
    rows = sorted(zip(found.indices.tolist(), found.values[:, 0].tolist()))
    assert rows == [(1, 2.0), (1, 2.0), (4, 1.0)] and found.indices.dtype == np.int64


@pytest.mark.parametrize(
    "make, is_sparse",
    [
        (lambda t: tf.gather(t, [1, 1]), True),
        (lambda t: tf.gather_nd(t, [[1]]), True),
        (lambda t: tf.gather(t, [1], axis=1), False),
        (lambda t: tf.gather(t * 2.0, [1]), False),
        (lambda t: tf.reduce_sum(tf.gather(t, [1])) + tf.reduce_sum(t), False),
        (lambda t: tf.nn.nce_loss(t, tf.zeros([6]), [[1], [2]], tf.ones([2, 2]), 3, 6), True),
        (lambda t: t[1], False),
    ],
)
def test_what_becomes_slices(make, is_sparse):
    for source in (table_of(), tf.placeholder(tf.float32, [6, 2])):
        (g,) = tf.gradients(tf.reduce_sum(make(source)), source)
        assert isinstance(g, tf.IndexedSlices) is is_sparse


def test_slices_of_an_unknown_rank_around_are_right():
    table, other, keep = table_of(name="a"), table_of(name="b"), tf.placeholder(tf.float32)
    loss = tf.reduce_sum(keep * tf.gather(table, [2, 0])) + tf.reduce_sum(keep * tf.gather(other, [1], axis=1))
    g = tf.gradients(loss, [table, other])
    found = value([tf.convert_to_tensor(x) for x in g], {keep: 3.0})
    assert found[0][:, 0].tolist() == [3, 0, 3, 0, 0, 0] and found[1].tolist() == [[0, 3]] * 6


def test_the_gradient_goes_on_before_a_fed_lookup():
    table = table_of()
    rows = tf.gather(table, [1, 2])
    (g,) = tf.gradients(tf.reduce_sum(rows * rows), table)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        found = sess.run(tf.convert_to_tensor(g), {rows: np.ones((2, 2))})
    assert found.tolist() == [[0, 0], [2, 2], [2, 2], [0, 0], [0, 0], [0, 0]]


def test_second_derivatives_through_lookups():
    table = table_of()
    (once,) = tf.gradients(tf.reduce_sum(tf.gather(table, [1, 1, 3]) ** 3.0), table)
    (twice,) = tf.gradients(once, table)
    expected = np.zeros((6, 2))
    expected[[1, 3]] = 6 * np.arange(12).reshape(6, 2)[[1, 3]] / 5
    expected[1] *= 2
    np.testing.assert_allclose(value(tf.convert_to_tensor(twice)), expected, rtol=1e-5)


def test_clipping_works_on_slices():
    table, w = table_of(), tf.Variable([[1.0], [2.0]])
    loss = tf.reduce_sum(tf.square(tf.matmul(tf.gather(table, [0, 1, 1, 1]), w)))
    grads = tf.gradients(loss, [table, w])
    clipped, norm = tf.clip_by_global_norm(grads, 5.0)
    by_norm, by_value = tf.clip_by_norm(grads[0], 2.0), tf.clip_by_value(grads[0], -1.0, 1.0)
    half = tf.scalar_mul(0.5, grads[0])
    for g in (clipped[0], by_norm, by_value, half):
        assert isinstance(g, tf.IndexedSlices)
    found = value([norm, tf.global_norm(grads), clipped[0], clipped[1], by_norm, by_value, half])
    assert found[0] == found[1] == pytest.approx(14.373309)  # TensorFlow's: equal indices are not added up
    np.testing.assert_allclose(found[2].values[:2], [[0.2782936, 0.5565872], [1.1131744, 2.2263489]], rtol=1e-5)
    np.testing.assert_allclose(found[4].values[1], [0.51110125, 1.0222025], rtol=1e-5)
    np.testing.assert_allclose(found[5].values[:2], [[0.8, 1.0], [1.0, 1.0]], rtol=1e-6)
    np.testing.assert_allclose(found[6].values[0], [0.4, 0.8], rtol=1e-6)


def test_slices_order_and_group_operations():
    (g,) = tf.gradients(tf.reduce_sum(tf.gather(table_of(), [1])), tf.trainable_variables())
    with tf.control_dependencies([g]):
        assert set(tf.no_op().control_inputs) >= {g.values.op}
    assert tf.group(g, [g]).name == "group_deps"
    assert tf.convert_to_tensor_or_indexed_slices(g) is g
    made = tf.convert_to_tensor_or_indexed_slices(tf.IndexedSlicesValue(np.ones((1, 2)), np.array([1]), None))
    assert made.indices.dtype is tf.int64


# ------------------------------------------------------------------------------------------ all arguments


def test_arguments_that_only_change_how():
    x = tf.constant([1.0, 2.0])
    for method in (tf.AggregationMethod.ADD_N, tf.AggregationMethod.EXPERIMENTAL_TREE, None):
        (g,) = tf.gradients(x * x, x, name="slopes", colocate_gradients_with_ops=True, gate_gradients=True,
                            aggregation_method=method)  # fmt: skip
        assert value(g).tolist() == [2.0, 4.0] and g.name.startswith("slopes")
    (zero,) = tf.gradients(x, tf.constant([[1.0]]), unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert value(zero).tolist() == [[0.0]]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda x: tf.gradients([], x), "ys is empty"),
        (lambda x: tf.gradients(x, "x"), "neither a tensor nor a variable"),
        (lambda x: tf.gradients(x, x, grad_ys=[None, None]), "2 grad_ys for 1 ys"),
        (lambda x: tf.gradients(x, x, unconnected_gradients="some"), "must be none or zero"),
        (lambda x: tf.gradients(tf.constant(1), x), "not floating"),
        (lambda x: tf.hessians(tf.constant(1.0), x), "do not depend"),
    ],
)
def test_refused(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call(tf.constant([1.0]))


def test_hessians():
    x = tf.placeholder(tf.float64, [3])
    (h,) = tf.hessians(x[0] ** 2 * x[1] + x[2] ** 3, x)
    np.testing.assert_allclose(value(h, {x: [1, 2, 3]}), [[4, 2, 0], [2, 0, 0], [0, 0, 18]])


# ------------------------------------------------------------------------------------- finite differences


def test_compute_gradient():
    x, w = tf.placeholder(tf.float64, [2, 3]), tf.placeholder(tf.float64, [3, 1])
    y = tf.sin(tf.matmul(x, w))
    start = np.random.default_rng(0).normal(size=(2, 3))
    with tf.Session():
        feeds = {w: [[1.0], [2.0], [3.0]]}
        derived, found = tf.test.compute_gradient(x, (2, 3), y, (2, 1), start, extra_feed_dict=feeds)
        assert derived.shape == found.shape == (6, 2)
        np.testing.assert_allclose(derived, found, atol=1e-5)
        np.testing.assert_allclose(derived[:3, 0], np.cos(start[0] @ [1, 2, 3]) * np.array([1, 2, 3]), rtol=1e-12)
        assert tf.test.compute_gradient_error([x, w], [(2, 3), (3, 1)], y, (2, 1)) < 1e-5
        v = tf.Variable(np.ones((2, 2)))
        lookup = tf.gather(v, [1, 1])
        assert tf.test.compute_gradient_error(v, (2, 2), lookup, (2, 2), init_targets=[v.initializer]) < 1e-9
        with pytest.raises(TypeError, match="must be a floating tensor"):
            tf.test.compute_gradient(tf.constant(1), (), y, (2, 1))
        with pytest.raises(ValueError, match="does not depend"):
            tf.test.compute_gradient(tf.constant(1.0, tf.float64), (), y, (2, 1))
    with pytest.raises(RuntimeError, match="no session"):
        tf.test.compute_gradient(x, (2, 3), y, (2, 1))
