"""``tf.layers``: names, shapes, values and one training step as TensorFlow has them, sharing, refusals."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from interpreted import Interpreted
from layer_programs import GROUPS, outcome

import graphc.v1 as tf

RECORDED = json.loads((Path(__file__).parent / "recorded" / "layers.json").read_text())
OTHER_NAMES = {  # TensorFlow takes another way to these values
    "conv2d_2/Conv2D/BatchToSpaceND:0": "conv2d_2/Conv2D:0",
    "conv1d_3/add:0": "conv1d_3/BiasAdd:0",
    "batch_normalization_10/cond/Identity:0": "batch_normalization_10/batchnorm/add_1:0",
    "batch_normalization_11/cond/Identity:0": "batch_normalization_11/batchnorm/add_1:0",
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_training_step_is_tensorflows(group, monkeypatch):
    monkeypatch.setattr("graphc.api.run.compile_graph", lambda graph, options=None: Interpreted(graph))
    wanted, found = RECORDED[group], outcome(tf, group)
    assert found["names"] == [OTHER_NAMES.get(name, name) for name in wanted["names"]]
    for key in ("shapes", "trained", "updates", "regularizers"):
        assert found[key] == wanted[key]
    assert list(found["after"]) == list(wanted["after"])
    np.testing.assert_allclose(found["values"], wanted["values"], rtol=1e-3, atol=2e-3)
    assert found["loss"] == pytest.approx(wanted["loss"], rel=1e-4)
    after = [np.array(list(part["after"].values())) for part in (found, wanted)]
    np.testing.assert_allclose(*after, rtol=1e-4, atol=2e-3)


def test_a_compiled_network_learns_as_the_interpreted_one(monkeypatch):
    def losses():
        with tf.Graph().as_default():
            tf.set_random_seed(3)
            x, y = tf.placeholder(tf.float32, [None, 6, 6, 1]), tf.placeholder(tf.int64, [None])
            training = tf.placeholder(tf.bool, [])
            out = tf.layers.conv2d(x, 4, 3, use_bias=False)
            out = tf.nn.relu(tf.layers.batch_normalization(out, training=training))
            out = tf.layers.flatten(tf.layers.max_pooling2d(out, 2, 2))
            out = tf.layers.dropout(tf.layers.dense(out, 8, tf.nn.relu), 0.5, training=training)
            loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(out, 2))
            with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
                step = tf.train.GradientDescentOptimizer(0.2).minimize(loss)
            rng = np.random.default_rng(0)
            images, labels = rng.normal(size=(8, 6, 6, 1)).astype(np.float32), np.arange(8) % 2
            with tf.Session() as session:
                session.run(tf.global_variables_initializer())
                trained = [session.run([loss, step], {x: images, y: labels, training: True})[0] for _ in range(6)]
                return [*trained, session.run(loss, {x: images, y: labels, training: False})]

    compiled = losses()
    monkeypatch.setattr("graphc.api.run.compile_graph", lambda graph, options=None: Interpreted(graph))
    np.testing.assert_allclose(compiled, losses(), rtol=1e-4)
    assert compiled[-1] < compiled[0]


def names(key=tf.GraphKeys.GLOBAL_VARIABLES):
    return [v.name for v in tf.get_collection(key)]


def test_scopes_and_numbers_are_tensorflows():
    x = tf.placeholder(tf.float32, [None, 5], name="x")
    with tf.name_scope("n"):
        made = [tf.layers.dense(x, 3).name, tf.layers.dense(x, 3).name]
    layer = tf.layers.Dense(2)
    made.append(layer(x).name)
    with tf.name_scope("m"):
        made.append(layer(x).name)
    with tf.variable_scope("v"):
        made += [layer(x).name, tf.layers.dense(x, 3).name]
        other = tf.layers.Dense(3)
    made.append(other(x).name)
    with tf.variable_scope("v", reuse=True):
        made.append(tf.layers.dense(x, 3).name)
    with tf.variable_scope("v", reuse=tf.AUTO_REUSE):
        made.append(tf.layers.dense(x, 3, activation="relu").name)
    made.append(tf.layers.dense(x, 3, name="q").name)
    made.append(tf.layers.dense(x, 3, name="q", reuse=True).name)
    made.append(tf.layers.dense(x, 3, name="r", reuse=tf.AUTO_REUSE).name)
    assert made == [
        "n/dense/BiasAdd:0", "n/dense_1/BiasAdd:0", "dense/BiasAdd:0", "dense/BiasAdd_1:0", "dense/BiasAdd_2:0",
        "v/dense/BiasAdd:0", "dense_1/BiasAdd:0", "v_1/dense/BiasAdd:0", "v_2/dense/Relu:0", "q/BiasAdd:0",
        "q_1/BiasAdd:0", "r/BiasAdd:0",
    ]  # fmt: skip
    scopes = ("dense", "dense_1", "dense_2", "v/dense", "dense_3", "q", "r")
    assert names() == [f"{scope}/{part}:0" for scope in scopes for part in ("kernel", "bias")]
    assert (layer.name, layer.scope_name, other.name, other.scope_name) == ("dense_3", "dense_2", "dense_5", "dense_3")


def test_an_object_called_twice_shares_its_weights():
    layer = tf.layers.Dense(2, name="zz")
    assert layer.dtype is None and not layer.built and layer.losses == layer.updates == layer.variables == []
    x = tf.placeholder(tf.float32, [None, 5])
    first, second = layer(x), layer.apply(2 * x)
    assert len(tf.global_variables()) == 2 and layer.count_params() == 12 and layer.dtype == tf.float32
    assert layer.get_output_at(0) is first and layer.get_output_at(1) is second and layer.get_input_at(0) is x
    assert layer.weights == layer.trainable_variables == tf.trainable_variables()
    assert tf.layers.Dense(2, name="zz")(x).name == "zz_1/BiasAdd:0"
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        one, two = session.run([first, second], {x: np.ones((1, 5))})
    np.testing.assert_allclose(two, 2 * one, rtol=1e-6)


class Scaled(tf.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_variable("w", [input_shape[-1], 2], regularizer=tf.nn.l2_loss, initializer="ones")
        self.b = self.add_weight("b", [2], initializer=tf.zeros_initializer, trainable=False)
        super().build(input_shape)

    def call(self, x, k=1):
        self.add_loss(tf.reduce_sum(x, name="al"))
        self.add_update(tf.assign_add(self.b, [1.0, 1.0]))
        return tf.matmul(x, self.w) * k + self.b


def test_a_class_of_ones_own():
    x = tf.placeholder(tf.float32, [None, 5])
    layer = Scaled()
    out = layer(x, k=2)
    assert out.name == "scaled/add:0" and layer.output is out and layer.input_shape.as_list() == [None, 5]
    layer(x)
    losses = ["scaled/w/Regularizer/L2Loss:0", "scaled/al:0", "scaled/al_1:0"]
    assert names(tf.GraphKeys.REGULARIZATION_LOSSES) == losses
    assert names(tf.GraphKeys.UPDATE_OPS) == ["scaled/AssignAdd:0", "scaled/AssignAdd_1:0"] and len(layer.updates) == 2
    assert names(tf.GraphKeys.TRAINABLE_VARIABLES) == ["scaled/w:0"]
    assert layer.non_trainable_weights == [layer.b] and layer.weights == [layer.w, layer.b]
    fixed = Scaled(name="fixed", trainable=False)
    fixed(x)
    assert fixed.trainable_weights == fixed.updates == [] and fixed.non_trainable_variables == [fixed.w, fixed.b]
    assert len(tf.trainable_variables()) == 1 and len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 2
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(out, {x: np.ones((1, 5))}), [[10, 10]])


def test_regularizers_count_once_and_scopes_have_theirs():
    x = tf.placeholder(tf.float32, [None, 5])
    for reuse in (False, True):
        tf.layers.dense(x, 2, name="d", reuse=reuse, kernel_regularizer=tf.nn.l2_loss)
    assert names(tf.GraphKeys.REGULARIZATION_LOSSES) == ["d/kernel/Regularizer/L2Loss:0"]
    with tf.variable_scope("s", regularizer=tf.nn.l2_loss, initializer=tf.ones_initializer()):
        tf.layers.dense(x, 2, use_bias=False)
    assert len(tf.losses.get_regularization_losses()) == 2
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run("s/dense/kernel:0"), np.ones((5, 2)))


def test_shapes_stay_open_and_dtypes_follow():
    image = tf.placeholder(tf.float32, [None, None, None, 3])
    assert tf.layers.conv2d(image, 4, 3).shape.as_list() == [None, None, None, 4]
    up = tf.layers.conv2d_transpose(image, 4, 3, strides=2)
    assert up.shape.as_list() == [None, None, None, 4]
    assert tf.layers.flatten(tf.placeholder(tf.float32, [None, 3, 2])).shape.as_list() == [None, 6]
    assert tf.layers.flatten(tf.placeholder(tf.float32, [None])).shape.as_list() == [None, 1]
    assert tf.layers.flatten(tf.placeholder(tf.float32, [3, None, 2])).shape.as_list() == [3, None]
    assert tf.layers.dense(tf.placeholder(tf.float64, [None, 4]), 2).dtype == tf.float64
    assert tf.layers.Dense(2, dtype=tf.float64)(tf.placeholder(tf.float32, [None, 4])).dtype == tf.float64
    assert tf.layers.dense(np.ones((2, 3), np.float32), 2).shape.as_list() == [2, 2]
    assert tf.layers.dense([[1.0, 2.0]], 2).shape.as_list() == [1, 2]
    half = tf.layers.BatchNormalization()
    assert half(tf.placeholder(tf.float16, [None, 4])).dtype == tf.float16 and half.gamma.dtype == tf.float32
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(up, {image: np.ones((2, 3, 4, 3))}).shape == (2, 7, 9, 4)


def test_dropout_scales_what_it_keeps():
    x, training = tf.ones([20, 50]), tf.placeholder_with_default(False, [])
    always, never, maybe = (tf.layers.dropout(x, 0.25, seed=1, training=t) for t in (True, False, training))
    rows = tf.layers.dropout(x, 0.5, noise_shape=[None, 1], training=True, seed=2)
    assert (always.name, never.name) == ("dropout/dropout/SelectV2:0", "dropout_1/Identity:0")
    with tf.Session() as session:
        kept = session.run(always)
        assert 0.65 < (kept > 0).mean() < 0.85 and np.allclose(kept[kept > 0], 1 / 0.75)
        assert session.run(never).min() == session.run(maybe).min() == 1
        assert session.run(maybe, {training: True}).min() == 0
        assert all(len(set(row)) == 1 for row in session.run(rows))


@pytest.mark.parametrize("call, error, words", [
    ("dense(tf.placeholder(tf.float32, [None, None], name='x'), 3)", ValueError,
     "dense_1: the size of the last axis|inputs  is x:0 of shape"),
    ("dense(tf.placeholder(tf.float32, [5], name='x'), 3)", ValueError, "needs rank 2 at least, got rank 1|x:0"),
    ("dense(tf.placeholder(tf.float32), 3)", ValueError, "must be known"),
    ("dense(tf.placeholder(tf.int32, [None, 5]), 3)", TypeError, "needs a floating dtype, got int32|tf.cast"),
    ("dense(x, -3)", ValueError, "units must be a positive int, got -3"),
    ("dense(x, 'many')", ValueError, "units must be a positive int, got 'many'"),
    ("dense(x, 3, activation='nope')", ValueError, "activation must be a function or one of elu"),
    ("dense(x, 3, kernel_initializer='nope')", ValueError, "no initializer 'nope'"),
    ("dense(x, 3, name='q', reuse=True)", ValueError, "variable q/kernel does not exist"),
    ("dense(x, 3, nope=1)", TypeError, "nope"),
    ("Dense(3, nope=1)", ValueError, "there is no argument nope"),
    ("Dense(3)([x, x])", ValueError, "needs one tensor"),
    ("Dense(3).count_params()", RuntimeError, "no variables before it is called"),
    ("Dense(3).scope_name", RuntimeError, "has none before it is called"),
    ("Dense(3).output", RuntimeError, "was not called"),
    ("Layer().get_output_at(2)", ValueError, "there is no call 2"),
    ("conv2d(x, 3, 3)", ValueError, "needs an input of rank 4, got rank 2"),
    ("conv2d(tf.zeros([1, 5, 5, 3]), 3, [3, 3, 3])", ValueError, "kernel_size needs one int, or 2 of them"),
    ("conv2d(tf.zeros([1, 5, 5, 3]), 3, 3, padding='nope')", ValueError, "padding must be one of valid, same"),
    ("conv2d(tf.zeros([1, 5, 5, 3]), 3, 3, padding='causal')", ValueError, "padding must be one of valid, same, got"),
    ("conv2d(tf.zeros([1, 5, 5, 3]), 3, 3, data_format='NHWC')", ValueError, "channels_last or channels_first"),
    ("conv2d(tf.zeros([1, 5, 5, 3]), 3, 3, strides=2, dilation_rate=2)", ValueError, "cannot both be above 1"),
    ("conv2d(tf.zeros([1, 5, 5, 3]), 3, 7)", ValueError, r"the window covers \[7, 7\]|padding='same'"),
    ("conv2d(tf.placeholder(tf.float32, [1, 5, 5, None]), 3, 3)", ValueError, "size of the last axis"),
    ("conv2d(tf.zeros([1, 5, 5, 3]), 0, 3)", ValueError, "filters must be a positive int"),
    ("max_pooling2d(tf.zeros([1, 5, 5]), 2, 2)", ValueError, "needs an input of rank 4, got rank 3"),
    ("flatten(tf.placeholder(tf.float32, []))", ValueError, "needs rank 1 at least"),
    ("dropout(x, 1.5, training=True)", ValueError, r"rate must lie in \[0, 1\)"),
    ("dropout(x, training=x)", ValueError, "training must be True, False or a boolean scalar"),
    ("dropout(x, training='yes')", ValueError, "training must be True, False or a boolean tensor"),
    ("batch_normalization(tf.placeholder(tf.float32, [3, None]))", ValueError, "size of the last axis"),
    ("batch_normalization(x, axis=3)", ValueError, "axis 3 does not fit an input of rank 2"),
    ("batch_normalization(x, axis=[1, -1])", ValueError, "names an axis twice"),
    ("batch_normalization(x, virtual_batch_size=0)", ValueError, "virtual_batch_size must be a positive int"),
    ("batch_normalization(x, renorm=True, renorm_clipping={'up': 1})", ValueError, "renorm_clipping may have rmax"),
])  # fmt: skip
def test_refusals(call, error, words):
    x = tf.placeholder(tf.float32, [None, 5], name="given")  # noqa: F841  in the calls
    with pytest.raises(error) as caught:
        eval(f"tf.layers.{call}")
    for word in words.split("|"):
        assert caught.match(word), str(caught.value)


def test_an_existing_name_and_a_changed_size_are_refused():
    x = tf.placeholder(tf.float32, [None, 5], name="x")
    tf.layers.dense(x, 3, name="q")
    with pytest.raises(ValueError, match="variable q/kernel exists already"):
        tf.layers.dense(x, 3, name="q")
    layer = tf.layers.Dense(3)
    layer(x)
    narrow = tf.placeholder(tf.float32, [None, 4])
    with pytest.raises(ValueError, match="axis -1 of the input must have size 5, as its weights do, not 4") as caught:
        layer(narrow)
    assert caught.match(r"test_layers_v1.py:\d+: narrow = tf.placeholder")


def test_input_spec_is_checked():
    class Picky(tf.layers.Layer):
        def __init__(self, **spec):
            super().__init__()
            self.input_spec = tf.layers.InputSpec(**spec)

    x = tf.placeholder(tf.float32, [None, 5])
    assert repr(tf.layers.InputSpec(min_ndim=2, axes={-1: 5})) == "InputSpec(min_ndim=2, axes={-1: 5})"
    assert Picky(ndim=2, dtype=tf.float32, axes={"1": 5}, shape=(None, 5))(x) is x
    for spec, words in (({"max_ndim": 1}, "rank 1 at most"), ({"dtype": tf.int32}, "needs int32, got float32"),
                        ({"shape": (None, 4)}, "needs shape"), ({"axes": {1: 4}}, "must have size 4")):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            Picky(**spec)(x)


SIGNATURES = {
    "dense": """inputs units activation use_bias kernel_initializer bias_initializer kernel_regularizer
        bias_regularizer activity_regularizer kernel_constraint bias_constraint trainable name reuse""",
    "conv2d": """inputs filters kernel_size strides padding data_format dilation_rate activation use_bias
        kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer kernel_constraint
        bias_constraint trainable name reuse""",
    "max_pooling2d": "inputs pool_size strides padding data_format name",
    "dropout": "inputs rate noise_shape seed training name",
    "flatten": "inputs name data_format",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_are_tensorflows(name):
    assert list(inspect.signature(getattr(tf.layers, name)).parameters) == SIGNATURES[name].split()
    assert getattr(tf.layers, name).__doc__ and getattr(tf.layers, name).__name__ == name


def test_defaults_are_tensorflows():
    strides = [inspect.signature(f).parameters["strides"].default for f in
               (tf.layers.conv1d, tf.layers.conv2d, tf.layers.Conv3D)]  # fmt: skip
    assert strides == [1, (1, 1), (1, 1, 1)] and "BatchNormalization" in dir(tf.layers)


def test_layers_inside_branches_and_loops():
    x, flag = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.bool, [])

    def body(i, h):
        return i + 1, tf.layers.dense(h, 3, name="d", reuse=tf.AUTO_REUSE, kernel_initializer=tf.ones_initializer())

    _, repeated = tf.while_loop(lambda i, h: i < 2, body, [0, x])
    mapped = tf.map_fn(lambda row: tf.layers.dense(row[None], 3, name="d", reuse=True)[0], x)
    chosen = tf.cond(flag, lambda: tf.layers.dense(x, 3, name="d", reuse=True), lambda: tf.layers.flatten(x))
    assert names() == ["d/kernel:0", "d/bias:0"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        feeds = {x: np.ones((2, 3)), flag: True}
        twice, once, there = session.run([repeated, mapped, chosen], feeds)
        assert twice.tolist() == [[9] * 3] * 2 and once.tolist() == there.tolist() == [[3] * 3] * 2
        assert session.run(chosen, feeds | {flag: False}).tolist() == [[1] * 3] * 2


def test_constraints_hold_after_a_step():
    out = tf.layers.dense(tf.ones([1, 3]), 1, kernel_constraint=lambda w: tf.clip_by_value(w, -0.1, 0.1))
    step = tf.train.GradientDescentOptimizer(1.0).minimize(tf.reduce_sum(out))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        assert abs(session.run("dense/kernel:0")).max() <= np.float32(0.1)


def test_dense_takes_sparse_inputs():
    x = tf.SparseTensor(tf.constant([[0, 0], [1, 2]], tf.int64), [1.0, 2.0], tf.constant([2, 3], tf.int64))
    out = tf.layers.dense(x, 2, kernel_initializer=tf.ones_initializer())
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(out).tolist() == [[1, 1], [2, 2]]
