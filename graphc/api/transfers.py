"""Operations on another device than that of their program: what they take is brought there, and what they make back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.prims import transfer

_SMALL = 64  # elements of what may be a shape


def stays(type) -> bool:
    """Whether values of a type are for the host alone: strings."""
    return type.dtype is dt.string


def may_be_shape(type) -> bool:
    """Whether it is a few integers, which may say how large something is."""
    return type.dtype.is_integer and type.rank <= 1 and (type.size if type.is_static else 0) <= _SMALL


def _is_known(node: Node) -> bool:
    """Whether it depends on no values: a constant, or a shape. Who needs to know it looks at its Nodes."""
    return node.op == "const" or (may_be_shape(node.type) and all(n.op != "input" for n in toposort((node,))))


def brought(node: Node, source: str, device: str) -> Node:
    """A value on another device; the empty name is that of the program."""
    return node if stays(node.type) or _is_known(node) else transfer(node, source, device)


def on_device(device: str, build: Callable, nodes: Sequence[Node]):
    """What ``build`` makes of Nodes, on a device: ``build`` answers with a Node, a list of them, or None."""
    if not device:
        return build(*nodes)
    made = build(*[brought(n, "", device) for n in nodes])
    if made is None:
        return None
    if isinstance(made, Node):
        return brought(made, device, "")
    return [brought(n, device, "") for n in made]


class Transfer:
    """The function of a Node that brings it to another device; equal ones have equal keys, see ``learnt.key_of``."""

    def __init__(self, source: str, device: str):
        self.source, self.device = source, device
        self.key = "transfer", source, device

    def __call__(self, x: Node) -> Node:
        return transfer(x, self.source, self.device)
