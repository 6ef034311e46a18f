"""Variables in traced functions: order of what happens, updates in place, and what readers see."""

import gc

import numpy as np
import pytest

import graphc as tf
from graphc.errors import DtypeError, ShapeError


def test_reads_and_assignments_in_the_order_of_the_lines():
    w = tf.Variable(1.0)

    @tf.function
    def f(x):
        before = w.read_value()
        w.assign_add(x)
        between = w * 1
        w.assign(w * 2)
        return before, between, w

    assert [float(v) for v in f(tf.constant(3.0))] == [1, 4, 8]
    assert [float(v) for v in f(tf.constant(1.0))] == [8, 9, 18]
    assert float(w) == 18 and f.experimental_get_tracing_count() == 1


def test_what_is_printed_and_assigned_is_in_order(capfd):
    w = tf.Variable(1)

    @tf.function
    def f(x):
        tf.print("first", w)
        w.assign_add(x)
        tf.print("then", w)
        tf.debugging.assert_less(w, 10)
        return x

    f(tf.constant(2))
    f(tf.constant(3))
    assert capfd.readouterr().err.split("\n")[:4] == ["first 1", "then 3", "first 3", "then 6"]
    with pytest.raises(tf.errors.InvalidArgumentError):
        f(tf.constant(7))


def test_effects_happen_although_nothing_needs_them(capfd):
    w = tf.Variable(0)

    @tf.function
    def f():
        w.assign_add(1)
        tf.print("ran")

    assert f() is None and f() is None
    assert int(w) == 2 and capfd.readouterr().err == "ran\nran\n"


def test_values_read_earlier_stay():
    w = tf.Variable([1.0, 2.0, 3.0])

    @tf.function
    def step():
        w.assign_add([1.0, 1.0, 1.0])

    kept = []
    for k in range(4):
        kept.append((w.value(), w.numpy(), w[1:], w + 0))
        step()
    for k, (value, array, part, recorded) in enumerate(kept):
        assert value.numpy().tolist() == array.tolist() == recorded.numpy().tolist() == [1 + k, 2 + k, 3 + k]
        assert part.numpy().tolist() == [2 + k, 3 + k]


def test_numpy_views_of_a_value_stay():
    w = tf.Variable([1.0, 2.0])
    step = tf.function(lambda: w.assign(w * 10))
    step()
    view = memoryview(w.value().record.array)
    part = w.value().record.array[1:]
    step()
    assert np.asarray(view).tolist() == [10, 20] and part.tolist() == [20]
    assert w.numpy().tolist() == [100, 200]


def test_updates_happen_in_place():
    w = tf.Variable(tf.zeros([1000]))
    step = tf.function(lambda x: w.assign_add(x))
    one = tf.ones([1000])
    step(one)
    memory = w.stored(False)
    for _ in range(3):
        step(one)
        assert w.numpy()[0] == float(w[1])  # reading in between changes nothing
    assert w.stored(False) is memory and memory[0] == 4


def test_eager_assignments_between_calls():
    w = tf.Variable([1.0, 2.0])
    double = tf.function(lambda: w.assign(w * 2))
    double()
    old = w.value()
    w.assign([5.0, 6.0])
    double()
    assert w.numpy().tolist() == [10, 12] and old.numpy().tolist() == [2, 4]
    w.assign_add([1.0, 1.0])  # recorded, computed later
    double()
    assert w.numpy().tolist() == [22, 26]
    with_reader = tf.function(lambda: w * 1)
    assert with_reader().numpy().tolist() == [22, 26]
    w.assign([0.0, 1.0])
    assert with_reader().numpy().tolist() == [0, 1]


def test_several_functions_share_a_variable():
    w = tf.Variable(1.0)
    add, twice, read = tf.function(lambda: w.assign_add(1.0)), tf.function(lambda: w.assign(w * 2)), tf.function(lambda: w + 0)
    add(), twice(), add()
    assert float(read()) == 5 and float(w) == 5

    @tf.function
    def all_of_them():
        add()
        twice()
        return read() + w

    assert float(all_of_them()) == 24 and float(w) == 12


def test_a_wrong_value_leaves_everything_as_it_was():
    w = tf.Variable([1.0, 2.0], name="weights")

    @tf.function
    def f(x):
        w.assign_add([1.0, 1.0])
        w.assign(x)

    with pytest.raises(ShapeError, match=r"assign: f32\[3\] does not fit variable weights:0 of f32\[2\]"):
        f(tf.zeros([3]))
    with pytest.raises(DtypeError, match=r"i32\[2\] does not fit variable weights:0 of f32\[2\]; use tf.cast"):
        f(tf.zeros([2], tf.int32))
    assert w.numpy().tolist() == [1, 2] and f.experimental_get_tracing_count() == 0
    f(tf.zeros([2]))
    assert w.numpy().tolist() == [0, 0]


