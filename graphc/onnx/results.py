"""How the arrays that a program answers with become the values of a model's outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.errors import FormatError
from graphc.ir.node import Node
from graphc.onnx.call import element_of_value
from graphc.onnx.values import ELEMENTS, Element, Maps, Narrow, Optional, Sequence, node_of, uncarried


@dataclass(frozen=True)
class Results:
    """The shape of one output: a tensor, a list of such, or nothing.

    Attributes:
        kind: ``tensor``, ``sequence``, ``maps`` (a list of dictionaries) or ``nothing``.
        element: of a tensor. items: of a sequence. keys: of dictionaries.
    """

    kind: str
    element: Element | None = None
    items: tuple[Results, ...] = ()
    keys: tuple = ()

    def as_json(self) -> list:
        """The same as JSON; ``from_json`` reads it."""
        number = self.element.number if self.element else None
        return [self.kind, number, [item.as_json() for item in self.items], list(self.keys)]

    @classmethod
    def from_json(cls, data: list) -> Results:
        """What ``as_json`` gave."""
        kind, number, items, keys = data
        return cls(kind, ELEMENTS.get(number), tuple(cls.from_json(item) for item in items), tuple(keys))

    @property
    def is_plain(self) -> bool:
        """Whether the array is the value as it is."""
        return self.kind == "tensor" and not self.element.is_narrow and self.element.name != "string"

    def value(self, arrays):
        """The value, taken from an iterator over arrays."""
        if self.kind == "nothing":
            return None
        if self.kind == "sequence":
            return [item.value(arrays) for item in self.items]
        array = next(arrays)
        if self.kind == "maps":
            return [dict(zip(self.keys, row)) for row in array]
        return _texts(array) if self.element.name == "string" else uncarried(array, self.element)


def _texts(array: np.ndarray) -> np.ndarray:
    """An array of bytes as one of Python strings; what is not UTF-8 stays bytes."""
    found = np.empty(array.shape, object)
    for k, v in np.ndenumerate(array):
        try:
            found[k] = v.decode() if isinstance(v, bytes) else v
        except UnicodeDecodeError:
            found[k] = v
    return found


def flattened(value) -> tuple[Results, list[Node]]:
    """The shape of a traced value, and its Nodes.

    Raises:
        FormatError: the value is none that can leave a model.
    """
    if value is None or (isinstance(value, Optional) and value.value is None):
        return Results("nothing"), []
    if isinstance(value, Optional):
        return flattened(value.value)
    if isinstance(value, Sequence):
        parts = [flattened(v) for v in value.items]
        return Results("sequence", value.element, tuple(p for p, _ in parts)), [n for _, nodes in parts for n in nodes]
    if isinstance(value, Maps):
        return Results("maps", element_of_value(value.node), (), value.keys), [value.node]
    if not isinstance(value, (Node, Narrow)):
        raise FormatError("an output has no value")
    return Results("tensor", element_of_value(value)), [node_of(value)]
