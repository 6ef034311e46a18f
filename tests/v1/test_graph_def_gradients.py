"""Training graphs as GraphDefs of TensorFlow's own nodes: without what graphc adds for itself they train the same."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.formats import protos
from graphc.v1.graph_def.meta_graph import import_meta_graph, meta_graph_of

TENSORFLOW = importlib.util.find_spec("tensorflow") is not None


def numbers(seed: int, *shape) -> np.ndarray:
    return np.random.RandomState(seed).randn(*shape).astype(np.float32)


def classes(seed: int, count: int, size: int) -> np.ndarray:
    return np.random.RandomState(seed).randint(0, size, count)


def logistic():
    x, y = tf.placeholder(tf.float32, [None, 5], name="x"), tf.placeholder(tf.float32, [None, 1], name="y")
    w, b = tf.Variable(tf.zeros([5, 1]), name="w"), tf.Variable(0.0, name="b")
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=tf.matmul(x, w) + b)
    loss = tf.identity(tf.reduce_mean(losses) + 0.01 * tf.nn.l2_loss(w), "loss")
    tf.train.GradientDescentOptimizer(0.5).minimize(loss, name="train")
    return {"x:0": numbers(0, 10, 5), "y:0": classes(1, 10, 2).reshape(10, 1).astype(np.float32)}


def perceptron():
    x, y = tf.placeholder(tf.float32, [None, 6], name="x"), tf.placeholder(tf.float32, [None, 3], name="y")
    h = tf.layers.dense(tf.layers.dense(x, 8, tf.nn.relu), 8, tf.nn.tanh)
    h = tf.nn.dropout(h, keep_prob=tf.placeholder_with_default(1.0, [], name="keep"))
    losses = tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=tf.layers.dense(h, 3))
    tf.train.AdamOptimizer(0.01).minimize(tf.reduce_mean(losses, name="loss"), name="train")
    return {"x:0": numbers(0, 10, 6), "y:0": np.eye(3, dtype=np.float32)[classes(1, 10, 3)]}


def pictures():
    x, y = tf.placeholder(tf.float32, [None, 12, 12, 1], name="x"), tf.placeholder(tf.int64, [None], name="y")
    h = tf.layers.max_pooling2d(tf.layers.conv2d(x, 4, 5, padding="same", activation=tf.nn.relu), 2, 2)
    h = tf.layers.conv2d(h, 6, 3, strides=2, padding="same", use_bias=False)
    h = tf.nn.relu(tf.layers.batch_normalization(h, training=True))
    h = tf.layers.flatten(tf.nn.avg_pool(h, [1, 2, 2, 1], [1, 1, 1, 1], "SAME"))
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=tf.layers.dense(h, 4))
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        tf.train.MomentumOptimizer(0.01, 0.9).minimize(tf.reduce_mean(losses, name="loss"), name="train")
    return {"x:0": numbers(0, 6, 12, 12, 1), "y:0": classes(1, 6, 4)}


def lookup(optimizer):
    x, y = tf.placeholder(tf.int32, [None, 4], name="x"), tf.placeholder(tf.float32, [None], name="y")
    h = tf.reduce_mean(tf.nn.embedding_lookup(tf.get_variable("e", [20, 6]), x), 1)
    loss = tf.reduce_mean(tf.square(tf.squeeze(tf.layers.dense(h, 1), 1) - y), name="loss")
    optimizer.minimize(loss, name="train")
    return {"x:0": classes(0, 28, 20).reshape(7, 4).astype(np.int32), "y:0": numbers(1, 7)}


def recurrent():
    x, n = tf.placeholder(tf.float32, [None, 4, 3], name="x"), tf.placeholder(tf.int32, [None], name="n")
    cell = tf.nn.rnn_cell.BasicLSTMCell(4)
    outputs, _ = tf.nn.dynamic_rnn(cell, x, sequence_length=n, dtype=tf.float32)
    loss = tf.reduce_mean(tf.square(tf.layers.dense(outputs[:, -1], 1) - 1.0), name="loss")
    optimizer = tf.train.AdamOptimizer(0.01)
    gradients, variables = zip(*optimizer.compute_gradients(loss))
    gradients, _ = tf.clip_by_global_norm(gradients, 0.1)
    optimizer.apply_gradients(zip(gradients, variables), name="train")
    return {"x:0": numbers(0, 6, 4, 3), "n:0": np.array([4, 3, 2, 4, 1, 4], np.int32)}


def picture_to_picture():
    x = tf.placeholder(tf.float32, [None, 8, 8, 1], name="x")
    h = tf.layers.conv2d(x, 4, 3, 2, "same", activation=tf.nn.leaky_relu)
    h = tf.layers.conv2d_transpose(h, 1, 3, 2, "same", activation=tf.nn.sigmoid)
    h = tf.layers.separable_conv2d(h, 2, 3, padding="same") + tf.nn.lrn(x)
    h = tf.layers.conv2d(h, 2, 3, dilation_rate=2, padding="valid")
    h = tf.image.resize_bilinear(h, [5, 5])
    tf.train.RMSPropOptimizer(0.01).minimize(tf.reduce_mean(tf.square(h), name="loss"), name="train")
    return {"x:0": numbers(0, 3, 8, 8, 1)}


def twice_differentiated():
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    w, v = tf.get_variable("w", [4, 5]), tf.get_variable("v", [5, 1])
    out = tf.matmul(tf.tanh(tf.matmul(x, w)), v)
    slope = tf.gradients(out, [x])[0]
    penalty = tf.reduce_mean(tf.square(tf.sqrt(tf.reduce_sum(tf.square(slope), 1)) - 1.0))
    tf.train.AdadeltaOptimizer(0.1).minimize(tf.add(penalty, tf.reduce_mean(out), "loss"), name="train")
    return {"x:0": numbers(0, 5, 4)}


def all_sorts():
    x, k = tf.placeholder(tf.float32, [None, 6], name="x"), tf.placeholder(tf.int32, [None], name="k")
    w = tf.get_variable("w", [6, 6])
    h = tf.tensordot(x, w, 1)
    h = tf.concat([h, tf.norm(h, axis=1, keepdims=True)], 1)
    parts = [
        tf.boolean_mask(h, k > 0), tf.nn.top_k(h, 3)[0], tf.math.segment_sum(h, [0, 0, 1, 1, 2]), tf.cumsum(h, 1),
        tf.unsorted_segment_max(h, k, 3), tf.reduce_prod(h[:, :2], 1), tf.pad(h, [[0, 0], [1, 1]], "REFLECT"),
        tf.cond(tf.reduce_sum(h) > 0, lambda: tf.square(h), lambda: tf.abs(h)), tf.gather_nd(h, [[0, 1], [1, 2]]),
        tf.matrix_band_part(w, 0, -1), tf.diag_part(w) ** 3.0, tf.reverse(h, [1]) * h, tf.maximum(h, 0.2),
        tf.where(h > 0, h, tf.sin(h)), tf.einsum("ij,jk->ik", w, w), tf.nn.l2_normalize(h, 1), tf.nn.softmax(h),
    ]  # fmt: skip
    loss = tf.multiply(0.01, tf.add_n([tf.reduce_sum(tf.square(p)) for p in parts]), name="loss")
    tf.train.GradientDescentOptimizer(0.01).minimize(loss, name="train")
    return {"x:0": numbers(0, 5, 6), "k:0": np.array([0, 1, 2, 1, 0], np.int32)}


MODELS = {
    "logistic": logistic, "perceptron": perceptron, "pictures": pictures, "recurrent": recurrent,
    "picture_to_picture": picture_to_picture, "twice_differentiated": twice_differentiated, "all_sorts": all_sorts,
    "descent": lambda: lookup(tf.train.GradientDescentOptimizer(0.1)),
    "adagrad": lambda: lookup(tf.train.AdagradOptimizer(0.1)), "adam": lambda: lookup(tf.train.AdamOptimizer(0.1)),
    "momentum": lambda: lookup(tf.train.MomentumOptimizer(0.1, 0.9)),
}  # fmt: skip


def losses(module, session, feeds, steps: int = 3) -> list:
    found = []
    for _ in range(steps):
        session.run("train", feeds)
        found.append(float(session.run("loss:0", feeds)))
    return found


@pytest.fixture(scope="module", params=MODELS)
def trained(request, tmp_path_factory):
    """A model's meta graph, the path of its checkpoint, what it is fed with, and its losses."""
    path = str(tmp_path_factory.mktemp(request.param) / "model")
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        feeds = MODELS[request.param]()
        saver = tf.train.Saver()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            saver.save(session, path)
            found = losses(tf, session, feeds)
    return path, feeds, found


