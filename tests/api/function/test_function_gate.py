"""Calls that go straight to native code: what shuts the way, and which arguments find a trace again at once."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import graphc as tf
from graphc.api.gate import GATE

F32 = np.float32


def _ready(function, *args):
    """A function whose next calls need no look."""
    for _ in range(3):
        function(*args)
    return function


def test_a_tape_sees_a_function_that_went_straight():
    x = tf.constant([1.0, 2.0])
    f = _ready(tf.function(lambda x: x * x), x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    assert tape.gradient(y, x).numpy().tolist() == [2.0, 4.0]
    assert f(x).numpy().tolist() == [1.0, 4.0]
    with tf.GradientTape() as tape, tape.stop_recording():
        f(x), f(x)
        assert tape.watched_variables() == ()


def test_a_function_around_traces_one_that_went_straight():
    x = tf.constant([1.0, 2.0])
    f = _ready(tf.function(lambda x: x + 1), x)
    g = tf.function(lambda x: f(x) * 2)
    assert [g(x).numpy().tolist() for _ in range(2)] == [[4.0, 6.0]] * 2


def test_a_variable_with_another_tensor_is_seen():
    v = tf.Variable([1.0, 2.0])
    x = tf.constant([1.0, 1.0])
    f = _ready(tf.function(lambda x: x + v), x)
    for number in (5.0, 6.0, 7.0):
        v.assign([number, number])
        assert f(x).numpy().tolist() == [number + 1] * 2


def test_functions_called_eagerly_are_called_as_they_are():
    seen, x = [], tf.constant(1.0)

    def body(x):
        seen.append(1)
        return x + 1

    f = _ready(tf.function(body), x)
    count = len(seen)
    tf.config.run_functions_eagerly(True)
    try:
        f(x)
    finally:
        tf.config.run_functions_eagerly(False)
    assert len(seen) == count + 1
    f(x)
    assert len(seen) == count + 1


def test_each_thread_looks_for_itself():
    x = tf.constant(2.0)
    f = _ready(tf.function(lambda x: x * 3), x)
    f(x)
    assert GATE.thread == threading.get_ident() == GATE.words[1]
    found = []

    def work():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        found.append(float(tape.gradient(y, x)))
        found.append(float(_ready(f, x)(x)))
        found.append(GATE.thread == threading.get_ident())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [3.0, 6.0, True]
    assert float(f(x)) == 6.0


def test_structures_and_other_sizes_are_told_apart():
    f = tf.function(lambda x, y: (x + y, [x * y]))
    for n in (1, 2, 3, 2, 1, 3):
        x = np.arange(n, dtype=F32)
        a, [b] = f(x, x)
        assert a.numpy().tolist() == (x + x).tolist() and b.numpy().tolist() == (x * x).tolist()


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.int64, np.bool_])
def test_numpy_scalars_are_arrays(kind):
    f = tf.function(lambda x, y: tf.where(tf.cast(x, tf.bool), y, x))
    for k in (0, 1, 1, 0, 1):
        found = f(kind(k), kind(1)).numpy()
        assert type(found) is kind and found == (1 if k else 0)
    assert f.experimental_get_tracing_count() == 1


def test_named_arrays_come_in_any_order():
    f = tf.function(lambda a, b, *, c, **more: a * 1000 + b * 100 + c * 10 + more["d"] + more["e"] * 0)
    a, b, c, d, e = (np.array(k, F32) for k in range(1, 6))
    for _ in range(3):
        assert f(a, c=c, b=b, d=d, e=e).numpy() == 1234
        assert f(e=e, d=d, c=c, b=b, a=a).numpy() == 1234
        assert f(a, b, e=e, c=c, d=d).numpy() == 1234
        assert f(c=c, a=b, b=a, e=d, d=e).numpy() == 2135
    assert f.experimental_get_tracing_count() == 1


def test_arrays_in_structures_come_in_the_order_of_the_trace():
    f = tf.function(lambda x: x["a"] * 100 + x["b"][0] * 10 + x["b"][1])
    a, b, c = (np.array(k, F32) for k in (1, 2, 3))
    for _ in range(3):
        assert f({"a": a, "b": [b, c]}).numpy() == 123
        assert f({"b": [b, c], "a": a}).numpy() == 123
        assert f({"b": (c, b), "a": a}).numpy() == 132
    keyed = tf.function(lambda x: x[2] * 10 + x[1])
    assert [keyed({2: a, 1: b}).numpy() for _ in range(3)] == [12] * 3


def test_numbers_are_told_apart():
    f = tf.function(lambda x, y: x / y)
    x = tf.constant(1.0)
    for _ in range(3):
        assert f(x, 0.0).numpy() == np.inf
        assert f(x, -0.0).numpy() == -np.inf
        assert np.isnan(f(x, float("nan")).numpy())
        assert f(x, 2.0).numpy() == 0.5
    nested = tf.function(lambda x, p: x * p[0] + p[1])
    for _ in range(3):
        assert nested(x, (2.0, 1)).numpy() == 3.0
        assert nested(x, (2.0, 4)).numpy() == 6.0
        assert nested(x, [3.0, 1]).numpy() == 4.0


def test_an_argument_that_does_not_fit_finds_its_own_trace():
    f = tf.function(lambda x: x + 1)
    for _ in range(3):
        assert f(np.float32(1)).dtype is tf.float32
        assert f(np.float64(1)).dtype is tf.float64
        assert f(np.ones((2, 2), F32)[:, 1]).shape == (2,)
        assert f(tf.constant([1, 2])).dtype is tf.int32
        assert f(1) == 2
