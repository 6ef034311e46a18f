"""Functions from elements to elements on sparse tensors, made of the ones on dense tensors.

A place that a sparse tensor does not have counts as 0. What a function answers is sparse where it is 0 of zeros.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import graphc as tf

from graphc.keras.keras_graphc.sparse.places import at_places, fits, joined, shared
from graphc.keras.keras_graphc.sparse.tensors import SPARSE, is_scalar, to_dense


def keeping_zeros(function: Callable) -> Callable:
    """The function, which is 0 of 0, on the values of a sparse tensor at the same places."""

    @functools.wraps(function)
    def of_values(x, *args, **kwargs):
        if type(x) in SPARSE:
            return x.with_values(function(x.values, *args, **kwargs))
        return function(x, *args, **kwargs)

    return of_values


def densifying(function: Callable) -> Callable:
    """The function, which is not 0 of 0, of the dense tensor that a sparse one stands for."""

    @functools.wraps(function)
    def of_all(x, *args, **kwargs):
        return function(to_dense(x) if type(x) in SPARSE else x, *args, **kwargs)

    return of_all


def _with_sparse(function: Callable, otherwise: Callable) -> Callable:
    """The function of two operands, and what stands for it where one of them is sparse."""

    @functools.wraps(function)
    def of_two(x1, x2):
        if type(x1) in SPARSE or type(x2) in SPARSE:
            return otherwise(function, x1, x2)
        return function(x1, x2)

    return of_two


def union(function: Callable) -> Callable:
    """A function which is 0 of two zeros: of two sparse tensors it has the places of both."""
    return _with_sparse(function, _united)


def intersection(function: Callable) -> Callable:
    """A function which is 0 where one operand is: it has the places that all its sparse operands have."""
    return _with_sparse(function, _met)


def division(function: Callable) -> Callable:
    """A division: sparse with a sparse dividend, at whose places it is and where the divisor is 0 or no number."""
    return _with_sparse(function, _divided)


def quiet_division(function: Callable) -> Callable:
    """A division that is 0 where the divisor is: sparse with a sparse dividend and a dense divisor."""
    return _with_sparse(function, _divided_quietly)


def _agree(x1, x2) -> bool:
    """Whether both are sparse in the same way, and of one shape."""
    return type(x1) is type(x2) and x1.shape.is_compatible_with(x2.shape)


def _united(function: Callable, x1, x2):
    if not _agree(x1, x2):
        return function(to_dense(x1), to_dense(x2))
    if x1.indices is x2.indices:
        return x1.with_values(function(x1.values, x2.values))
    rebuilt, values1, values2 = joined(x1, x2)
    return rebuilt(function(values1, values2))


def _met(function: Callable, x1, x2):
    if type(x1) in SPARSE and type(x2) in SPARSE:
        if not _agree(x1, x2):
            return function(to_dense(x1), to_dense(x2))
        if x1.indices is x2.indices:
            return x1.with_values(function(x1.values, x2.values))
        rebuilt, values1, values2 = shared(x1, x2)
        return rebuilt(function(values1, values2))
    if type(x2) in SPARSE:
        return _met(lambda b, a: function(a, b), x2, x1)
    if is_scalar(x2):
        return x1.with_values(function(x1.values, x2))
    x2 = tf.convert_to_tensor(x2)
    if not fits(x1, x2):
        return function(to_dense(x1), x2)
    return x1.with_values(function(x1.values, at_places(x1, x2)))


def _divided_quietly(function: Callable, x1, x2):
    return function(to_dense(x1), to_dense(x2)) if type(x2) in SPARSE else _met(function, x1, x2)


def _divided(function: Callable, x1, x2):
    if type(x2) in SPARSE:
        return function(to_dense(x1), to_dense(x2))
    if not is_scalar(x2):
        x2 = tf.convert_to_tensor(x2)
        x1 = _with_odd_places(x1, x2) if fits(x1, x2) else x1
    return _met(function, x1, x2)


def _with_odd_places(x, divisor):
    """The dividend with zeros at the places where the divisor is 0 or no number."""
    odd = tf.equal(divisor, 0)
    odd = odd | tf.math.is_nan(divisor) if divisor.dtype.is_floating else odd
    if tf.get_static_value(tf.reduce_any(odd)) == False:  # noqa: E712  not None
        return x
    rows = isinstance(x, tf.IndexedSlices)
    odd = tf.broadcast_to(odd, x.dense_shape)
    places = tf.where(tf.reduce_any(odd, axis=list(range(1, len(odd.shape)))) if rows else odd)
    values = tf.zeros([tf.shape(places)[0], *x.values.shape.as_list()[1:]], x.dtype)
    if rows:
        more = tf.IndexedSlices(values, tf.cast(tf.squeeze(places, 1), x.indices.dtype), x.dense_shape)
    else:
        more = tf.SparseTensor(places, values, x.dense_shape)
    rebuilt, found, _ = joined(x, more)
    return rebuilt(found)
