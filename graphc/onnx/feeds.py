"""What a call gives for the inputs of a model: arrays of the carriers, and of what kind they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphc.errors import DtypeError, FeedError, ShapeError, UsageError
from graphc.onnx.draws import KEY, fresh_key
from graphc.onnx.signature import Declared, Signature
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


def feeds_of(model: str, signature: Signature, given, optional: bool = False) -> dict[str, Feed]:
    """What a user gives for the inputs of a model, in the order of its inputs.

    Args:
        model: its name, for messages.
        given: values of the inputs, as a list in order or as a dict by name.
        optional: whether any of them may be left out.

    Raises:
        UsageError: ``given`` is of another kind. FeedError: an input is missing or unknown. DtypeError, ShapeError: a
        value does not fit.
    """
    if not isinstance(given, Mapping):
        if not isinstance(given, (list, tuple)):
            raise UsageError(f"{model}: give the inputs as a list or as a dict, not {type(given).__name__}")
        if len(given) > len(signature.inputs):
            raise FeedError(f"{model}: {len(given)} inputs given; it takes {len(signature.inputs)}")
        given = dict(zip([i.name for i in signature.inputs], given))
    feeds = {}
    for item in signature.inputs:
        if item.name in given:
            feeds[item.name] = feed_of(item, given[item.name])
        elif optional:
            continue
        elif item.kind == "optional":
            feeds[item.name] = absent(item)
        else:
            raise FeedError(f"{model}: input {item} is missing")
    for item in signature.overridable:
        if item.name in given:
            feeds[item.name] = feed_of(item, given[item.name])
    unknown = [str(name) for name in given if name not in feeds]
    if unknown:
        known = ", ".join(i.name for i in signature.inputs)
        raise FeedError(f"{model} has no input {', '.join(unknown)}; it has {known}")
    return feeds


def arrays_of(feeds: dict[str, Feed], fed: tuple[str, ...]) -> list:
    """The arrays that a program takes, for the names of its inputs; a fresh key for random numbers."""
    return [a for name in fed for a in ((fresh_key(),) if name == KEY else feeds[name].arrays)]


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
        array = value if isinstance(value, np.ndarray) else _as_array(item, value)
    except (TypeError, ValueError, OverflowError, BufferError, RuntimeError) as error:  # RuntimeError is what torch raises
        raise DtypeError(f"input {item} is given what is no such array: {error}") from None
    if array.dtype.kind in "SU":
        array = array.astype(object)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
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


def _as_array(item: Declared, value) -> np.ndarray:
    """What is no array of NumPy: tensors of others keep their type, numbers and lists of them get the declared one."""
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.from_dlpack(value)
    is_typed = hasattr(value, "dtype") or item.element is None or item.element.name == "string"
    return np.asarray(value, None if is_typed else item.element.numpy)


def _as_bytes(item: Declared, array: np.ndarray) -> np.ndarray:
    found = np.empty(array.shape, object)
    for k, v in np.ndenumerate(array):
        if not isinstance(v, (str, bytes)):
            raise DtypeError(f"input {item}: element {k} is {v!r}, not a string")
        found[k] = v.encode() if isinstance(v, str) else v
    return found
