"""Variables, scopes, initial values, layers, losses."""

import numpy as np
import pytest

import graphc.v1 as tf


def run(fetches, feeds=None):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(fetches, feeds)


def test_variable_scopes_name_and_reuse():
    with tf.variable_scope("a"):
        with tf.variable_scope("b"):
            v = tf.get_variable("v", [2])
        op = tf.constant(1.0)
    assert v.name == "a/b/v:0" and op.name == "a/Const:0"
    with tf.variable_scope("a", reuse=True), tf.variable_scope("b"):
        assert tf.get_variable("v") is v and tf.constant(1.0).name == "a_1/b/Const:0"
    with tf.variable_scope("a/b", reuse=tf.AUTO_REUSE) as scope:
        assert tf.get_variable("v", [2]) is v
        w = tf.get_variable("w", [3])
        scope.reuse_variables()
        assert tf.get_variable("w") is w


def test_default_scopes_are_unique():
    names = []
    for _ in range(2):
        with tf.variable_scope(None, "layer"):
            names.append(tf.get_variable("v", []).name)
    assert names == ["layer/v:0", "layer_1/v:0"]


def test_layers_without_names_are_found_again_in_a_reused_scope():
    def model(x):
        with tf.variable_scope("model", reuse=tf.AUTO_REUSE):
            return tf.layers.dense(tf.layers.dense(x, 3), 1)

    model(tf.ones([2, 4]))
    model(tf.zeros([5, 4]))
    assert [v.op.name for v in tf.trainable_variables()] == [
        "model/dense/kernel", "model/dense/bias", "model/dense_1/kernel", "model/dense_1/bias"]  # fmt: skip


def test_initializers():
    tf.set_random_seed(3)
    shape = [200, 100]
    made = {
        "zeros": tf.get_variable("zeros", shape, initializer=tf.zeros_initializer()),
        "ones": tf.get_variable("ones", shape, initializer=tf.ones_initializer),
        "constant": tf.get_variable("constant", shape, initializer=tf.constant_initializer(3)),
        "normal": tf.get_variable("normal", shape, initializer=tf.random_normal_initializer(stddev=2.0)),
        "truncated": tf.get_variable("truncated", shape, initializer=tf.truncated_normal_initializer()),
        "uniform": tf.get_variable("uniform", shape, initializer=tf.random_uniform_initializer(-1, 1)),
        "glorot": tf.get_variable("glorot", shape),
        "he": tf.get_variable("he", shape, initializer=tf.initializers.he_normal()),
    }
    found = run(made)
    assert not found["zeros"].any() and (found["ones"] == 1).all() and (found["constant"] == 3).all()
    assert found["normal"].std() == pytest.approx(2.0, rel=0.05) and found["normal"].mean() == pytest.approx(
        0, abs=0.05
    )
    assert np.abs(found["truncated"]).max() <= 2.0 and found["truncated"].std() == pytest.approx(0.8796, rel=0.05)
    assert np.abs(found["uniform"]).max() <= 1.0 and found["uniform"].std() == pytest.approx(1 / np.sqrt(3), rel=0.05)
    limit = np.sqrt(6 / 300)
    assert np.abs(found["glorot"]).max() <= limit and found["glorot"].std() == pytest.approx(
        limit / np.sqrt(3), rel=0.05
    )
    assert found["he"].std() == pytest.approx(np.sqrt(2 / 200), rel=0.05)


def test_initial_values_of_every_kind():
    made = [tf.Variable(3), tf.Variable(lambda: tf.ones([2])), tf.Variable(np.ones((1, 2))), tf.Variable([True, False]),
            tf.get_variable("c", initializer=tf.constant([7, 8])), tf.get_variable("n", initializer=4.0)]  # fmt: skip
    assert [v.dtype.name for v in made] == ["int32", "float32", "float64", "bool", "int32", "float32"]
    assert [np.asarray(v).tolist() for v in run(made)] == [3, [1.0, 1.0], [[1.0, 1.0]], [True, False], [7, 8], 4.0]


def test_one_initial_value_from_another():
    v = tf.Variable(tf.random_normal([3]))
    w = tf.Variable(v.initialized_value() * 2.0)
    a, b = run([v, w])
    np.testing.assert_array_equal(a * 2, b)


