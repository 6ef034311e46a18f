"""Long chains of costly functions in stages: one loop for each, which hand values to the next in strips on the stack.

A core works at a few hundred instructions at a time. An element's ``tanh(f * c + i * tanh(g))`` is that many in one chain,
so that hardly two elements are under way together and their latencies show; in loops of one function each, ten are.
A value belongs to the latest stage that those which need it allow; what costs little is computed wherever it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from graphc.ir.graph import substitute
from graphc.ir.kernel import VECTOR, Alloc, Array, For, Store, load
from graphc.ir.node import Node, var
from graphc.ir.order import toposort
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.schedule import name_shared, rewrite_values
from graphc.prims.table import TABLE

COSTLY = 12  # flops of a function that is a stage: an exponential and more
STRIP = 512  # elements that a stage computes before the next one does
MOST = 8  # strips that share the first-level cache with what is read and written
FEWEST = 4  # vectors in a loop that are worth their stages

_PLACE = var("place")  # of an element in its strip, until the loop is known


@dataclass(frozen=True)
class Relay:
    """What is computed in which stage.

    Attributes:
        kept: for each stage but the last, the values that it leaves in strips.
        strips: the memory of each of them.
    """

    kept: tuple[tuple[Node, ...], ...]
    strips: dict[Node, Array]


def relay_of(values: Sequence[Node], extent, target: Target) -> Relay | None:
    """Stages for the values of one element of a row of ``extent``; None where one loop is as good."""
    if type(extent) is int and extent < FEWEST * max(target.lanes(v.dtype) for v in values):
        return None
    if any(target.lanes(v.dtype) == 1 for v in values):
        return None
    order = toposort(values)
    levels: dict[Node, int] = {}
    for n in order:
        levels[n] = max([levels.get(x, 0) for x in n.inputs], default=0) + _is_costly(n)
    last = max(levels[v] for v in values)
    if last < 2:
        return None
    stages = dict.fromkeys(values, last)
    kept: dict[Node, None] = {v: None for v in values}
    for n in reversed(order):
        stage = stages.get(n, last)
        for x in n.inputs:
            if levels.get(x, 0):
                stages[x] = min(stages.get(x, last), stage - _is_costly(n))
    for n in order:
        kept |= {x: None for x in n.inputs if levels.get(x, 0) and stages[x] < stages[n]}
    kept = {n: None for n in kept if levels[n] and stages[n] < last}
    if len(kept) > MOST or not all(n.dtype.is_float for n in kept):
        return None
    size = min(extent, STRIP) if type(extent) is int else STRIP
    strips = {n: Array(f"strip{k}", Type(n.dtype, (size,)), "stack") for k, n in enumerate(kept)}
    return Relay(tuple([tuple([n for n in kept if stages[n] == s]) for s in range(1, last)]), strips)


def _is_costly(node: Node) -> bool:
    return node.op in TABLE and TABLE[node.op].cost >= COSTLY


def staged(relay: Relay, values: Sequence[Node], finish: Callable) -> list[tuple]:
    """The statements of every stage for one element; ``finish`` makes those that store the values."""
    found, known = [], {}
    for kept in relay.kept:
        lets, made = name_shared(substitute(kept, known), "s")
        found.append((*lets, *(Store(relay.strips[n].name, (_PLACE,), v) for n, v in zip(kept, made))))
        known |= {n: load(relay.strips[n].name, (_PLACE,), n.dtype) for n in kept}
    return [*found, finish(substitute(values, known))]


def in_strips(relay: Relay, loops: Sequence[For]) -> tuple:
    """Memory for the strips, and the loops of the stages, each of which runs along one strip at most."""
    loops = [replace(x, kind=VECTOR, body=rewrite_values(x.body, {_PLACE: x.var})) for x in loops]
    return (*map(Alloc, relay.strips.values()), *loops)
