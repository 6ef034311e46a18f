"""How the arrays of kernels lie in memory when a Program launches them: over each other, or at any address."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

from graphc.ir.node import Node, linear_form
from graphc.ir.program import Buffer, Launch, Program, flat

_ACCESS = 16  # bytes that one access moves at the most


@dataclass(frozen=True)
class Operands:
    """The arrays of a kernel, by their numbers, in all launches of it.

    Attributes:
        overlapping: may share memory with another one of which either is written.
        loose: begin at addresses that are no multiples of 16 bytes.
    """

    overlapping: frozenset[int] = frozenset()
    loose: frozenset[int] = frozenset()


def operands(program: Program) -> dict[str, Operands]:
    """The Operands of each kernel of a Program."""
    buffers = {b.name: b for b in program.buffers}
    donated = dict(program.signature.donated)
    written = {k.name: [a.written for a in k.arrays] for k in program.kernels}
    overlapping: dict[str, set[int]] = {name: set() for name in written}
    loose: dict[str, set[int]] = {name: set() for name in written}
    for step in flat(program.steps):
        if not isinstance(step, Launch):
            continue
        args = [buffers[a] for a in step.args]
        loose[step.kernel] |= {k for k, a in enumerate(args) if _is_loose(a, buffers)}
        for (i, a), (j, b) in combinations(enumerate(args), 2):
            if (written[step.kernel][i] or written[step.kernel][j]) and _meet(a, b, buffers, donated):
                overlapping[step.kernel] |= {i, j}
    return {name: Operands(frozenset(overlapping[name]), frozenset(loose[name])) for name in written}


def _is_loose(buffer: Buffer, buffers: dict[str, Buffer]) -> bool:
    """Whether a buffer is a row of another one whose rows do not all begin at multiples of 16 bytes."""
    kind, place = buffer.place
    if kind != "row":
        return False
    size = buffer.type.size
    terms, constant = linear_form(size) if isinstance(size, Node) else ({}, size)
    unit = math.gcd(constant, *terms.values()) * buffer.type.dtype.size
    return unit % _ACCESS != 0 or _is_loose(buffers[place[0]], buffers)


def _meet(a: Buffer, b: Buffer, buffers: dict[str, Buffer], donated: dict[int, int]) -> bool:
    """Whether two buffers may share memory. Two in the arena, both alive, do so only from the same place on."""
    (kind, place), (other, where) = [_root(x, buffers, donated) for x in (a, b)]
    if kind != other:
        return False
    if kind != "arena" or place is where or place == where:
        return place == where
    sizes = [x.type.size * x.type.dtype.size if x.type.is_static else None for x in (a, b)]
    if type(place) is int and type(where) is int and None not in sizes:
        return place < where + sizes[1] and where < place + sizes[0]
    return False


def _root(buffer: Buffer, buffers: dict[str, Buffer], donated: dict[int, int]) -> tuple:
    """Where the memory of a buffer comes from: a row of another one, or an output in donated memory, is a part of that."""
    kind, place = buffer.place
    if kind == "row":
        return _root(buffers[place[0]], buffers, donated)
    if kind == "output" and place in donated:
        return "input", donated[place]
    return kind, place
