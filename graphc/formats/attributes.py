"""Values of attributes of nodes as programs see them."""

from __future__ import annotations

from graphc.formats.tensors import dtype_of


def plain_value(attr):
    """The value of an AttrValue: a number, bytes, a DType, a message, or a list of such; None if there is none."""
    kind = attr.WhichOneof("value")
    if kind is None:
        return None
    if kind != "list":
        return dtype_of(attr.type) if kind == "type" else getattr(attr, kind)
    fields = attr.list.ListFields()
    if not fields:
        return []
    field, values = fields[0]
    return [dtype_of(v) for v in values] if field.name == "type" else list(values)
