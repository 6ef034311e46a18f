"""What was read never changes, whoever writes afterwards; what was given is taken as it was when it was given."""

import numpy as np
import pytest

import graphc as tf

LARGE = 50_000


def in_place(v, amount=1.0):
    """A function that updates a variable where it lies, and has done so once."""
    step = tf.function(lambda: v.assign_add(tf.fill(v.shape, amount)))
    step()
    return step


def test_everything_read_from_a_variable_stays():
    v = tf.Variable(tf.zeros([LARGE]))
    step = in_place(v)
    tensors = [v.read_value(), v.value(), tf.identity(v), v + 0.0, tf.convert_to_tensor(v)]
    arrays = [v.numpy(), np.asarray(v), np.from_dlpack(v.read_value()), memoryview(v.read_value().numpy())]

    def closure(value=v.read_value()):
        return float(value[0])

    before = tf.function(lambda: v.read_value())()
    for _ in range(3):
        step()
    v.assign_add(tf.ones([LARGE]))
    assert [float(t[0]) for t in tensors] == [1] * 5
    assert [float(a[0]) for a in arrays] == [1] * 4
    assert closure() == 1 and float(before[0]) == 1 and v.numpy()[0] == 5


def test_answers_of_functions_stay():
    v = tf.Variable(tf.zeros([LARGE]))

    @tf.function
    def step():
        v.assign_add(tf.ones_like(v))
        return v.read_value(), v + 0.5

    found = [step() for _ in range(3)]
    assert [float(a[0]) for a, _ in found] == [1, 2, 3]
    assert [float(b[0]) for _, b in found] == [1.5, 2.5, 3.5]


