"""Sizes that depend on the branch taken, or that change from step to step."""

import numpy as np
import pytest

import graphc as tf
from graphc.errors import ShapeError, StateError

X = tf.constant([1.0, -2.0, 3.0])
YES, NO = tf.constant(True), tf.constant(False)


def both(f, *args):
    return [f(*args, flag).numpy().tolist() for flag in (YES, NO)]


def test_branches_of_different_sizes():
    @tf.function
    def static(flag):
        if flag: y = tf.zeros([2, 3])
        else: y = tf.ones([3, 3])
        return tf.reduce_sum(y, 1)

    @tf.function
    def masked(x, flag):
        if flag: y = tf.boolean_mask(x, x > 0)
        else: y = x
        return y * 2

    @tf.function
    def both_masked(x, flag):
        return tf.boolean_mask(x, x > 0) if flag else tf.boolean_mask(x, x > 0) * 2

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.bool)])
    def by_cond(x, flag):
        return tf.shape(tf.cond(flag, lambda: tf.boolean_mask(x, x < 0), lambda: tf.zeros([3])))

    assert both(static) == [[0, 0], [3, 3, 3]]
    assert both(masked, X) == [[2, 6], [2, -4, 6]]
    assert both(both_masked, X) == [[1, 3], [2, 6]]
    assert both(by_cond, X) == [[1], [3]]


def test_gradients_through_branches_of_different_sizes():
    @tf.function
    def f(x, flag):
        with tf.GradientTape() as tape:
            tape.watch(x)
            if flag: y = tf.boolean_mask(x, x > 0)
            else: y = x
            z = tf.reduce_sum(y * y)
        return tape.gradient(z, x)

    assert both(f, X) == [[2, 0, 6], [2, -4, 6]]


def test_branches_of_different_sizes_in_a_loop():
    @tf.function
    def f(x, n):
        total = 0.0
        for i in tf.range(n):
            if i % 2 == 0: y = x[:2]
            else: y = tf.boolean_mask(x, x > 0)
            total += tf.reduce_sum(y) + tf.cast(tf.size(y), tf.float32)
        return total

    assert f(tf.constant([1.0, -2.0, 3.0, 4.0]), tf.constant(5)).numpy() == 25


def test_sizes_of_an_outer_loop_in_an_inner_one():
    @tf.function
    def carried(n):
        total = tf.constant(0)
        for i in tf.range(n):
            r = tf.range(i)
            j = tf.constant(0)
            while j < tf.size(r):
                total += r[j]
                j += 1
        return total

    @tf.function
    def gone_over(x, n):
        total = tf.constant(0.0)
        for i in tf.range(n):
            r = tf.boolean_mask(x, x > tf.cast(i, tf.float32))
            for v in r:
                total += v
                for w in r: total += w
        return total

    assert carried(tf.constant(5)).numpy() == 10
    assert gone_over(tf.range(1.0, 6.0), tf.constant(4)).numpy() == 235


def test_a_variable_that_grows():
    @tf.function
    def f(n):
        x = tf.zeros([1])
        for i in tf.range(n):
            tf.autograph.experimental.set_loop_options(shape_invariants=[(x, tf.TensorShape([None]))])
            x = tf.concat([x, [tf.cast(i, tf.float32)]], 0)
        return x

    assert f(tf.constant(4)).numpy().tolist() == [0, 0, 1, 2, 3]
    assert f(tf.constant(0)).numpy().tolist() == [0]


def test_tokens_that_are_generated():
    @tf.function
    def f(start, n):
        out, i = start[:, tf.newaxis], 0
        while i < n:
            tf.autograph.experimental.set_loop_options(shape_invariants=[(out, tf.TensorShape([2, None]))])
            new = out[:, -1] * 2 + tf.reduce_sum(out, axis=1)
            out = tf.concat([out, new[:, tf.newaxis]], 1)
            i += 1
        return out

    assert f(tf.constant([1, 2]), tf.constant(4)).numpy().tolist() == [[1, 3, 10, 34, 116], [2, 6, 20, 68, 232]]


