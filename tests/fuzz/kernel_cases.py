"""Seeded graphs for one kind of kernel each, of known and symbolic sizes around the edges of tiles and vectors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from graphc import prims as p
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, close, input_node
from graphc.ir.node import Node, const, symbol
from graphc.ir.type import Type

N = symbol("n")
EDGES = (1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65)
LENGTHS = (0, 1, 3, 17, 33, 64)  # of N, tried one after the other
DTYPES = (dt.f32, dt.f32, dt.f32, dt.f64, dt.f16, dt.i32, dt.i8, dt.u8)


@dataclass
class Maker:
    """Random choices, and the inputs that were made."""

    random: np.random.Generator
    inputs: list[Node] = field(default_factory=list)

    def pick(self, choices):
        return choices[int(self.random.integers(len(choices)))]

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def input(self, shape, dtype) -> Node:
        self.inputs.append(input_node(f"x{len(self.inputs)}", Type(dtype, tuple(shape))))
        return self.inputs[-1]

    def order(self, rank: int) -> list[int]:
        return [int(a) for a in self.random.permutation(rank)]

    def shape(self, rank: int) -> list:
        found = [self.pick(EDGES if rank < 3 else EDGES[:9] if rank < 4 else EDGES[:5]) for _ in range(rank)]
        if self.chance(0.5):
            found[int(self.random.integers(rank))] = N
        return found


def product(m: Maker) -> list[Node]:
    """A product of batches and what may follow it."""
    dtype = m.pick(DTYPES)
    rows, columns, inner = m.shape(3)
    batch, tx, ty = m.pick(((), (), (2,), (3,))), m.chance(0.3), m.chance(0.3)
    x, y = (
        m.input((*batch, *(sides[::-1] if turned else sides)), dtype)
        for sides, turned in (((rows, inner), tx), ((inner, columns), ty))
    )
    z = p.dot(x, y, tx, ty)
    rank = z.type.rank
    found = [p.max(p.add(z, p.broadcast(m.input((columns,), dtype), z.shape, (rank - 1,))), const(0, z.type)), z]
    if m.chance(0.4):
        other = m.input((*batch, columns, rows), dtype)
        found.append(p.add(z, p.transpose(other, [*range(rank - 2), rank - 1, rank - 2])))
    return found if m.chance(0.3) else found[:1] + found[2:]


def turned(m: Maker) -> list[Node]:
    """Operands read along other axes than they lie."""
    dtype, rank = m.pick(DTYPES), m.pick((2, 3, 4))
    shape = m.shape(rank)
    total = m.input(shape, dtype)
    for _ in range(2):
        perm = m.order(rank)
        total = p.max(total, p.transpose(m.input([shape[perm.index(a)] for a in range(rank)], dtype), perm))
    return [total, p.transpose(total, m.order(rank)), p.reduce(total, "max", m.order(rank)[:1])]


def columns(m: Maker) -> list[Node]:
    """Reductions over any axes."""
    dtype, rank = m.pick(DTYPES), m.pick((1, 2, 3))
    shape = m.shape(rank)
    x = p.add(m.input(shape, dtype), m.input(shape, dtype))
    axes = sorted(m.order(rank)[: m.pick(range(1, rank + 1))])
    low = p.reduce(x, "min", axes)
    spread = p.sub(x, p.broadcast(low, x.shape, [a for a in range(rank) if a not in axes]))
    return [p.reduce(x, "sum", axes), p.reduce(spread, "sum", m.order(rank)[:1])]


def boxes(m: Maker) -> list[Node]:
    """Paddings, concatenations and cuts of each other."""
    dtype, rank = m.pick(DTYPES), m.pick((1, 2, 3))
    values = [m.input(m.shape(rank), dtype)]
    for _ in range(4):
        x, axis = m.pick(values), int(m.random.integers(rank))
        fill = const(m.pick((0, 1)), Type(dtype, ()))
        padded = p.pad(x, fill, [m.pick((0, 0, 1, 5)) for _ in x.shape], [m.pick((0, 0, 1, 3)) for _ in x.shape])
        cut = p.slice(x, [0] * rank, x.shape, [m.pick((1, 2, 3)) for _ in x.shape])
        values.append(m.pick((padded, cut, p.concat(x, p.reverse(x, [axis]), axis=axis), p.add(x, x))))
    return [values[-1], values[-2], p.reduce(values[-1], "max" if dtype.is_integer else "sum", [rank - 1])]


KINDS = {"product": product, "turned": turned, "columns": columns, "boxes": boxes}


def kernel_case(kind: str, seed: int) -> tuple[Graph, list[list[np.ndarray]]]:
    """A graph and the arrays of some runs; small integers, so that products and sums are exact in any order."""
    m = Maker(np.random.default_rng((sum(map(ord, kind)), seed)))
    outputs = list(dict.fromkeys(KINDS[kind](m)))
    is_symbolic = any(N in x.shape for x in m.inputs)
    runs = []
    for n in LENGTHS if is_symbolic else LENGTHS[:1]:
        shapes = [[n if d is N else d for d in x.shape] for x in m.inputs]
        low = [0 if x.dtype is dt.u8 else -2 for x in m.inputs]
        runs.append([m.random.integers(a, 3, s).astype(x.dtype.numpy) for a, s, x in zip(low, shapes, m.inputs)])
    return close(Graph(kind, tuple(m.inputs), tuple(outputs))), runs
