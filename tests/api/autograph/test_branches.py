"""``if`` and its relatives on tensors: what becomes of variables, and what is refused with which words."""

import numpy as np
import pytest

import graphc as tf
from graphc.errors import DtypeError, InvalidArgumentError, ShapeError, UsageError


def test_a_variable_of_one_branch_only():
    def undefined(x):
        if x > 0:
            y = x
        return y

    with pytest.raises(UsageError, match="'y' must also be initialized in the else branch") as caught:
        tf.function(undefined)(tf.constant(1.0))
    assert "if x > 0:" in str(caught.value) and "test_branches.py:" in str(caught.value)

    def unused(x):
        if x > 0:
            y = x * 2
            x = y
        return x

    assert tf.function(unused)(tf.constant(3.0)).numpy() == 6


def test_values_that_do_not_fit_together():
    def dtypes(x):
        if x > 0:
            y = tf.constant(1)
        else:
            y = x
        return y

    with pytest.raises(DtypeError, match=r"'y' must have the same dtype in both branches, it is i32\[\] and f32\[\]"):
        tf.function(dtypes)(tf.constant(1.0))

    def shapes(x):
        if x[0] > 0:
            y = x
        else:
            y = tf.stack([x, x], 0)
        return y

    with pytest.raises(ShapeError, match=r"'y' must have the same rank in both branches, it is f32\[2\] and f32\[2,2\]"):
        tf.function(shapes)(tf.constant([1.0, 2.0]))

    def nothing(x):
        y = None
        if x > 0:
            y = x
        return y

    with pytest.raises(UsageError, match="'y' is a tensor of float32.* in the main branch and None in the else branch"):
        tf.function(nothing)(tf.constant(1.0))

    def structures(x):
        y = (x, x)
        if x > 0:
            y = x
        return y

    with pytest.raises(UsageError, match="'y' must have the same nested structure"):
        tf.function(structures)(tf.constant(1.0))


def test_a_return_on_one_path_only():
    def sometimes(x):
        if x > 0:
            return x

    with pytest.raises(UsageError, match="all branches must also have a return statement"):
        tf.function(sometimes)(tf.constant(1.0))


def test_python_numbers_take_the_dtype_of_the_other_branch():
    def literal(x):
        if x > 0:
            y = 1
        else:
            y = x
        return y

    assert tf.function(literal)(tf.constant(2.0)).dtype is tf.float32


def test_python_values_that_both_branches_share_stay_python():
    def shared(x):
        kind, n = "a", 3
        if x > 0:
            kind, y = "a", x
        else:
            y = -x
        assert isinstance(kind, str)
        return y * (2 if kind == "a" else 3) + n

    assert tf.function(shared)(tf.constant(-2.0)).numpy() == 7


def test_numbers_are_true_if_they_are_not_0():
    truth = tf.function(lambda x: 1 if x else 2)
    assert [truth(tf.constant(v)).numpy() for v in (0.0, 0.5)] == [2, 1]
    assert truth(tf.constant(0)).numpy() == 2
    with pytest.raises(ShapeError, match="the condition must be a scalar"):
        tf.function(lambda x: 1 if x else 2)(tf.constant([1.0, 2.0]))
    with pytest.raises(DtypeError, match="must be bool"):
        tf.function(lambda x: 1 if x else 2)(tf.constant("a"))


def test_python_decides_what_python_knows():
    traces = []

    @tf.function
    def f(x, training=False, scale=None):
        traces.append(training)
        if training and scale is None:
            return x * 2
        elif training:
            return x * scale
        return x

    assert [f(tf.constant(3.0)).numpy(), f(tf.constant(3.0), True).numpy(), f(tf.constant(3.0), True, 5).numpy()] == [3, 6, 15]
    assert traces == [False, True, True]


def test_logic():
    @tf.function
    def f(x, y):
        return (x > 0 and y > 0), (x > 0 or y > 0), not x > 0, (x > 0 and True), (x > 0 and False)

    assert [bool(v) for v in f(tf.constant(1.0), tf.constant(-1.0))] == [False, True, False, True, False]


def test_functions_methods_and_objects_that_are_called():
    class Model:
        def __init__(self):
            self.w = tf.Variable(2.0)
            self.__k = 3.0

        def __call__(self, x):
            if x > 0: return self._grown(x) * self.__k
            return x

        def _grown(self, x):
            while x < 10: x = x * self.w
            return x

    class Larger(Model):
        def __call__(self, x):
            if x > 100: return x
            return super().__call__(x) + 1

    model = Larger()
    f = tf.function(lambda x: model(x))
    assert f(tf.constant(3.0)).numpy() == 37 and f(tf.constant(-3.0)).numpy() == -2 and f(tf.constant(101.0)).numpy() == 101
    method = tf.function(model._grown)
    assert method(tf.constant(1.0)).numpy() == 16


def test_functions_given_to_the_library_are_converted():
    def sign(v):
        if v > 0: return v * 2
        return v * 0

    f = tf.function(lambda x: tf.map_fn(sign, x))
    np.testing.assert_array_equal(f(tf.constant([1.0, -1.0, 3.0])), [2, 0, 6])


def test_assert():
    @tf.function
    def f(x):
        assert x > 0, "must be positive"
        return x

    assert f(tf.constant(1.0)).numpy() == 1
    with pytest.raises(InvalidArgumentError, match="must be positive"):
        f(tf.constant(-1.0))


def test_variables_assigned_in_branches():
    v = tf.Variable(0.0)

    @tf.function
    def f(x):
        if x > 0:
            v.assign_add(x)
        else:
            v.assign(-1.0)
        return v + 0.0

    assert [f(tf.constant(a)).numpy() for a in (3.0, 4.0, -1.0)] == [3, 7, -1]
    assert v.numpy() == -1


def test_a_condition_on_a_variable():
    v = tf.Variable(1.0)
    f = tf.function(lambda x: x if v > 0 else -x)
    assert f(tf.constant(2.0)).numpy() == 2
    v.assign(-1.0)
    assert f(tf.constant(2.0)).numpy() == -2


def test_printing_happens_in_the_branch_that_is_taken(capfd):
    @tf.function
    def f(x):
        print("tracing", x)  # Python's own
        if x > 0: tf.print("positive", x)
        else: tf.print("negative", x)
        return x

    f(tf.constant(1))
    f(tf.constant(-2))
    out, err = capfd.readouterr()
    assert (out, err) == ('tracing Tensor("x:0", shape=(), dtype=int32)\n', "positive 1\nnegative -2\n")


def test_built_in_functions():
    @tf.function
    def f(x, y):
        return max(x, y), min(x, y, 0.0), abs(x), int(y), float(int(y)), len(tf.stack([x, y]))

    found = f(tf.constant(-1.5), tf.constant(2.7))
    np.testing.assert_allclose([np.asarray(v).item() for v in found], [2.7, -1.5, 1.5, 2, 2.0, 2], rtol=1e-6)


def test_attributes_assigned_in_branches_and_loops():
    class Counter:
        def __init__(self):
            self.count = None

        def run(self, x, n):
            self.count = 0
            if x > 0:
                self.count = x
            for _ in tf.range(n):
                self.count += 2
            return self.count

    counter = Counter()
    f = tf.function(lambda x, n: counter.run(x, n))
    assert f(tf.constant(5), tf.constant(3)).numpy() == 11 and f(tf.constant(-5), tf.constant(1)).numpy() == 2
