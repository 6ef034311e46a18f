"""Branches, loops with a condition and what gradients do, as Keras names them."""

from __future__ import annotations

import functools

import graphc as tf
from graphc.errors import DtypeError
from graphc.keras.keras_graphc.core.tensors import convert_to_tensor
from keras.src import tree


def cond(pred, true_fn, false_fn):
    known = tf.get_static_value(pred) if tf.is_tensor(pred) else pred
    if known is not None and not isinstance(pred, tf.Variable):
        return true_fn() if known else false_fn()
    return tf.cond(pred, true_fn=true_fn, false_fn=false_fn)


def switch(index, branches, *operands):
    index = tf.clip_by_value(convert_to_tensor(index, "int32"), 0, len(branches) - 1)
    return tf.switch_case(index, [functools.partial(branch, *operands) for branch in branches])


def while_loop(cond, body, loop_vars, maximum_iterations=None):
    several = isinstance(loop_vars, (tuple, list))
    first = tree.map_structure(convert_to_tensor, tuple(loop_vars) if several else (loop_vars,))

    def step(*values):
        answer = body(*values)
        return tuple(answer) if several else (answer,)

    last = tf.while_loop(cond, step, first, maximum_iterations=maximum_iterations)
    return tuple(last) if several else last[0]


def fori_loop(lower, upper, body_fun, init_val):
    """``value = body_fun(i, value)`` for every ``i`` from ``lower`` to before ``upper``.

    ``i`` has the dtype of the bounds; where these are Python's it is int32, in eager evaluation without a dtype of its own
    where ``body_fun`` needs that.
    """
    first = tree.map_structure(convert_to_tensor, init_val)
    bounds = [convert_to_tensor(bound) for bound in (lower, upper)]
    try:
        return tf.while_loop(lambda i, _: i < bounds[1], lambda i, value: (i + 1, body_fun(i, value)), [bounds[0], first])[1]
    except DtypeError:
        if not tf.executing_eagerly() or not (isinstance(lower, int) and isinstance(upper, int)):
            raise
    for i in range(lower, upper):
        first = body_fun(i, first)
    return first


def stop_gradient(variable):
    return tf.stop_gradient(convert_to_tensor(variable))


def custom_gradient(fun):
    return tf.custom_gradient(fun)


def remat(f):
    """``f`` itself: what the gradient keeps and what it computes again is decided by the compiler."""
    return tf.recompute_grad(f)


def random_seed_dtype() -> str:
    return "uint32"
