"""How many blocks and threads run a kernel with block loops, and the shared memory that a block has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphc.errors import CompileError
from graphc.ir.kernel import BLOCK, THREAD, Alloc, Array, For, Kernel
from graphc.ir.node import INDEX, Node, binary, const, simplified

BLOCKS = (1 << 31) - 1  # of a grid at the most; loops over blocks stride by the grid, so that fewer do as well
ALIGNMENT = 128  # bytes to which arrays in shared memory are aligned


@dataclass(frozen=True)
class Geometry:
    """What a launch must say of a kernel.

    Attributes:
        grid: blocks that have something to do, an int or a Node over the kernel's dims.
        threads: of a block. shared: bytes of a block.
    """

    grid: object
    threads: int
    shared: int


def geometry(kernel: Kernel) -> Geometry:
    """The geometry of a kernel, from its nests.

    Raises:
        CompileError: its nests want different numbers of threads, or it has none.
    """
    grid, threads, shared = 0, set(), 0
    for nest in kernel.body:
        blocks, inner = block_loops(nest)
        extent = 1
        for loop in blocks:
            extent = simplified(extent * loop.extent)
        grid = extent if grid == 0 else _larger(grid, extent)
        threads.update(s.extent for s in inner if isinstance(s, For) and s.kind == THREAD)
        shared = max(shared, places(inner)[-1])
    if len(threads) != 1:
        raise CompileError(f"the nests of kernel {kernel.name} want {sorted(threads)} threads in a block")
    return Geometry(grid, threads.pop(), shared)


def block_loops(nest) -> tuple[list[For], tuple]:
    """The block loops around a nest, outermost first, and what stands in the innermost."""
    loops, body = [], (nest,)
    while len(body) == 1 and isinstance(body[0], For) and body[0].kind == BLOCK:
        loops.append(body[0])
        body = body[0].body
    return loops, body


def shared_arrays(body: tuple) -> Iterator[Array]:
    """The arrays in shared memory that statements make, in order, wherever they stand."""
    for s in body:
        if isinstance(s, Alloc) and s.array.space == "shared":
            yield s.array
        for inner in (getattr(s, "body", ()), getattr(s, "then", ()), getattr(s, "orelse", ())):
            yield from shared_arrays(inner)


def places(body: tuple) -> list[int]:
    """Where each of the shared arrays of a nest begins, in bytes, and behind the last of them where they end."""
    found, offset = [], 0
    for array in shared_arrays(body):
        found.append(offset)
        offset += -(-array.type.size * array.type.dtype.size // ALIGNMENT) * ALIGNMENT
    return [*found, offset]


def _larger(x, y):
    if type(x) is int and type(y) is int:
        return max(x, y)
    return simplified(binary("max", *[v if isinstance(v, Node) else const(v, INDEX) for v in (x, y)]))
