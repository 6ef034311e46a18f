"""``while`` and ``for`` on tensors: loop variables, TensorArrays, growth, effects, and what is refused."""

import numpy as np
import pytest

import graphc as tf
from graphc.errors import DtypeError, InvalidArgumentError, ShapeError, UsageError


def test_python_numbers_become_tensors_of_the_dtype_that_the_loop_needs():
    def added(n, x):
        s = 0
        for _ in tf.range(n): s = s + x
        return s

    assert tf.function(added)(tf.constant(3), tf.constant(1.5)).numpy() == 4.5
    assert tf.function(added)(tf.constant(3), tf.constant(2)).dtype is tf.int32

    def cast(n):
        s = 0
        for _ in tf.range(n): s = tf.cast(s, tf.float32) + 1.5
        return s

    assert tf.function(cast)(tf.constant(3)).numpy() == 4.5


def test_loop_variables_that_change_their_type():
    def dtype(n):
        s = tf.constant(0)
        for _ in tf.range(n): s = tf.cast(s, tf.float32) + 1.5
        return s

    with pytest.raises(DtypeError, match="'s' has dtype int32 before the loop, but dtype float32 after one iteration"):
        tf.function(dtype)(tf.constant(3))

    def shape(x):
        while tf.reduce_sum(x) < 10: x = tf.concat([x, x], 0)
        return x

    with pytest.raises(ShapeError, match=r"'x' has shape \(2,\) before the loop, but shape \(4,\) after one iteration"):
        tf.function(shape)(tf.constant([1.0, 2.0]))

    def none(n):
        best = None
        for i in tf.range(n):
            if best is None: best = i
        return best

    with pytest.raises(UsageError, match="'best' is None before the loop and read in it"):
        tf.function(none)(tf.constant(3))


def test_variables_that_get_their_first_value_in_the_loop():
    def last(n):
        for i in tf.range(n):
            z = i * 10
        return z

    assert tf.function(last)(tf.constant(3)).numpy() == 20
    with pytest.raises(InvalidArgumentError, match="loop must iterate at least once to initialize z"):
        tf.function(last)(tf.constant(0))

    def before(n):
        for i in tf.range(n):
            if i > 0: p = p + i
            else: p = i
        return p

    with pytest.raises(UsageError, match="'p' is read before it has a value; it must be defined before the loop"):
        tf.function(before)(tf.constant(3))

    def while_last(n):
        while n > 0:
            z = n
            n -= 1
        return z

    assert tf.function(while_last)(tf.constant(3)).numpy() == 1
    with pytest.raises(InvalidArgumentError, match="initialize z"):
        tf.function(while_last)(tf.constant(0))


def test_python_lists_cannot_grow():
    def listed(n):
        found = []
        for i in tf.range(n): found.append(i)
        return found

    with pytest.raises(UsageError, match="the Python list 'found' is appended to.*TensorArray"):
        tf.function(listed)(tf.constant(3))
    unrolled = tf.function(lambda x: tf.stack([x * k for k in range(3)]))
    np.testing.assert_array_equal(unrolled(tf.constant(2)), [0, 2, 4])


@pytest.mark.parametrize("grows", [False, True])
def test_tensor_arrays(grows):
    @tf.function
    def squares(n):
        out = tf.TensorArray(tf.int32, size=0 if grows else n, dynamic_size=grows)
        for i in tf.range(n): out = out.write(i, i * i)
        return out.stack()

    np.testing.assert_array_equal(squares(tf.constant(4)), [0, 1, 4, 9])


def test_tensor_arrays_written_in_branches():
    @tf.function
    def evens(n):
        out = tf.TensorArray(tf.int32, size=n)
        for i in tf.range(n):
            if i % 2 == 0: out = out.write(i, i + 1)
        return out.stack()

    np.testing.assert_array_equal(evens(tf.constant(5)), [1, 0, 3, 0, 5])


def test_loops_of_the_graph_from_python_loops():
    @tf.function
    def doubled(x):
        while True:
            x = x * 2
            if x > 100: break
        return x

    assert doubled(tf.constant(3)).numpy() == 192

    @tf.function
    def unrolled(x):
        for i in range(10):
            x = x + i
            if x > 12: break
        return x

    assert [unrolled(tf.constant(v)).numpy() for v in (3, 100, -100)] == [13, 100, -55]


