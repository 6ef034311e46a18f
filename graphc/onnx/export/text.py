"""Strings as ONNX's nodes: the few operators that it has for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.onnx.export.elements import combined, constant
from graphc.onnx.export.emitter import Emitter, NoForm, Value
from graphc.prims.table import row

_TEXT = 20  # the opset that has concatenation and patterns


def _since(e: Emitter, what: str, opset: int) -> None:
    if e.opset < opset:
        raise NoForm(f"{what}, which opset {opset} has")


def _text(e: Emitter, node: Node) -> Value:
    """A constant."""
    return constant(e, row("text").numpy(**dict(node.attrs)))


def _join(e: Emitter, node: Node) -> Value:
    _since(e, "string_join", _TEXT)
    gap = node.attr("separator")
    separator = e.const(np.array(gap.encode("utf-8", "surrogateescape"), object), dt.string) if gap else None

    def write(names: list[str]) -> str:
        made = names[0]
        for name in names[1:]:
            made = e.op("StringConcat", [made, separator]) if separator else made
            made = e.op("StringConcat", [made, name])
        return made

    return combined(e, node, node.inputs, write)


def _match(e: Emitter, node: Node) -> Value:
    _since(e, "string_match", _TEXT)
    pattern = next(v for v in dict(node.attrs).values() if isinstance(v, (str, bytes)))
    return combined(e, node, node.inputs, lambda names: e.op("RegexFullMatch", names, pattern=pattern))


def _cased(action: str) -> Callable:
    def write(e: Emitter, node: Node) -> Value:
        if not node.attr("encoding"):
            raise NoForm(f"{node.op} of bytes; with encoding='utf-8' it has one")
        flat = e.reshaped(e.full(node.inputs[0]), node.shape, (node.type.size,))
        made = e.op("StringNormalizer", [flat], case_change_action=action, is_case_sensitive=1)
        return Value(e.reshaped(made, (node.type.size,), node.shape), node.shape)

    return write


def _place(e: Emitter, node: Node) -> Value:
    """Where words stand in a list: a table of the machine-learning operators."""
    words = dict.fromkeys(w.encode("latin-1") for w in node.attr("words"))
    places = [node.attr("words").index(w.decode("latin-1")) for w in words]
    if not words:
        return Value(e.const(-1, dt.i64), ())

    def write(names: list[str]) -> str:
        return e.op(
            "LabelEncoder", names, domain="ai.onnx.ml", keys_strings=list(words), values_int64s=places, default_int64=-1
        )

    return combined(e, node, node.inputs, write)


TEXT_FORMS: dict[str, Callable[[Emitter, Node], Value]] = {
    "text": _text, "string_join": _join, "string_match": _match, "string_lower": _cased("LOWER"),
    "string_upper": _cased("UPPER"), "string_place": _place,
}  # fmt: skip
