"""A step on a batch as a compiled program for any number of rows: made for each kind of batch, found by its arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable

import graphc as tf
import numpy as np
from graphc.api.function.arguments import taken_apart
from graphc.api.function.quick_key import note_quick
from graphc.errors import ShapeError
from keras.src import tree
from keras.src.backend.common import KerasVariable

_KEPT = 512


class CompiledStep:
    """A function of a batch, compiled once for all batches of its structure and dtypes.

    The number of rows is open: the smaller last batch of an epoch takes the same program. Where Python needs that
    number, or where one row broadcasts against more, each number of rows has a program of its own.

    Args:
        step: called with tensors in the places of the batch's arrays.
        name: what messages call it.
    """

    def __init__(self, step: Callable, name: str):
        step = functools.partial(step)  # many models have a step each, which tf.function would warn of
        step.__name__ = name
        self._open = tf.function(step, autograph=False)
        self._exact = tf.function(step, autograph=False)
        self._programs: dict[tuple, Callable] = {}  # what tells batches apart, sizes among it -> the program

    def __call__(self, batch):
        key: list = []
        arrays: list = []
        if note_quick((batch,), key, arrays):
            program = self._programs.get(tuple(key))
            if program is not None:
                return program(*arrays)
        return self._first(tree.map_structure(_array, batch))

    def _first(self, batch):
        """The answer for a batch of which no program is known yet; the one that serves it is kept."""
        tensors: list = []
        taken_apart(batch, tensors)
        program = self._program_for(batch)
        try:
            answer = program(*tensors)
        except ShapeError:  # nothing has been changed
            program = self._exact.get_concrete_function(tree.map_structure(_spec, batch))
            answer = program(*tensors)
        key: list = []
        if note_quick((batch,), key, []):
            if len(self._programs) >= _KEPT:
                self._programs.clear()
            self._programs[tuple(key)] = program
        return answer

    def _program_for(self, batch) -> Callable:
        try:
            return self._open.get_concrete_function(tree.map_structure(_spec_of_any_rows, batch))
        except Exception:  # noqa: BLE001  whatever Python did with a size that is None: with a number it may work
            return self._exact.get_concrete_function(tree.map_structure(_spec, batch))


def as_tensors(batch):
    """The batch with tensors in the places of arrays, for a step that is called as it is."""
    return tree.map_structure(lambda x: x if x is None or tf.is_tensor(x) else tf.convert_to_tensor(_array(x)), batch)


def _array(x):
    if x is None or type(x) is np.ndarray:
        return x
    if isinstance(x, KerasVariable):
        x = x.value
    return x.numpy() if tf.is_tensor(x) else np.asarray(x)


def _spec(x):
    return None if x is None else tf.TensorSpec(x.shape, x.dtype)


def _spec_of_any_rows(x):
    return None if x is None else tf.TensorSpec((None, *x.shape[1:]) if x.ndim else (), x.dtype)