def test_a_variable_that_shrinks():
    @tf.function
    def f(x):
        total = tf.constant(0.0)
        while tf.size(x) > 0:
            tf.autograph.experimental.set_loop_options(shape_invariants=[(x, tf.TensorShape([None]))])
            total += x[0] * tf.cast(tf.size(x), tf.float32)
            x = x[1:]
        return total, x

    total, left = f(tf.constant([1.0, 2.0, 3.0]))
    assert total.numpy() == 10 and left.numpy().shape == (0,)


def test_gradient_of_what_grows():
    @tf.function
    def f(w, n):
        with tf.GradientTape() as tape:
            tape.watch(w)
            x = tf.ones([1])
            for _ in tf.range(n):
                tf.autograph.experimental.set_loop_options(shape_invariants=[(x, tf.TensorShape([None]))])
                x = tf.concat([x, [x[-1] * w]], 0)
            y = tf.reduce_sum(x)
        return y, tape.gradient(y, w)

    assert [v.numpy() for v in f(tf.constant(2.0), tf.constant(3))] == [15, 17]


@pytest.mark.parametrize("wrap", [tf.function, lambda f: f], ids=["function", "eager"])
def test_while_loop_with_shape_invariants(wrap):
    @wrap
    def f():
        i0, m0 = tf.constant(0), tf.ones([2, 2])
        return tf.while_loop(lambda i, m: i < 3, lambda i, m: [i + 1, tf.concat([m, m], axis=0)], [i0, m0],
                             shape_invariants=[i0.get_shape(), tf.TensorShape([None, 2])])  # fmt: skip

    i, m = f()
    assert i.numpy() == 3 and m.numpy().tolist() == np.ones((16, 2)).tolist()


def test_invariants_that_nothing_needs():
    @tf.function
    def f(n):
        x = tf.zeros([3])
        for _ in tf.range(n):
            tf.autograph.experimental.set_loop_options(shape_invariants=[(x, tf.TensorShape([None]))])
            x = x + 1.0
        return x

    assert f(tf.constant(4)).numpy().tolist() == [4, 4, 4]


def test_refused_changes_of_shape():
    def against(n):
        x = tf.zeros([1, 1])
        for _ in tf.range(n):
            tf.autograph.experimental.set_loop_options(shape_invariants=[(x, tf.TensorShape([None, 1]))])
            x = tf.concat([x, x], 1)
        return x

    def two_axes(n):
        x = tf.zeros([1, 1])
        for _ in tf.range(n):
            tf.autograph.experimental.set_loop_options(shape_invariants=[(x, tf.TensorShape([None, None]))])
            x = tf.pad(x, [[0, 1], [0, 1]])
        return x

    def by_values(n):
        x = tf.range(n)
        while tf.reduce_max(x) > 1:
            tf.autograph.experimental.set_loop_options(shape_invariants=[(x, tf.TensorShape([None]))])
            x = tf.boolean_mask(x, x < tf.reduce_max(x))
        return x

    with pytest.raises(ShapeError, match=r"'x' has shape .* after one iteration, which its shape invariant \(None, 1\) does"):
        tf.function(against)(tf.constant(3))
    with pytest.raises(ShapeError, match="changes its size along several axes, .*; one may change"):
        tf.function(two_axes)(tf.constant(3))
    with pytest.raises(StateError, match="what shape a variable of the loop gets, depends on the elements"):
        tf.function(by_values)(tf.constant(3))


def test_a_growing_array_of_strings_written_in_branches():
    @tf.function
    def f(n):
        words = tf.TensorArray(tf.string, size=0, dynamic_size=True)
        for i in tf.range(1, n + 1):
            if i % 15 == 0: words = words.write(i - 1, "FizzBuzz")
            elif i % 3 == 0: words = words.write(i - 1, "Fizz")
            elif i % 5 == 0: words = words.write(i - 1, "Buzz")
            else: words = words.write(i - 1, tf.strings.as_string(i))
        return words.stack()

    assert f(tf.constant(5)).numpy().tolist() == [b"1", b"2", b"Fizz", b"4", b"Buzz"]
