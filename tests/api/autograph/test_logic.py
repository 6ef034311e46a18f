"""``and``, ``or`` and comparisons: what decides comes first, and the rest is not carried out then."""

import sys

import graphc as tf


def test_an_index_behind_a_bound():
    @tf.function
    def positive(a):
        i = tf.constant(0)
        while i < 3 and a[i] > 0: i += 1
        return i

    assert positive(tf.constant([1.0, 2.0, 3.0])).numpy() == 3
    assert positive(tf.constant([1.0, -2.0, 3.0])).numpy() == 1


def test_lookups_behind_a_bound():
    @tf.function
    def all_of(a, i):
        if i < 2 and tf.gather(a, i) > 0 and tf.gather(a, i + 1) > 0: return 1
        return 0

    @tf.function
    def any_of(a, i):
        return i > 2 or tf.gather(a, i) > 0

    a = tf.constant([1.0, 2.0, -3.0])
    assert [all_of(a, tf.constant(k)).numpy() for k in (0, 1, 5)] == [1, 0, 0]
    assert [any_of(a, tf.constant(k)).numpy() for k in (0, 2, 5)] == [True, False, True]


def test_effects_of_what_need_not_be_asked(capfd):
    @tf.function
    def f(x):
        def say(v):
            tf.print("asked", v, output_stream=sys.stdout)
            return v > 0

        return x > 1 and say(x), x > 1 or say(x)

    assert [[v.numpy() for v in f(tf.constant(k))] for k in (0, 5)] == [[False, False], [True, True]]
    assert "".join(capfd.readouterr()) == "asked 0\nasked 5\n"


def test_a_variable_that_is_assigned_in_an_operand():
    v = tf.Variable(0)

    @tf.function
    def f(x):
        def count():
            v.assign_add(1)
            return True

        return x > 0 and count()

    assert [f(tf.constant(k)).numpy() for k in (1, -1, 2)] == [True, False, True] and v.numpy() == 2


def test_plain_operands_are_one_operation():
    @tf.function
    def f(x, y):
        return x > 0 and y > 0 and True, x > 0 or y > 0, 0 < x < 5 < y, not (x > 0 and y)

    assert [v.numpy() for v in f(tf.constant(3), tf.constant(0))] == [False, True, False, True]
    graph = f.get_concrete_function(tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.int32)).traced.graph
    assert not [n for n in graph.nodes if n.op == "cond"]
