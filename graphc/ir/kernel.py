"""Kernels: frozen loop trees whose expressions are rank-0 Nodes.

Inside a kernel an expression may use ``symbol`` (a dimension parameter), ``var`` (a loop index or a Let), ``load`` and
``load_if`` (an element of an array; the latter is 0 where its guard is false, and then touches no memory), ``const`` and
every scalar primitive, all of rank 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.dtype import DType
from graphc.ir.node import INDEX, Node, const, make
from graphc.ir.print_kernel import kernel_text
from graphc.ir.type import Type

SERIAL, PARALLEL, VECTOR, UNROLLED, BLOCK, THREAD = "serial", "parallel", "vector", "unrolled", "block", "thread"
KINDS = (SERIAL, PARALLEL, VECTOR, UNROLLED, BLOCK, THREAD)


@dataclass(frozen=True)
class Array:
    """Memory a kernel may address, row-major unless ``strides`` (in elements) says otherwise.

    ``space`` is ``global`` (a parameter), ``register`` (values, no memory: every index is constant after unrolling, or the
    index of a vector loop plus a constant), or ``stack`` (a small array private to the task).
    What is written to a ``streamed`` array is not read again soon: stores may go past the caches.
    """

    name: str
    type: Type
    space: str = "global"
    written: bool = False
    strides: tuple | None = None
    streamed: bool = False


@dataclass(frozen=True)
class For:
    """Run ``body`` for ``var`` = 0 .. extent-1.

    ``parallel`` loops stand only at the top of a kernel; ``grain`` is the least number of iterations worth waking a
    thread, negative where the loop runs again and again, so that threads are awake and far fewer are worth one.
    A ``vector`` loop holds no other loop but unrolled ones; its iterations are independent.
    """

    var: Node
    extent: object
    body: tuple
    kind: str = SERIAL
    grain: object = 1


@dataclass(frozen=True)
class Let:
    """Name a value; ``Set`` may change it later."""

    var: Node
    value: Node


@dataclass(frozen=True)
class Set:
    """Give a Let's variable a new value."""

    var: Node
    value: Node


@dataclass(frozen=True)
class Store:
    """Write one element; with ``guard`` (a rank-0 b1 Node, which may differ between lanes) only where it is true."""

    array: str
    index: tuple
    value: Node
    guard: Node | None = None

    def __post_init__(self):
        object.__setattr__(self, "index", tuple(i if isinstance(i, Node) else const(i, INDEX) for i in self.index))


@dataclass(frozen=True)
class Prefetch:
    """Ask for an element to be brought near; it may lie outside the array, and nothing depends on it."""

    array: str
    index: tuple


@dataclass(frozen=True)
class If:
    """Choose by a rank-0 b1 Node, the same for every lane."""

    condition: Node
    then: tuple
    orelse: tuple = ()


@dataclass(frozen=True)
class Alloc:
    """Make a register or stack array, live to the end of the enclosing body; its content is undefined."""

    array: Array


@dataclass(frozen=True)
class Turn:
    """Exchange rows and columns of a square register array of a power of two of rows: element [i, j] becomes [j, i]."""

    array: str


@dataclass(frozen=True)
class Barrier:
    """All threads of a block wait here (GPUs only)."""


@dataclass(frozen=True)
class Kernel:
    """A loop tree with its parameters: arrays, and symbols whose values are passed as i64."""

    name: str
    arrays: tuple[Array, ...]
    dims: tuple[Node, ...]
    body: tuple

    def __str__(self) -> str:
        return kernel_text(self)

    __repr__ = object.__repr__


def load(array: str, index, dtype: DType, guard: Node | None = None) -> Node:
    """An element of an array; with ``guard``, 0 where it is false."""
    index = tuple(i if isinstance(i, Node) else const(i, INDEX) for i in index)
    if guard is None:
        return make("load", index, (("buffer", array),), Type(dtype, ()))
    return make("load_if", (guard, *index), (("buffer", array),), Type(dtype, ()))
