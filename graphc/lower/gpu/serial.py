"""Any kernel made for a CPU as one for a GPU: an iteration of its parallel loop becomes the work of one thread.

This is right for every nest, and slow for most: neighbouring threads read far from each other. It serves what has no
schedule of its own.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.ir.graph import rebuild
from graphc.ir.kernel import (
    BLOCK, PARALLEL, SERIAL, THREAD, VECTOR, Alloc, Barrier, For, If, Kernel, Let, Prefetch, Set, Store, load,
)  # fmt: skip
from graphc.ir.node import INDEX, Node, binary, const, make, simplified, var
from graphc.lower.reasons import ONE_THREAD_EACH
from graphc.lower.schedule import rewrite_values
from graphc.prims.table import apply

THREADS = 128
_LANES = 32  # of a kernel that nothing shares


def is_for_gpu(kernel: Kernel) -> bool:
    """Whether a kernel has block loops already."""
    return bool(kernel.body) and all(isinstance(s, For) and s.kind == BLOCK for s in kernel.body)


def on_threads(kernel: Kernel) -> Kernel:
    """The kernel with block loops, which computes the same bits."""
    if is_for_gpu(kernel):
        return kernel
    body = tuple([s for s in kernel.body if not isinstance(s, Prefetch)])
    if len(body) == 1 and _is_shared(body[0]):
        return replace(kernel, why=ONE_THREAD_EACH, body=(_spread(body[0]),))
    if body and all(map(_stands_alone, body)) and any(map(_is_shared, body)):
        return replace(kernel, why=ONE_THREAD_EACH, body=(_in_order(body),))
    thread = var("grid_thread", extent=_LANES)
    alone = If(apply("eq", thread, const(0, INDEX)), _plain(body))
    return replace(kernel, why=ONE_THREAD_EACH, body=(For(var("grid_block", extent=1), 1, (For(thread, _LANES, (alone,), THREAD),), BLOCK),))


def _is_shared(s) -> bool:
    return isinstance(s, For) and s.kind in (PARALLEL, VECTOR)


def _stands_alone(s) -> bool:
    """Whether a statement leaves nothing but memory behind."""
    return isinstance(s, For | Store | If)


def _spread(loop: For) -> For:
    """One loop over all threads of a grid."""
    count = simplified((loop.extent + (THREADS - 1)) // THREADS)
    block, thread = var("grid_block", extent=count if type(count) is int else None), var("grid_thread", extent=THREADS)
    return For(block, count, (For(thread, THREADS, _guarded(loop, block * THREADS + thread), THREAD),), BLOCK)


def _guarded(loop: For, index: Node) -> tuple:
    """The body of a loop for one index, if it has that."""
    body = rewrite_values(_plain(loop.body), {loop.var: index})
    return (If(index < loop.extent, body),)


def _in_order(body: tuple) -> For:
    """Statements one after the other, which one block does."""
    thread, out = var("grid_thread", extent=THREADS), []
    for s in body:
        if _is_shared(s):
            count = simplified((s.extent + (THREADS - 1)) // THREADS)
            turn = var("grid_turn", extent=count if type(count) is int else None)
            out.append(For(turn, count, _guarded(s, turn * THREADS + thread)))
        else:
            out.append(If(apply("eq", thread, const(0, INDEX)), _plain((s,))))
        out.append(Barrier())
    return For(var("grid_block", extent=1), 1, (For(thread, THREADS, tuple(out[:-1]), THREAD),), BLOCK)


def _plain(body: tuple) -> tuple:
    """Statements for one thread: loops one iteration after the other, small arrays in its own memory."""
    sizes: dict[str, int] = {}

    def value(x):
        if not isinstance(x, Node):
            return x
        return rebuild((x,), lambda node, inputs: _folded(node, sizes) if node.op == "fold" else None)[0]

    def statement(s):
        match s:
            case For():
                return For(s.var, value(s.extent), inside(s.body), SERIAL)
            case If():
                return If(value(s.condition), inside(s.then), inside(s.orelse))
            case Let() | Set():
                return replace(s, value=value(s.value))
            case Store():
                return Store(s.array, tuple(map(value, s.index)), value(s.value), None if s.guard is None else value(s.guard))
            case Alloc(array) if array.space == "register":
                sizes[array.name] = array.type.size
                return Alloc(replace(array, space="stack"))
            case _:
                return s

    def inside(statements: tuple) -> tuple:
        return tuple([statement(s) for s in statements if not isinstance(s, Prefetch)])

    return inside(body)


def _folded(node: Node, sizes: dict[str, int]) -> Node:
    """A fold over an array as CPUs do it: the second half on the first, and so on."""
    name, combine = node.attr("buffer"), node.attr("combine")
    parts = [load(name, (k,), node.dtype) for k in range(sizes[name])]
    while len(parts) > 1:
        half = len(parts) // 2
        parts = [_combined(combine, a, b) for a, b in zip(parts[:half], parts[half:])]
    return parts[0]


def _combined(op: str, x: Node, y: Node) -> Node:
    return binary(op, x, y) if x.type != INDEX else make(op, (x, y), (), INDEX)
