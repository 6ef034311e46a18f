"""Operations that eager evaluation has met: under which key they are found again, and what they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import BuiltinFunctionType, FunctionType

import numpy as np

from graphc.api.call import Call
from graphc.api.shape import TensorShape
from graphc.api.signature import OpenSizes, signature
from graphc.api.values import Entry
from graphc.ir.dtype import DType
from graphc.ir.node import Node

_KEPT = 8192
OPAQUE = frozenset({"graphc.lib.math"})  # modules whose functions never look at the value of a number
_PLAIN = frozenset({str, bytes, DType, type, BuiltinFunctionType, type(Ellipsis), type(None)})
_FUNCTIONS = frozenset({FunctionType, BuiltinFunctionType})
_BOUNDS = sorted([0, *(s * 2**k for k in (7, 15, 31, 63) for s in (1, -1)), *(2**k for k in (8, 16, 32, 64))])


class Learnt:
    """What an operation makes of operands of certain types.

    Attributes:
        entries: one for each result.
        structure: in which the results are handed out, if the operation says so.
        drawn: for an operation that draws random numbers, which of its two Nodes each further operand is.
    """

    __slots__ = ("entries", "structure", "drawn")

    def __init__(self, entries: tuple[Entry, ...], structure=None, drawn: tuple[int, ...] = ()):
        self.entries, self.structure, self.drawn = entries, structure, drawn


class Unknown(Exception):  # noqa: N818  no error: there is no key
    """Something has no key."""


class Library:
    """A bounded dictionary; the oldest go."""

    def __init__(self, kept: int = _KEPT):
        self._kept, self._found = kept, {}
        self.get = self._found.get

    def put(self, key, value) -> None:
        """Keep something under a key."""
        if len(self._found) >= self._kept:
            for old in list(self._found)[: self._kept // 8]:
                self._found.pop(old, None)
        self._found[key] = value

    def __len__(self):
        return len(self._found)


def key_of(build: Callable):
    """What two functions have in common that build equal operations; None if that is not known.

    Returns:
        The key, and whether numbers among the operands leave it as it is.
    """
    key = getattr(build, "key", None)
    if key is not None:
        return key, True
    call = getattr(build, "call", None)
    if call is None:
        is_lasting = type(build) in _FUNCTIONS and "<locals>" not in build.__qualname__
        return (build, build.__module__ in OPAQUE) if is_lasting else (None, False)
    return _key_of_call(call)


def _key_of_call(call: Call):
    function = call.function
    if type(function) not in _FUNCTIONS or "<locals>" in function.__qualname__:
        return None, False
    try:
        places = tuple([(k, tuple(at) if type(at) is list else at) for k, at in call.places.items()])
        static = tuple([(k, token(v)) for k, v in call.static.items()])
    except Unknown:
        return None, False
    return (function, places, static), function.__module__ in OPAQUE


def token(value):
    """A value as something that only a really equal one is equal to.

    Raises:
        Unknown: there is no such thing.
    """
    cls = type(value)
    if cls in _PLAIN:
        return value
    if cls is int:
        return (int, value)
    if cls is FunctionType and "<locals>" not in value.__qualname__:
        return value
    if cls is float or cls is complex or cls is bool:
        return (cls, repr(value))
    if cls is list or cls is tuple:
        return (cls, *[token(v) for v in value])
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return (cls, *[token(v) for v in value])
    if cls is slice:
        return (cls, token(value.start), token(value.stop), token(value.step))
    if cls is TensorShape:
        return (cls, None if value.rank is None else tuple(value.as_list()))
    if isinstance(value, np.dtype):
        return (np.dtype, value.str)
    if isinstance(value, np.generic) or (cls is np.ndarray and value.size <= 64):
        if value.dtype != object:
            return (cls, value.dtype.str, value.shape, value.tobytes())
    raise Unknown


def size_class(value: int) -> int | tuple:
    """Which integer types a number fits into, as a key."""
    if 0 <= value < 128:
        return int
    return (int, sum(value >= b for b in _BOUNDS))


def structural_key(results: Sequence[Node], inputs: Sequence[Node]) -> tuple | None:
    """A key of what Nodes compute from these inputs; None where sizes are known only while running."""
    try:
        found = signature(results)
    except OpenSizes:
        return None
    places = {x: k for k, x in enumerate(inputs)}
    order = tuple([places[x] for x in found.leaves])
    return found.key, order, tuple([x.attrs[0][1] for x in found.splats])


OF_STRUCTURE = Library(2048)
BY_KEY = Library()
