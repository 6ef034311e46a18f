"""Domains divided where guards change: concatenations and paddings become plain loops over each of their parts.

A comparison of one loop index with a number holds on one side of a point of that axis. The parts between such points know the
answer, so what is not chosen there is neither read nor computed.
"""

from __future__ import annotations

from itertools import product

from graphc.ir.graph import rebuild, substitute
from graphc.ir.kernel import load
from graphc.ir.node import BOOL, INDEX, Node, bounds, const, linear_form, var
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lower.schedule import simplified_index

MOST = 12  # parts, each of them a loop of its own
CODE = 1000  # Nodes of all parts together: bounds compile time


def cuts(values: list[Node], shape: tuple, index: tuple) -> tuple | None:
    """For each axis the points where guards change, with 0 and the extent; None where that brings nothing or too much."""
    if any(type(d) is not int for d in shape):
        return None
    found: list[set] = [{0, d} for d in shape]
    place = {v: axis for axis, v in enumerate(index)}
    order = toposort(values)
    for node in order:
        if not _is_test(node):
            continue
        terms, constant = linear_form(node.inputs[1] - node.inputs[0])
        (atom, sign), *more = [*terms.items()] or [(None, 0)]
        if more or atom not in place or abs(sign) != 1:
            continue
        point = (1 - constant if sign > 0 else constant) if node.op == "lt" else (-constant if sign > 0 else constant + 1)
        if 0 < point < shape[place[atom]]:
            found[place[atom]].add(point)
    count = 1
    for points in found:
        count *= max(1, len(points) - 1)
    pays = 1 < count <= MOST and count * len(order) <= CODE
    return tuple(tuple(sorted(points)) for points in found) if pays else None


def parts(points: tuple) -> list[tuple[tuple, tuple]]:
    """Begin and shape of every part of the axes that these points divide."""
    spans = product(*[list(zip(p, p[1:])) for p in points])
    return [(tuple(a for a, _ in span), tuple(b - a for a, b in span)) for span in spans]


def moved(values: list[Node], index: tuple, begin: tuple, shape: tuple) -> tuple[list[Node], tuple, tuple]:
    """The values inside of a part, the variables that run over it, and where they stand in the whole domain."""
    names = [v.attr("name") for v in index]
    inner = tuple(var(name, extent=d) for name, d in zip(names, shape))
    places = tuple(v + a for v, a in zip(inner, begin))
    memo = dict(zip(index, places))
    values = [simplified_index(substitute((v,), memo)[0]) for v in values]
    return rebuild(values, _settled), inner, places


def _is_test(node: Node) -> bool:
    return node.op in ("lt", "le") and len(node.inputs) == 2 and node.inputs[0].type == INDEX


def _settled(node: Node, inputs: tuple) -> Node | None:
    """What a node is where the bounds of the indices tell."""
    if _is_test(node):
        low, high = bounds(inputs[1] - inputs[0])
        least = 1 if node.op == "lt" else 0
        if low is not None and low >= least:
            return const(True, BOOL)
        return const(False, BOOL) if high is not None and high < least else None
    if node.op in ("and", "or") and node.type == BOOL:
        for this, other in (inputs, inputs[::-1]):
            answer = _known(this)
            if answer is not None:
                return this if answer == (node.op == "or") else other
    if node.op == "select" and (answer := _known(inputs[0])) is not None:
        return inputs[1] if answer else inputs[2]
    if node.op == "load_if" and (answer := _known(inputs[0])) is not None:
        return load(node.attr("buffer"), inputs[1:], node.dtype) if answer else const(0, Type(node.dtype, ()))
    return None


def _known(node: Node) -> bool | None:
    return bool(node.attrs[0][1].array) if node.op == "const" else None
