"""Boxes: objects of Python classes around an array, which the fast call path takes and makes by an example."""

from __future__ import annotations

import ctypes

import numpy as np

_HEADER = 16  # reference count and type


class Box:
    """An object that refers to an inner object that refers to an array, and nothing else that differs between two.

    Args:
        outer: an example, which every box is made like. inner: what it refers to. array: what that refers to.

    Attributes:
        words: what native code reads; None where the classes are not as it needs them: all they hold in ``__slots__``.
    """

    def __init__(self, outer, inner, array: np.ndarray):
        self._example = outer, inner, array  # the words refer to what these hold
        layers = [_words(outer, inner), _words(inner, array)]
        self._layers = layers
        self.words: np.ndarray | None = None
        if all(layer is not None for layer in layers):
            rows = [(id(kind), len(words), place, words.ctypes.data) for kind, words, place in layers]
            self.words = np.array(rows, np.int64)


def _words(value, content) -> tuple[type, np.ndarray, int] | None:
    """The class of an object, the words behind its header, and which of them refers to ``content``; None if none does."""
    kind = type(value)
    if kind.__itemsize__ or kind.__dictoffset__ or kind.__basicsize__ % 8:
        return None
    raw = ctypes.string_at(id(value) + _HEADER, kind.__basicsize__ - _HEADER)
    words = np.frombuffer(raw, np.int64).copy()
    places = np.flatnonzero(words == id(content))
    return (kind, words, int(places[0])) if len(places) == 1 else None
