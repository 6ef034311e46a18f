"""Functions called with tensors and arrays: native code takes them out of tensors and puts results in."""

from __future__ import annotations

import gc
import sys
import threading

import numpy as np
import pytest

import graphc as tf
from graphc.api.eager import EAGER
from graphc.api.tensor import EagerTensor
from graphc.api.values import given
from graphc.errors import ShapeError
from graphc.runtime.box import Box


def add(a, b):
    return a + b


def test_results_are_like_tensors_made_in_python():
    f = tf.function(add)
    x = np.array([1, 2], np.float32)
    made = [f(x, x) for _ in range(4)]
    usual = EagerTensor(EAGER, array=np.zeros(2, np.float32))
    for result in made:
        assert type(result) is EagerTensor and result.graph is EAGER and result.is_settled
        assert not hasattr(result, "part") and usual.graph is EAGER
        assert not result.array.flags.writeable and result.dtype is tf.float32 and result.shape == (2,)
        assert (result.numpy() == [2, 4]).all() and result.record.entry is None and result.record.depth == 0
        assert repr(result) == repr(made[0]) and result.ref() != made[0].ref() or result is made[0]
    with tf.GradientTape() as tape:
        tape.watch(made[-1])
        y = made[-1] * made[-1]
    assert (tape.gradient(y, made[-1]).numpy() == [4, 8]).all()


def test_held_results_are_not_written_again():
    f = tf.function(add)
    x = tf.constant([1.0, 2.0])
    held = [f(x, tf.constant([float(k), 0.0])) for k in range(8)]
    assert [float(r[0]) for r in held] == [1.0 + k for k in range(8)]
    array = f(x, x).array
    f(x, held[3]), f(x, held[4]), f(held[5], held[6])
    assert (array == [2, 4]).all()


@pytest.mark.parametrize("make", [
    lambda a: a + 1, lambda a: (a, a * 2), lambda a: [a + 1, (a * 2, a * 3)], lambda a: {"z": a + 1, "a": a * 2},
    lambda a: {"s": (a + 1, {"t": [a]})}, lambda a: (a + 1,), lambda a: [], lambda a: (a * 2, None, 3), lambda a: (),
])  # fmt: skip
def test_structures_of_results(make):
    f = tf.function(make)
    x = np.array([1, 2, 3], np.float32)

    def plain(value):
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)([plain(v) for v in value])
        return np.asarray(value).tolist() if isinstance(value, (np.ndarray, tf.Tensor)) else value

    wanted = plain(make(x))
    for _ in range(3):
        found = f(x)
        assert plain(found) == wanted
        assert not isinstance(found, dict) or list(found) == list(wanted)


def test_each_kind_of_argument_has_its_own_trace():
    seen = []

    @tf.function
    def f(a):
        seen.append((type(a), getattr(a, "dtype", None), str(getattr(a, "shape", a))))
        return a * 2

    x = np.ones(3, np.float32)
    for _ in range(3):
        assert f(x).dtype is tf.float32
        assert f(np.ones(3)).dtype is tf.float64
        assert f(x.astype(np.int32)).dtype is tf.int32
        assert float(f(1.5)) == 3.0 and float(f(2.5)) == 5.0 and f(2).dtype is tf.int32
        assert float(f(np.float32(4))) == 8.0 and float(f(np.array(5, np.float32))) == 10.0
        assert f(np.ones((2, 3), np.float32)[:, ::2]).shape == (2, 2)
        assert np.signbit(f(-0.0)) and not np.signbit(f(0.0)) and np.isnan(f(float("nan")))
    assert len(seen) == len(set(seen))


def test_sizes_that_python_looks_at():
    @tf.function
    def f(a):
        return a + float(a.shape[0]) if a.shape[0] is not None else a + 100.0

    sizes = [3, 5, 3, 7, 5, 3, 3, 7]
    first = [float(f(np.zeros(n, np.float32))[0]) for n in sizes]
    assert first == [float(f(np.zeros(n, np.float32))[0]) for n in sizes] and first[0] == first[2] == 3.0


def test_variables_given_another_tensor_and_tapes():
    v = tf.Variable([1.0, 2.0])

    @tf.function
    def f(a):
        v.assign_add(a)
        return v * 2

    a = tf.constant([1.0, 1.0])
    assert (f(a).numpy() == [4, 6]).all() and (f(a).numpy() == [6, 8]).all()
    v.assign([10.0, 20.0])
    assert (f(a).numpy() == [22, 42]).all() and (v.numpy() == [11, 21]).all()
    g = tf.function(lambda a: a * v)
    assert (g(a).numpy() == g(a).numpy()).all()
    with tf.GradientTape() as tape:
        tape.watch(a)
        y = g(a)
    assert (tape.gradient(y, a).numpy() == [11, 21]).all()
    assert (f(a).numpy() == [24, 44]).all()


def test_concrete_functions_take_what_they_took():
    f = tf.function(add).get_concrete_function(tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.float32))
    for n in (2, 3):
        x = np.ones(n, np.float32)
        assert f(x, tf.constant(1.0)).shape == (n,) and (f(x, 2.0).numpy() == 3).all()
        assert (f(x.tolist(), 2.0).numpy() == 3).all() and (f(a=x, b=tf.constant(2.0)).numpy() == 3).all()
    with pytest.raises(ShapeError, match="must have shape"):
        f(np.ones((2, 2), np.float32), 1.0)


def test_nothing_leaks():
    f = tf.function(lambda a, b: (a + b, a * b))
    x, y = tf.constant([1.0, 2.0]), np.ones(2, np.float32)
    f(x, y)
    gc.collect()
    watched = (x, x.record, x.array, y, EAGER, None)
    before = [sys.getrefcount(o) for o in watched]
    for _ in range(200):
        f(x, y)
        f(y, x)
        f(x, np.ones(3, np.float32)[:2])
    gc.collect()
    after = [sys.getrefcount(o) for o in watched]
    assert after[:4] == before[:4] and abs(after[4] - before[4]) <= 4 and abs(after[5] - before[5]) < 100


def test_many_threads():
    v = tf.Variable(0.0)

    @tf.function
    def f(a):
        return v.assign_add(a)

    one, errors = tf.constant(1.0), []

    def work():
        try:
            for _ in range(300):
                f(one)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert not errors and float(v) == 1200.0


def test_a_box_needs_classes_with_slots_and_one_place():
    array = np.zeros(0, np.uint8)
    value = given(array)
    assert Box(EagerTensor(EAGER, value=value), value, array).words is not None
    assert Box(EagerTensor(EAGER, value=value), object(), array).words is None

    class Free:
        pass

    free = Free()
    free.value = value
    assert Box(free, value, array).words is None


@pytest.mark.parametrize("path", ["native", "ctypes"])
def test_results_are_read_only_on_both_paths(path, monkeypatch):
    monkeypatch.setenv("GRAPHC_CALL_PATH", path)
    f = tf.function(lambda a: (a + 3.25, a * 3.5))
    for _ in range(3):
        assert all(not r.array.flags.writeable for r in f(np.ones(3, np.float32)))
