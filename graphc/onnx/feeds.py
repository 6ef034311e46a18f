"""What a call gives for one input of a model: arrays of the carriers, and of what kind they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.errors import DtypeError, FeedError, ShapeError
from graphc.onnx.signature import Declared
from graphc.onnx.values import Element, carried, element_of


@dataclass(frozen=True)
class Feed:
    """One input of a call.

    Attributes:
        kind: ``tensor``, ``sequence``, ``nothing`` (an optional without a value, or an input left out).
        arrays: of the carriers: one for a tensor, one for each item of a sequence.
        element: of the arrays; None where there is none.
        wrapped: whether it is the value of an optional input.
    """

    kind: str
    arrays: tuple[np.ndarray, ...]
    element: Element | None
    wrapped: bool

    def key(self, by_value: bool, by_shape: bool = False) -> tuple:
        """What a trace depends on: of tensors the number of axes, ``by_shape`` the sizes, or, ``by_value``, all of it."""
        whole = by_value or by_shape or self.kind == "sequence"
        shapes = tuple(a.shape for a in self.arrays) if whole else tuple(a.ndim for a in self.arrays)
        values = tuple(_content(a) for a in self.arrays) if by_value else ()
        return self.kind, self.element.number if self.element else 0, shapes, values


def _content(array: np.ndarray):
    return tuple(array.reshape(-1).tolist()) if array.dtype == object else array.tobytes()


def absent(item: Declared) -> Feed:
    """No value."""
    return Feed("nothing", (), item.element, item.kind == "optional")


def feed_of(item: Declared, value) -> Feed:
    """What a user gives for an input.

    Raises:
        DtypeError, ShapeError, FeedError: it does not fit what the model declares.
    """
    wrapped = item.kind == "optional"
    if value is None:
        if not wrapped:
            raise FeedError(f"input {item} has no value")
        return absent(item)
    kind = item.inner if wrapped else item.kind
    if kind == "sequence":
        if not isinstance(value, (list, tuple)):
            raise DtypeError(f"input {item} must be a list of arrays, not {type(value).__name__}")
        arrays = [_array(item, v) for v in value]
        element = element_of(_plain(arrays[0])) if arrays else item.element
        return Feed("sequence", tuple(carried(a, element) for a in arrays), element, wrapped)
    array = _array(item, value)
    if item.shape is not None and len(item.shape) != array.ndim:
        raise ShapeError(f"input {item} has {len(item.shape)} axes; an array of shape {array.shape} is given")
    element = element_of(_plain(array))
    return Feed("tensor", (carried(array, element),), element, wrapped)


def _plain(array: np.ndarray):
    return "O" if array.dtype == object else array.dtype


def _array(item: Declared, value) -> np.ndarray:
    try:
        array = value if isinstance(value, np.ndarray) else np.asarray(value, None if hasattr(value, "dtype") else _wanted(item))
    except (TypeError, ValueError, OverflowError) as error:
        raise DtypeError(f"input {item} is given what is no such array: {error}") from None
    if array.dtype.kind in "SU":
        array = array.astype(object)
    if array.dtype == object:
        array = _as_bytes(item, array)
    given = _plain(array)
    if item.element is not None and np.dtype(given) != item.element.numpy:
        raise DtypeError(f"input {item} is given an array of {array.dtype}")
    try:
        element_of(given)
    except KeyError:
        raise DtypeError(f"input {item}: ONNX has no element type for {array.dtype}") from None
    return array


def _wanted(item: Declared):
    return None if item.element is None or item.element.name == "string" else item.element.numpy


def _as_bytes(item: Declared, array: np.ndarray) -> np.ndarray:
    found = np.empty(array.shape, object)
    for k, v in np.ndenumerate(array):
        if not isinstance(v, (str, bytes)):
            raise DtypeError(f"input {item}: element {k} is {v!r}, not a string")
        found[k] = v.encode() if isinstance(v, str) else v
    return found
