"""Names of operations and tensors, what they print, scopes, collections."""

import inspect

import numpy as np
import pytest

import graphc.v1 as tf


def test_printing_a_sum_of_placeholders():
    a, b = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    assert str(a + b) == 'Tensor("add:0", dtype=float32)'


def test_printing_shows_known_sizes():
    x = tf.placeholder(tf.float32, [None, 784], name="x")
    assert str(x) == 'Tensor("x:0", shape=(?, 784), dtype=float32)'
    assert str(tf.constant(1.0)) == 'Tensor("Const:0", shape=(), dtype=float32)'
    assert str(tf.constant([1.0])) == 'Tensor("Const_1:0", shape=(1,), dtype=float32)'


def test_default_names_count_up():
    a = tf.placeholder(tf.float32, name="a")
    assert [(a + a).name, (a + a).name, (a - a).name, (a * a).name, (a / a).name] == [
        "add:0", "add_1:0", "sub:0", "mul:0", "truediv:0"]  # fmt: skip
    made = [
        tf.sin(a),
        tf.reduce_mean(a),
        tf.matmul(a, a),
        tf.square(a),
        tf.argmax(a, 1),
        tf.nn.relu(a),
        tf.cast(a, tf.int32),
    ]
    assert [t.op.name for t in made] == ["Sin", "Mean", "MatMul", "Square", "ArgMax", "Relu", "Cast"]
    assert [t.op.type for t in made] == ["Sin", "Mean", "MatMul", "Square", "ArgMax", "Relu", "Cast"]


def test_upper_and_lower_case_count_as_one_name():
    a = tf.placeholder(tf.float32)
    assert tf.add(a, a).name == "Add:0" and (a + a).name == "add_1:0"


def test_scopes_prefix_names_and_are_made_unique():
    with tf.name_scope("layer"):
        a = tf.constant(1.0, name="a")
        with tf.name_scope("inner"):
            b = a + 1.0
    with tf.name_scope("layer") as scope:
        c = tf.constant(2.0, name="c")
    with tf.name_scope(scope):
        d = tf.constant(2.0, name="d")
    assert [t.op.name for t in (a, b, c, d)] == ["layer/a", "layer/inner/add", "layer_1/c", "layer_1/d"]
    assert b.op.inputs[1].op.name == "layer/inner/add/y"


def test_variables_have_tensorflows_operations():
    v = tf.Variable(tf.zeros([2]), name="v")
    assert v.name == "v:0" and v.initializer.name == "v/Assign"
    assert {"v", "v/Assign", "v/read"} <= {op.name for op in tf.get_default_graph().get_operations()}
    assert tf.Variable(1.0).name == "Variable:0" and tf.Variable(1.0).name == "Variable_1:0"


def test_finding_by_name():
    a = tf.placeholder(tf.float32, name="a")
    total = tf.add(a, 1.0, name="total")
    graph = tf.get_default_graph()
    assert graph.get_tensor_by_name("total:0") is total and graph.get_operation_by_name("total") is total.op
    assert tf.Session().run("total:0", {"a:0": 2.0}) == 3.0


def test_unknown_names_are_refused():
    graph = tf.get_default_graph()
    with pytest.raises(ValueError, match="no tensor 'x:0'"):
        graph.get_tensor_by_name("x:0")
    with pytest.raises(ValueError, match="no operation 'x'"):
        graph.get_operation_by_name("x")


def test_graphs_are_separate():
    mine = tf.Graph()
    with mine.as_default():
        a = tf.constant(1.0)
        assert tf.get_default_graph() is mine
    assert a.graph is mine and tf.get_default_graph() is not mine


def test_collections():
    v, w = tf.Variable(1.0, name="v"), tf.Variable(1.0, trainable=False, name="w")
    assert tf.global_variables() == [v, w] and tf.trainable_variables() == [v]
    tf.add_to_collection("mine", v)
    assert tf.get_collection("mine") == [v]
    assert tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, scope="w") == [w]


def test_devices_are_remembered():
    with tf.device("/cpu:0"):
        a = tf.constant(1.0)
    assert a.device == "/device:CPU:0" and tf.constant(1.0).device == ""
    with pytest.raises(ValueError, match="not a device"), tf.device("/toaster:0"):
        pass


