"""The nest of ``swaps``: a permutation as the result of exchanging places one after the other."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.kernel import If, Kernel, Store, load
from graphc.ir.node import Node
from graphc.ir.target import Target
from graphc.lower.nests.loops import all_of, finish, inside, let, loop, vector


def swaps(node: Node, target: Target) -> Kernel:
    """out = iota; then out[k] and out[x0[k]] change places, in the order of k."""
    extent = node.shape[0]

    def swap(k: Node) -> tuple:
        j, place = let("j", load("x0", (k,), dt.i64))
        mine, first = let("mine", load("out0", (k,), dt.i64))
        other, second = let("other", load("out0", (j,), dt.i64))
        exchange = (first, second, Store("out0", (k,), other), Store("out0", (j,), mine))
        return (place, If(all_of(inside(j, extent)), exchange))

    start = vector("k_first", extent, lambda k: (Store("out0", (k,), k),))
    return finish("swaps", node, ((extent,),), ((extent,),), (start, loop("k", extent, swap)))
