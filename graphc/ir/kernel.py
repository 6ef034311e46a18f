"""Kernels: frozen loop trees whose expressions are rank-0 Nodes.

Inside a kernel an expression may use ``symbol`` (a dimension parameter), ``var`` (a loop index or a Let), ``load`` and
``load_if`` (an element of an array; the latter is 0 where its guard is false, and then touches no memory), ``const`` and
every scalar primitive, all of rank 0; on GPUs also ``shuffle_xor`` and ``shuffle`` (a value of another thread of the warp),
which stand in a Let that whole warps reach.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
    index of a vector loop plus a constant), ``stack`` (a small array private to the task), or ``shared`` (memory of a block of
    threads, on GPUs only).
    What is written to a ``streamed`` array is not read again soon: stores may go past the caches.
    Of a parameter with a ``box`` a kernel knows a tensor map alone, by which the copy engine of a GPU brings so many elements of
    each dimension at once; it stands in the ``At`` of a Call, at index 0.
    """

    name: str
    type: Type
    space: str = "global"
    written: bool = False
    strides: tuple | None = None
    streamed: bool = False
    box: tuple[int, ...] | None = None


@dataclass(frozen=True)
class For:
    """Run ``body`` for ``var`` = 0 .. extent-1.

    ``parallel`` loops stand only at the top of a kernel; ``grain`` is the least number of iterations worth waking a
    thread, negative where the loop runs again and again, so that threads are awake and far fewer are worth one.
    A ``vector`` loop holds no other loop but unrolled ones; its iterations are independent.

    On GPUs a ``block`` loop stands at the top of a kernel, or directly in another one: each iteration is the work of one
    block of threads. In the innermost stands one ``thread`` loop, whose extent is the number of threads, beside Allocs of
    shared arrays at the most; what it holds is done by every thread.
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
    """All threads of a block wait here, and what they wrote is seen by all of them (GPUs only)."""


@dataclass(frozen=True)
class At:
    """The address of an element, as an argument of a Call."""

    array: str
    index: tuple

    def __post_init__(self):
        object.__setattr__(self, "index", tuple(i if isinstance(i, Node) else const(i, INDEX) for i in self.index))


@dataclass(frozen=True)
class Call:
    """Call a device function that the emitter's prelude has under this name, for what is no arithmetic of scalars (GPUs only).

    ``args`` are rank-0 Nodes, ints, or an ``At``; what the function does to memory is its own affair.
    """

    function: str
    args: tuple


@dataclass(frozen=True)
class Kernel:
    """A loop tree with its parameters: arrays, and symbols whose values are passed as i64.

    Attributes:
        why: the reason for its schedule, where there are others (``lower.reasons``); no part of its text.
    """

    name: str
    arrays: tuple[Array, ...]
    dims: tuple[Node, ...]
    body: tuple
    why: str = field(default="", compare=False)

    def __str__(self) -> str:
        return kernel_text(self)

    __repr__ = object.__repr__


def load(array: str, index, dtype: DType, guard: Node | None = None) -> Node:
    """An element of an array; with ``guard``, 0 where it is false."""
    index = tuple(i if isinstance(i, Node) else const(i, INDEX) for i in index)
    if guard is None:
        return make("load", index, (("buffer", array),), Type(dtype, ()))
    return make("load_if", (guard, *index), (("buffer", array),), Type(dtype, ()))


def shuffle_xor(value: Node, mask: int) -> Node:
    """A value as the thread of the warp has it whose number differs in the bits of ``mask``; all threads of the warp ask."""
    return make("shuffle_xor", (value,), (("mask", mask),), value.type)


def shuffle(value: Node, lane: Node) -> Node:
    """A value as the thread ``lane`` (i64, 0 to 31) of the warp has it; all threads of the warp ask."""
    return make("shuffle", (value, lane), (), value.type)