def test_scatter_updates_and_slices():
    w = tf.Variable([1.0, 2.0, 3.0])

    @tf.function
    def f():
        w.scatter_nd_update([[1]], [10.0])
        w.scatter_nd_add([[0], [0]], [1.0, 1.0])
        return w[:2]

    assert f().numpy().tolist() == [3, 10] and f().numpy().tolist() == [5, 10]
    assert w.numpy().tolist() == [5, 10, 3]


def test_assignments_in_branches_and_loops():
    w, steps = tf.Variable(1.0), tf.Variable(0)

    @tf.function
    def f(limit):
        while w < limit:
            w.assign(w * 2)
            steps.assign_add(1)
        if w > 100.0:
            w.assign(0.0)
        return w

    assert float(f(tf.constant(10.0))) == 16 and int(steps) == 4
    assert float(f(tf.constant(1000.0))) == 0 and int(steps) == 10

    @tf.function
    def g(flag):
        return tf.cond(flag, lambda: w.assign_add(1.0).value(), lambda: w.assign_sub(1.0).value())

    assert float(g(tf.constant(True))) == 1 and float(g(tf.constant(False))) == 0


def test_variables_made_in_the_first_call():
    class Dense(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = None

        @tf.function
        def __call__(self, x):
            if self.w is None:
                self.w = tf.Variable(tf.ones([x.shape[-1], 2]) * 3.0, name="w")
            return x @ self.w

    dense = Dense()
    assert dense(tf.ones([1, 4])).numpy().tolist() == [[12, 12]]
    assert dense(tf.ones([2, 4])).numpy().tolist() == [[12, 12]] * 2
    assert [v.name for v in dense.trainable_variables] == ["w:0"]
    dense.w.assign(tf.zeros([4, 2]))
    assert dense(tf.ones([1, 4])).numpy().tolist() == [[0, 0]]


def test_a_variable_in_every_call_is_refused():
    @tf.function
    def f(x):
        return tf.Variable(1.0) + x

    for _ in range(2):
        with pytest.raises(ValueError, match="only supports singleton tf.Variables created on the first call"):
            f(tf.constant(1.0))


def test_an_initial_value_that_depends_on_an_argument():
    made = []

    @tf.function
    def f(x):
        if not made:
            made.append(tf.Variable(2.0 * x))
            made.append(tf.Variable(made[0] * 3.0))
        return made[0] * x * made[1]

    assert float(f(tf.constant(1.0))) == 12 and float(f(tf.constant(2.0))) == 24

    @tf.function
    def g(x):
        if len(made) == 2:
            made.append(tf.Variable(x))
        return x

    with pytest.raises(TypeError, match="g: the initial value of a variable depends on an argument"):
        g.get_concrete_function(tf.TensorSpec([]))


def test_variables_as_arguments_go_by_identity():
    a, b = tf.Variable(1.0), tf.Variable(2.0)

    @tf.function
    def f(v, x):
        v.assign_add(x)
        return v * 10

    one = tf.constant(1.0)
    assert [float(v) for v in (f(a, one), f(b, one), f(a, one))] == [20, 30, 30]
    assert f.experimental_get_tracing_count() == 2


def test_a_variable_and_its_value_are_told_apart():
    w = tf.Variable([1.0, 2.0])
    f = tf.function(lambda x: (w.assign_add(x), x * 1)[1])
    assert f(w.value()).numpy().tolist() == [1, 2]
    assert w.numpy().tolist() == [2, 4]
    assert f(w.value()).numpy().tolist() == [2, 4]
    assert w.numpy().tolist() == [4, 8]
    held = w.value()
    captured = tf.function(lambda: (w.assign(held * 2), held + 0)[1])
    assert captured().numpy().tolist() == captured().numpy().tolist() == [4, 8]
    assert w.numpy().tolist() == [8, 16]


def test_dropped_variables_and_functions_go():
    import weakref

    def made() -> list:
        w = tf.Variable(1.0)
        f = tf.function(lambda: w.assign_add(1.0))
        f()
        return [weakref.ref(f), weakref.ref(w)]

    gone = made()
    gc.collect()
    assert [r() for r in gone] == [None, None]


def test_integer_string_and_bool_variables():
    count, text, flag = tf.Variable(0, dtype=tf.int64), tf.Variable(["a", "b"]), tf.Variable(False)

    @tf.function
    def f():
        count.assign_add(2)
        text.assign(tf.strings.join([text, "!"]))
        flag.assign(~flag)

    f(), f(), f()
    assert int(count) == 6 and text.numpy().tolist() == [b"a!!!", b"b!!!"] and bool(flag)


def test_threads_that_assign_take_turns():
    import threading

    w = tf.Variable(tf.zeros([64]))
    steps = [tf.function(lambda x, k=k: w.assign_add(x) * k) for k in range(2)]
    one = tf.ones([64])

    def work(f):
        for n in range(50):
            f(one)
            if n % 10 == 0:
                w.numpy()

    threads = [threading.Thread(target=work, args=(steps[k % 2],)) for k in range(4)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert w.numpy().tolist() == [200] * 64