def test_shapes():
    x = tf.placeholder(tf.float32, [None, 3])
    assert x.get_shape().as_list() == [None, 3] and x.shape.ndims == 2 and x.shape[1].value == 3 and x.shape[1] == 3
    assert tf.placeholder(tf.float32).shape.ndims is None
    assert tf.reduce_mean(tf.placeholder(tf.float32)).shape.as_list() == []
    y = tf.placeholder(tf.float32)
    y.set_shape([None, 4])
    assert tf.matmul(x, tf.ones([3, 4])).shape.as_list() == (y + 1.0).shape.as_list() == [None, 4]
    assert str(tf.TensorShape(None)) == "<unknown>" and str(tf.TensorShape([None, 2])) == "(?, 2)"


def test_numpy_on_the_left():
    x = tf.placeholder(tf.float32, [2])
    total = np.array([1.0, 2.0], np.float32) + x
    assert isinstance(total, tf.Tensor)
    assert tf.Session().run(total, {x: [1, 1]}).tolist() == [2.0, 3.0]
    scaled = np.float64(2.0) * x - np.float32(1.0)
    assert tf.Session().run(scaled, {x: [1, 1]}).tolist() == [1.0, 1.0]


X = np.arange(6, dtype=np.float32).reshape(2, 3) - 2
IMAGE = np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2)
FILTER = np.ones((2, 2, 2, 3), np.float32)
OLD_AND_NEW = [
    ("tf.reduce_sum(X, reduction_indices=1, keep_dims=True)", "tf.reduce_sum(X, 1, True)"),
    ("tf.reduce_max(X, 0, None, 'best')", "tf.reduce_max(X, 0)"),
    ("tf.argmax(X, dimension=1)", "tf.argmax(X, 1)"),
    ("tf.arg_min(X, 0)", "tf.argmin(X, 0)"),
    ("tf.count_nonzero(X, reduction_indices=[0])", "tf.math.count_nonzero(input=X, axis=0)"),
    ("tf.norm(X, keep_dims=True, axis=1)", "tf.norm(X, axis=1, keepdims=True)"),
    ("tf.nn.softmax(X, dim=0)", "tf.nn.softmax(X, 0)"),
    ("tf.nn.l2_normalize(X, dim=1)", "tf.math.l2_normalize(X, 1)"),
    ("tf.expand_dims(X, dim=1)", "tf.expand_dims(X, 1)"),
    ("tf.squeeze(X[:1], squeeze_dims=[0])", "tf.squeeze(X[:1], 0)"),
    ("tf.div([7, -7], [2, 2])", "[3, -4]"),
    ("tf.mod([7, -7], 3)", "[1, 2]"),
    ("tf.ceil(X / 2)", "tf.math.ceil(X / 2)"),
    ("tf.diag([1.0, 2.0])", "[[1.0, 0.0], [0.0, 2.0]]"),
    ("tf.matrix_band_part(X[:, :2], 0, -1)", "tf.linalg.band_part(X[:, :2], 0, -1)"),
    ("tf.where([True, False], X, -X)", "[[-2.0, -1.0, 0.0], [-1.0, -2.0, -3.0]]"),
    ("tf.pad(X, [[0, 1], [0, 0]], 'CONSTANT', 'padded', 7)", "tf.pad(X, [[0, 1], [0, 0]], constant_values=7)"),
    ("tf.nn.conv2d(IMAGE, FILTER, [1, 1, 1, 1], 'SAME', True)",
     "tf.nn.conv2d(IMAGE, filters=FILTER, strides=1, padding='SAME')"),
    ("tf.nn.max_pool(IMAGE, [1, 2, 2, 1], [1, 2, 2, 1], 'VALID')",
     "tf.nn.max_pool(input=IMAGE, ksize=2, strides=2, padding='VALID')"),
    ("tf.nn.moments(X, [0], None, 'm', True)[1]", "tf.nn.moments(X, [0], keepdims=True)[1]"),
    ("tf.space_to_batch(IMAGE, [[0, 0], [0, 0]], 2)", "tf.space_to_batch_nd(IMAGE, [2, 2], [[0, 0], [0, 0]])"),
    ("tf.image.resize_images(IMAGE, [2, 2])", "tf.image.resize_bilinear(IMAGE, [2, 2])"),
    ("tf.nn.embedding_lookup([X[:1], X[1:]], [1, 0])", "X[::-1]"),
    ("tf.nn.xw_plus_b(X, X.T, [1.0, 2.0])", "tf.matmul(X, X.T) + np.float32([1, 2])"),
    ("tf.nn.relu_layer(X, X.T, [1.0, 2.0])", "tf.nn.relu(tf.matmul(X, X.T) + np.float32([1, 2]))"),
    ("tf.clip_by_average_norm(X, 0.1)", "tf.clip_by_norm(X, 0.6)"),
    ("tf.batch_gather([[1, 2], [3, 4]], [[1], [0]])", "[[2], [3]]"),
    ("tf.setdiff1d([1, 2, 3], [2])[0]", "[1, 3]"),
    ("tf.sparse_matmul(X, X, transpose_a=True)", "tf.matmul(X, X, transpose_a=True)"),
    ("tf.nn.dilation2d(IMAGE, FILTER[..., 0], [1, 1, 1, 1], [1, 1, 1, 1], 'SAME')",
     "tf.nn.dilation2d(IMAGE, filters=FILTER[..., 0], strides=[1] * 4, dilations=[1] * 4, padding='SAME')"),
    ("tf.quantize_v2(X, -2.0, 3.0, tf.quint8)[0]", "tf.quantize(X, -2.0, 3.0, tf.quint8)[0]"),
    ("tf.to_complex64(X)", "tf.cast(X, tf.complex64)"),
    ("tf.nn.in_top_k(X, [2, 0], 1)", "[True, False]"),
    ("tf.trace(X[:, :2])", "0.0"),
    ("tf.floor_div([7], [2])", "[3]"),
    ("tf.spectral.rfft(X)", "tf.signal.rfft(X)"),
]  # fmt: skip


