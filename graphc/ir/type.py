"""Types: an element type and a shape; a dimension is an int or a rank-0 i64 Node."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.dtype import DType
from graphc.ir.text import dim_text


@dataclass(frozen=True)
class Type:
    """Type of one tensor. Dimensions compare by identity when they are Nodes, by value when ints."""

    dtype: DType
    shape: tuple

    def __eq__(self, other) -> bool:
        if self is other:
            return True
        if other.__class__ is not Type:
            return NotImplemented
        return self.dtype is other.dtype and self.shape == other.shape

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_static(self) -> bool:
        """True when every dimension is an int."""
        return all(type(d) is int for d in self.shape)

    @property
    def size(self):
        """Number of elements: an int, or a rank-0 i64 Node where a dimension is symbolic."""
        total = 1
        for d in self.shape:
            total = total * d
        return total

    def with_shape(self, shape) -> "Type":
        return Type(self.dtype, tuple(shape))

    def with_dtype(self, dtype: DType) -> "Type":
        return Type(dtype, self.shape)

    def __str__(self) -> str:
        return f"{self.dtype.short}[{','.join([dim_text(d) for d in self.shape])}]"

    __repr__ = __str__


@dataclass(frozen=True)
class TupleType:
    """Type of an operation with several results; ``item`` nodes pick one."""

    items: tuple[Type, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"

    __repr__ = __str__
