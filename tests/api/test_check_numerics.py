"""Checks for NaN and infinite values: of a tensor, and of everything that is recorded while they are on."""

import inspect

import numpy as np
import pytest

import graphc as tf
import graphc.v1 as v1
from graphc.errors import DtypeError, InvalidArgumentError, UnavailableError

NAN, INF = float("nan"), float("inf")


def line_of(text):
    """The number of the line of this file with these words in it."""
    lines = [k for k, line in enumerate(inspect.getsource(inspect.getmodule(line_of)).splitlines(), 1) if text in line]
    return f"test_check_numerics.py:{lines[0]}"


@pytest.fixture
def checks():
    tf.debugging.enable_check_numerics()
    yield
    tf.debugging.disable_check_numerics()


def refused(function, *args):
    with pytest.raises(InvalidArgumentError) as caught:
        function(*args)
    return str(caught.value)


def test_a_check_is_made_at_once_and_counts():
    x = tf.constant([[1.0, NAN], [INF, -INF]])
    text = refused(lambda: tf.debugging.check_numerics(x, "bad weights"))  # the check
    assert text.startswith("bad weights: tensor had NaN and Inf values, the first at (0, 1) (1 NaN, 2 Inf of 4)")
    assert line_of("the check") in text
    assert "Inf" in refused(tf.debugging.assert_all_finite, [1.0, INF], "m")
    with pytest.raises(DtypeError, match=r"needs floating values, not i32\[1\]"):
        tf.debugging.check_numerics([1], "m")


def test_gradients_go_through_a_check():
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.debugging.check_numerics(x * x, "y")
    assert tape.gradient(y, x).numpy().tolist() == [2.0, 4.0]


def test_a_check_in_a_function_runs_whether_or_not_its_result_is_used():
    @tf.function
    def unused(x):
        tf.debugging.check_numerics(x, "not used")  # inside
        return tf.constant(1.0)

    @tf.function
    def used(x):
        return tf.reduce_sum(tf.debugging.check_numerics(tf.math.log(x), "used") * 2.0)

    good, bad = tf.constant([1.0, 2.0]), tf.constant([1.0, -1.0])
    assert unused(good).numpy() == 1.0 and abs(used(good).numpy() - 2 * np.log(2)) < 1e-6
    text = refused(unused, tf.constant([1.0, NAN]))
    assert "not used: tensor had NaN values, the first at (1,)" in text and line_of("# inside") in text
    assert "used: tensor had NaN values" in refused(used, bad)


def test_a_check_in_a_compiled_loop_names_its_line():
    def step(i, x):
        return i + 1, tf.debugging.check_numerics(tf.math.log(x), "in the loop")  # of the step

    text = refused(lambda: tf.while_loop(lambda i, x: i < 4, step, (tf.constant(0), tf.constant(1.0)))[1].numpy())
    assert "in the loop: tensor had Inf values" in text and line_of("# of the step") in text


def test_equal_checks_on_two_lines_name_their_own_line():
    @tf.function
    def one(x):
        return tf.debugging.check_numerics(x + 1.0, "same")  # the first

    @tf.function
    def other(x):
        return tf.debugging.check_numerics(x + 1.0, "same")  # the second

    bad = tf.constant([NAN])
    assert line_of("# the first") in refused(one, bad)
    text = refused(other, bad)
    assert line_of("# the second") in text and line_of("# the first") not in text


# ------------------------------------------------------------------------------------------ all operations


def test_every_eager_operation_is_checked(checks):
    x = tf.constant([0.0, -1.0, 2.0])
    assert ((x + 1.0) * 2.0).numpy().tolist() == [2.0, 0.0, 6.0]
    text = refused(lambda: tf.math.log(x))  # of zero
    assert "the output of Log (f32[3]): tensor had NaN and Inf values, the first at (0,) (1 NaN, 1 Inf of 3)" in text
    assert "input 0  [ 0. -1.  2.]" in text and line_of("# of zero") in text
    text = refused(lambda: x / 0.0)
    assert "the output of RealDiv (f32[3], f32[])" in text and "1 NaN, 2 Inf of 3" in text
    assert tf.reshape(tf.constant([INF, NAN]), [2, 1]).shape == (2, 1)  # what only moves values is not looked at