def foreign(path: str):
    """A meta graph as a program would see it that knows nothing of graphc."""
    with open(f"{path}.meta", "rb") as file:
        meta = protos.MetaGraphDef.FromString(file.read())
    for node in meta.graph_def.node:
        for key in ("_graphc", "_graphc_part"):
            node.attr.pop(key, None)
    return meta


def test_gradients_are_nodes_of_tensorflow(trained):
    path, feeds, expected = trained
    meta = foreign(path)
    assert not [n.op for n in meta.graph_def.node if n.op.startswith("Graphc")]
    assert len(meta.graph_def.node) < 1200
    with tf.Graph().as_default():
        import_meta_graph(meta)
        with tf.Session() as session:
            tf.train.Saver().restore(session, path)
            np.testing.assert_allclose(losses(tf, session, feeds), expected, rtol=1e-6)


@pytest.mark.skipif(not TENSORFLOW, reason="needs TensorFlow, which the tests do without")
def test_tensorflow_goes_on_training(trained):
    import tensorflow.compat.v1 as tensorflow

    path, feeds, expected = trained
    with tensorflow.Graph().as_default():
        saver = tensorflow.train.import_meta_graph(f"{path}.meta")
        with tensorflow.Session() as session:
            saver.restore(session, path)
            np.testing.assert_allclose(losses(tensorflow, session, feeds), expected, rtol=1e-5)


