"""Where the arrays of a kernel lie, and the offsets of their elements."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.errors import CompileError
from graphc.ir.kernel import Array
from graphc.ir.node import INDEX, Node, const, linear_form


@dataclass(slots=True)
class Storage:
    """Where an array lies: behind ``pointer``, or as values of the function's state where that is None.

    Attributes:
        chunk: neighbours along the last axis that one register value holds.
        offsets: index -> what was found out about it before.
    """

    array: Array
    pointer: str | None
    chunk: int = 1
    offsets: dict = field(default_factory=dict)

    @property
    def strides(self) -> tuple:
        """Elements from one index to the next, per axis; rows of a register array start with a new register."""
        if self.array.strides is not None:
            return self.array.strides
        shape = self.array.type.shape
        strides, size = [], 1
        for axis in reversed(range(len(shape))):
            strides.append(size)
            padded = self.pointer is None and axis == len(shape) - 1
            size = size * (self.values_per_row * self.chunk if padded else shape[axis])
        return tuple(reversed(strides))

    @property
    def values_per_row(self) -> int:
        """Register values along the last axis."""
        shape = self.array.type.shape
        return -(-shape[-1] // self.chunk) if shape else 1


@dataclass(slots=True)
class Offset:
    """The bytes from the start of an array to an element.

    Attributes:
        node: the same in elements.
        terms: pairs (variable, bytes for each step of it); None where it is no sum of multiples of variables.
        constant: bytes beside these.
    """

    node: Node
    terms: tuple | None
    constant: int

    @classmethod
    def of(cls, node: Node, size: int) -> "Offset":
        terms, constant = linear_form(node)
        plain = all(atom.op in ("var", "symbol") for atom in terms)
        return cls(node, tuple([(atom, c * size) for atom, c in terms.items()]) if plain else None, constant * size)


def offset_of(storage: Storage, index: tuple) -> Node:
    """The element offset of an index as one Node in normal form."""
    array = storage.array
    if len(index) != array.type.rank:
        raise CompileError(f"{len(index)} indices for array {array.name} of {array.type}")
    total = const(0, INDEX)
    for i, stride in zip(index, storage.strides):
        total = total + i * stride
    return total
