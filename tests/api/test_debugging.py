"""Printing and assertions that run with the program, eagerly and in sessions."""

import collections
import sys

import numpy as np
import pytest

import graphc as tf
import graphc.v1 as v1
from graphc.errors import DtypeError, InvalidArgumentError, UsageError


def test_print_shows_values_as_tensorflow_does(capsys):
    x = tf.constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    tf.print("x is", x, {"a": 1}, [x[0], 2], x[0] * 1e-7, tf.constant(True), tf.constant([[1, 2], [3, 4]]),
             output_stream=sys.stdout)  # fmt: skip
    tf.print("ab", tf.constant("ab"), tf.constant(["ab"]), sep="|", end="!", output_stream=sys.stdout)
    text = capsys.readouterr().out
    assert text == "x is [1 2 3 ... 6 7 8] {'a': 1} [1, 2] 1e-07 1 [[1 2]\n [3 4]]\nab|\"ab\"|[\"ab\"]!"


def test_print_appends_to_a_file(tmp_path):
    file = tmp_path / "log.txt"
    for k in range(2):
        tf.print(tf.constant(k), output_stream=f"file://{file}")
    assert file.read_text() == "0\n1\n"
    with pytest.raises(UsageError, match="cannot write"):
        tf.print(1, output_stream=7)


def test_an_assertion_names_the_line_and_shows_the_values():
    x = tf.constant([1, 2, 3])
    tf.debugging.assert_equal(x, x)
    tf.debugging.assert_positive(x)
    tf.debugging.assert_near(tf.constant(1.0), 1.0 + 1e-7)
    with pytest.raises(InvalidArgumentError, match=r"too big: assert_less: x < y(.|\n)*\[1 2 3\](.|\n)*test_debugging.py"):
        tf.debugging.assert_less(x, 3, message="too big")
    with pytest.raises(UsageError, match="rank"):
        tf.debugging.assert_rank(x, 2)
    with pytest.raises(UsageError, match=r"assert_shapes: i32\[3\]"):
        tf.debugging.assert_shapes([(x, ("N", 2))])


def test_effects_run_once_and_in_order_in_a_session(capsys):
    x = v1.placeholder(v1.float32, [None])
    first = v1.print("first", x, output_stream=sys.stdout)
    with v1.control_dependencies([first]):
        second = v1.print("second", output_stream=sys.stdout)
    with v1.control_dependencies([second]):
        y = v1.identity(x * 2)
    with v1.Session() as session:
        assert session.run(y, {x: [1, 2]}).tolist() == [2, 4]
        assert capsys.readouterr().out == "first [1 2]\nsecond\n"
        assert session.run(x * 3, {x: [1]}).tolist() == [3]
        assert capsys.readouterr().out == ""
        assert session.run(second, {x: [5]}) is None
        assert capsys.readouterr().out == "first [5]\nsecond\n"


def test_a_failed_assertion_stops_the_run_before_state_changes():
    v = v1.Variable(1.0)
    x = v1.placeholder(v1.float32, [])
    guard = v1.debugging.assert_positive(x)
    with v1.control_dependencies([guard]):
        step = v.assign(x)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        session.run(step, {x: 2.0})
        with pytest.raises(InvalidArgumentError, match="assert_positive"):
            session.run(step, {x: -1.0})
        assert session.run(v) == 2.0


def test_check_numerics_says_where():
    x = tf.constant([[1.0, 2.0], [0.0, 1.0]])
    assert np.array_equal(tf.debugging.check_numerics(x, "fine"), x)
    with pytest.raises(InvalidArgumentError, match=r"bad: tensor had NaN values, the first at \(1, 0\)"):
        tf.debugging.check_numerics(x * 0.0 / x, "bad").numpy()


def test_structures_are_printed_as_they_are(capsys):
    one, two, text = tf.constant(1), tf.constant([1.0, 2.0]), tf.constant("ab")
    tf.print({"k": one}, [one, two], (one,), {"b": two, "a": [one, 2.5, "x"]}, [text, None], output_stream=sys.stdout)
    tf.print(collections.OrderedDict(z=one, y=two), collections.defaultdict(list, q=one), output_stream=sys.stdout)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "{'k': 1} [1, [1 2]] (1,) {'a': [1, 2.5, 'x'], 'b': [1 2]} [\"ab\", None]"
    assert second == "OrderedDict([('z', 1), ('y', [1 2])]) defaultdict(<class 'list'>, {'q': 1})"


def test_assertions_of_functions_run_in_order_and_name_their_lines():
    @tf.function
    def f(x):
        tf.debugging.assert_positive(x, message="f wants positive")  # of the function
        tf.debugging.assert_rank(x, 1)
        tf.debugging.assert_equal(tf.shape(x)[0], 2)
        return x + 1.0

    assert f(tf.constant([1.0, 2.0])).numpy().tolist() == [2.0, 3.0]
    words = r"f wants positive: assert_positive: x > 0(.|\n)*\[1 -2\](.|\n)*# of the function"
    with pytest.raises(InvalidArgumentError, match=words):
        f(tf.constant([1.0, -2.0]))
    with pytest.raises(InvalidArgumentError, match=r"assert_equal: x == y(.|\n)*  3\n  2"):
        f(tf.constant([1.0, 2.0, 3.0]))
    with pytest.raises(UsageError, match=r"assert_rank: f32\[1,2\] is not of rank 1"):
        f(tf.constant([[1.0, 2.0]]))


def test_what_a_trace_knows_to_be_wrong_is_refused_at_once():
    calls = []

    @tf.function
    def f(x):
        tf.debugging.assert_less(tf.constant(1), 2)
        tf.debugging.assert_equal(tf.constant([1, 2]), [1, 3], message="sizes")
        calls.append(x)
        return x

    with pytest.raises(InvalidArgumentError, match=r"sizes: assert_equal: x == y(.|\n)*\[1 2\]\n  \[1 3\]"):
        f.get_concrete_function(tf.constant(1.0))
    assert not calls


def test_assertions_on_types():
    with pytest.raises(DtypeError, match=r"assert_near: needs floating values, not i32\[2\] and i32\[2\]; "):
        tf.debugging.assert_near([1, 2], [1, 2])
    assert tf.debugging.assert_same_float_dtype([1.0, tf.constant(2.0)]) is tf.float32
    with pytest.raises(DtypeError, match="int32 of shape .* is not float32"):
        tf.debugging.assert_same_float_dtype([1.0, 2])