def test_gradients_of_tapes_are_checked(checks):
    x = tf.Variable([0.0, 1.0])
    with tf.GradientTape() as tape:
        y = tf.sqrt(x)
    text = refused(tape.gradient, y, x)
    assert "a gradient of GradientTape.gradient (f32[2]): tensor had Inf values, the first at (0,)" in text
    x.assign([1.0, 4.0])
    with tf.GradientTape() as tape:
        y = tf.sqrt(x)
    assert tape.gradient(y, [x])[0].numpy().tolist() == [0.5, 0.25]


def test_operations_of_functions_are_checked_where_they_stand(checks):
    @tf.function
    def f(x):
        y = tf.sqrt(x)  # the root
        z = y + 1.0
        return z * 2.0

    @tf.function
    def loop(x):
        for _ in tf.range(4):
            x = tf.math.log(x)  # again and again
        return x

    assert f(tf.constant([4.0])).numpy().tolist() == [6.0]
    text = refused(f, tf.constant([1.0, -2.0]))
    assert "the output of Sqrt (f32[" in text and "1 NaN of 2" in text and line_of("# the root") in text
    text = refused(loop, tf.constant(1.0))
    assert "the output of Log (f32[]): tensor had Inf values" in text and line_of("# again and again") in text


def test_operations_of_sessions_are_checked(checks):
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(v1.float32, [None])
        y = v1.log(x) + 1.0  # of a placeholder
        assert session.run(y, {x: [1.0]}).tolist() == [1.0]
        text = refused(session.run, y, {x: [-1.0]})
    assert "the output of Log (f32[" in text and line_of("# of a placeholder") in text


def test_what_is_recorded_before_and_after_is_not_checked():
    @tf.function
    def f(x):
        return tf.sqrt(x)

    bad = tf.constant([-1.0])
    f(bad)
    tf.debugging.enable_check_numerics()
    tf.debugging.enable_check_numerics(stack_height_limit=3)
    assert np.isnan(f(bad).numpy()).all()  # made before
    tf.debugging.disable_check_numerics()
    tf.debugging.disable_check_numerics()
    assert np.isnan(tf.sqrt(bad).numpy()).all()

    @tf.function
    def g(x):
        return tf.sqrt(x)

    assert np.isnan(g(bad).numpy()).all()


def test_results_are_the_same_with_checks(checks):
    def train():
        rng = np.random.default_rng(0)
        w = tf.Variable(rng.standard_normal((4, 2)).astype(np.float32))
        x = rng.standard_normal((8, 4)).astype(np.float32)
        for _ in range(3):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.nn.softmax(x @ w) ** 2)
            w.assign_sub(0.1 * tape.gradient(loss, w))
        return w.numpy()

    found = train()
    tf.debugging.disable_check_numerics()
    assert np.allclose(found, train(), rtol=1e-6)


# ------------------------------------------------------------------------------------------ other settings


def test_dumps_say_what_to_use_instead():
    with pytest.raises(UnavailableError, match="enable_check_numerics"):
        tf.debugging.experimental.enable_dump_debug_info("folder", tensor_debug_mode="FULL_HEALTH")
    tf.debugging.experimental.disable_dump_debug_info()


def test_traceback_filtering_is_remembered():
    assert tf.debugging.is_traceback_filtering_enabled()
    tf.debugging.disable_traceback_filtering()
    assert not tf.debugging.is_traceback_filtering_enabled()
    tf.debugging.enable_traceback_filtering()
    assert tf.debugging.is_traceback_filtering_enabled()
