"""Arrays of a kernel as C++ sees them: one-dimensional, behind a name."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.codegen.cuda.types import memory_type, value_type
from graphc.errors import CompileError
from graphc.ir.kernel import Array
from graphc.ir.node import INDEX, Node, const

OWN = ("register", "stack")  # spaces of one thread


@dataclass(frozen=True)
class Storage:
    """An array and the identifier that it has.

    ``loose``: it may begin where no access of 16 bytes does.
    """

    array: Array
    name: str
    loose: bool = False

    @property
    def element(self) -> str:
        """The C++ type of its elements."""
        dtype = self.array.type.dtype
        return value_type(dtype) if self.array.space in OWN else memory_type(dtype)

    @property
    def is_byte(self) -> bool:
        """Whether its elements are b1 in bytes."""
        return self.array.type.dtype.kind == "b" and self.array.space not in OWN

    def offset(self, index: tuple) -> Node:
        """Elements from its first to the one at an index, in normal form."""
        shape, strides = self.array.type.shape, self.array.strides
        if len(index) != len(shape):
            raise CompileError(f"{len(index)} indices for array {self.array.name} of {self.array.type}")
        if strides is None:
            strides, size = [], 1
            for extent in reversed(shape):
                strides.insert(0, size)
                size = size * extent
        total = const(0, INDEX)
        for i, stride in zip(index, strides):
            total = total + i * stride
        return total
