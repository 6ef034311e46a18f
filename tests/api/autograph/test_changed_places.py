"""Elements of lists and dictionaries, attributes and global variables that branches and loops of the graph change."""

import types

import pytest

import graphc as tf
from graphc.errors import UsageError

COUNT = None
BOX = types.SimpleNamespace(total=None)


def test_keys_of_a_dictionary():
    @tf.function
    def f(n):
        d = {"h": tf.constant(0.0), "c": tf.constant(1.0), "name": "x"}
        for i in tf.range(n):
            d["h"] = d["h"] + d["c"]
            d["c"] = d["c"] * 2.0
            d["last"] = i
        return d["h"], d["c"], d["last"]

    assert [v.numpy() for v in f(tf.constant(3))] == [7, 8, 2]


def test_keys_in_branches():
    @tf.function
    def f(x):
        d = {"h": x}
        if x > 0:
            d["h"] = d["h"] * 2.0
            d["new"] = x
        else:
            d["new"] = -x
        return d

    assert {k: v.numpy() for k, v in f(tf.constant(3.0)).items()} == {"h": 6, "new": 3}
    assert {k: v.numpy() for k, v in f(tf.constant(-3.0)).items()} == {"h": -3, "new": 3}


def test_elements_of_a_list():
    @tf.function
    def fibonacci(n):
        a = [tf.constant(1), tf.constant(2)]
        while n > 0:
            a[0], a[-1] = a[1], a[0] + a[1]
            n -= 1
        return a

    assert [v.numpy() for v in fibonacci(tf.constant(5))] == [13, 21]


def test_computed_keys():
    @tf.function
    def f(n):
        state = [tf.constant(0.0), tf.constant(1.0), tf.constant(2.0)]
        for _ in tf.range(n):
            for k in range(3):
                state[k] = state[k] * 2.0 + 1.0
        return state

    assert [v.numpy() for v in f(tf.constant(3))] == [7, 15, 23]


def test_methods_that_change_a_dictionary():
    @tf.function
    def f(n):
        a = {"x": tf.constant(1)}
        for i in tf.range(n):
            a.update(x=a["x"] + i)
        return a

    assert f(tf.constant(5))["x"].numpy() == 11


def test_global_variables_and_attributes():
    @tf.function
    def f(n):
        global COUNT
        COUNT, BOX.total = tf.constant(0), tf.constant(100)
        for i in tf.range(n):
            COUNT = COUNT + i
            BOX.total += i
        if n > 2:
            COUNT = COUNT * 10
        found = COUNT, BOX.total
        COUNT = BOX.total = None
        return found

    assert [v.numpy() for v in f(tf.constant(3))] == [30, 103]
    assert [v.numpy() for v in f(tf.constant(2))] == [1, 101]


def test_lists_are_not_appended_to_in_the_graph():
    held = []

    def tensors(n):
        out = []
        for i in tf.range(n): out.append(i)
        return out

    def numbers(n):
        out = []
        for _ in tf.range(n): out.append(1)
        return len(out)

    def branch(n):
        out = [n]
        if n > 0: out.pop()
        return out

    def attribute(n):
        box = types.SimpleNamespace(rows=[])
        while n > 0:
            box.rows.append(n)
            n -= 1
        return box.rows

    def outside(n):
        for i in tf.range(n): held.append(i)
        return n

    own = [(f, "'out' (is appended to|changes its length)") for f in (tensors, numbers, branch)]
    for function, words in [*own, (attribute, "'box.rows' changes its length"), (outside, "'held' is appended to")]:
        with pytest.raises(UsageError, match=f"the Python list {words}.*; use tf.TensorArray") as caught:
            tf.function(function)(tf.constant(3))
        assert "test_changed_places.py:" in str(caught.value)
    assert held == []


def test_a_list_outside_may_note_that_a_loop_is_traced():
    seen = []

    @tf.function
    def f(n):
        total = tf.constant(0)
        for i in tf.range(n):
            seen.append("body")
            total += i
        return total

    assert f(tf.constant(4)).numpy() == 6 and set(seen) == {"body"}
    count = len(seen)
    assert f(tf.constant(5)).numpy() == 10 and len(seen) == count


def test_a_key_of_one_branch_alone():
    @tf.function
    def f(x):
        d = {}
        if x > 0: d["a"] = x
        return d["a"]

    with pytest.raises(UsageError, match=r"'d\['a'\]' must also be initialized in the else branch"):
        f(tf.constant(1.0))


def test_none_before_a_loop():
    @tf.function
    def f(n):
        y = None
        for i in tf.range(n): y = (i, tf.cast(i, tf.float32))
        return y

    assert [v.numpy() for v in f(tf.constant(3))] == [2, 2.0]
    with pytest.raises(tf.errors.InvalidArgumentError, match="loop must iterate at least once to initialize y"):
        f(tf.constant(0))
