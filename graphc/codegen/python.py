"""Kernels run by Python, one element at a time: slow and obviously right, the oracle of the emitters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from graphc.errors import CompileError
from graphc.ir.kernel import Alloc, Array, Barrier, For, If, Kernel, Let, Prefetch, Set, Store, Turn
from graphc.ir.node import Node


def run_kernel(kernel: Kernel, arrays: Mapping[str, np.ndarray], dims: Mapping[str, int],
               functions: Mapping[str, Callable]) -> None:
    """Run a kernel on NumPy arrays, writing into them.

    Args:
        arrays: name -> C-contiguous array of at least as many elements as the kernel addresses.
        dims: name of a symbol -> its value.
        functions: opcode -> ``(*scalars, **attrs) -> scalar`` for every scalar primitive that the kernel uses.

    Raises:
        CompileError: the kernel uses something that is not known.
        IndexError: it reads or writes outside an array.
    """
    machine = _Machine(dims, functions)
    for array in kernel.arrays:
        machine.memory[array.name] = _Memory(array, arrays[array.name].reshape(-1), machine)
    with np.errstate(all="ignore"):
        machine.run(kernel.body)


class _Memory:
    """A flat array with the strides of its declaration."""

    def __init__(self, array: Array, data: np.ndarray, machine: "_Machine"):
        self.data = data
        shape = [machine.number(d) for d in array.type.shape]
        strides = array.strides
        if strides is None:
            strides = [int(np.prod(shape[k + 1 :], dtype=np.int64)) for k in range(len(shape))]
        self.strides = [machine.number(s) for s in strides]

    def place(self, index) -> int:
        place = sum(i * s for i, s in zip(index, self.strides, strict=True))
        if not 0 <= place < self.data.size:
            raise IndexError(f"element {place} of an array of {self.data.size}")
        return place


class _Machine:
    """The memory, variables and functions of one run."""

    def __init__(self, dims: Mapping[str, int], functions: Mapping[str, Callable]):
        self.dims = dims
        self.functions = functions
        self.memory: dict[str, _Memory] = {}
        self.variables: dict[Node, object] = {}

    def number(self, x) -> int:
        """An extent, stride or index as a Python int."""
        return int(self.value(x)) if isinstance(x, Node) else int(x)

    def run(self, body: tuple) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, statement) -> None:
        match statement:
            case For(var, extent, body):
                for k in range(self.number(extent)):
                    self.variables[var] = np.int64(k)
                    self.run(body)
            case Let(var, value) | Set(var, value):
                self.variables[var] = self.value(value)
            case Store(array, index, value, guard):
                if guard is None or self.value(guard):
                    memory = self.memory[array]
                    memory.data[memory.place([self.number(i) for i in index])] = self.value(value)
            case If(condition, then, orelse):
                self.run(then if self.value(condition) else orelse)
            case Alloc(array):
                data = np.zeros([self.number(d) for d in array.type.shape], array.type.dtype.numpy)
                self.memory[array.name] = _Memory(array, data.reshape(-1), self)
            case Turn(array):
                memory = self.memory[array]
                size = memory.strides[0]
                memory.data[:] = memory.data.reshape(size, size).T.reshape(-1).copy()
            case Barrier() | Prefetch():
                pass
            case _:
                raise CompileError(f"{type(statement).__name__} is no statement")

    def value(self, node: Node):
        """The value of an expression as a NumPy scalar."""
        match node.op:
            case "const":
                return node.attr("value").array[()]
            case "symbol":
                return np.int64(self.dims[node.attr("name")])
            case "var":
                return self.variables[node]
            case "load":
                return self._load(node, node.inputs)
            case "load_if":
                return self._load(node, node.inputs[1:]) if self.value(node.inputs[0]) else node.dtype.numpy.type(0)
            case "fold":
                return self._fold(node)
        if node.op not in self.functions:
            raise CompileError(f"there is no function for {node.op}")
        result = self.functions[node.op](*[self.value(x) for x in node.inputs], **dict(node.attrs))
        return np.asarray(result).astype(node.dtype.numpy)[()]

    def _load(self, node: Node, index: tuple):
        memory = self.memory[node.attr("buffer")]
        return memory.data[memory.place([self.number(i) for i in index])]

    def _fold(self, node: Node):
        values = list(self.memory[node.attr("buffer")].data)
        combine = self.functions[node.attr("combine")]
        while len(values) > 1:
            half = len(values) // 2
            values = [combine(values[k], values[k + half]) for k in range(half)]
        return values[0]
