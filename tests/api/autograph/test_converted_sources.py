"""Where the source of a function comes from: cells, lambdas on several lines, decorators; and where there is none."""

import functools
import linecache

import pytest

import graphc as tf
from graphc.errors import SymbolicError

SIGN = "@tf.function\ndef f(x):\n    if x > 0:\n        return x * {0}\n    return -x * {0}\n"


def cell(source: str, name: str):
    """What a notebook does with a cell."""
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    names = {"tf": tf}
    exec(compile(source, name, "exec"), names)
    return names["f"]


def test_cells_and_cells_run_again():
    assert cell(SIGN.format(1), "<ipython-input-1-0a1b>")(tf.constant(-2.0)).numpy() == 2
    assert cell(SIGN.format(10), "<ipython-input-1-0a1b>")(tf.constant(-2.0)).numpy() == 20


def test_without_source():
    names = {"tf": tf}
    exec(SIGN.format(1), names)
    with pytest.raises(SymbolicError, match="source of f is not available .<string>.: write it in a file or a notebook cell"):
        names["f"](tf.constant(-2.0))
    exec("@tf.function\ndef g(x): return x * 2\n", names)
    assert names["g"](tf.constant(-2.0)).numpy() == -4


def test_lambdas():
    f = tf.function(lambda x:
                    x * 2 if x > 0
                    else -x)  # fmt: skip
    a, b = tf.function(lambda x: x if x > 0 else -x), tf.function(lambda x: x if x > 1 else x * 5)  # fmt: skip
    assert [g(tf.constant(-3.0)).numpy() for g in (f, a, b)] == [3, 3, -15]


def test_decorated_functions():
    def one_more(g):
        @functools.wraps(g)
        def inner(*args, **kwargs):
            return g(*args, **kwargs) + 1

        return inner

    @tf.function
    @one_more
    def f(x):
        if x > 0: return x
        return -x

    def above(x, k):
        if x > k: return x
        return k

    assert f(tf.constant(-3.0)).numpy() == 4
    assert tf.function(functools.partial(above, k=2.0))(tf.constant(1.0)).numpy() == 2


def test_a_lambda_of_several_lines_that_ends_further_left():
    kept = {
        "positive": lambda x: tf.reduce_sum(
            x if x[0] > 0 else -x
        ),
    }  # fmt: skip
    assert tf.function(kept["positive"])(tf.constant([-1.0, -2.0])).numpy() == 3
