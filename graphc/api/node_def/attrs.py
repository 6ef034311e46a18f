"""Attributes of nodes (AttrValue) as Python values and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.formats import protos
from graphc.formats.tensors import array_of, dtype_of, shape_proto, sizes_of, tensor_proto
from graphc.ir.dtype import DType


@dataclass(frozen=True)
class Shape:
    """A shape as the value of an attribute: sizes with None for unknown ones, or None for an unknown rank."""

    sizes: tuple | None


def value_of(attr):
    """The value of an AttrValue: bytes, int, float, bool, DType, Shape, array, NameAttrList, a list of such, or None.

    Raises:
        DtypeError: a data type that does not exist here.
    """
    kind = attr.WhichOneof("value")
    if kind == "list":
        found = attr.list.ListFields()
        return [_read(field.name, v) for field, values in found for v in values]
    return None if kind is None else _read(kind, getattr(attr, kind))


def _read(kind: str, value):
    match kind:
        case "type":
            return dtype_of(value)
        case "shape":
            return Shape(sizes_of(value))
        case "tensor":
            return array_of(value)
    return value


def attr_of(value):
    """The AttrValue of a value as ``value_of`` answers with, also of a str."""
    made = protos.AttrValue()
    if isinstance(value, (list, tuple)):
        made.list.SetInParent()
        for v in value:
            kind, item = _written(v)
            target = getattr(made.list, kind)
            target.add().CopyFrom(item) if hasattr(target, "add") else target.append(item)
        return made
    kind, item = _written(value)
    if hasattr(item, "DESCRIPTOR"):
        getattr(made, kind).CopyFrom(item)
    else:
        setattr(made, kind, item)
    return made


def _written(value) -> tuple[str, object]:
    if isinstance(value, (bool, np.bool_)):
        return "b", bool(value)
    if isinstance(value, (int, np.integer)):
        return "i", int(value)
    if isinstance(value, (float, np.floating)):
        return "f", float(value)
    if isinstance(value, (str, bytes)):
        return "s", value.encode() if isinstance(value, str) else value
    if isinstance(value, DType):
        return "type", value.as_datatype_enum
    if isinstance(value, Shape):
        return "shape", shape_proto(value.sizes)
    if isinstance(value, np.ndarray):
        return "tensor", tensor_proto(value)
    return "func", value