def test_operators_on_variables():
    v = tf.Variable([1.0, 2.0])
    assert [x.tolist() for x in run([v + 1.0, 1.0 - v, v * v, -v, v[1:], v / 2.0, v**2.0])] == [
        [2.0, 3.0], [0.0, -1.0], [1.0, 4.0], [-1.0, -2.0], [2.0], [0.5, 1.0], [1.0, 4.0]]  # fmt: skip


def test_assignments():
    v = tf.Variable([1.0, 2.0])
    with tf.Session() as sess:
        sess.run(v.initializer)
        assert sess.run(tf.assign(v, [5.0, 6.0])).tolist() == [5.0, 6.0]
        assert sess.run(tf.assign_sub(v, [1.0, 1.0])).tolist() == [4.0, 5.0]
        assert sess.run(tf.scatter_update(v, [1], [9.0])).tolist() == [4.0, 9.0]
        assert sess.run(tf.scatter_add(v, [0, 0], [1.0, 1.0])).tolist() == [6.0, 9.0]
        v.load([0.0, 1.0], sess)
        assert sess.run(v).tolist() == [0.0, 1.0]
        sess.run(v.initializer)
        assert v.eval(sess).tolist() == [1.0, 2.0]


def test_dense_layers():
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf.layers.dense(x, 4, tf.nn.relu, name="one")
    z = tf.layers.dense(y, 2, kernel_initializer=tf.ones_initializer())
    assert [v.name for v in tf.trainable_variables()] == [
        "one/kernel:0",
        "one/bias:0",
        "dense/kernel:0",
        "dense/bias:0",
    ]
    assert z.shape.as_list() == [None, 2]
    one, kernel, out = run([y, tf.trainable_variables()[0], z], {x: np.ones((5, 3))})
    np.testing.assert_allclose(one, np.maximum(np.ones((5, 3)) @ kernel, 0), rtol=1e-6)
    np.testing.assert_allclose(out, np.repeat(one.sum(1, keepdims=True), 2, 1), rtol=1e-6)
    again = tf.layers.dense(x, 4, tf.nn.relu, name="one", reuse=True)
    assert len(tf.trainable_variables()) == 4 and again.shape.as_list() == [None, 4]


def test_regularizers_are_collected():
    tf.layers.dense(tf.ones([1, 2]), 2, kernel_initializer=tf.ones_initializer(), kernel_regularizer=tf.nn.l2_loss)
    assert run(tf.losses.get_regularization_loss()) == 2.0


def test_flatten_and_dropout_layers():
    x = tf.placeholder(tf.float32, [None, 2, 3])
    flat, training = tf.layers.flatten(x), tf.placeholder(tf.bool, [])
    dropped = tf.layers.dropout(flat, 0.5, training=training)
    assert flat.shape.as_list() == [None, 6]
    with tf.Session() as sess:
        value = np.ones((50, 2, 3))
        assert sess.run(dropped, {x: value, training: False}).sum() == 300
        assert set(np.unique(sess.run(dropped, {x: value, training: True}))) == {0.0, 2.0}


def test_in_top_k():
    predictions = [[0.1, 0.9, 0.0], [0.3, 0.2, 0.5]]
    assert run(tf.nn.in_top_k(predictions, [0, 2], 1)).tolist() == [False, True]
    assert run(tf.nn.in_top_k(predictions, [0, 1], 2)).tolist() == [True, False]


