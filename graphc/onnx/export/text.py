"""Strings as ONNX's nodes: what its few operators for them can do."""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir.node import Node
from graphc.onnx.export.emitter import Emitter, Value
from graphc.prims.table import row


def _text(e: Emitter, node: Node) -> Value:
    """A constant."""
    array = row("text").numpy(**dict(node.attrs))
    return Value(e.writer.const(array), array.shape)


TEXT_FORMS: dict[str, Callable[[Emitter, Node], Value]] = {"text": _text}
