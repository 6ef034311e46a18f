"""The nest of ``scatter``: a copy of an array into which rows of updates are combined in their order."""

from __future__ import annotations

from graphc.ir.kernel import If, Kernel, Store, load
from graphc.ir.node import Node
from graphc.ir.target import Target
from graphc.lower.nests.loops import (
    all_of, as_index, ceil_divide, finish, flat, inside, least, let, loop, parallel, product, vector,
)  # fmt: skip
from graphc.prims.table import apply

BLOCK = 512  # neighbouring elements of a row that one task updates


def scatter(node: Node, target: Target) -> Kernel:
    """out = x0; out[b, x1[b, i, 0], ..., r] is combined with x2[b, i, r], for i in order.

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

    size = x.type.size
    copy = flat("e", size, 2, lambda i: (Store("out0", (i,), load("x0", (i,), x.dtype)),))
    nest = parallel("task", product((batches, pieces)), count * least(rest, BLOCK) * 4, task)
    views = ((size,), (batches, count, depth), (batches, count, rest))
    return finish("scatter", node, views, ((size,),), (copy, nest))
