"""Calling traced functions: values, structures of arguments and answers, kinds of callables."""

import collections
import dataclasses
import functools

import numpy as np
import pytest

import graphc as tf


def counted(python_function, **options):
    """A function, and a list that gets an entry for each trace."""
    traces = []

    def inner(*args, **kwargs):
        traces.append(args)
        return python_function(*args, **kwargs)

    return tf.function(inner, **options), traces


def test_the_python_function_runs_once():
    f, traces = counted(lambda x, y: x * y + 1)
    assert [float(f(tf.constant(2.0), tf.constant(float(k)))) for k in range(4)] == [1, 3, 5, 7]
    assert len(traces) == f.experimental_get_tracing_count() == 1


def test_answers_are_eager_tensors_that_nobody_changes():
    f = tf.function(lambda x: x + 1)
    one = f(tf.constant([1.0, 2.0]))
    two = f(tf.constant([5.0, 6.0]))
    assert one.numpy().tolist() == [2, 3] and two.numpy().tolist() == [6, 7]
    assert (one * 2).numpy().tolist() == [4, 6]
    assert not np.asarray(one.record.array).flags.writeable


def test_decorating_with_and_without_parentheses():
    @tf.function
    def one(x):
        """Adds one."""
        return x + 1

    @tf.function(jit_compile=True, reduce_retracing=True, autograph=False)
    def two(x):
        return x + 2

    assert one(1).numpy() == 2 and two(1).numpy() == 3
    assert one.__name__ == "one" and one.__doc__ == "Adds one."
    assert one.python_function(tf.constant(4)).numpy() == 5


def test_numpy_arrays_and_scalars_become_tensors():
    f, traces = counted(lambda x: x * 2)
    assert f(np.array([1.0, 2.0], np.float32)).numpy().tolist() == [2, 4]
    assert f(np.array([3.0, 4.0], np.float32)).numpy().tolist() == [6, 8]
    assert f(tf.constant([5.0, 6.0])).numpy().tolist() == [10, 12]
    assert len(traces) == 1
    assert f(np.float32(3)).numpy() == f(np.float32(3)).numpy() == 6
    assert len(traces) == 2
    assert f(np.ones((2, 3), np.float32)[:, ::2]).numpy().tolist() == [[2, 2], [2, 2]]


def test_structures_go_in_and_come_out():
    Pair = collections.namedtuple("Pair", "a b")

    def python_function(t, d, p, flag):
        return {"sum": t[0] + t[1][0], "d": d["z"] - d["a"], "p": Pair(p.b, [p.a, None])} if flag else t

    f, traces = counted(python_function)
    for k in (1.0, 2.0):
        x = tf.constant(k)
        got = f((x, [x * 10]), {"z": x * 3, "a": x}, Pair(x, x + 5), True)
        assert list(got) == ["sum", "d", "p"]
        assert got["sum"].numpy() == 11 * k and got["d"].numpy() == 2 * k
        assert isinstance(got["p"], Pair) and got["p"].a.numpy() == k + 5
        assert got["p"].b[0].numpy() == k and got["p"].b[1] is None
    assert len(traces) == 1


@dataclasses.dataclass
class Point:
    x: object
    scale: int = 1


def test_data_classes_are_structures_where_tensors_are_in_them():
    f, traces = counted(lambda p: p.x * p.scale)
    assert f(Point(tf.constant(2.0), 3)).numpy() == 6
    assert f(Point(tf.constant(5.0), 3)).numpy() == 15
    assert len(traces) == 1
    assert f(Point(tf.constant(5.0), 4)).numpy() == 20
    assert len(traces) == 2
    settings = Point(2, 7)
    g, traces = counted(lambda p, x: x * p.x + p.scale)
    assert g(settings, tf.constant(1)).numpy() == g(settings, tf.constant(1)).numpy() == 9
    assert len(traces) == 1 and traces[0][0] is settings


