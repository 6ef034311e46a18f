"""Where the operands of an operation come from, in the words of whoever wrote the program.

Equal Nodes are one Node, so a Node knows only the line that made it first. A front door that builds an operation says
which of its own tensors the Nodes stand for; messages then describe these.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

_NEAR = 200  # Nodes that are looked at between an operand and what was made of it


class _Operands(threading.local):
    tensors: Sequence = ()
    nodes: Sequence = ()


_operands = _Operands()


def built(build: Callable, tensors: Sequence, nodes: Sequence):
    """``build(*nodes)``; meanwhile messages describe the Nodes as these tensors.

    Args:
        tensors: for each Node an object with ``described()``: pairs of text and Location; or a value that has none.
    """
    before = _operands.tensors, _operands.nodes
    _operands.tensors, _operands.nodes = tensors, nodes
    try:
        return build(*nodes)
    finally:
        _operands.tensors, _operands.nodes = before


def origins(**operands) -> list:
    """Where each operand comes from, for ``errors.explain``."""
    known: dict = {}
    for node, tensor in zip(_operands.nodes, _operands.tensors):
        known.setdefault(node, []).append(tensor)
    found = [(name, _origin(node, known)) for name, node in operands.items()]
    return [(name, text) for name, text in found if text is not None]


def _origin(node, known: dict) -> str | None:
    """What is known of a Node; None where that is only its type, which the message has already."""
    if not known:
        return f"is {node.op}: {node.type}" + (f"   {node.location}" if node.location else "")
    if node in known:
        of = known[node]
        return _told(of.pop(0) if len(of) > 1 else of[0], node.type)
    near = _nearest(node, known)
    if len(near) == 1:
        return f"is {node.type}, made of " + _told(known[near[0]][0], near[0].type).removeprefix("is ")
    return None


def _told(tensor, type) -> str:
    described = getattr(tensor, "described", None)
    if described is None:
        return f"is {type}, given here"
    text, location = described()
    return f"{text}: {type}" + (f"   {location}" if location is not None else "")


def _nearest(node, known: dict) -> list:
    """The known Nodes that ``node`` is made of; none where they are too far away."""
    found, seen, level = {}, {node}, [node]
    while level and len(seen) < _NEAR:
        inner = [x for n in level if n not in known for x in n.inputs if x not in seen]
        seen.update(inner)
        found.update((n, None) for n in inner if n in known)
        level = list(dict.fromkeys(inner))
    return [] if level else list(found)