def test_ranges():
    @tf.function
    def numbers(a, b, c):
        count, total = 0, 0
        for i in range(a, b, c):
            count += 1
            total += i
        return count, total

    for bounds in [(0, 10, 3), (10, 0, -3), (5, 5, 1), (5, 0, 1), (-3, 4, 2), (7, -8, -5)]:
        found = numbers(*[tf.constant(b) for b in bounds])
        assert [int(v) for v in found] == [len(range(*bounds)), sum(range(*bounds))], bounds

    @tf.function
    def halves(n):
        total = 0.0
        for v in tf.range(0.0, n, 0.5): total += v
        return total

    assert halves(tf.constant(2.0)).numpy() == 3.0


def test_enumerate_and_zip_of_open_sizes():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([None], tf.float32)])
    def f(x, y):
        s = 0.0
        for i, (a, b) in enumerate(zip(x, y), 1): s += tf.cast(i, tf.float32) * a * b
        return s

    assert f(tf.constant([1.0, 2.0, 3.0]), tf.constant([4.0, 5.0])).numpy() == 4 + 20


def test_no_steps():
    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def f(x):
        s = tf.zeros([2])
        for row in x: s += row
        return s

    np.testing.assert_array_equal(f(np.zeros((0, 2), "f")), [0, 0])


def test_maximum_iterations_and_unknown_options():
    @tf.function
    def f(n):
        s = 0
        for _ in tf.range(n):
            tf.autograph.experimental.set_loop_options(maximum_iterations=2)
            s += 1
        return s

    assert f(tf.constant(10)).numpy() == 2


def test_variables_and_printing_in_loops(capfd):
    v = tf.Variable(0.0)

    @tf.function
    def f(n):
        for i in tf.range(n):
            v.assign_add(2.0)
            tf.print("step", i)
            print("traced", i)  # Python's own: when the function is traced
            if v > 5: break
        return v.read_value()

    assert f(tf.constant(2)).numpy() == 4 and f(tf.constant(100)).numpy() == 6
    out, err = capfd.readouterr()
    assert err == "step 0\nstep 1\nstep 0\n" and out.startswith("traced Tensor(") and out.count("traced") == 1


def test_random_numbers_differ_in_every_step():
    tf.random.set_seed(1)

    @tf.function
    def f(n):
        out = tf.TensorArray(tf.float32, size=n)
        for i in tf.range(n): out = out.write(i, tf.random.uniform([]))
        return out.stack()

    assert len(set(f(tf.constant(20)).numpy().tolist())) == 20


def test_functions_inside_that_change_variables_around_them():
    @tf.function
    def f(n):
        total, seen = n * 0, 0

        def add(a):
            nonlocal total, seen
            if a % 2 == 0: total = total + a
            seen += 1

        for i in tf.range(n): add(i)
        return total, seen

    assert [int(v) for v in f(tf.constant(6))] == [6, 6]


def test_a_loop_is_one_loop_of_the_graph():
    calls = []

    @tf.function
    def f(n):
        s = 0
        for i in tf.range(n):
            calls.append(1)
            s += i
        return s

    assert f(tf.constant(1000)).numpy() == 499500
    assert len(calls) == 1


def test_errors_leave_the_variables_as_they_were():
    @tf.function
    def f(n):
        s = 1
        try:
            for _ in tf.range(n): s = [s]
        except UsageError:
            return s + n
        return n

    assert f(tf.constant(4)).numpy() == 5


def test_while_loop_answers_in_the_structure_of_its_body():
    def body(i, s):
        return i + 1, s + i

    assert type(tf.while_loop(lambda i, s: i < 3, body, [tf.constant(0), tf.constant(0)])) is tuple
    assert type(tf.while_loop(lambda i, s: i < 3, body, [0, 0], maximum_iterations=2)) is list
    assert type(tf.while_loop(lambda i, s: i < 3, lambda i, s: [i + 1, s], (tf.constant(0), 0))) is list


def test_numbered_elements_of_a_dataset():
    @tf.function
    def f(ds):
        total = tf.constant(0.0)
        for i, row in enumerate(ds, 1): total += tf.cast(i, tf.float32) * row["b"]
        return total

    assert f(tf.data.Dataset.from_tensor_slices({"a": [1, 2, 3], "b": [4.0, 5.0, 6.0]})).numpy() == 32


def test_a_loop_that_is_left_takes_no_further_element():
    elements = iter(tf.data.Dataset.range(10))

    @tf.function
    def f(elements):
        total = tf.constant(0, tf.int64)
        for x in elements:
            total += x
            if x >= 3: break
        return total

    assert f(elements).numpy() == 6 and next(elements).numpy() == 4
