"""Loops over the rows of tensors, each one native loop: ``scan``, ``associative_scan``, ``map`` and ``vectorized_map``."""

from __future__ import annotations

import graphc as tf
from graphc.api.loops import EAGER_LOOPS
from graphc.keras.keras_graphc.core.tensors import convert_to_tensor
from keras.src import tree


def scan(f, init, xs=None, length=None, reverse=False, unroll=1):
    """All steps of ``carry, y = f(carry, x)``; ``unroll`` is checked and left to the compiler."""
    _expect_function(f)
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(f"`unroll` must be an positive integer or boolean. Received: unroll={unroll}")
    if xs is None and length is None:
        raise ValueError("Got no `xs` to scan over and `length` not provided.")
    first, rows = _tensors(init), [] if xs is None else _tensors(xs)
    count = _number_of_rows("scan", rows, 0) if rows else int(length)
    if rows and length is not None and count is not None and int(length) != count:
        raise ValueError(f"`length` must be the number of rows of `xs`. Received: length={length}, rows={count}")
    answered = []

    def step(carries, parts):
        carry, y = f(tree.pack_sequence_as(init, carries), None if xs is None else tree.pack_sequence_as(xs, parts))
        tree.assert_same_structure(init, carry)
        answered.append(y)
        return tree.flatten(carry), [part for part in tree.flatten(y) if part is not None]

    last, kept = EAGER_LOOPS.steps(step, first, rows, count, reverse)
    kept = iter(kept)
    ys = tree.map_structure(lambda y: None if y is None else next(kept), answered[-1], none_is_leaf=True)
    return tree.pack_sequence_as(init, last), ys


def map(f, xs):
    return tf.map_fn(f, tree.map_structure(convert_to_tensor, xs))


def vectorized_map(function, elements):
    return tf.vectorized_map(function, tree.map_structure(convert_to_tensor, elements))


def associative_scan(f, elems, reverse=False, axis=0):
    """Every ``f`` of the first rows along ``axis``: one loop over the rows.

    The passes over halves that a device with many cores would make do twice the work, in programs that grow with the
    number of rows.
    """
    _expect_function(f)
    flat = _tensors(elems)
    axis = axis % flat[0].shape.rank
    _number_of_rows("associative_scan", flat, axis)
    turned = [_moved(x, axis, 0) for x in flat]

    def step(carries, parts):
        rows = [tf.expand_dims(part, axis) for part in parts]
        new = tree.flatten(f(tree.pack_sequence_as(elems, carries), tree.pack_sequence_as(elems, rows)))
        return new, [tf.squeeze(x, axis) for x in new]

    ends = [x[-1:] if reverse else x[:1] for x in turned]
    rest = [x[:-1] if reverse else x[1:] for x in turned]
    _, kept = EAGER_LOOPS.steps(step, [_moved(x, 0, axis) for x in ends], rest, reverse=reverse)
    found = [tf.concat([rows, end] if reverse else [end, rows], 0) for end, rows in zip(ends, kept)]
    return tree.pack_sequence_as(elems, [_moved(x, 0, axis) for x in found])


def _moved(x, start: int, end: int):
    order = [k for k in range(x.shape.rank) if k != start]
    order.insert(end, start)
    return tf.transpose(x, order) if start != end else x


def _tensors(values) -> list:
    return [convert_to_tensor(x) for x in tree.flatten(values)]


def _number_of_rows(op: str, rows: list, axis: int) -> int | None:
    """The size along an axis that all have; None where no size is known."""
    sizes = {x.shape[axis] for x in rows} - {None}
    if len(sizes) > 1:
        raise ValueError(
            f"Array inputs to {op} must have the same first dimension. (saw: {[tuple(x.shape) for x in rows]})"
        )
    return next(iter(sizes), None)


def _expect_function(f) -> None:
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
