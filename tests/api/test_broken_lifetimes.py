"""Memory: nothing is kept alive that the program has let go of, and nothing grows from step to step."""

import _thread
import copy
import gc
import pickle
import threading
import weakref

import pytest

import graphc as tf
from graphc.errors import SymbolicError


def grown(step, times=60, first=15):
    """How many objects there are more after ``times`` steps."""
    for _ in range(first):
        step()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(times):
        step()
    gc.collect()
    return len(gc.get_objects()) - before


def compiled():
    return sum(c.count for c in tf.compilations())


class Model(tf.Module):
    def __init__(self):
        super().__init__()
        self.w, self.b = tf.Variable(tf.ones([3, 4])), tf.Variable(tf.zeros([4]))

    @tf.function
    def __call__(self, x):
        return tf.nn.relu(x @ self.w + self.b)


def test_models_and_their_functions_go():
    def one():
        Model()(tf.ones([2, 3])).numpy()

    assert grown(one) < 30


def test_optimizers_and_tapes_go():
    def one():
        w = tf.Variable([1.0, 2.0])
        optimizer = tf.optimizers.Adam(0.1)
        for _ in range(2):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(w * w)
            optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        loss.numpy()

    assert grown(one) < 30


def test_pipelines_and_their_threads_go():
    dataset_threads = threading.active_count()

    def one():
        dataset = tf.data.Dataset.range(10).map(lambda x: x * 2).shuffle(5).batch(2).prefetch(1)
        list(dataset)
        next(iter(dataset))  # left in the middle

    assert grown(one, 20) < 30
    assert threading.active_count() <= dataset_threads + 1


def test_weak_references_end_without_the_collector():
    gc.disable()
    try:
        v = tf.Variable([1.0, 2.0])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(v * v)
        tape.gradient(loss, v).numpy()
        found = [weakref.ref(v), weakref.ref(tape)]
        del v, tape, loss
        assert [r() for r in found] == [None, None]
    finally:
        gc.enable()


def test_a_function_goes_with_what_it_uses():
    def made():
        v = tf.Variable([1.0, 2.0])
        f = tf.function(lambda x: x * v)
        f(tf.constant([1.0, 1.0]))
        return [weakref.ref(x) for x in (f, v, f.python_function)]

    found = made()
    gc.collect()
    assert [r() for r in found] == [None] * 3


@pytest.mark.parametrize("kind", ["eager", "function", "epochs"])
def test_steps_neither_grow_nor_compile_again(kind):
    v, x = tf.Variable(tf.zeros([10])), tf.ones([10])
    optimizer, dataset = tf.optimizers.SGD(0.01), tf.data.Dataset.range(4).batch(2)

    def train():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((v - x) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, v), v)])
        return loss

    step = {"eager": lambda: train().numpy(), "function": tf.function(train), "epochs": lambda: list(dataset)}[kind]
    for _ in range(20):
        step()
    before = compiled()
    assert grown(step, 500, 0) < 20
    assert compiled() == before


def test_long_chains_are_computed():
    x = tf.ones([10])
    for _ in range(10_000):
        x = x + 1
    assert x.numpy().tolist() == [10_001] * 10
    w = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = w * 1.0
        for _ in range(1500):
            y = y * 1.0
    assert tape.gradient(y, w).numpy() == 1


def test_a_thread_of_a_dropped_iterator_ends_although_it_found_no_element():
    iterator = iter(tf.data.Dataset.range(10**12).filter(lambda x: x < 0).prefetch(2))
    threading.Timer(0.3, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        next(iterator)
    working = [t for t in threading.enumerate() if t.name == "graphc prefetch"]
    assert working
    del iterator
    gc.collect()
    for thread in working:
        thread.join(10)
        assert not thread.is_alive()


@tf.function
def named(x):
    return x + 1


def plain(x):
    return x - 1


def test_functions_are_pickled_without_traces():
    assert float(named(tf.constant(1.0))) == 2
    assert pickle.loads(pickle.dumps(named)) is named and copy.deepcopy(named) is named
    own = tf.function(plain)
    own(tf.constant(1.0))
    again = pickle.loads(pickle.dumps(own))
    assert float(again(tf.constant(1.0))) == 0 and again.experimental_get_tracing_count() == 1


def test_copies_of_models_have_functions_of_their_own():
    model = Model()
    model.call = model.__call__
    model(tf.ones([2, 3]))
    other = copy.deepcopy(model)
    other.w.assign(tf.zeros([3, 4]))
    assert model.call(tf.ones([1, 3])).numpy().tolist() == [[3] * 4]
    assert other.call(tf.ones([1, 3])).numpy().tolist() == [[0] * 4]
    assert pickle.loads(pickle.dumps(other))(tf.ones([1, 3])).numpy().tolist() == [[0] * 4]


def test_tensors_without_values_are_copied_but_not_pickled():
    @tf.function
    def f(x):
        with pytest.raises(SymbolicError, match="x:0: it cannot be pickled"):
            pickle.dumps(x)
        return copy.deepcopy({"x": x})["x"] + copy.copy(x)

    assert float(f(tf.constant(2.0))) == 4