@pytest.mark.parametrize("old, new", OLD_AND_NEW)
def test_old_spellings(old, new):
    found, wanted = (eval(text) for text in (old, new))
    found, wanted = tf.Session().run([found, tf.convert_to_tensor(wanted)])
    assert found.dtype == wanted.dtype and found.tolist() == wanted.tolist()


def test_two_words_for_one_argument_are_refused():
    with pytest.raises(ValueError, match="reduce_sum: axis and reduction_indices are the same; give one of them"):
        tf.reduce_sum(X, 1, reduction_indices=0)
    with pytest.raises(TypeError, match="conv2d: missing a required argument: 'filters'"):
        tf.nn.conv2d(IMAGE, strides=1, padding="SAME")


def test_functions_are_named_as_they_are_found():
    assert tf.argmax.__name__ == "argmax" and tf.nn.conv2d.__name__ == "conv2d"
    assert tf.arg_min.__name__ == "arg_min" and tf.matrix_diag.__name__ == "diag"
    assert "reduction_indices" in str(inspect.signature(tf.reduce_sum)) and tf.reduce_sum.__doc__
    names = dir(tf)
    assert {"matmul", "nn", "placeholder", "where", "linalg", "ceil", "Session"} <= set(names) == set(tf.__all__)
    assert {"relu", "conv2d", "dropout", "moments"} <= set(dir(tf.nn)) and "reduce_sum" in dir(tf.math)


def test_what_branches_and_loops_are_made_of_is_named_in_their_scope():
    v = tf.Variable(1.0, name="v")
    x = tf.placeholder(tf.float32, [], name="x")
    taken = tf.cond(x > 0, lambda: tf.tanh(x) * v.read_value(), lambda: tf.add(x, v, name="z"))
    tf.while_loop(lambda i, h: i < 3, lambda i, h: (i + 1, tf.tanh(h) + v), [0, x])
    tf.map_fn(lambda r: tf.tanh(r) * 2.0, tf.stack([x, x]))
    with tf.name_scope("net"):
        chosen = tf.cond(x > 0, lambda: tf.Variable(2.0, trainable=False) + 0.0, lambda: tf.sin(x), name="choose")
    case = tf.case([(x > 0, lambda: tf.exp(x))], default=lambda: tf.cos(x))
    tf.cond(x > 0, lambda: v.assign_add(1.0), lambda: v.assign(x), name="counted")
    assert [t.op.name for t in (tf.tanh(x), x + 1.0, v.read_value())] == ["Tanh", "add", "read"]
    names = [op.name for op in tf.get_default_graph().get_operations()]
    for name in (
        "cond/Tanh", "cond/read", "cond/mul", "cond/z", "while/Less", "while/add", "while/Tanh", "while/add_1",
        "map/while/Tanh", "map/while/mul", "net/choose/Variable", "net/choose/Sin", "case/cond/Exp", "case/cond/Cos",
    ):  # fmt: skip
        assert name in names
    assert taken.op.name == "cond" and chosen.op.name == "net/choose" and case.op.name == "case/cond"


def test_a_name_finds_the_operation_outside_of_a_branch():
    x = tf.placeholder(tf.float32, [], name="x")
    tf.cond(x > 0, lambda: tf.tanh(x), lambda: tf.tanh(-x))
    tf.tanh(x + 1.0)
    with tf.Session() as sess:
        assert sess.run("Tanh:0", {x: 1.0}) == np.tanh(np.float32(2.0))
