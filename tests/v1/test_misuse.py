"""Calls that cannot mean anything: a table of them, each refused with our own error that names the user's line."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import GraphcError

F, I = tf.float32, tf.int32


def a():
    return tf.ones([2, 3])


def n():
    return tf.placeholder(F, [None, 3], name="n")


def v():
    return tf.Variable([1.0, 2.0], name="v")


def descent(rate=0.1):
    return tf.train.GradientDescentOptimizer(rate)


def loss():
    return tf.reduce_sum(v() * 2.0)


BUILDING = {
    "placeholder negative": (lambda: tf.placeholder(F, [-1, 2]), ValueError, "must not be negative, got -1; None"),
    "placeholder text": (lambda: tf.placeholder(F, "ab"), ValueError, "a size must be an int or None, got 'ab'"),
    "placeholder nested": (lambda: tf.placeholder(F, [[1]]), ValueError, "a size must be an int or None"),
    "placeholder fraction": (lambda: tf.placeholder(F, [2.5]), ValueError, "a size must be an int or None, got 2.5"),
    "placeholder dtype": (lambda: tf.placeholder([2, 3], F), TypeError, "the dtype comes first, then the shape"),
    "placeholder name": (lambda: tf.placeholder(F, name="two words"), ValueError, "'two words' is not a valid name"),
    "operation name": (lambda: tf.sin(a(), name=5), ValueError, "5 is not a valid name"),
    "variable name": (lambda: tf.Variable(1.0, name="two words"), ValueError, "'two words' is not a valid name"),
    "get_variable name": (lambda: tf.get_variable(5, [3]), ValueError, "5 is not a valid name"),
    "scope name": (lambda: tf.name_scope("a b").__enter__(), ValueError, "'a b' is not a valid name"),
    "variable scope": (lambda: tf.variable_scope(5).__enter__(), ValueError, "needs a name or a scope, got 5"),
    "no scope name": (lambda: tf.variable_scope(None).__enter__(), ValueError, "name_or_scope or default_name"),
    "device": (lambda: tf.device(5).__enter__(), ValueError, "5 is not a device"),
    "control": (lambda: tf.control_dependencies(5).__enter__(), ValueError, "needs a list of operations and tensors"),
    "control tensor": (lambda: tf.control_dependencies(a()).__enter__(), ValueError, "needs a list of operations"),
    "control list": (lambda: tf.control_dependencies([5]).__enter__(), TypeError, "5 of type int is not an element"),
    "group": (lambda: tf.group(5), ValueError, "group: 5 of type int is no operation or tensor"),
    "tuple": (lambda: tf.tuple(5), ValueError, "tuple: needs a list of tensors, got 5"),
    "cast to None": (lambda: tf.cast(a(), None), TypeError, "None is not a data type known here"),
    "cast to nonsense": (lambda: tf.cast(a(), "flot"), TypeError, "'flot' is not a data type known here"),
    "matmul inner": (lambda: tf.matmul(a(), a()), ValueError, "inner sizes differ, f32[2,3] x f32[2,3] (3 != 2)"),
    "matmul ranks": (lambda: tf.matmul(a(), [1.0, 2.0, 3.0]), ValueError, "needs matrices, got f32[2,3] x f32[3]"),
    "perm scalar": (lambda: tf.transpose(a(), 5), ValueError, "transpose: perm must be a list, got 5"),
    "perm twice": (lambda: tf.transpose(a(), [0, 0]), ValueError, "is no permutation"),
    "axis": (lambda: tf.reduce_sum(a(), axis=2), ValueError, "axis 2 is out of range for f32[2,3]"),
    "axis fraction": (lambda: tf.reduce_sum(a(), axis=1.5), ValueError, "axis must be an int, got 1.5"),
    "reshape None": (lambda: tf.reshape(a(), None), ValueError, "reshape: the shape must be a list, got None"),
    "reshape size": (lambda: tf.reshape(a(), [4, 2]), ValueError, "f32[2,3] has 6 elements, f32[4,2] has 8"),
    "split 0": (lambda: tf.split(a(), 0, 1), ValueError, "the number of parts must be positive, got 0"),
    "two ellipses": (lambda: a()[..., ...], ValueError, "index: only one ... is possible"),
    "step 0": (lambda: a()[::0], ValueError, "step must not be 0"),
    "index": (lambda: a()[5], ValueError, "5 is out of range for axis 0 of f32[2,3]"),
    "gather": (lambda: tf.gather(a(), [0, 5]), ValueError, "index 5 is out of range for axis 0 of f32[2,3]"),
    "pad": (lambda: tf.pad(a(), 1), ValueError, "pad: paddings must be a list, got 1"),
    "zeros": (lambda: tf.zeros([-1]), ValueError, "zeros: a size must not be negative, got [-1]"),
    "eye": (lambda: tf.eye(-1), ValueError, "eye: a size must not be negative"),
    "tile": (lambda: tf.tile(a(), [-1, 2]), ValueError, "tile: a size must not be negative"),
    "one_hot": (lambda: tf.one_hot([1, 2], -1), ValueError, "depth must not be negative, got -1"),
    "random": (lambda: tf.random_normal([-1]), ValueError, "random_normal: a size must not be negative"),
    "random range": (lambda: tf.random_uniform([2], 5, 2, I), ValueError, "minval must be below maxval, got 5 and 2"),
    "op seed": (lambda: tf.random_normal([2], seed="a"), ValueError, "seed must be an int, got 'a'"),
    "graph seed": (lambda: tf.set_random_seed("a"), ValueError, "seed must be an int, got 'a'"),
    "range 0": (lambda: tf.range(0, 10, 0), ValueError, "delta must not be 0"),
    "range text": (lambda: tf.range("a"), ValueError, "range: limit must be a number, got 'a'"),
    "linspace text": (lambda: tf.linspace("a", "b", 5), TypeError, "linspace"),
    "linspace none": (lambda: tf.linspace(0.0, 1.0, -1), ValueError, "num must not be negative, got -1"),
    "norm": (lambda: tf.norm(a(), ord="zz"), ValueError, "ord must be 'euclidean' or a positive number, got 'zz'"),
    "top_k": (lambda: tf.nn.top_k(a(), 7), ValueError, "k = 7 does not fit the last axis of f32[2,3]"),
    "meshgrid": (lambda: tf.meshgrid([1, 2], indexing="zz"), ValueError, "'zz' is not 'xy' or 'ij'"),
    "constant of a tensor": (lambda: tf.constant(a()), ValueError, "is a tensor already; use tf.identity"),
    "huge int": (lambda: tf.constant(2**70), TypeError, "is not a number or a tensor: 1180591620717411303424"),
    "ragged": (lambda: tf.constant([[1, 2], [3]]), ValueError, "value is not rectangular: [[1, 2], [3]]"),
    "None": (lambda: a() + None, TypeError, "is not a number or a tensor: None"),
    "text": (lambda: a() + "x", TypeError, "expected float32, got 'x' of type str"),
    "assign to 5": (lambda: tf.assign(5, 6), ValueError, "assign: needs a variable, got 5"),
    "assign to a tensor": (lambda: tf.assign_add(a(), [1.0]), ValueError, "needs a variable, got <tf.Tensor"),
    "scatter rows": (lambda: tf.scatter_add(v(), [0], [1.0, 2.0]), ValueError, "must have the shape [1] of indices"),
    "scatter indices": (lambda: tf.scatter_add(v(), [0.5], [1.0]), TypeError, "indices must be integers"),
    "initializer of 5": (lambda: tf.variables_initializer([5]), ValueError, "needs a variable, got 5"),
    "value and shape": (
        lambda: tf.get_variable("q", [3], initializer=[1.0, 2.0]), ValueError, "cannot start with a value of shape (2,)"
    ),
    "collection scope": (lambda: tf.get_collection("variables", "("), ValueError, "is no regular expression"),
    "gradients of 5": (lambda: tf.gradients(5, 6), ValueError, "5 of type int"),
    "gradients to 5": (lambda: tf.gradients(loss(), 5), ValueError, "5 of type int is neither a tensor nor a variable"),
    "stop at 5": (lambda: tf.gradients(loss(), v(), stop_gradients=5), ValueError, "5 of type int is neither"),
    "unconnected": (lambda: tf.gradients(loss(), v(), unconnected_gradients="x"), ValueError, "must be none or zero"),
    "minimize 5": (lambda: (v(), descent().minimize(5)), TypeError, "which is not floating"),
    "rate": (lambda: descent("a").minimize(loss()), ValueError, "learning_rate must be a number or a tensor, got 'a'"),
    "step": (lambda: descent().minimize(loss(), global_step=5), ValueError, "global_step must be a variable, got 5"),
    "pairs": (lambda: descent().apply_gradients([v()]), ValueError, "needs pairs of gradient and variable"),
    "pair shape": (
        lambda: descent().apply_gradients([(tf.ones([3]), v())]), ValueError, "shape (3,) does not fit variable v"
    ),
    "schedule": (lambda: tf.train.piecewise_constant(1, [], []), ValueError, "more than boundaries, got 0 and 0"),
    "units": (lambda: tf.layers.dense(n(), -5), ValueError, "units must be a positive int, got -5"),
    "activation": (lambda: tf.layers.dense(n(), 5, activation="zz"), ValueError, "must be a function or one of"),
    "flatten": (lambda: tf.layers.flatten(tf.constant(1.0)), ValueError, "needs at least one axis, got shape ()"),
    "step graph": (lambda: tf.step_graph(5), ValueError, "5 of type int is no tensor or operation"),
    "target": (lambda: tf.Session("grpc://host:1"), RuntimeError, "there is no way to reach 'grpc://host:1'"),
    "target graph": (lambda: tf.Session(tf.Graph()), ValueError, "pass graph=... by name"),
    "graph": (lambda: tf.Session(graph=5), ValueError, "graph must be a tf.Graph, got 5"),
    "session": (lambda: a().eval(session=5), RuntimeError, "session must be a tf.Session, got 5"),
    "not entered": (lambda: tf.Session().__exit__(None, None, None), RuntimeError, "the session was not entered"),
    "tensor name": (lambda: tf.get_default_graph().get_tensor_by_name(5), ValueError, "there is no tensor 5"),
}  # fmt: skip


@pytest.mark.parametrize("case", BUILDING)
def test_refused(case):
    call, kind, part = BUILDING[case]
    with pytest.raises(kind) as info:
        call()
    assert isinstance(info.value, GraphcError)
    text = str(info.value)
    assert part in text and "at test_misuse.py:" in text, text
    assert tf.Session().run(tf.constant(1.0) + 1.0) == 2.0


def test_wrong_arguments_name_the_function():
    for call, part in (
        (lambda: tf.sin(), "sin: missing a required argument: 'x'"),
        (lambda: tf.reduce_sum(a(), axes=1), "reduce_sum: got an unexpected keyword argument 'axes'"),
        (lambda: tf.losses.mean_squared_error(a()), "mean_squared_error: missing a required argument: 'predictions'"),
    ):
        with pytest.raises(TypeError) as info:
            call()
        assert part in str(info.value) and "at test_misuse.py:" in str(info.value)


RAGGED, TYPE = "is not rectangular", "has dtype float32, which a value of"
FED = [
    ([[1, 2, 3], [1, 2]], RAGGED), ("abc", TYPE), (["a", "b", "c"], TYPE), (None, TYPE), ([[None, 1, 2]], TYPE),
    ({}, TYPE),
    (np.array([[object()] * 3]), TYPE), ([[10**400, 1, 2]], TYPE), (np.ones((1, 3)) * 1j, TYPE), (b"abc", TYPE),
    (np.array([["1", "2", "3"]]), TYPE), ((i for i in range(3)), TYPE), (np.datetime64("2020-01-01"), TYPE),
    (lambda: 1, TYPE), (np.array([(1.0,)], [("a", "f4")]), TYPE), (3, "has shape (?, 3), but the value has shape ()"),
    ([1, 2, 3], "has shape (3,)"), (np.ones((1, 3, 1)), "has shape (1, 3, 1)"), (np.ones((2, 0)), "has shape (2, 0)"),
]  # fmt: skip


@pytest.mark.parametrize("value, part", FED, ids=[str(k) for k in range(len(FED))])
def test_fed_nonsense(value, part):
    x, sess = n(), tf.Session()
    y = x * 2.0
    with pytest.raises(GraphcError) as info:
        sess.run(y, {x: value})
    assert part in str(info.value) and "at test_misuse.py:" in str(info.value)
    assert sess.run(y, {x: [[1, 2, 3]]}).tolist() == [[2.0, 4.0, 6.0]]


def test_unusual_arrays_are_read_right():
    x, sess = n(), tf.Session()
    y = x + 1.0
    rows = np.arange(6.0).reshape(2, 3)
    frozen = rows.astype(np.float32)
    frozen.flags.writeable = False
    wide = np.repeat(np.repeat(rows.astype(np.float32), 2, 0), 2, 1)
    forms = [rows, rows.astype(">f4"), rows.astype("<f2"), rows.T.copy().T, frozen, wide[::2, ::2],
             rows.astype(np.float32)[::-1][::-1], rows.astype(np.int8), rows.tolist(),
             [range(3), range(3, 6)], memoryview(frozen)]  # fmt: skip
    for form in forms:
        assert sess.run(y, {x: form}).tolist() == (rows + 1).tolist(), form
    assert sess.run(y, {x: rows > 2}).tolist() == [[1, 1, 1], [2, 2, 2]]
    assert sess.run(y, {x: np.ones((0, 3))}).shape == (0, 3)
    assert np.isnan(sess.run(y, {x: [[np.nan] * 3]})).all()


def test_fed_integers_fit_or_are_refused():
    k, sess = tf.placeholder(I, []), tf.Session()
    y = k + 1
    for good, expected in ((np.int64(5), 6), (3.0, 4), (True, 2), (np.array(5, ">i8"), 6), (-(2**31), 1 - 2**31)):
        assert sess.run(y, {k: good}) == expected
    for bad in (2**31, -(2**31) - 1, 2**70, 1.5, 1e30, np.nan, np.inf, np.uint64(2**63), "5", b"5", None, 1 + 0j):
        with pytest.raises(TypeError, match="has dtype int32, which a value of"):
            sess.run(y, {k: bad})
    for bad in ([1], [[1]], np.array([5])):
        with pytest.raises(ValueError, match="has shape"):
            sess.run(y, {k: bad})


def test_feed_dict_of_another_kind():
    x, sess = n(), tf.Session()
    y, rows = x * 2.0, np.ones((2, 3))
    for wrong in (rows, [rows], "x", [(x, rows)]):
        with pytest.raises(ValueError, match="feed_dict must be a dict"):
            sess.run(y, wrong)
    with pytest.raises(ValueError, match="is fed twice"):
        sess.run(y, {x: rows, "n:0": rows})
    with pytest.raises(ValueError, match="feed_list must be a list of tensors"):
        sess.make_callable(y, x)
    call = sess.make_callable(y, [x])
    for values in ((), (rows, rows)):
        with pytest.raises(ValueError, match=f"{len(values)} values for 1 fed"):
            call(*values)


def test_rows_that_must_agree():
    x, y = tf.placeholder(F, [None, 3]), tf.placeholder(F, [None, 3])
    z, sess = x + y, tf.Session()
    for rows, others in ((2, 2), (2, 1), (1, 4), (0, 1), (0, 0), (5, 5)):
        out = sess.run(z, {x: np.ones((rows, 3)), y: np.ones((others, 3))})
        assert out.shape == (rows if others == 1 else others, 3)
    for rows, others in ((2, 3), (0, 2), (3, 2)):
        with pytest.raises(ValueError) as info:
            sess.run(z, {x: np.ones((rows, 3)), y: np.ones((others, 3))})
        assert f"f32[{rows},3] and f32[{others},3]" in str(info.value) and "at test_misuse.py:" in str(info.value)


def test_integers_have_no_gradient():
    count, w = tf.Variable(0), tf.Variable(1.0)
    assert tf.gradients(w * 2.0, [count, w])[0] is None
    step = descent().minimize(w * w, global_step=count)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(step)
        assert sess.run(count) == 1
