"""Loops over the rows of tensors, each one native loop: ``scan``, ``associative_scan``, ``map`` and ``vectorized_map``."""

from __future__ import annotations

from collections.abc import Callable

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
    """Every ``f`` of the first rows along ``axis``, in about ``log2`` of their number passes over all of them.

    Where the number is not known before the run, the rows go one by one through a loop.
    """
    _expect_function(f)
    flat = _tensors(elems)
    axis = axis % flat[0].shape.rank
    count = _number_of_rows("associative_scan", flat, axis)
    if reverse:
        flat = [tf.reverse(x, [axis]) for x in flat]

    def combined(a: list, b: list) -> list:
        return tree.flatten(f(tree.pack_sequence_as(elems, a), tree.pack_sequence_as(elems, b)))

    found = _one_by_one(combined, flat, axis) if count is None else _by_halves(combined, flat, axis, count)
    if reverse:
        found = [tf.reverse(x, [axis]) for x in found]
    return tree.pack_sequence_as(elems, found)


def _by_halves(combined: Callable, flat: list, axis: int, count: int) -> list:
    """Pairs are combined until one is left, then the rows between them, back through the same passes (Blelloch, 1990)."""
    passes = []
    while count > 1:
        passes.append((flat, count))
        flat = combined([_part(x, axis, 0, count - 1, 2) for x in flat], [_part(x, axis, 1, count, 2) for x in flat])
        count //= 2
    for rows, count in reversed(passes):
        odd, even = flat, [_part(x, axis, 0, 1) for x in rows]
        if count > 2:
            before = [_part(x, axis, 0, (count - 1) // 2) for x in odd]
            after = combined(before, [_part(x, axis, 2, count, 2) for x in rows])
            even = [tf.concat(pair, axis) for pair in zip(even, after)]
        flat = [_interleaved(a, b, axis, count) for a, b in zip(even, odd)]
    return flat


def _interleaved(even, odd, axis: int, count: int):
    pairs = tf.stack([_part(even, axis, 0, count // 2), odd], axis + 1)
    sizes = [-1 if size is None else size for size in odd.shape.as_list()]
    if sizes.count(-1) > 1:
        measured = tf.shape(odd)
        sizes = [measured[k] if size == -1 else size for k, size in enumerate(sizes)]
    sizes[axis] = count // 2 * 2
    both = tf.reshape(pairs, sizes)
    return tf.concat([both, _part(even, axis, count // 2, count // 2 + 1)], axis) if count % 2 else both


def _one_by_one(combined: Callable, flat: list, axis: int) -> list:
    turned = [_moved(x, axis, 0) for x in flat]

    def step(carries, parts):
        new = combined(carries, [tf.expand_dims(part, axis) for part in parts])
        return new, [tf.squeeze(x, axis) for x in new]

    first = [_part(x, axis, 0, 1) for x in flat]
    _, kept = EAGER_LOOPS.steps(step, first, [x[1:] for x in turned])
    return [_moved(tf.concat([x[:1], rest], 0), 0, axis) for x, rest in zip(turned, kept)]


def _moved(x, start: int, end: int):
    order = [k for k in range(x.shape.rank) if k != start]
    order.insert(end, start)
    return tf.transpose(x, order) if start != end else x


def _part(x, axis: int, start: int, stop: int, step: int = 1):
    return x[(slice(None),) * axis + (slice(start, stop, step),)]


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
