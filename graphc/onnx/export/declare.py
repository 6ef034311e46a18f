"""Types in ONNX: of inputs and outputs, with names for sizes that are not known."""

from __future__ import annotations

import re

from graphc.ir.node import Node
from graphc.ir.sizes import maker
from graphc.ir.text import dim_text
from graphc.ir.type import Type
from graphc.onnx.export.kinds import number

_OWN = re.compile(r"\b_k\d+\b")  # names of sizes that only a run tells


def declare(info, name: str, type: Type) -> None:
    """Fill a ValueInfoProto."""
    info.name = name
    tensor = info.type.tensor_type
    tensor.elem_type = number(type.dtype)
    tensor.shape.SetInParent()
    for d in type.shape:
        made = tensor.shape.dim.add()
        if not isinstance(d, Node):
            made.dim_value = int(d)
        elif shown := size_name(d):
            made.dim_param = shown


def size_name(d: Node) -> str:
    """What a symbolic size is called; empty where only a run tells it."""
    if d.op == "symbol" and maker(d) is not None:
        return ""
    text = dim_text(d)
    return "" if _OWN.search(text) else text