def test_keywords_defaults_and_rest_arguments():
    f, traces = counted(lambda a, b=2, *, c=3: a + b * 10 + c * 100)
    one = tf.constant(1)
    assert f(one).numpy() == f(one, 2).numpy() == f(a=one, b=2, c=3).numpy() == 321

    @tf.function
    def g(*args, k=1, **more):
        return sum(args) * k + more.get("z", 0)

    assert g(one, one).numpy() == 2 and g(one, one, k=3).numpy() == 6 and g(one, z=tf.constant(5)).numpy() == 6

    @tf.function
    def h(a, b=2, *, c=3):
        h.count += 1
        return a + b * 10 + c * 100

    h.count = 0
    assert h(one).numpy() == h(one, 2).numpy() == h(c=3, a=one).numpy() == 321
    assert h.count == 1


def test_a_wrong_call_names_the_function_and_the_argument():
    @tf.function
    def f(first, second):
        return first

    with pytest.raises(TypeError, match="f: missing a required argument: 'second'"):
        f(1)
    with pytest.raises(TypeError, match=r"f: got an unexpected keyword argument 'secnd'.*did you mean 'second'"):
        f(1, second=2, secnd=3)


def test_python_values_in_answers_become_tensors():
    got = tf.function(lambda: {"i": 5, "f": 2.5, "s": "text", "b": True, "n": np.float64(1), "none": None, "l": [1]})()
    assert got["i"].dtype == tf.int32 and got["f"].dtype == tf.float32 and got["s"].numpy() == b"text"
    assert got["b"].dtype == tf.bool and got["n"].dtype == tf.float64 and got["none"] is None
    assert got["l"][0].numpy() == 1
    assert tf.function(lambda x: None)(1) is None


def test_another_answer_is_refused():
    @tf.function
    def f(x):
        return object()

    with pytest.raises(ValueError, match="f: a function answers with tensors"):
        f(1)
    assert f.experimental_get_tracing_count() == 0


def test_lambdas_partials_callables_and_nested_functions():
    def minus(a, b):
        return a - b

    class Adder:
        def __init__(self, by):
            self.by = by

        def __call__(self, x):
            return x + self.by

    x = tf.constant(5.0)
    assert tf.function(lambda a: a * 2)(x).numpy() == 10
    assert tf.function(functools.partial(minus, b=tf.constant(1.0)))(x).numpy() == 4
    assert tf.function(Adder(3.0))(x).numpy() == 8
    inner = tf.function(minus)
    outer = tf.function(lambda a: inner(a, a * 2) + inner(a, 1.0))
    assert outer(x).numpy() == outer(x).numpy() == -1
    assert inner.experimental_get_tracing_count() == 2  # for a tensor and for a number


def test_a_function_inside_uses_tensors_of_the_one_around():
    @tf.function
    def outer(x):
        y = x * 2

        @tf.function
        def inner(z):
            return z + y

        return inner(x) + inner(x * 3)

    assert outer(tf.constant(1.0)).numpy() == 8 and outer(tf.constant(2.0)).numpy() == 16


def test_a_function_made_outside_serves_every_trace():
    inner = tf.function(lambda x: x * 2)
    calls = [tf.function(lambda x, k=k: inner(x) + k) for k in range(3)]
    assert [float(f(tf.constant(1.0))) for f in calls] == [2, 3, 4]
    assert inner.experimental_get_tracing_count() == 1


def test_captured_tensors_keep_their_values():
    k = tf.constant([1, 2])

    @tf.function
    def f(x):
        return tf.reshape(x, k) * tf.cast(k, tf.float32)

    assert f(tf.ones([2])).numpy().tolist() == [[1, 2]]  # the shape is known although k is from outside
    captured = f.get_concrete_function(tf.TensorSpec([2])).captured_inputs
    assert captured[0] is k


