"""The table of operators: which function traces which operator of which domain, from which version on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from graphc.ir.node import Node
from graphc.onnx.values import Narrow, node_of

ML, MICROSOFT, TRAINING = "ai.onnx.ml", "com.microsoft", "ai.onnx.preview.training"  # domains besides ONNX's own
HANDLERS: dict[tuple[str, str], list[tuple[int, Callable]]] = {}  # (domain, operator) -> [(since, handler)], newest first


def operator(*names: str, domain: str = "", since: int = 1, moves: bool = False) -> Callable:
    """Makes a function ``(call) -> value or list of values`` the handler of operators.

    Args:
        names: of the operators. domain: theirs, empty for ONNX's own.
        since: the first version of the domain's operator set that it is for; up to that of the next handler.
        moves: it only moves elements, so narrow types are given to it as their carriers, and its Nodes are of them again.
    """

    def declare(handler: Callable) -> Callable:
        entered = _of_carriers(handler) if moves else handler
        for name in names:
            entry = HANDLERS.setdefault((domain, name), [])
            entry.append((since, entered))
            entry.sort(key=lambda pair: -pair[0])
        return handler

    return declare


def _of_carriers(handler: Callable) -> Callable:
    @functools.wraps(handler)
    def moved(call):
        narrow = next((x for x in call.inputs if isinstance(x, Narrow)), None)
        if narrow is None:
            return handler(call)
        found = handler(replace(call, inputs=tuple(node_of(x) for x in call.inputs)))
        several = isinstance(found, (list, tuple))
        values = [
            Narrow(v, narrow.element) if isinstance(v, Node) and v.dtype is narrow.node.dtype else v
            for v in (found if several else (found,))
        ]
        return values if several else values[0]

    return moved


def handler_of(domain: str, name: str, version: int) -> Callable | None:
    """The handler of an operator in a version of its domain's operator set; None if there is none."""
    for since, handler in HANDLERS.get((domain, name), ()):
        if since <= version:
            return handler
    return None
