"""Python callbacks inside a graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.errors import UsageError
from graphc.ir.node import Node
from graphc.ir.type import TupleType, Type
from graphc.prims.cast import cast_array
from graphc.prims.table import Prim, apply, declare

CALLBACKS: dict[str, Callable] = {}


def register_callback(name: str, function: Callable) -> None:
    """Give a callback a name, under which saved graphs can find it again."""
    CALLBACKS[name] = function


def callback_of(callback) -> Callable:
    """The callable that an attribute means.

    Raises:
        UsageError: nothing is registered under the name.
    """
    if not isinstance(callback, str):
        return callback
    try:
        return CALLBACKS[callback]
    except KeyError:
        raise UsageError(f"host: no callback is registered as {callback!r}") from None


def _type(*args, callback, types: tuple):
    return types[0] if len(types) == 1 else TupleType(types)


def _array(*arrays, callback, types):
    results = callback_of(callback)(*arrays)
    results = (results,) if len(types) == 1 else tuple(results)
    if len(results) != len(types):
        raise UsageError(f"host: {callback} returned {len(results)} values instead of {len(types)}")
    done = tuple([np.asarray(r) if t.dtype.kind == "s" else cast_array(r, t.dtype) for r, t in zip(results, types)])
    return done[0] if len(types) == 1 else done


declare(Prim("host", _type, _array, native=False))


def host(*args: Node, callback, types) -> Node:
    """What a Python function answers for the arrays of ``args``; ``types`` are the declared types of its results."""
    types = tuple(types)
    if not types or not all(isinstance(t, Type) for t in types):
        raise UsageError(f"host: the types of the results are {types!r}")
    return apply("host", *args, callback=callback, types=types)
