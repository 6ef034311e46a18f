"""The nodes of one operation, as they are put together."""

from __future__ import annotations

import numpy as np

from graphc.api.node_def.attrs import Shape, attr_of
from graphc.formats import protos
from graphc.ir.dtype import DType
from graphc.v1.tensor import Operation, Tensor


def ref(tensor: Tensor) -> str:
    """A tensor as nodes name their inputs."""
    return tensor.op.name if tensor.index == 0 else f"{tensor.op.name}:{tensor.index}"


class Writer:
    """Makes the nodes that stand for an operation: the last one has its name, others are below it.

    Attributes:
        op: the operation. nodes: what has been made.
    """

    def __init__(self, op: Operation, taken: set):
        self.op, self._taken, self.nodes = op, taken, []

    def node(self, kind: str, inputs, name: str | None = None, **attrs) -> str:
        """Make a node. Answers with its name, for inputs of others.

        Args:
            inputs: names of tensors. name: below the operation's; None for the last one.
        """
        full = self.op.name if name is None else self._free(f"{self.op.name}/{name}")
        made = protos.NodeDef(name=full, op=kind, input=list(inputs))
        for key, value in attrs.items():
            made.attr[key].CopyFrom(attr_of(value))
        self.nodes.append(made)
        return full

    def discard(self) -> None:
        """Forget the nodes that have been made."""
        self._taken.difference_update(n.name for n in self.nodes if n.name != self.op.name)
        self.nodes.clear()

    def _free(self, name: str) -> str:
        candidate, count = name, 0
        while candidate in self._taken:
            count += 1
            candidate = f"{name}_{count}"
        self._taken.add(candidate)
        return candidate

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
