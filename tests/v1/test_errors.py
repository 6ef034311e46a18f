"""Bad input: a clear error that names the user's line, of the Python kind one expects, and nothing changed."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import GraphcError

HERE = "test_errors.py:"


def refuses(kind, *parts):
    """``pytest.raises`` for our own error that also is a ``kind`` and says all of ``parts``."""

    class Check:
        def __enter__(self):
            self.raises = pytest.raises(kind)
            self.info = self.raises.__enter__()
            return self.info

        def __exit__(self, *error):
            done = self.raises.__exit__(*error)
            if not done:
                return done
            assert isinstance(self.info.value, GraphcError)
            for part in (*parts, HERE):
                assert part in str(self.info.value), f"{part!r} is not in:\n{self.info.value}"
            return done

    return Check()


def test_fed_shape():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    with refuses(ValueError, "x:0", "(?, 3)", "(2, 4)", "sess.run"), tf.Session() as sess:
        sess.run(x + 1.0, {x: np.ones((2, 4))})
    with refuses(ValueError, "x:0", "(?, 3)", "(3,)"), tf.Session() as sess:
        sess.run(x + 1.0, {x: [1, 2, 3]})


def test_fed_shape_after_a_good_run():
    x, sess = tf.placeholder(tf.float32, [None, 3], name="x"), tf.Session()
    y = tf.reduce_sum(x)
    assert sess.run(y, {x: np.ones((2, 3), np.float32)}) == 6.0
    with refuses(ValueError, "x:0", "(2, 4)"):
        sess.run(y, {x: np.ones((2, 4), np.float32)})
    assert sess.run(y, {x: np.ones((2, 3), np.float32)}) == 6.0


def test_fed_dtype():
    n, s = tf.placeholder(tf.int32, [], name="n"), tf.Session()
    with refuses(TypeError, "n:0", "int32", "float64"):
        s.run(n + 1, {n: 1.5})
    with refuses(TypeError, "n:0", "int32"):
        s.run(n + 1, {n: "two"})
    with refuses(ValueError, "n:0", "not rectangular"):
        s.run(n + 1, {n: [[1, 2], [3]]})


def test_missing_feeds_are_all_named():
    a, b = tf.placeholder(tf.float32, name="a"), tf.placeholder(tf.float32, [2], name="b")
    with refuses(ValueError, "not fed", "a (float32", "b (float32 (2,))"):
        tf.Session().run(a + b)
    with refuses(ValueError, "not fed", "b (float32"):
        tf.Session().run(a + b, {a: 1.0})


def test_unknown_feeds():
    a, sess = tf.constant(1.0), tf.Session()
    with refuses(ValueError, "feed_dict", "no tensor 'nobody:0'"):
        sess.run(a, {"nobody:0": 1})
    with refuses(ValueError, "feed_dict", "3"):
        sess.run(a, {3: 1})
    with refuses(ValueError, "feed_dict must be a dict"):
        sess.run(a, [1])
    with refuses(ValueError, "is the tensor"):
        sess.run(a, {a: tf.constant(2.0)})


def test_another_graph():
    with tf.Graph().as_default():
        foreign = tf.placeholder(tf.float32, name="foreign")
    mine, sess = tf.constant(1.0, name="mine"), tf.Session()
    with refuses(ValueError, "foreign:0", "another graph"):
        sess.run(foreign)
    with refuses(ValueError, "foreign:0", "another graph"):
        sess.run(mine, {foreign: 1.0})
    with refuses(ValueError, "another graph"):
        _ = mine + foreign


def test_what_cannot_be_fetched():
    with refuses(TypeError, "cannot fetch", "3"):
        tf.Session().run(3)
    with refuses(ValueError, "cannot fetch", "nobody"):
        tf.Session().run(["nobody"])


def test_closed_session():
    a, sess = tf.constant(1.0), tf.Session()
    assert sess.run(a) == 1.0
    call = sess.make_callable(a)
    assert call() == 1.0
    sess.close()
    with refuses(RuntimeError, "closed"):
        call()
    with refuses(RuntimeError, "closed"):
        sess.run(a)


def test_no_session():
    with refuses(RuntimeError, "no session"):
        tf.constant(1.0).eval()


def test_uninitialised_variables():
    v, w = tf.Variable(1.0, name="v"), tf.Variable(2.0, name="w")
    sess = tf.Session()
    with refuses(RuntimeError, "uninitialised variables v, w", "v  is variable"):
        sess.run(v + w)
    sess.run(v.initializer)
    with refuses(tf.errors.FailedPreconditionError, "uninitialised variable w"):
        sess.run(w.assign_add(1.0))
    sess.run(w.initializer)
    assert sess.run(v + w) == 3.0


def test_a_failing_run_changes_nothing():
    v, w = tf.Variable(1.0, name="v"), tf.Variable(2.0, name="w")
    x = tf.placeholder(tf.float32, [None, 2])
    y = tf.placeholder(tf.float32, [None, 2])
    step = v.assign_add(tf.reduce_sum(x + y))
    sess = tf.Session()
    sess.run(v.initializer)
    for feeds in ({x: np.ones((3, 2)), y: np.ones((2, 2))}, {x: np.ones((3, 2))}, {x: np.ones(3), y: np.ones((2, 2))}):
        with pytest.raises(GraphcError):
            sess.run(step, feeds)
    with pytest.raises(GraphcError):
        sess.run([step, w], {x: np.ones((1, 2)), y: np.ones((1, 2))})
    assert sess.run(v) == 1.0


def test_cycles_through_control_dependencies():
    a = tf.constant(1.0, name="a")
    b = tf.add(a, 1.0, name="b")
    a.op._add_control_input(b.op)
    with refuses(ValueError, "cycle", "a -> b -> a"):
        tf.Session().run(b)


def test_mixed_dtypes():
    x, n = tf.placeholder(tf.float32, [2], name="x"), tf.placeholder(tf.int32, [2], name="n")
    with refuses(TypeError, "add", "f32[2]", "i32[2]", "x + n"):
        _ = x + n
    with refuses(TypeError, "int32", "2.5"):
        _ = n * 2.5
    a, m = tf.placeholder(tf.float32), tf.placeholder(tf.int64)
    with refuses(TypeError, "dtype"):
        _ = a + m


def test_shapes_that_do_not_fit():
    with refuses(ValueError, "matmul", "inner sizes differ", "f32[2,3]", "f32[4,5]", "3 != 4", "tf.matmul"):
        tf.matmul(tf.ones([2, 3]), tf.ones([4, 5]))
    with refuses(ValueError, "add", "do not broadcast", "f32[2]", "f32[3]"):
        _ = tf.ones([2]) + tf.ones([3])
    with refuses(ValueError, "reshape", "6", "[4]"):
        tf.reshape(tf.ones([2, 3]), [4])


def test_shapes_found_while_running_name_the_line_of_the_operation():
    a, b = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    y = tf.matmul(a, b)  # the line to be named
    with refuses(ValueError, "matmul", "inner sizes differ", "the line to be named"):
        tf.Session().run(y, {a: np.ones((2, 3)), b: np.ones((4, 5))})


def test_bad_axis():
    with refuses(ValueError, "reduce_sum", "axis 2", "f32[2,3]"):
        tf.reduce_sum(tf.ones([2, 3]), 2)
    with refuses(ValueError, "argmax", "axis -3"):
        tf.argmax(tf.ones([2, 3]), -3)
    with refuses(ValueError, "concat", "axis 5"):
        tf.concat([tf.ones([2, 3])] * 2, 5)


def test_duplicate_variables():
    with tf.variable_scope("s"):
        tf.get_variable("v", [2])
        with refuses(ValueError, "s/v exists already", "reuse"):
            tf.get_variable("v", [2])
    with tf.variable_scope("s", reuse=True):
        with refuses(ValueError, "s/v", "(2,)", "(3,)"):
            tf.get_variable("v", [3])
        with refuses(ValueError, "s/u does not exist"):
            tf.get_variable("u", [2])


def test_python_values_of_tensors():
    x = tf.placeholder(tf.float32, [None], name="x")
    with refuses(TypeError, "x:0", "bool"):
        bool(x)
    with refuses(TypeError, "unknown length"):
        list(x)
    with refuses(TypeError, "x:0"):
        float(x)
    with refuses(TypeError, "x:0", "NumPy"):
        np.asarray(x)
    with refuses(TypeError, "x:0", "len"):
        len(x)
    assert len(list(tf.ones([3, 2]))) == 3


def test_set_shape_contradicts():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    with refuses(ValueError, "x:0", "(?, 3)", "(2, 4)"):
        x.set_shape([2, 4])


def test_promised_shapes_are_checked():
    x = tf.placeholder(tf.float32)
    y = x + 1.0
    y.set_shape([2])
    sess = tf.Session()
    assert sess.run(y, {x: [1.0, 2.0]}).tolist() == [2.0, 3.0]
    with pytest.raises(ValueError):
        sess.run(y, {x: [1.0, 2.0, 3.0]})


def test_assigning_what_does_not_fit():
    v = tf.Variable([1.0, 2.0], name="v")
    with refuses(ValueError, "v", "(2,)", "(3,)"):
        v.assign([1.0, 2.0, 3.0])
    with refuses(TypeError, "int32", "float32"):
        v.assign(tf.constant([1, 2]))
    with refuses(ValueError, "initial value"):
        tf.Variable()


def test_gradients_refuse():
    x, n = tf.placeholder(tf.float32), tf.placeholder(tf.int32)
    with refuses(TypeError, "int32"):
        tf.gradients(n * 2, [n])
    with refuses(ValueError, "neither a tensor nor a variable"):
        tf.gradients(x, [1.0])
    with refuses(ValueError, "no gradient reaches"):
        tf.Variable(1.0)
        tf.train.GradientDescentOptimizer(0.1).minimize(x * 2.0)


def test_graph_is_final():
    tf.get_default_graph().finalize()
    with refuses(RuntimeError, "finalized"):
        tf.constant(1.0)


def test_random_arguments():
    with refuses(ValueError, "keep_prob"):
        tf.nn.dropout(tf.ones([2]), 1.5)
    with refuses(ValueError, "labels=... and logits=..."):
        tf.nn.softmax_cross_entropy_with_logits(tf.ones([2, 2]), tf.ones([2, 2]))
    with refuses(ValueError, "maxval"):
        tf.random_uniform([2], dtype=tf.int32)


CODES = {
    "CancelledError": 1, "UnknownError": 2, "InvalidArgumentError": 3, "DeadlineExceededError": 4, "NotFoundError": 5,
    "AlreadyExistsError": 6, "PermissionDeniedError": 7, "ResourceExhaustedError": 8, "FailedPreconditionError": 9,
    "AbortedError": 10, "OutOfRangeError": 11, "UnimplementedError": 12, "InternalError": 13, "UnavailableError": 14,
    "DataLossError": 15, "UnauthenticatedError": 16,
}  # fmt: skip


@pytest.mark.parametrize("name", CODES)
def test_errors_made_as_tensorflow_makes_them(name):
    kind, op = getattr(tf.errors, name), tf.constant(1.0, name="c").op
    error = kind(op.node_def, op, "what happened")
    assert (error.error_code, error.op, error.node_def.name) == (CODES[name], op, "c")
    assert error.message == str(error) == "what happened" and isinstance(error, tf.errors.OpError)
    assert (kind("said").message, kind("said").op, kind("said").node_def) == ("said", None, None)
    others = [getattr(tf.errors, other) for other in CODES if other != name]
    assert not isinstance(error, tuple(others))


def test_a_failing_compilation_is_no_aborted_run():
    from graphc.errors import CompileError

    assert issubclass(CompileError, (tf.errors.InternalError, RuntimeError))
    passing = (tf.errors.AbortedError, tf.errors.UnavailableError, tf.errors.UnimplementedError, tf.errors.UnknownError)
    assert not issubclass(CompileError, passing)
    assert issubclass(tf.errors.UnimplementedError, NotImplementedError)
    with refuses(tf.errors.FailedPreconditionError, "uninitialised variable v") as info, tf.Session() as sess:
        sess.run(tf.Variable(1.0, name="v"))
    assert info.value.error_code == 9 and info.value.message == str(info.value)


def test_numbers_of_errors():
    codes = {name: getattr(tf.errors, name) for name in dir(tf.errors) if name.isupper()}
    assert sorted(codes.values()) == list(range(17)) and codes["OUT_OF_RANGE"] == 11
    for code in range(1, 17):
        kind = tf.errors.exception_type_from_error_code(code)
        assert tf.errors.error_code_from_exception_type(kind) == code == kind.error_code
    assert tf.errors.error_code_from_exception_type(KeyError) == tf.errors.UNKNOWN
    with pytest.raises(ValueError, match="a number from 1 to 16, got 17"):
        tf.errors.exception_type_from_error_code(17)


def test_patches_under_their_old_name():
    x = tf.constant(np.arange(16.0).reshape(1, 4, 4, 1))
    patches = tf.extract_image_patches(x, ksizes=[1, 2, 2, 1], strides=[1, 2, 2, 1], rates=[1, 1, 1, 1], padding="VALID")
    with tf.Session() as sess:
        assert sess.run(patches)[0, 1].tolist() == [[8, 9, 12, 13], [10, 11, 14, 15]]
