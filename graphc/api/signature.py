"""What a recorded computation looks like apart from the numbers in it: those of one signature share a program."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.ir.node import Node


class OpenSizes(Exception):  # noqa: N818  how the walk ends, not an error
    """The computation has sizes that are known only while running."""


@dataclass(frozen=True)
class Signature:
    """The structure of a computation.

    Attributes:
        key: equal for two computations that differ in the values of leaves and splats alone.
        leaves: the input Nodes, in the order of the walk.
        splats: the constants that are one repeated number, likewise.
    """

    key: tuple
    leaves: tuple[Node, ...]
    splats: tuple[Node, ...]

    @property
    def outline(self) -> tuple:
        """The operations and the dtypes of leaves, without sizes and attributes."""
        return tuple([row[:2] if row[0] == "input" else row[0] for row in self.key[0]])


def signature(outputs: Sequence[Node]) -> Signature:
    """The signature of what computes ``outputs``.

    Raises:
        OpenSizes: a size is a symbol.
    """
    walk = _Walk()
    key = walk.key(outputs)
    return Signature(key, tuple(walk.leaves), tuple(walk.splats))


class _Walk:
    """One pass over a graph, operands before users, in an order that the structure alone decides."""

    def __init__(self, arguments: Sequence[Node] = (), is_inner: bool = False):
        self.is_inner = is_inner
        self.leaves: list[Node] = []
        self.splats: list[Node] = []
        self.rows: list[tuple] = [("argument", x.dtype, _sizes(x.shape)) for x in arguments]
        self.places: dict[Node, int] = {x: k for k, x in enumerate(arguments)}

    def key(self, outputs: Sequence[Node]) -> tuple:
        """The rows of all Nodes, and which of them are the outputs."""
        places, rows, stack = self.places, self.rows, list(outputs)[::-1]
        while stack:
            node = stack[-1]
            if node in places:
                stack.pop()
                continue
            operands = node.inputs
            if not operands:
                row = self.leaf(node)
            else:
                waiting = [x for x in operands if x not in places]
                if waiting:
                    stack.extend(waiting[::-1])
                    continue
                row = (node.op, _attributes(node.attrs) if node.attrs else (), *[places[x] for x in operands])
            places[node] = len(rows)
            rows.append(row)
            stack.pop()
        return tuple(rows), tuple([places[x] for x in outputs])

    def leaf(self, node: Node) -> tuple:
        """The row of a Node without operands."""
        if node.op == "input":
            self.leaves.append(node)
            return ("input", node.dtype, _sizes(node.shape))
        if node.op != "const":
            if node.op == "symbol":
                raise OpenSizes
            return (node.op, _attributes(node.attrs))
        data = node.attrs[0][1]
        if self.is_inner or not data.is_splat or node.dtype is dt.string:
            return ("const", data, node.dtype, _sizes(node.shape))
        self.splats.append(node)
        return ("splat", node.dtype, _sizes(node.shape))


def _sizes(shape: tuple) -> tuple:
    for d in shape:
        if type(d) is not int:
            raise OpenSizes
    return shape


def _attributes(attrs: tuple) -> tuple:
    return tuple([(name, value if type(value) is int else _attribute(value)) for name, value in attrs])


def _attribute(value):
    """An attribute as something that only a really equal one is equal to: 1 is not True, 0.0 is not -0.0."""
    match value:
        case bool():
            return (bool, value)
        case float():
            return (float, struct.pack("<d", value))
        case tuple():
            return tuple([v if type(v) is int else _attribute(v) for v in value])
        case Node():
            raise OpenSizes
        case Graph():
            if value.measures or value.requires:
                raise OpenSizes
            return (Graph, len(value.inputs), _Walk(value.inputs, is_inner=True).key(value.outputs))
    return value
