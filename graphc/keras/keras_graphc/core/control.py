"""Branches, loops and what gradients do, as Keras names them."""

from __future__ import annotations

import graphc as tf
from graphc.keras.keras_graphc.core.tensors import convert_to_tensor


def cond(pred, true_fn, false_fn):
    known = tf.get_static_value(pred) if tf.is_tensor(pred) else pred
    if known is not None and not isinstance(pred, tf.Variable):
        return true_fn() if known else false_fn()
    return tf.cond(pred, true_fn=true_fn, false_fn=false_fn)


def stop_gradient(variable):
    return tf.stop_gradient(convert_to_tensor(variable))


def random_seed_dtype() -> str:
    return "int64"
