"""The nodes of one operation, as they are put together."""

from __future__ import annotations

import numpy as np

from graphc.api.emit.node_writer import NodeWriter
from graphc.api.node_def.attrs import Shape
from graphc.ir.dtype import DType
from graphc.v1.tensor import Operation, Tensor


def ref(tensor: Tensor) -> str:
    """A tensor as nodes name their inputs."""
    return tensor.op.name if tensor.index == 0 else f"{tensor.op.name}:{tensor.index}"


class Writer(NodeWriter):
    """Makes the nodes that stand for an operation: the last one has its name, others are below it.

    Attributes:
        op: the operation. nodes: what has been made.
    """

    def __init__(self, op: Operation, taken: set):
        super().__init__(op.name, taken)
        self.op = op

    def const(self, name: str | None, value, dtype: DType) -> str:
        """A constant below the operation; or the operation itself."""
        array = np.asarray(value, dtype.numpy)
        return self.node("Const", (), name, dtype=dtype, value=array)

    def given(self, value, name: str, dtype: DType) -> str:
        """An argument as the name of a tensor: that of a tensor, or a constant."""
        return ref(value) if isinstance(value, Tensor) else self.const(name, value, dtype)


def shape_of(tensor: Tensor) -> Shape:
    """The static shape of a tensor as an attribute."""
    sizes = tensor.shape
    return Shape(None if sizes.ndims is None else tuple(sizes.as_list()))