def test_sparse_and_ragged_tensors():
    sparse = tf.sparse.from_dense([[1.0, 0.0], [0.0, 2.0]])
    dense, traces = counted(lambda s: tf.sparse.to_dense(s) * 2)
    assert dense(sparse).numpy().tolist() == dense(sparse).numpy().tolist() == [[2, 0], [0, 4]]
    assert len(traces) == 1
    back = tf.function(lambda s: s)(sparse)
    assert back.indices.numpy().tolist() == [[0, 0], [1, 1]] and back.values.numpy().tolist() == [1, 2]
    ragged = tf.ragged.constant([[1.0, 2.0], [3.0]])
    f, traces = counted(lambda r: (r * 2, tf.reduce_sum(r, axis=1)))
    doubled, sums = f(ragged)
    assert doubled.to_list() == [[2, 4], [6]] and sums.numpy().tolist() == [3, 3]
    f(tf.ragged.constant([[1.0], [3.0], [4.0, 5.0, 6.0]]))
    more, sums = f(tf.ragged.constant([[1.0], [3.0], [4.0], [5.0]]))
    assert sums.numpy().tolist() == [1, 3, 4, 5]
    assert len(traces) == 2


def test_run_functions_eagerly():
    f, traces = counted(lambda x: x + 1)
    f(tf.constant(1.0))
    tf.config.run_functions_eagerly(True)
    try:
        assert tf.config.functions_run_eagerly()
        f(tf.constant(1.0)), f(tf.constant(1.0))
        assert len(traces) == 3 and isinstance(traces[-1][0], type(tf.constant(1.0)))
    finally:
        tf.config.run_functions_eagerly(False)
    f(tf.constant(1.0))
    assert len(traces) == 3 and not tf.config.functions_run_eagerly()


def test_where_one_is():
    seen = tf.function(lambda: (tf.executing_eagerly(), tf.inside_function()))
    assert [bool(v) for v in seen()] == [False, True]
    assert tf.executing_eagerly() and not tf.inside_function()

    @tf.function
    def f(x):
        with tf.init_scope():
            assert tf.executing_eagerly()
            f.outside = tf.constant(3.0) * 2
        with tf.control_dependencies([x]):
            return x + f.outside

    assert f(tf.constant(1.0)).numpy() == 7 and f.outside.numpy() == 6


def test_a_python_function_inside_with_a_result_of_unknown_rank():
    f = tf.function(lambda x: tf.py_function(lambda a: a.numpy() * 2, [x], tf.float32))
    assert f(tf.constant(2.0)).numpy() == f(tf.constant(2.0)).numpy() == 4
    assert f(tf.constant([2.0, 3.0])).numpy().tolist() == [4, 6]


def test_in_a_graph_of_version_1_the_python_function_is_called():
    import graphc.v1 as v1

    f = tf.function(lambda x: x * 2)
    with v1.Graph().as_default(), v1.Session() as sess:
        x = v1.placeholder(v1.float32, [None])
        y = f(x)
        assert sess.run(y, {x: [1, 2]}).tolist() == [2, 4]
    assert f.experimental_get_tracing_count() == 0


def test_two_threads():
    import threading

    f, traces = counted(lambda x: tf.reduce_sum(x) * 2)
    found, start = [], threading.Barrier(4)

    def work(k):
        start.wait()
        for n in range(20):
            found.append(float(f(tf.fill([3], float(k)))) == 6 * k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert all(found) and len(found) == 80 and len(traces) == 1


def test_mappings_of_other_classes_come_back():
    made = tf.function(lambda d: collections.OrderedDict(b=d["x"], a=d["x"] + 1))(collections.defaultdict(list, x=tf.constant(1)))
    assert type(made) is collections.OrderedDict and list(made) == ["b", "a"] and made["a"].numpy() == 2


def test_sparse_answers_are_described():
    sparse = tf.sparse.from_dense([[1.0, 0.0], [0.0, 2.0]])
    concrete = tf.function(lambda s: {"s": s, "n": 1}).get_concrete_function(sparse)
    assert concrete.structured_outputs == {"s": tf.SparseTensorSpec([None, None]), "n": tf.TensorSpec([], tf.int32)}
    assert concrete.structured_input_signature == ((tf.SparseTensorSpec([2, 2]),), {})


def test_a_python_function_inside_whose_result_is_described():
    f, traces = counted(lambda x: tf.py_function(lambda a: a * 2, [x], tf.TensorSpec([None], tf.float32)) + 1)
    assert f(tf.constant([2.0])).numpy().tolist() == f(tf.constant([2.0])).numpy().tolist() == [5]
    assert len(traces) == 1
