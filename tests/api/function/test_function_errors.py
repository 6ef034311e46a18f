"""Tensors that leak, functions that fail: messages with names and lines, and nothing changed."""

import linecache

import pytest

import graphc as tf
from graphc.errors import SymbolicError


def line_of(error) -> str:
    """The source of the line that a message ends with."""
    return str(error.value).splitlines()[-1]


@pytest.fixture
def leaked():
    kept = []

    @tf.function
    def leaking(x):
        kept.append(x * 2.0)  # the leak
        return x

    leaking(tf.constant([1.0]))
    return kept[0]


@pytest.mark.parametrize(
    "use",
    [lambda t: t.numpy(), lambda t: t + 1, lambda t: 1 + t, lambda t: tf.constant([1.0]) * t, lambda t: tf.reduce_sum(t),
     lambda t: tf.function(lambda x: x + 1)(t), lambda t: float(t), lambda t: tf.Variable(t), lambda t: tf.concat([t, t], 0),
     lambda t: tf.function(lambda: t + 1)(), lambda t: tf.cond(tf.constant(True), lambda: t + 1, lambda: t)],
)  # fmt: skip
def test_a_leaked_tensor_names_function_and_line(leaked, use):
    with pytest.raises(SymbolicError, match="was made while function 'leaking' was traced") as error:
        use(leaked)
    told = str(error.value).splitlines()[1]
    assert "f32[1]" in told and "test_function_errors.py:" in told
    number = int(told.rpartition(":")[2])
    assert "# the leak" in linecache.getline(__file__, number)


def test_a_tensor_of_a_branch_that_leaked():
    @tf.function
    def f(x):
        kept = []

        def branch():
            kept.append(x * 3.0)
            return x

        tf.cond(x > 0.0, branch, lambda: x)
        return kept[0] + 1.0

    with pytest.raises(SymbolicError, match="was made inside a branch or the body of a loop"):
        f(tf.constant(1.0))


def test_a_function_that_calls_itself():
    @tf.function(autograph=False)
    def f(x):
        return f(x)

    with pytest.raises(ValueError, match="f: calls itself with the same kind of arguments while it is traced"):
        f(tf.constant(1))

    @tf.function(autograph=False)
    def power(x, n):
        return x if n == 0 else x * power(x, n - 1)

    assert power(tf.constant(2.0), 3).numpy() == 16


def test_an_error_of_the_function_comes_through_unchanged():
    w = tf.Variable(1.0)

    class Mine(Exception):
        pass

    @tf.function
    def f(x):
        w.assign_add(x)
        raise Mine("here")

    with pytest.raises(Mine, match="here"):
        f(tf.constant(1.0))
    assert float(w) == 1 and f.experimental_get_tracing_count() == 0
    assert tf.executing_eagerly()


def test_wrong_shapes_name_the_line_in_the_function():
    @tf.function(autograph=False)
    def f(x, y):
        return x @ y

    with pytest.raises(ValueError) as error:
        f(tf.ones([2, 3]), tf.ones([2, 3]))
    assert line_of(error).endswith("return x @ y")


def test_what_fails_while_running_names_the_line_in_the_function():
    @tf.function(autograph=False)
    def f(x):
        tf.debugging.assert_positive(x, message="must be positive")
        return tf.sqrt(x)

    f(tf.constant(4.0))
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be positive") as error:
        f(tf.constant(-4.0))
    assert 'tf.debugging.assert_positive(x, message="must be positive")' in line_of(error)
    assert f(tf.constant(4.0)).numpy() == 2


def test_check_numerics_in_a_function():
    f = tf.function(lambda x: tf.debugging.check_numerics(tf.math.log(x), "logarithm"))
    assert float(f(tf.constant(1.0))) == 0
    with pytest.raises(tf.errors.InvalidArgumentError, match="logarithm"):
        f(tf.constant(-1.0))


def test_sizes_that_data_decides():
    f = tf.function(lambda x: tf.boolean_mask(x, x > 0.0) * 2)
    assert f(tf.constant([1.0, -1.0, 2.0])).numpy().tolist() == [2, 4]
    assert f(tf.constant([-1.0, -1.0, 2.0])).numpy().tolist() == [4]
    assert f(tf.constant([-1.0])).numpy().tolist() == []
    with tf.GradientTape() as tape:
        x = tf.constant([1.0, -1.0, 2.0])
        tape.watch(x)
        y = tf.reduce_sum(f(x))
    assert tape.gradient(y, x).numpy().tolist() == [2, 0, 2]


def test_what_is_no_function():
    with pytest.raises(ValueError, match="tf.function: needs a function, got 3"):
        tf.function(3)
