"""How often a loop's body is written out by the compiler that reads the text."""

from __future__ import annotations

from collections.abc import Iterator

from graphc.ir.kernel import At, Call, For, If, Store
from graphc.ir.node import Node
from graphc.ir.order import toposort

_MOST = 16  # iterations at a time: the loads of hundreds would all be begun first, and want more registers than there are


def unrolled(loop: For, registers: set[str]) -> str:
    """The pragma before an unrolled loop of a static extent: whole only where it is short, or must be.

    Args:
        registers: names of register arrays, whose elements must be known when the text is compiled.
    """
    must_be = loop.extent > _MOST and _moves(loop, registers)
    return "#pragma unroll" if loop.extent <= _MOST or must_be else f"#pragma unroll {_MOST}"


def statements(body: tuple) -> Iterator:
    """Every statement, outer ones first."""
    for s in body:
        yield s
        match s:
            case For(_, _, inner):
                yield from statements(inner)
            case If(_, then, orelse):
                yield from statements((*then, *orelse))


def _moves(loop: For, registers: set[str]) -> bool:
    """Whether the index of the loop tells which element of a register array is meant; kernels say so without any Let between."""
    places = (place for s in statements(loop.body) for place in _places(s))
    return any(array in registers and loop.var in toposort(index) for array, index in places)


def _places(s) -> Iterator[tuple[str, tuple]]:
    """The elements that a statement reads, writes or takes the address of: (array, index) each."""
    values = [v for v in vars(s).values() if isinstance(v, Node)]
    for item in s.args if isinstance(s, Call) else (s,):
        if isinstance(item, Node):
            values.append(item)
        elif isinstance(item, Store | At):
            yield item.array, item.index
            values += item.index
    for node in toposort(tuple(values)):
        if node.op in ("load", "load_if"):
            yield node.attr("buffer"), node.inputs if node.op == "load" else node.inputs[1:]
