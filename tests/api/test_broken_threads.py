"""Threads that share functions, variables and tensors: no change is lost, and nothing that was read changes."""

import threading

import numpy as np
import pytest

import graphc as tf


def in_threads(work, count=4):
    """Run ``work(k)`` in threads that start together; errors of all of them come back."""
    start, errors = threading.Barrier(count), []

    def one(k):
        try:
            start.wait()
            work(k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors


def repeat(call, times):
    for _ in range(times):
        call()


@pytest.mark.parametrize("shape", [(), (20_000,)])
def test_no_update_by_functions_is_lost(shape):
    v = tf.Variable(tf.zeros(shape))
    one = tf.function(lambda: v.assign_add(tf.ones_like(v)))
    other = tf.function(lambda: v.assign_sub(-tf.ones_like(v)))
    in_threads(lambda k: repeat((one, other)[k % 2], 100))
    assert np.all(v.numpy() == 400)


def test_no_eager_update_is_lost():
    v, rows = tf.Variable(0.0), tf.Variable(tf.zeros([4]))

    def work(k):
        for _ in range(200):
            v.assign_add(1.0)
            rows.scatter_nd_add([[1]], [1.0])
            rows[k % 2].assign(2.0)

    in_threads(work)
    assert v.numpy() == 800 and rows.numpy()[2:].tolist() == [0, 0]


@pytest.mark.parametrize("change", [
    lambda v, one: v.scatter_nd_add([[1]], [1.0]),
    lambda v, one: v.scatter_add(one),
    lambda v, one: v.scatter_sub(tf.IndexedSlices(-one.values, one.indices)),
])  # fmt: skip
@pytest.mark.parametrize("runs", [False, True])
def test_no_scattered_update_is_lost(change, runs):
    v, one = tf.Variable(tf.zeros([4])), tf.IndexedSlices(tf.constant([1.0]), tf.constant([1]))
    step = tf.function(lambda: v.assign_add([0.0, 0.0, 0.0, 1.0]))

    def work(k):
        for _ in range(100):
            change(v, one)
            if runs:
                step()

    in_threads(work)
    assert v.numpy().tolist() == [0, 400, 0, 400 * runs]


def test_no_update_is_lost_between_eager_code_and_functions():
    v = tf.Variable(0.0)
    step = tf.function(lambda: v.assign_add(1.0))

    def work(k):
        for _ in range(150):
            v.assign_add(1.0) if k % 2 else step()

    in_threads(work)
    assert v.numpy() == 600


def test_slices_and_rows_are_changed_at_the_same_time():
    v = tf.Variable(tf.zeros([4]))

    def work(k):
        for n in range(100):
            v[k].assign(float(n + 1))

    in_threads(work)
    assert v.numpy().tolist() == [100] * 4


def test_what_is_read_while_another_thread_trains_is_whole_and_stays():
    v, done = tf.Variable(tf.zeros([200_000])), threading.Event()
    step = tf.function(lambda: v.assign_add(tf.ones_like(v)))

    def work(k):
        if k:
            repeat(step, 150)
            done.set()
            return
        while not done.is_set():
            value = v.read_value()
            before = value.numpy()
            assert before.min() == before.max()
            done.wait(0.001)
            assert (value.numpy() == before).all()

    in_threads(work, 2)
    assert v.numpy()[0] == 150


def test_gradients_of_a_variable_that_another_thread_changes():
    v, done = tf.Variable([1.0, 2.0]), threading.Event()
    step = tf.function(lambda: v.assign_add([1.0, 1.0]))

    def work(k):
        if k:
            repeat(step, 2000)
            done.set()
            return
        while not done.is_set():
            with tf.GradientTape() as tape:
                value = v.read_value()
                loss = tf.reduce_sum(value * value)
            assert np.array_equal(tape.gradient(loss, v), 2 * value.numpy())

    in_threads(work, 2)
    assert v.numpy().tolist() == [2001, 2002]


def test_an_assignment_while_functions_run_is_not_torn():
    v = tf.Variable(tf.zeros([50_000]))
    step = tf.function(lambda: v.assign_add(tf.ones_like(v)))

    def work(k):
        for n in range(60):
            step() if k else v.assign(tf.fill([50_000], 1000.0 * n))
            value = v.numpy()
            assert value.min() == value.max()

    in_threads(work, 3)


def test_after_the_threads_variables_are_kept_in_place_again():
    v = tf.Variable(tf.zeros([1000]))
    step = tf.function(lambda: v.assign_add(tf.ones_like(v)))
    in_threads(lambda k: repeat(step, 10))
    step()
    first, second = v.read_value(), v.read_value()
    assert np.shares_memory(first.record.array, second.record.array)  # one view, no copies
    step()
    assert first.numpy()[0] == second.numpy()[0] == 41 and v.numpy()[0] == 42


def test_a_function_called_first_by_several_threads_is_traced_once():
    traces, answers = [], []

    @tf.function
    def f(x):
        traces.append(x)
        return 2 * x

    in_threads(lambda k: answers.append(float(f(tf.constant(float(k))))))
    assert len(traces) == 1 and sorted(answers) == [0, 2, 4, 6]


def test_a_tensor_that_several_threads_ask_for_has_one_value():
    x, found = tf.random.normal([30, 30], seed=1), []
    for _ in range(30):
        x = tf.tanh(x @ x)
    in_threads(lambda k: found.append(x.numpy()))
    assert len(found) == 4 and all(np.array_equal(a, found[0]) for a in found)


def test_training_loops_of_their_own_in_threads():
    found = {}

    def work(k):
        v = tf.Variable([0.0, 0.0])
        for _ in range(40):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum((v - float(k)) ** 2)
            v.assign_sub(0.2 * tape.gradient(loss, v))
        found[k] = v.numpy()

    in_threads(work)
    for k in range(4):
        np.testing.assert_allclose(found[k], [k, k], rtol=1e-5)


def test_an_iterator_shared_by_threads_gives_every_element_once():
    iterator, found = iter(tf.data.Dataset.range(200).map(lambda x: 2 * x).batch(5)), []
    in_threads(lambda k: found.extend(x for batch in iterator for x in batch.numpy().tolist()))
    assert sorted(found) == list(range(0, 400, 2))


def test_tracing_in_one_thread_leaves_others_eager():
    inside, go_on, found = threading.Event(), threading.Event(), []

    def other():
        inside.wait(10)
        found.append((tf.constant(1.0) + 2.0).numpy())
        go_on.set()

    @tf.function
    def f(x):
        inside.set()
        go_on.wait(10)
        return x + 1

    thread = threading.Thread(target=other)
    thread.start()
    f(tf.constant(1.0))
    thread.join()
    assert found == [3]
