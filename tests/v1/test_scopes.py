"""get_variable and its scopes: values, reuse, parts, templates, regularisers, and what is refused."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import GraphcError


def run(fetches, feeds=None):
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        return sess.run(fetches, feeds)


def made():
    return tf.get_variable("w", [2, 3])


def reused(*args, scope="", **kwargs):
    made()
    with tf.variable_scope(scope, reuse=True):
        return tf.get_variable(*args, **kwargs)


def parts(name="p", **kwargs):
    return tf.get_variable(name, [5, 3], partitioner=tf.fixed_size_partitioner(2), **kwargs)


def twice(first, second):
    first()
    return second()


REFUSED = {
    "exists": (lambda: twice(made, made), ValueError, "variable w exists already; did you mean reuse=True or"),
    "missing": (lambda: reused("v"), ValueError, "variable v does not exist, or was not made by tf.get_variable"),
    "shape": (lambda: reused("w", [3, 2]), ValueError, "variable w has shape (2, 3), not (3, 2)"),
    "dtype": (lambda: reused("w", [2, 3], tf.float64), TypeError, "variable w has dtype float32, not float64"),
    "no shape": (lambda: tf.get_variable("w"), ValueError, "variable w needs a shape"),
    "open shape": (lambda: tf.get_variable("w", [None, 2]), ValueError, "needs a shape of known sizes, not (?, 2)"),
    "value and dtype": (
        lambda: tf.get_variable("w", dtype=tf.float64, initializer=tf.constant([1.0])), TypeError,
        "the initial value of w has dtype float32, not float64"),
    "reuse": (lambda: tf.variable_scope("a", reuse=3), ValueError, "reuse must be True, False, None or AUTO_REUSE"),
    "default reuse": (lambda: tf.variable_scope(None, "a", reuse=True), ValueError, "reuse needs name_or_scope"),
    "auxiliary": (lambda: tf.variable_scope("a", auxiliary_name_scope=3), ValueError, "must be True or False, got 3"),
    "getter": (lambda: tf.get_variable("w", [], custom_getter=3), ValueError, "custom_getter must be a function"),
    "partitioner": (lambda: tf.get_variable("w", [2], partitioner=3), ValueError, "partitioner of w must be a fun"),
    "partitions": (
        lambda: tf.get_variable("w", [2, 2], partitioner=lambda shape, dtype: [2, 2]), ValueError,
        "the partitioner of w answers with [2, 2], not one number of parts for each axis"),
    "parts then whole": (
        lambda: twice(parts, lambda: tf.get_variable("p", [5, 3])), ValueError, "p was made in parts, so it needs"),
    "whole then parts": (lambda: twice(made, lambda: parts("w")), ValueError, "made without a partitioner"),
    "shards": (lambda: tf.fixed_size_partitioner(0), ValueError, "num_shards must be positive, got 0"),
    "axis": (
        lambda: tf.fixed_size_partitioner(2, axis=3)(shape=[2], dtype=tf.float32), ValueError, "axis 3 is out of ran"),
    "template name": (lambda: tf.make_template("", lambda: 1), ValueError, "make_template: needs a name"),
    "template function": (lambda: tf.make_template("a", 3), ValueError, "make_template: needs a function, got 3"),
    "creator": (lambda: tf.variable_creator_scope(3).__enter__(), ValueError, "creator_scope: needs a function"),
    "constraint": (lambda: tf.Variable(1.0, constraint=3), ValueError, "the constraint must be a function"),
    "collections": (lambda: tf.Variable(1.0, collections="a"), ValueError, "collections must be a list of names"),
    "no value": (lambda: tf.Variable(), ValueError, "an initial value is needed"),
    "strings": (lambda: tf.Variable(["a"]), TypeError, "would hold strings, which a session cannot keep; use a con"),
    "expected": (lambda: tf.Variable([1.0], expected_shape=[2]), ValueError, "shall have the shape (2,)"),
    "scale": (lambda: tf.contrib.layers.l2_regularizer(-0.5), ValueError, "scale must not be negative, got -0.5"),
    "int scale": (lambda: tf.contrib.layers.l1_regularizer(1), ValueError, "scale must be a float, got 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    call, kind, part = REFUSED[case]
    with pytest.raises(kind) as info:
        call()
    assert isinstance(info.value, GraphcError) and part in str(info.value), str(info.value)
    assert "at test_scopes.py:" in str(info.value)


def test_messages_about_variables_name_both_lines():
    made()
    with pytest.raises(ValueError) as info:
        tf.get_variable("w", [2, 3])
    lines = str(info.value).split("\n")
    assert lines[1].strip().startswith("w  is variable w   test_scopes.py:") and "tf.get_variable" in lines[2]


def test_partitioned_variables_are_one_tensor():
    p = parts(initializer=tf.constant(np.arange(15.0, dtype=np.float32).reshape(5, 3)))
    g = tf.get_variable("g", [300, 100], partitioner=tf.fixed_size_partitioner(3))
    i = tf.get_variable("i", [4, 4], initializer=tf.initializers.identity(), partitioner=tf.fixed_size_partitioner(2))
    x = tf.placeholder(tf.float32, [None, 5])
    out, doubled, whole, glorot, eye, looked = run(
        [tf.matmul(x, p), p * 2.0, p, g, i, tf.nn.embedding_lookup(p, [0, 4], partition_strategy="div")],
        {x: np.ones((1, 5))},
    )
    assert out.tolist() == [[30.0, 35.0, 40.0]] and doubled[4].tolist() == [24.0, 26.0, 28.0]
    assert whole.shape == (5, 3) and eye.tolist() == np.eye(4).tolist() and looked[1].tolist() == [12.0, 13.0, 14.0]
    limit = np.sqrt(6 / 400)
    assert np.abs(glorot).max() <= limit and glorot.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)
    slope = tf.gradients(tf.reduce_sum(p * p), list(p))
    assert [s.shape.as_list() for s in slope] == [[3, 3], [2, 3]] and len(p) == 2
    with tf.Session() as sess:
        sess.run(p.initializer)
        sess.run(p.assign(np.ones((5, 3), np.float32)))
        assert sess.run(p).tolist() == np.ones((5, 3)).tolist()
    with pytest.raises(ValueError, match="variable p has shape"):
        p.assign(np.ones((4, 3), np.float32))


def test_regularisers():
    reg = tf.contrib.layers
    w = tf.constant([1.0, -2.0, 3.0])
    both = reg.l1_l2_regularizer(0.5, 0.1)(w)
    summed = reg.sum_regularizer([reg.l1_regularizer(1.0), None, reg.l2_regularizer(0.0)])(w)
    assert reg.l2_regularizer(0.0)(w) is None and reg.sum_regularizer([None]) is None
    with tf.variable_scope("a", regularizer=reg.l2_regularizer(0.5)):
        tf.get_variable("v", initializer=[2.0, 4.0])
        tf.get_variable("n", initializer=[2.0, 4.0], regularizer=tf.no_regularizer)
    with tf.variable_scope("a", reuse=True):
        tf.get_variable("v")
    losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    assert [t.name for t in losses] == ["a/v/Regularizer/l2_regularizer:0"]
    total = reg.apply_regularization(reg.l1_regularizer(0.25), [w, w])
    assert run([both, summed, losses[0], total]) == pytest.approx([0.5 * 6 + 0.1 * 7, 6.0, 5.0, 3.0])
    assert len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == 2


def test_templates_share_variables():
    def scaled(x, start):
        return x * tf.get_variable("by", [], initializer=tf.constant_initializer(start))

    t = tf.make_template("scale", scaled, start=3.0)
    assert t.variables == [] and t.name == "scale"
    assert run([t(2.0), t(tf.constant(5.0))]) == [6.0, 15.0]
    assert [v.op.name for v in t.variables] == ["scale/by"]
    careless = tf.make_template("careless", lambda: tf.Variable(1.0) + 0.0)
    careless()
    with pytest.raises(ValueError, match="made new variables .*; use tf.get_variable instead of tf.Variable"):
        careless()


def test_custom_getters_and_creators_change_what_is_made():
    def averaged(getter, name, *args, **kwargs):
        return getter(name, *args, **kwargs) * 0.5

    def bigger(next_creator, **kwargs):
        first = kwargs["initial_value"]
        kwargs["initial_value"] = lambda: first() + 1.0
        return next_creator(**kwargs)

    with tf.variable_scope("a", custom_getter=averaged):
        half = tf.get_variable("v", [], initializer=tf.ones_initializer)
    with tf.variable_creator_scope(bigger):
        two = tf.get_variable("w", [2], initializer=tf.ones_initializer)
    half, two = run([half, two])
    assert half == 0.5 and two.tolist() == [2.0, 2.0]


def test_scopes_hand_on_what_variables_do_not_say():
    with tf.variable_scope("a") as scope:
        scope.set_initializer(tf.constant_initializer(7))
        scope.set_dtype(tf.int64)
        scope.set_custom_getter(None)
        v = tf.get_variable("v", [2])
        with tf.variable_scope("b", initializer=tf.zeros_initializer()):
            w = tf.get_variable("w", [])
        assert scope.trainable_variables() == [v, w] and scope.get_collection("variables") == [v, w]
    local = tf.get_local_variable("count", [], initializer=tf.zeros_initializer())
    assert tf.local_variables() == [local] and local not in tf.global_variables() and not local.trainable
    v, w, local = run([v, w, local])
    assert v.tolist() == [7, 7] and v.dtype == np.int64 and (w, local) == (0, 0.0)


def test_a_scope_object_can_be_entered_again_and_again():
    block = tf.variable_scope("a", reuse=tf.AUTO_REUSE)
    found = []
    for _ in range(2):
        with block as scope:
            found.append((tf.get_variable("v", []), tf.constant(1.0).name, scope.name))
    assert found[0][0] is found[1][0] and [f[1:] for f in found] == [("a/Const:0", "a"), ("a_1/Const:0", "a")]
    with tf.variable_scope("x"), pytest.raises(ValueError, match="exists already"):
        tf.get_variable("v", []), tf.get_variable("v", [])
    assert tf.get_variable_scope().name == ""


def test_errors_inside_leave_the_scope():
    with pytest.raises(ZeroDivisionError), tf.variable_scope("a"), tf.name_scope("b"), tf.device("/cpu:0"):
        raise ZeroDivisionError
    assert tf.get_variable_scope().name == "" and tf.constant(1.0).name == "Const:0" and tf.no_op().device == ""


def test_what_is_compiled_knows_its_scopes():
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    with tf.name_scope("net"), tf.variable_scope("hidden"):
        y = tf.sigmoid(x)
    with tf.name_scope("loss"):
        loss = tf.reduce_sum(y)
    outside = tf.exp(loss)
    graph = tf.freeze(tf.Session(), [x], [outside])
    found = {n.op: n.location.scope for n in graph.nodes if n.op in ("sigmoid", "logistic", "reduce", "exp")}
    assert found["reduce"] == "loss" and found["exp"] == ""
    assert "net/hidden" in {n.location.scope for n in graph.nodes if n.location}
