"""What is computed again by each kernel that reads it: cheap values that memory would have to hold.

Between the forward and the backward half of a training step lie values such as ``x - mean`` that one pass over memory
writes and others read. Where such a value costs a few operations on one other value that lies in memory anyway, reading
that one instead saves the store and moves no more bytes. What a kernel of rows computes of each row (its mean) is small:
that may come to lie in memory for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphc.ir.node import Node
from graphc.lower import reasons

COST = 4  # operations of one element that are cheaper than storing and loading it
LARGE = 1 << 12  # elements below which memory is a cache that nobody waits for
SMALL_SHARE = 8  # operands of at most this part of a value's bytes count as nothing


@dataclass(frozen=True)
class Reading:
    """What the choice asks of those who divide a graph into kernels."""

    cost: Callable  # operations of a Node for one element
    operands: Callable  # the Nodes that one is computed from, without those whose place does not matter
    readers: Callable  # whether everything outside the kernel of a Node that reads it does so element by element
    stays: Callable  # whether a Node lies in memory for anybody to read, or may do so, given what is computed again


def chosen(candidates: list[Node], reading: Reading) -> tuple[set[Node], dict[Node, str]]:
    """Those of the candidates, in the order in which they are computed, that others compute again; of the others, why not."""
    again: set[Node] = set()
    kept: dict[Node, str] = {}
    for node in candidates:
        size = node.type.size
        if type(size) is int and size < LARGE:
            kept[node] = reasons.SMALL
        elif not reading.readers(node):
            kept[node] = reasons.READ_MOVED
        elif (why := _why_kept(node, reading, again)) is not None:
            kept[node] = why
        else:
            again.add(node)
    return again, kept


def _why_kept(node: Node, reading: Reading, again: set) -> str | None:
    """Why a value is not computed again; None for one of few operations on one large value in memory."""
    cost, large, stack, seen = 0, [], [node], {node}
    while stack:
        n = stack.pop()
        if n is not node and reading.stays(n, again):
            large += [n] if _is_large(n, node) else []
            continue
        cost += reading.cost(n)
        if cost > COST:
            return reasons.COSTLY
        more = [x for x in reading.operands(n) if x not in seen]
        seen.update(more)
        stack += more
    return None if len(large) == 1 and large[0].dtype.size <= node.dtype.size else reasons.MANY_LARGE


def _is_large(source: Node, value: Node) -> bool:
    """True where reading a source moves about as much as reading the value."""
    rank = source.type.rank
    share = 1
    if source.shape == value.shape[:rank]:  # of any number of rows
        for d in value.shape[rank:]:
            share = share * d
        return type(share) is int and share * value.dtype.size < SMALL_SHARE * source.dtype.size
    one, other = source.type.size, value.type.size
    return type(one) is not int or type(other) is not int or one * source.dtype.size * SMALL_SHARE > other * value.dtype.size