def test_tapes_hold_the_values_of_their_time():
    v = tf.Variable(tf.fill([LARGE], 3.0))
    step = tf.function(lambda: v.assign_add(tf.ones_like(v)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(v * v)
        step()
    step()
    assert float(tape.gradient(loss, v)[0]) == 6 and v.numpy()[0] == 5


def test_numpy_is_a_copy_of_ones_own():
    for x in (tf.constant([1.0, 2.0]), tf.zeros([2]) + 1.0, tf.Variable([1.0, 2.0])):
        before = x.numpy().tolist()
        x.numpy()[:] = 9
        assert x.numpy().tolist() == before


def test_arrays_that_were_given_may_be_changed_afterwards():
    for size in (3, LARGE):
        array = np.zeros(size, np.float32)
        v, w = tf.Variable(array), tf.Variable(tf.ones([size]))
        w.assign(array)
        f = tf.function(lambda x: (x, x + 0.0))
        found = [tf.constant(array), tf.convert_to_tensor(array), tf.ones([size]) * array, *f(array), v, w]
        datasets = [tf.data.Dataset.from_tensors(array), tf.data.Dataset.from_tensor_slices(array)]
        array[:] = 7
        assert [float(x.numpy()[0]) for x in found] == [0] * len(found)
        assert [float(np.ravel(next(iter(d)))[0]) for d in datasets] == [0, 0]


def test_assigning_a_tensor_does_not_tie_it_to_the_variable():
    tensor = tf.ones([LARGE]) * 2.0
    v, w = tf.Variable(tf.zeros([LARGE])), tf.Variable(tf.zeros([LARGE]))
    v.assign(tensor)
    w.assign(v)
    step = in_place(v)
    step()
    assert [float(x.numpy()[0]) for x in (tensor, v, w)] == [2, 4, 2]


def test_swapping_variables_in_a_function():
    a, b = tf.Variable(tf.zeros([LARGE])), tf.Variable(tf.ones([LARGE]))

    @tf.function
    def swap():
        before = a.read_value()
        a.assign(b)
        b.assign(before)

    for first in (1, 0, 1):
        swap()
        assert (a.numpy() == first).all() and (b.numpy() == 1 - first).all()


def test_a_generator_may_use_one_buffer_again():
    def rows():
        buffer = np.zeros(2, np.float32)
        for k in range(3):
            buffer[:] = k
            yield buffer

    dataset = tf.data.Dataset.from_generator(rows, output_signature=tf.TensorSpec([2], tf.float32))
    assert [x.numpy()[0] for x in list(dataset)] == [0, 1, 2]
    assert list(dataset.batch(3))[0].numpy()[:, 0].tolist() == [0, 1, 2]


def test_elements_of_data_sets_stay():
    dataset = tf.data.Dataset.range(6).batch(2).cache()
    kept = list(dataset)
    for batch in dataset.as_numpy_iterator():
        try:
            batch += 100
        except ValueError:
            pass  # it may refuse to be written to
    assert [b.numpy().tolist() for b in (*kept, *dataset)] == 2 * [[0, 1], [2, 3], [4, 5]]


def test_assignments_inside_a_tape():
    x = tf.Variable(3.0)

    def gradients():
        x.assign(3.0)
        with tf.GradientTape(persistent=True) as tape:
            y = x * x
            x.assign(5.0)
            z = x * x
            both = y + z
        return [tape.gradient(t, x) for t in (y, z, both)]

    for run in (gradients, tf.function(gradients)):  # TensorFlow's numbers
        assert [float(g) for g in run()] == [6, 10, 16]


def test_assigned_values_do_not_lead_gradients_further():
    x, z = tf.Variable(3.0), tf.Variable(1.0)

    def gradients():
        z.assign(1.0)
        with tf.GradientTape(persistent=True) as tape:
            z.assign(x * 2.0)
            y = z * x
        with tf.GradientTape() as second:
            w = z.assign_add(x * 2.0) * x * z
        return [*tape.gradient(y, [x, z]), *second.gradient(w, [x, z])]

    for run in (gradients, tf.function(gradients)):  # TensorFlow's numbers
        assert [float(g) for g in run()] == [6, 3, 144, 72]


def test_tapes_around_functions_that_assign_and_read_again():
    x, n, a = tf.Variable(3.0), tf.Variable([1.0, 2.0]), tf.constant(5.0)

    @tf.function
    def squared():
        y = x * x
        x.assign(y)
        return x * x + y

    @tf.function
    def given(a):
        x.assign(a)
        return x * 2.0 + a

    @tf.function
    def repeated(a):
        for _ in tf.range(3):
            x.assign_add(a * x)
        return x * a

    @tf.function
    def scaled():
        n.assign(n / tf.norm(n))
        tf.debugging.assert_positive(n)
        return tf.reduce_sum(n * [1.0, 10.0])

    with tf.GradientTape() as tape:
        y = squared()
    assert (float(y), float(tape.gradient(y, x)), x.numpy()) == (90, 24, 9)
    with tf.GradientTape() as tape:
        tape.watch(a)
        y = given(a)
    assert [float(g) for g in tape.gradient(y, [a, x])] == [1, 2]
    x.assign(2.0)
    with tf.GradientTape() as tape:
        tape.watch(a)
        y = repeated(a)
    assert [float(g) for g in (y, *tape.gradient(y, [a, x]))] == [2160, 432, 5]
    with tf.GradientTape() as tape:
        y = scaled()
    assert tape.gradient(y, n).numpy().tolist() == [1, 10]  # all of these are TensorFlow's numbers


def test_python_inside_a_function_sees_the_variables_of_before_and_keeps_what_it_saw():
    v, other, seen = tf.Variable(tf.zeros([LARGE])), tf.Variable(0.0), []

    def look():
        seen.append(v.read_value())
        other.assign_add(1.0)
        v.assign(tf.fill([LARGE], 50.0))  # which the function writes over

    @tf.function
    def step():
        v.assign(tf.fill([LARGE], 100.0))
        tf.py_function(look, [], [])
        v.assign_add(tf.ones([LARGE]))

    for _ in range(3):
        step()
    assert [float(t[0]) for t in seen] == [0, 101, 101]
    assert v.numpy()[[0, -1]].tolist() == [101, 101] and other.numpy() == 3


def test_a_run_that_fails_changes_no_variable():
    small, large = tf.Variable(0.0), tf.Variable(tf.zeros([LARGE]))

    def checked(x):
        if x < 0:
            raise RuntimeError("negative")
        return x

    @tf.function
    def step(x):
        small.assign_add(1.0)
        large.assign_add(tf.ones_like(large))
        tf.debugging.assert_less(x, 10.0)
        y = tf.py_function(checked, [x], tf.TensorSpec([], tf.float32))
        small.assign_add(1.0)
        large.assign_add(tf.debugging.check_numerics(tf.sqrt(y - 1.0), "root") * tf.ones_like(large))

    for wrong in (-1.0, 0.5, 20.0):
        with pytest.raises(tf.errors.OpError):
            step(tf.constant(wrong))
        assert small.numpy() == 0 and not large.numpy().any()
    step(tf.constant(2.0))
    assert small.numpy() == 2 and (large.numpy() == 2).all()
