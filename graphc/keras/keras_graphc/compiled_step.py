"""A step on a batch as a compiled program for any number of rows: made for each kind of batch, found by its arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable

import graphc as tf
import numpy as np
from graphc.api.function.arguments import taken_apart
from graphc.api.function.quick_key import note_quick
from graphc.errors import ShapeError
from graphc.keras.keras_graphc.sparse.rows import SparseRows, as_rows, as_sparse, with_sparse, without_sparse
from keras.src import tree
from keras.src.backend.common import KerasVariable

_KEPT = 512


class CompiledStep:
    """A function of a batch, compiled once for all batches of its structure and dtypes.

    The number of rows is open, and so is the number of elements of sparse tensors: the smaller last batch of an epoch takes
    the same program. Where Python needs the number of rows, or where one row broadcasts against more, each number of rows
    has a program of its own.

    Args:
        step: called with tensors in the places of the batch's arrays.
        name: what messages call it.
    """

    def __init__(self, step: Callable, name: str):
        self._step, self._name = step, name
        self._functions: dict[tuple, tuple] = {}  # the numbers of the leaves that are sparse -> of open and of exact rows
        self._programs: dict[tuple, Callable] = {}  # what tells batches apart, sizes among it -> the program

    def __call__(self, batch):
        key: list = []
        arrays: list = []
        if note_quick((batch,), key, arrays):
            program = self._programs.get(tuple(key))
            if program is not None:
                return program(*arrays)
        places, batch = without_sparse(tree.map_structure(_array, batch))
        key, arrays = [], []
        if not places:
            return self._first(places, batch, key if note_quick((batch,), key, arrays) else None)
        known = note_quick((batch[0],), key, arrays)
        key.append(places)
        for indices, values in batch[1]:  # of which there may be more or fewer
            arrays += indices, values
            key.append(values.dtype)
        program = self._programs.get(tuple(key)) if known else None
        return program(*arrays) if program is not None else self._first(places, batch, key if known else None)

    def _first(self, places: tuple, batch, key: list | None):
        """The answer for a batch of which no program is known yet; the one that serves it is kept."""
        tensors: list = []
        taken_apart(batch, tensors)
        program = self._program_for(places, batch)
        try:
            answer = program(*tensors)
        except ShapeError:  # nothing has been changed
            program = self._exact(places, batch)
            answer = program(*tensors)
        if key is not None:
            if len(self._programs) >= _KEPT:
                self._programs.clear()
            self._programs[tuple(key)] = program
        return answer

    def _program_for(self, places: tuple, batch) -> Callable:
        try:
            return self._made(places)[0].get_concrete_function(tree.map_structure(_spec_of_any_rows, batch))
        except Exception:  # noqa: BLE001  whatever Python did with a size that is None: with a number it may work
            return self._exact(places, batch)

    def _exact(self, places: tuple, batch) -> Callable:
        if places:
            batch, parts = batch
            specs = tree.map_structure(_spec, batch), tree.map_structure(_spec_of_any_rows, parts)
        else:
            specs = tree.map_structure(_spec, batch)
        return self._made(places)[1].get_concrete_function(specs)

    def _made(self, places: tuple) -> tuple:
        """The step as functions to compile, for open and for exact numbers of rows."""
        if places not in self._functions:
            self._functions[places] = tuple([tf.function(_on(places, self._step, self._name), autograph=False) for _ in "ab"])
        return self._functions[places]


def _on(places: tuple, step: Callable, name: str) -> Callable:
    """The step on batches whose sparse leaves are taken apart."""

    def on_sparse(batch):
        return step(with_sparse(places, batch))

    made = functools.partial(on_sparse if places else step)  # many models have a step each, which tf.function would warn of
    made.__name__ = name
    return made


def as_tensors(batch):
    """The batch with tensors in the places of arrays, for a step that is called as it is."""
    return tree.map_structure(lambda x: x if x is None or tf.is_tensor(x) else _tensor(as_sparse(x)), batch)


def _tensor(x):
    return x if tf.is_tensor(x) else tf.convert_to_tensor(_array(x))


def _array(x):
    if x is None or type(x) is np.ndarray:
        return x
    if isinstance(x, KerasVariable):
        x = x.value
    x = as_rows(x)
    if isinstance(x, SparseRows):
        return x
    return x.numpy() if tf.is_tensor(x) else np.asarray(x)


def _spec(x):
    return None if x is None else tf.TensorSpec(x.shape, x.dtype)


def _spec_of_any_rows(x):
    return None if x is None else tf.TensorSpec((None, *x.shape[1:]) if x.ndim else (), x.dtype)