def test_losses():
    labels, values = tf.constant([[1.0, 2.0], [3.0, 5.0]]), tf.constant([[1.0, 4.0], [3.0, 4.0]])
    assert run(tf.losses.mean_squared_error(labels, values)) == 1.25
    assert run(tf.losses.absolute_difference(labels, values, weights=[[1.0], [0.0]])) == 1.0
    assert run(tf.losses.huber_loss(labels, values)) == pytest.approx((1.5 + 0.5) / 4)
    logits = tf.constant([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    dense = tf.losses.softmax_cross_entropy([[0, 0, 1], [1, 0, 0]], logits)
    sparse = tf.losses.sparse_softmax_cross_entropy([2, 0], logits)
    a, b = run([dense, sparse])
    assert a == pytest.approx(b) and a == pytest.approx((0.4076059 + 1.0986123) / 2, rel=1e-5)
    assert len(tf.losses.get_losses()) == 5


def test_a_variable_initialised_from_others_in_one_run():
    v = tf.Variable(tf.random_normal([3]))
    w = tf.Variable(tf.square(v) + v, name="w")
    u = tf.Variable(lambda: w * 2.0)
    a, b, c = run([v, w, u])
    np.testing.assert_allclose(b, a * a + a, rtol=1e-6)
    np.testing.assert_allclose(c, 2 * b, rtol=1e-6)
    with tf.Session() as sess:
        sess.run(v.initializer)
        sess.run(v.assign([1.0, 2.0, 3.0]))
        sess.run(w.initializer)
        assert sess.run(w).tolist() == [2.0, 6.0, 12.0]
        with pytest.raises(RuntimeError, match="uninitialised variable Variable_1; run the initializer"):
            sess.run(u)


def test_what_is_initialised():
    v, w = tf.Variable([1.0, 2.0], name="v"), tf.get_variable("w", [])
    ask, missing = tf.is_variable_initialized(v), tf.report_uninitialized_variables()
    check, value = tf.assert_variables_initialized(), v.initialized_value()
    with tf.control_dependencies([v.initializer]):
        after = tf.is_variable_initialized(v)
    with tf.Session() as sess:
        assert not sess.run(ask) and sess.run(missing).tolist() == [b"v", b"w"]
        assert sess.run(value).tolist() == [1.0, 2.0]
        with pytest.raises(ValueError, match="uninitialised variables"):
            sess.run(check)
        assert sess.run(after) and sess.run(ask) and sess.run(missing).tolist() == [b"w"]
        sess.run(v.assign([5.0, 6.0]))
        assert sess.run(value).tolist() == [5.0, 6.0]
        sess.run(w.initializer)
        assert sess.run(missing).tolist() == []
        sess.run(check)
    assert tf.report_uninitialized_variables([]).shape.as_list() == [0]


def changed(operation, start=(8.0, 4.0, 2.0)):
    tf.reset_default_graph()
    v = tf.Variable(list(start))
    made = operation(v)
    with tf.Session() as sess:
        sess.run(v.initializer)
        result = sess.run(made)
        after = sess.run(v).tolist()
    assert result is None or result.tolist() == after
    return after


CHANGES = {
    "add": (lambda v: tf.scatter_add(v, [0, 0], [1.0, 2.0]), [11.0, 4.0, 2.0]),
    "sub": (lambda v: tf.scatter_sub(v, [0, 0], [1.0, 2.0]), [5.0, 4.0, 2.0]),
    "mul": (lambda v: tf.scatter_mul(v, [0, 0], [2.0, 3.0]), [48.0, 4.0, 2.0]),
    "div": (lambda v: tf.scatter_div(v, [0, 0], [2.0, 4.0]), [1.0, 4.0, 2.0]),
    "min": (lambda v: tf.scatter_min(v, [0, 1], [3.0, 9.0]), [3.0, 4.0, 2.0]),
    "max": (lambda v: tf.scatter_max(v, [0, 1], [3.0, 9.0]), [8.0, 9.0, 2.0]),
    "update": (lambda v: tf.scatter_update(v, [2, 1], [3.0, 9.0]), [8.0, 9.0, 3.0]),
    "one update": (lambda v: tf.scatter_update(v, [2, 1], 7.0), [8.0, 7.0, 7.0]),
    "nd add": (lambda v: tf.scatter_nd_add(v, [[0], [2]], [1.0, 2.0]), [9.0, 4.0, 4.0]),
    "nd sub": (lambda v: v.scatter_nd_sub([[0], [2]], [1.0, 2.0]), [7.0, 4.0, 0.0]),
    "nd update": (lambda v: v.scatter_nd_update([[0], [2]], [1.0, 5.0]), [1.0, 4.0, 5.0]),
    "slices": (lambda v: v.scatter_add(tf.IndexedSlices(tf.constant([1.0]), tf.constant([1]))), [8.0, 5.0, 2.0]),
    "slice": (lambda v: v[1:].assign([1.0, 0.0]), [8.0, 1.0, 0.0]),
    "one": (lambda v: v[1].assign(5.0), [8.0, 5.0, 2.0]),
    "reversed": (lambda v: v[::-1].assign([1.0, 2.0, 3.0]), [3.0, 2.0, 1.0]),
    "tensor index": (lambda v: v[tf.constant(2)].assign(0.0), [8.0, 4.0, 0.0]),
    "repeated": (lambda v: v[:2].assign([1.0, 1.0]), [1.0, 1.0, 2.0]),
    "operation": (lambda v: v.assign([1.0, 2.0, 3.0], read_value=False), [1.0, 2.0, 3.0]),
    "tensor": (lambda v: tf.assign_add(v.op.outputs[0], [1.0, 1.0, 1.0]), [9.0, 5.0, 3.0]),
}


@pytest.mark.parametrize("case", CHANGES)
def test_changes_of_parts(case):
    operation, expected = CHANGES[case]
    assert changed(operation) == expected


def test_reading_parts():
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    a, b = run([v.sparse_read([1, 0]), v.gather_nd([[0, 1]])])
    assert a.tolist() == [[3.0, 4.0], [1.0, 2.0]] and b.tolist() == [2.0]
    m = tf.Variable(np.zeros((2, 2, 3), np.float32))
    with tf.Session() as sess:
        sess.run(m.initializer)
        assert sess.run(m[:, 1].assign([[1, 2, 3], [4, 5, 6]]))[:, 1].tolist() == [[1, 2, 3], [4, 5, 6]]
        updates = tf.batch_scatter_update(tf.Variable(np.zeros((2, 3), np.float32)), [[0], [2]], [[1.0], [2.0]])
        sess.run(tf.global_variables_initializer())
        assert sess.run(updates).tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]


def test_counting_up():
    v = tf.Variable(0)
    step = v.count_up_to(2)
    with tf.Session() as sess:
        sess.run(v.initializer)
        assert [sess.run(step), sess.run(step)] == [0, 1]
        with pytest.raises(tf.errors.OutOfRangeError):
            sess.run(step)


def test_the_value_of_an_initializer_can_be_fed():
    v = tf.Variable([1.0, 2.0], name="v")
    assign = tf.get_default_graph().get_operation_by_name("v/Assign")
    with tf.Session() as sess:
        sess.run(assign, {assign.inputs[1]: [7.0, 8.0]})
        assert sess.run(v).tolist() == [7.0, 8.0] and assign.inputs[0].name == "v:0"


def test_variables_as_messages():
    v = tf.get_variable("scope/v", [2], trainable=False)
    found = v.to_proto()
    assert (found.variable_name, found.initializer_name, found.snapshot_name, found.trainable) == (
        "scope/v:0", "scope/v/Assign", "scope/v/read:0", False)  # fmt: skip
    assert found.initial_value_name == v.initial_value.name
    assert v.to_proto("scope").variable_name == "v:0" and v.to_proto("other") is None
    assert tf.Variable.from_proto(found) is v and tf.Variable(variable_def=found) is v
    found.variable_name = "none:0"
    with pytest.raises(KeyError, match="no tensor 'none:0'"):
        tf.Variable.from_proto(found)
    info = tf.Variable.SaveSliceInfo("full", [4, 3], [2, 0], [2, 3])
    assert info.spec == "4 3 2,2:0,3" and list(info.to_proto().var_offset) == [2, 0]


def test_members_of_variables():
    v = tf.Variable([1.0, 2.0], name="v", constraint=tf.abs, synchronization=tf.VariableSynchronization.ON_READ)
    assert not v.trainable and v.constraint is tf.abs and v.aggregation is tf.VariableAggregation.NONE
    assert v == v and v in {v} and v.ref().deref() is v and v.get_shape().as_list() == [2] and v.graph.seed is None
    assert repr(v) == "<tf.Variable 'v:0' shape=(2,) dtype=float32_ref>" and v.device == ""
    v.set_shape([2])
    with pytest.raises(ValueError, match="variable v has shape"):
        v.set_shape([3])
    with pytest.raises(ValueError, match="assign_add: variable v has shape"):
        v.assign_add([[1.0, 2.0]])
    with tf.device("/cpu:0"):
        assert tf.Variable(1.0).device == "/device:CPU:0"


INITIALIZERS = [
    ("zeros_initializer", {}, {"dtype": "float32"}),
    ("ones_initializer", {"dtype": tf.int32}, {"dtype": "int32"}),
    ("constant_initializer", {"value": 3}, {"value": 3, "dtype": "float32"}),
    ("random_uniform_initializer", {"seed": 3}, {"minval": 0.0, "maxval": None, "seed": 3, "dtype": "float32"}),
    ("random_normal_initializer", {}, {"mean": 0.0, "stddev": 1.0, "seed": None, "dtype": "float32"}),
    ("truncated_normal_initializer", {}, {"mean": 0.0, "stddev": 1.0, "seed": None, "dtype": "float32"}),
    ("uniform_unit_scaling_initializer", {}, {"factor": 1.0, "seed": None, "dtype": "float32"}),
    ("variance_scaling_initializer", {}, {
        "scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal", "seed": None, "dtype": "float32"}),
    ("orthogonal_initializer", {}, {"gain": 1.0, "seed": None, "dtype": "float32"}),
    ("glorot_uniform_initializer", {}, {"seed": None, "dtype": "float32"}),
    ("glorot_normal_initializer", {"seed": 1}, {"seed": 1, "dtype": "float32"}),
    ("initializers.identity", {"gain": 2.0}, {"gain": 2.0, "dtype": "float32"}),
]  # fmt: skip


@pytest.mark.parametrize("name, arguments, config", INITIALIZERS, ids=[i[0] for i in INITIALIZERS])
def test_configurations_of_initializers(name, arguments, config):
    made = tf
    for part in name.split("."):
        made = getattr(made, part)
    kind, made = made, made(**arguments)
    assert made.get_config() == config and kind.from_config(config).get_config() == config
    value = made([4, 4], dtype=tf.float32)
    assert value.shape.as_list() == [4, 4] and value.dtype is tf.float32 and run(value).shape == (4, 4)


def test_spreads_of_initializers():
    tf.set_random_seed(5)
    scale = {"he_normal": 2 / 300, "he_uniform": 2 / 300, "lecun_normal": 1 / 300, "lecun_uniform": 1 / 300,
             "glorot_normal": 2 / 500, "glorot_uniform": 2 / 500}  # fmt: skip
    made = {n: getattr(tf.initializers, n)(seed=k)([300, 200]) for k, n in enumerate(scale)}
    made["unit"] = tf.uniform_unit_scaling_initializer(2.0)([300, 200])
    made["uniform"] = tf.random_uniform_initializer()([300, 200])
    made["class"] = tf.get_variable("g", [300, 200], initializer=tf.glorot_uniform_initializer)
    found = run(made)
    for name, variance in scale.items():
        assert found[name].var() == pytest.approx(variance, rel=0.05), name
    assert found["unit"].std() == pytest.approx(2 / np.sqrt(300), rel=0.05) and found["uniform"].min() >= 0
    assert found["uniform"].max() > 0.9 and found["class"].var() == pytest.approx(2 / 500, rel=0.05)
    extended = run(tf.constant_initializer([1.0, 2.0])([3]))
    assert extended.tolist() == [1.0, 2.0, 2.0]


def test_initializers_refuse():
    for call, kind, part in (
        (lambda: tf.random_normal_initializer(dtype=tf.int32), TypeError, "the dtype must be floating, got int32"),
        (lambda: tf.variance_scaling_initializer(scale=0), ValueError, "scale must be positive"),
        (lambda: tf.variance_scaling_initializer(mode="x"), ValueError, "mode 'x' is not fan_in"),
        (lambda: tf.constant_initializer({}), ValueError, "must be a number, a list or an array"),
        (lambda: tf.constant_initializer([1.0, 2.0], verify_shape=True)([3]), ValueError, "does not fit shape (3,)"),
        (lambda: tf.initializers.identity()([2, 2, 2]), ValueError, "needs two axes"),
    ):
        with pytest.raises(kind) as info:
            call()
        assert part in str(info.value)


@pytest.mark.parametrize("clip_first", [True, False])
def test_a_step_is_not_lost_beside_an_assignment(clip_first):
    v = tf.Variable([5.0, -0.5])
    step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(v))
    clip = v.assign(tf.clip_by_value(v, -1.0, 1.0))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for expected in ([0.9, -0.6], [0.8, -0.7]):
            sess.run([clip, step] if clip_first else [step, clip])
            np.testing.assert_allclose(sess.run(v), expected, rtol=1e-6)


def test_an_assignment_after_a_step_stays_after_it():
    v = tf.Variable([5.0, -0.5])
    step = v.assign_sub([0.1, 0.1])
    with tf.control_dependencies([step]):
        clip = v.assign(tf.clip_by_value(v, -1.0, 1.0))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run([step, clip])
        np.testing.assert_allclose(sess.run(v), [1.0, -0.6], rtol=1e-6)
