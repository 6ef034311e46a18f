"""Calls of public functions on tensors with values, found again by their arguments as they were written."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from graphc.api.eager import EAGER, Eager
from graphc.api.learnt import OPAQUE, Library, Unknown, size_class, token
from graphc.api.op import Op
from graphc.api.operators import Composed, Operators
from graphc.api.places import PLACES
from graphc.api.recorder import RECORDERS
from graphc.api.tensor import EagerTensor, Tensor
from graphc.api.values import NUMBERS

_FOUND = Library()
_CALL = Eager.call  # replaced while results are checked: then every call goes through it
_LEAF = object()


class Quick:
    """The calls of one function that were met.

    Args:
        operands: names of the arguments that are tensors.
        parts: makes the answer of the results, or None.
        fallback: answers with the recorder where no operand decides.
    """

    def __init__(self, op: Op, signature: inspect.Signature, operands: Mapping, parts: Callable | None,
                 fallback: Callable):  # fmt: skip
        names = list(signature.parameters)
        is_free = op.function.__module__ in OPAQUE
        self._free = [is_free and name in operands for name in names]
        self._places = {name: k for k, name in enumerate(names)}
        self._parts, self._fallback = parts, fallback

    def look(self, args: tuple, kwargs: dict):
        """The arguments as a key and as values with the number of their argument; None where there is no key."""
        entered = RECORDERS.entered
        if (entered and entered[-1] is not EAGER) or PLACES.entered or len(args) > len(self._free) or Eager.call is not _CALL:
            return None
        key, values, places = [self], [], []
        for place, x in enumerate(args):
            if type(x) is EagerTensor:
                value = x._value
                key.append(value._kind or value.kind)
                values.append(value)
                places.append(place)
            elif not self._put(x, place, key, values, places):
                return None
        for name, x in kwargs.items():
            place = self._places.get(name)
            if place is None:
                return None
            if name != "name":
                key.append(name)
                if not self._put(x, place, key, values, places):
                    return None
        return (tuple(key), values, places) if places or self._fallback() is EAGER else None

    def _put(self, x, place: int, key: list, values: list, places: list) -> bool:
        """Add one argument; False where it has no key."""
        cls = type(x)
        if cls in NUMBERS and self._free[place]:
            key.append(size_class(x) if cls is int else cls)
            values.append(x)
            places.append(place)
            return True
        if cls is list or cls is tuple:
            key.append((cls, len(x)))
            return all(self._put(part, place, key, values, places) for part in x)
        if isinstance(x, Operators):
            if x.graph is not EAGER or (isinstance(x, Tensor) and cls is not EagerTensor):
                return False
            value = (x if cls is EagerTensor else x.value()).record
            key.append(value._kind or value.kind)
            values.append(value)
            places.append(place)
            return True
        if isinstance(x, Composed):
            return False
        try:
            key.append(token(x))
        except Unknown:
            return False
        return True

    def recorded(self, found):
        """``(the answer,)`` of a call that was met, None of another."""
        key, values, _ = found
        known = _FOUND.get(key)
        if known is None:
            EAGER.last = None
            return None
        learnt, order, structure = known
        answer = EAGER.record(learnt, tuple(values if order is None else [values[k] for k in order]))
        if structure is not None:
            answer = filled(structure, iter(answer if type(answer) is list else [answer]))
        return (answer if self._parts is None else self._parts(*answer),)

    def learn(self, found) -> None:
        """Keep what the call that has just been made recorded."""
        key, values, places = found
        last, EAGER.last = EAGER.last, None
        if last is None:
            return
        learnt, operands, structure = last
        order = sorted(range(len(values)), key=places.__getitem__)
        if len(operands) != len(order) or any(values[k] is not o for k, o in zip(order, operands)):
            return
        if structure is _LEAF:
            structure = None
        _FOUND.put(key, (learnt, None if order == list(range(len(order))) else tuple(order), structure))


def structured(result, leaves: list, is_leaf: Callable):
    """The lists and tuples of an answer with a mark for every leaf, which go to ``leaves``."""
    if is_leaf(result):
        leaves.append(result)
        return _LEAF
    if isinstance(result, (list, tuple)):
        parts = [structured(r, leaves, is_leaf) for r in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result


def filled(structure, outputs):
    """A structure with these in place of the marks."""
    if structure is _LEAF:
        return next(outputs)
    if isinstance(structure, (list, tuple)):
        parts = [filled(s, outputs) for s in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    return structure
