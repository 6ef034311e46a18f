"""The nests of ``scatter``: a copy of an array, or that array itself, into which rows of updates are combined in order."""

from __future__ import annotations

from dataclasses import replace

from graphc.ir.kernel import If, Kernel, Store, load
from graphc.ir.node import Node
from graphc.ir.target import Target
from graphc.lower.nests.loops import (
    all_of, as_index, ceil_divide, finish, flat, inside, least, let, loop, parallel, product, vector,
)  # fmt: skip
from graphc.lower.schedule import symbols_of
from graphc.prims.table import apply

BLOCK = 512  # neighbouring elements of a row that one task updates


def scatter(node: Node, target: Target) -> Kernel:
    """out = x0, and then as ``scatter_into``."""
    x = node.inputs[0]
    copy = flat("e", x.type.size, 2, lambda i: (Store("out0", (i,), load("x0", (i,), x.dtype)),))
    return _kernel(node, (copy, _updates(node)))


def scatter_into(node: Node, target: Target) -> Kernel:
    """out[b, x1[b, i, 0], ..., r], where x0 lies already, is combined with x2[b, i, r], for i in order."""
    kernel = _kernel(node, (_updates(node),))
    arrays = kernel.arrays[1:]
    return replace(kernel, name="scatter_into", arrays=arrays, dims=symbols_of(kernel.body, arrays))


def _kernel(node: Node, body: tuple) -> Kernel:
    x, indices, _ = node.inputs
    batch = node.attr("batch")
    batches, count = product(x.shape[:batch]), product(indices.shape[batch:-1])
    depth = indices.shape[-1]
    views = ((x.type.size,), (batches, count, depth), (batches, count, product(x.shape[batch + depth :])))
    return finish("scatter", node, views, views[:1], body)


def _updates(node: Node):
    """The nest that combines the updates.

    Updates may meet in one place, so their order is kept: tasks share batches and pieces of rows, never updates.
    """
    x, indices, _ = node.inputs
    kind, batch, depth = node.attr("kind"), node.attr("batch"), indices.shape[-1]
    batches = product(x.shape[:batch])
    count = product(indices.shape[batch:-1])
    picked, rest = x.shape[batch : batch + depth], product(x.shape[batch + depth :])
    pieces = ceil_divide(rest, BLOCK)

    def task(t: Node) -> tuple:
        b, piece = t // pieces, t % pieces

        def update(i: Node) -> tuple:
            lets, conditions, row = [], [], b
            for k, extent in enumerate(picked):
                position, statement = let(f"at{k}", as_index(load("x1", (b, i, k), indices.dtype)))
                lets.append(statement)
                conditions += inside(position, extent)
                row = row * extent + position

            def element(r: Node) -> tuple:
                place = (row * rest + piece * BLOCK + r,)
                new = load("x2", (b, i, piece * BLOCK + r), x.dtype)
                value = new if kind == "set" else apply(kind, load("out0", place, x.dtype), new)
                return (Store("out0", place, value),)

            body = element(as_index(0)) if rest == 1 else (vector("r", least(BLOCK, rest - piece * BLOCK), element),)
            guard = all_of(conditions)
            return (*lets, *body) if guard is None else (*lets, If(guard, body))

        return (loop("i", count, update),)

    return parallel("task", product((batches, pieces)), count * least(rest, BLOCK) * 4, task)
