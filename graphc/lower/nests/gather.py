"""The nest of ``gather``: rows of an array picked by index tuples, 0 where a tuple is out of range."""

from __future__ import annotations

from graphc.ir.dtype import DType
from graphc.ir.kernel import Kernel, Store, load
from graphc.ir.node import Node
from graphc.ir.target import Target
from graphc.lower.nests.loops import all_of, as_index, finish, flat, inside, let, parallel, product, vector


def gather(node: Node, target: Target) -> Kernel:
    """out[b, i, r] = x0[b, x1[b, i, 0], x1[b, i, 1], ..., r]."""
    x, indices = node.inputs
    batch, depth = node.attr("batch"), indices.shape[-1]
    batches = product(x.shape[:batch])
    count = product(indices.shape[batch:-1])
    picked, rest = x.shape[batch : batch + depth], product(x.shape[batch + depth :])
    rows = product((batches, count))

    def element(b: Node, row: Node) -> tuple:
        lets, guard, where = picked_row(b, row, picked, indices.dtype)
        return (*lets, Store("out0", (row, as_index(0)), load("x0", (*where, 0), x.dtype, guard)))

    def whole_row(row: Node) -> tuple:
        lets, guard, where = picked_row(row // count, row, picked, indices.dtype)
        copy = vector("r", rest, lambda r: (Store("out0", (row, r), load("x0", (*where, r), x.dtype, guard)),))
        return (*lets, copy)

    def batch_of_elements(b: Node) -> tuple:
        return (vector("i", count, lambda i: element(b, b * count + i)),)

    if rest != 1:
        nest = parallel("row", rows, rest * 4 + 16, whole_row)
    elif batches == 1 or count == 1:
        nest = flat("row", rows, 8, lambda row: element(row // count, row))
    else:  # no lane has to divide to find its batch
        nest = parallel("b", batches, count * 8, batch_of_elements)
    return finish("gather", node, ((batches, *picked, rest), (rows, depth)), ((rows, rest),), (nest,))


def picked_row(b: Node, row: Node, picked: tuple, dtype: DType) -> tuple[list, Node | None, list]:
    """Lets, guard and leading index of the row of ``x0`` that output row ``row``, of batch ``b``, is."""
    lets, conditions, where = [], [], [b]
    for k, extent in enumerate(picked):
        position, statement = let(f"at{k}", as_index(load("x1", (row, k), dtype)))
        lets.append(statement)
        conditions += inside(position, extent)
        where.append(position)
    return lets, all_of(conditions), where
