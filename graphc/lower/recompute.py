"""What is computed again by each kernel that reads it: cheap values of element-wise kernels that memory would have to hold.

Between the forward and the backward half of a training step lie values such as ``x - mean`` that one pass over memory
writes and others read. Where such a value costs a few operations on one other value that lies in memory anyway, reading
that one instead saves the store and moves no more bytes.
"""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir.node import Node

COST = 4  # operations of one element that are cheaper than storing and loading it
LARGE = 1 << 12  # elements below which memory is a cache that nobody waits for
SMALL_SHARE = 8  # operands of at most this part of a value's bytes count as nothing


def chosen(candidates: list[Node], cost_of: Callable, operands: Callable, readers: Callable, may_stay: Callable) -> set[Node]:
    """Those of the candidates, in the order in which they are computed, that others compute again.

    Args:
        cost_of: operations of a Node for one element.
        operands: the Nodes that one is computed from, without those whose place does not matter.
        readers: whether everything outside the kernel of a Node that reads it does so element by element.
        may_stay: whether a Node lies in memory for anybody to read, given what is computed again.
    """
    again: set[Node] = set()
    for node in candidates:
        size = node.type.size
        if (type(size) is int and size < LARGE) or not readers(node):
            continue
        cost, large, stack, seen = 0, [], [node], {node}
        while stack and cost <= COST:
            n = stack.pop()
            if n is not node and may_stay(n, again):
                large += [n] if _is_large(n, node) else []
                continue
            cost += cost_of(n)
            more = [x for x in operands(n) if x not in seen]
            seen.update(more)
            stack += more
        if cost <= COST and len(large) == 1 and large[0].dtype.size <= node.dtype.size:
            again.add(node)
    return again


def _is_large(source: Node, value: Node) -> bool:
    """True where reading a source moves about as much as reading the value."""
    if source.shape == value.shape:
        return True
    one, other = source.type.size, value.type.size
    return type(one) is not int or type(other) is not int or one * source.dtype.size * SMALL_SHARE > other * value.dtype.size
