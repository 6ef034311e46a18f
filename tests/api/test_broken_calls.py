"""Calls that cannot work say so, and leave everything as it was: memory, shapes of variables, storms, forks."""

import _thread
import multiprocessing
import queue
import threading
import warnings

import numpy as np
import pytest

import graphc as tf
from graphc.errors import DtypeError, GraphcWarning, ResourceExhaustedError, ShapeError, UsageError


@pytest.mark.parametrize("make", [
    lambda: tf.zeros([10**13]).numpy(),
    lambda: tf.zeros([2**40, 2**40]).numpy(),
    lambda: tf.Variable(tf.zeros([10**13])),
    lambda: tf.random.normal([10**13]).numpy(),
    lambda: tf.ones([10**6, 1]) @ tf.ones([1, 10**7]) + tf.zeros([1]),
    lambda: tf.function(lambda n: tf.zeros([n]))(tf.constant(10**12, tf.int64)),
])  # fmt: skip
def test_more_memory_than_there_is(make):
    with pytest.raises(ResourceExhaustedError, match="not enough memory: .*(allocate|too big|more than there is)") as error:
        result = make()
        result.numpy()
    assert "test_broken_calls.py:" in str(error.value)
    assert (tf.ones([2]) + 1).numpy().tolist() == [2, 2]


def test_assignments_that_do_not_fit_change_nothing():
    v = tf.Variable([1.0, 2.0])

    @tf.function
    def doubled_and_wrong(value):
        v.assign(v * 2)
        v.assign(value)

    for value, kind in (([1.0, 2.0, 3.0], ShapeError), (tf.constant([1, 2]), DtypeError)):
        for call in (v.assign, v.assign_add, doubled_and_wrong):
            with pytest.raises(kind, match="f32"):
                call(value)
    assert v.numpy().tolist() == [1, 2]


def test_the_function_is_called_by_its_own_name():
    v = tf.Variable([1.0, 2.0])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def taking(x):
        v.assign(x)

    with pytest.raises(ShapeError, match=r"^taking: input x wants f32\[2\], got f32\[3\]"):
        taking([1.0, 2.0, 3.0])
    assert v.numpy().tolist() == [1, 2]


def test_a_short_input_signature_points_at_the_call():
    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32)])
    def f(x, y):
        return x

    with pytest.raises(UsageError, match="y has none and no default") as error:
        f([1.0, 2.0], 1)
    assert "test_broken_calls.py:" in str(error.value)


def test_variables_whose_shapes_change_in_functions():
    v = tf.Variable([1.0, 2.0], shape=[None])

    @tf.function
    def f():
        return v * 2, tf.shape(v)

    for value in ([1.0, 2.0, 3.0], [5.0], [1.0, 1.0, 1.0], [7.0]):
        v.assign(value)
        twice, size = f()
        assert twice.numpy().tolist() == [2 * x for x in value] and size.numpy().tolist() == [len(value)]
    assert f.experimental_get_tracing_count() == 2
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(f()[0])
    assert tape.gradient(loss, v).numpy().tolist() == [2]
    w = tf.Variable(1.0, shape=tf.TensorShape(None))
    g = tf.function(lambda: w.assign(w * 2))
    g()
    w.assign([[1.0, 2.0]])
    g()
    assert w.numpy().tolist() == [[2, 4]]


def test_functions_made_in_a_loop_are_warned_of_once():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for k in range(20):
            made = tf.function(lambda x: x + k)  # noqa: B023
            assert float(made(tf.constant(1.0))) == 1 + k
    told = [str(w.message) for w in found if issubclass(w.category, GraphcWarning)]
    assert len(told) == 1 and "another tf.function of '<lambda>'" in told[0] and "outside of the loop" in told[0]


def test_methods_of_many_objects_are_not_warned_of():
    class Layer:
        @tf.function
        def __call__(self, x):
            return x * 2

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(20):
            assert float(Layer()(tf.constant(1.0))) == 2


def test_a_storm_of_values_is_warned_of_once_with_the_reason():
    f = tf.function(lambda x: x + 1)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for k in range(30):
            f(k)
    told = [str(w.message) for w in found if issubclass(w.category, GraphcWarning)]
    assert len(told) == 1 and "x is 9, it was 8" in told[0] and "tf.constant(x)" in told[0]


def test_an_interrupted_run_leaves_variables_and_the_function_usable():
    v = tf.Variable(0.0)

    @tf.function
    def f(n):
        total = tf.constant(0.0)
        for i in tf.range(n):
            total = tf.sin(total + tf.cast(i, tf.float32))
        v.assign_add(1.0)
        return total

    expected = f(tf.constant(10)).numpy()
    threading.Timer(0.2, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        while True:
            f(tf.constant(200_000))
    before = v.numpy()
    assert before >= 1 and f(tf.constant(10)).numpy() == expected and v.numpy() == before + 1


def _in_child(answers):
    v = tf.Variable(1.0)
    f = tf.function(lambda x: x * v + tf.reduce_sum(tf.ones([200, 200]) @ tf.ones([200, 200])))
    dataset = tf.data.Dataset.range(5).map(lambda x: 2 * x, num_parallel_calls=2).prefetch(1)
    answers.put((float(f(tf.constant(2.0))), [int(x) for x in dataset]))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork")
def test_a_forked_child_works_after_everything_was_used():
    _in_child(queue.Queue())
    going = iter(tf.data.Dataset.range(100).map(lambda x: x + 1, num_parallel_calls=2).prefetch(2))
    next(going)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_in_child, args=(answers,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child.start()
    assert answers.get(timeout=60) == (200.0**3 + 2, [0, 2, 4, 6, 8])
    child.join(10)
    assert child.exitcode == 0 and int(next(going)) == 2


def test_sessions_eager_code_and_functions_side_by_side():
    graph, v = tf.compat.v1.Graph(), tf.Variable(2.0)
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, [])
        y = x * 3.0
    session = tf.compat.v1.Session(graph=graph)
    f = tf.function(lambda a: a * v)
    assert session.run(y, {x: 2.0}) == 6 and float(f(tf.constant(2.0))) == 4
    v.assign(float(session.run(y, {x: f(tf.constant(1.0)).numpy()})))
    assert float(f(tf.constant(1.0)) + v) == 12
    session.close()


def test_empty_tensors_everywhere():
    x, v = tf.zeros([0, 3]), tf.Variable(tf.zeros([0]))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(x @ tf.ones([3, 2]))
    assert tape.gradient(y, x).shape == (0, 3)
    f = tf.function(lambda x: (tf.reduce_mean(x), tf.reduce_max(x), tf.nn.softmax(x), tf.reduce_prod(x)))
    mean, largest, soft, product = f(x)
    assert np.isnan(mean) and largest == -np.inf and soft.shape == (0, 3) and product == 1
    assert v.assign_add(tf.zeros([0])).numpy().shape == (0,)