def nodes_of_gradients(meta) -> list:
    return [n for n in meta.graph_def.node if n.name == "gradients" or n.name.startswith("gradients/")]


def test_no_variable_changes_before_all_gradients_are_known():
    with tf.Graph().as_default():
        perceptron()
        by_name = {n.name: n for n in nodes_of_gradients(meta_graph_of())}
    last = by_name["gradients"]
    assert last.op == "IdentityN" and len(last.input) == 6
    gates = [by_name[name] for name in last.input]
    assert all(g.op == "Identity" and g.input[1] == "^gradients/group_deps" for g in gates)
    assert sorted(by_name["gradients/group_deps"].input) == sorted(f"^{g.input[0]}" for g in gates)


def test_convolutions_and_pooling_have_their_own_gradients():
    with tf.Graph().as_default():
        pictures()
        kinds = [n.op for n in nodes_of_gradients(meta_graph_of())]
    assert kinds.count("Conv2DBackpropFilter") == 2 and kinds.count("Conv2DBackpropInput") == 1
    assert kinds.count("MaxPoolGrad") == 1 and len(kinds) < 160


def test_rows_are_added_up_before_they_change_a_variable():
    with tf.Graph().as_default():
        lookup(tf.train.AdagradOptimizer(0.1))
        nodes = {n.op: n for n in meta_graph_of().graph_def.node}
    update = nodes["SparseApplyAdagrad"]
    assert list(update.input)[3:] == [nodes["UnsortedSegmentSum"].name, nodes["Unique"].name]


def test_a_value_read_twice_is_two_values():
    """What is written between two reads must not be mixed up in the gradient."""
    with tf.Graph().as_default():
        v = tf.Variable(2.0, name="v")
        first = tf.square(v.read_value())
        with tf.control_dependencies([first, v.assign_add(1.0)]):
            second = tf.square(v.read_value())
        tf.identity(tf.gradients(first * second, v)[0], "slope")
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            expected = session.run("slope:0")
        graph_def = tf.get_default_graph().as_graph_def()
    for node in graph_def.node:
        for key in ("_graphc", "_graphc_part"):
            node.attr.pop(key, None)
    with tf.Graph().as_default():
        tf.import_graph_def(graph_def, name="")
        with tf.Session() as session:
            session.run("init")
            assert session.run("slope:0") == expected == 2 * 2 * 9 + 4 * 2 * 3


def test_loops_of_unknown_length_remain_what_they_are():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, None, 3], name="x")
        outputs, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(2), x, dtype=tf.float32)
        tf.gradients(tf.reduce_sum(outputs), tf.trainable_variables())
        kinds = {n.op for n in tf.get_default_graph().as_graph_def().node}
    assert "GraphcGradients" in kinds
