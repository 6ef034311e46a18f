"""Python structures of SavedModels, lists, tuples and dicts of descriptions and values, to and from messages."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphc.api.shape import TensorShape
from graphc.api.spec import TensorSpec
from graphc.errors import DataLossError, UsageError, explain
from graphc.formats import protos
from graphc.formats.tensors import array_of, dtype_of, shape_proto, sizes_of, tensor_proto
from graphc.ir.dtype import NUMBERS, DType


class NotEncodableError(UsageError):
    """A SavedModel cannot hold a value."""


_NO_TENSORS = (20, 21)  # TensorFlow's resources and variants


@dataclass(frozen=True)
class OtherSpec:
    """The description of a value that is no tensor.

    Attributes:
        name: its class in TensorFlow, such as ``RaggedTensorSpec``.
    """

    name: str


def value_of(message):
    """The Python value of a StructuredValue.

    Raises:
        DataLossError: it has none. DtypeError: it tells of a dtype that does not exist here.
    """
    kind = message.WhichOneof("kind")
    if kind is None or kind == "none_value":
        return None
    found = getattr(message, kind)
    match kind:
        case "tensor_spec_value" | "bounded_tensor_spec_value":
            if found.dtype in _NO_TENSORS:
                return OtherSpec(protos.DataType.Name(found.dtype))
            return TensorSpec(sizes_of(found.shape), dtype_of(found.dtype), found.name or None)
        case "tensor_shape_value":
            return TensorShape(sizes_of(found))
        case "tensor_dtype_value":
            return dtype_of(found)
        case "tensor_value" | "numpy_value":
            return array_of(found)
        case "type_spec_value":
            return OtherSpec(
                found.type_spec_class_name or protos.TypeSpecProto.TypeSpecClass.Name(found.type_spec_class)
            )
        case "list_value":
            return [value_of(v) for v in found.values]
        case "tuple_value":
            return tuple([value_of(v) for v in found.values])
        case "dict_value":
            return {key: value_of(found.fields[key]) for key in sorted(found.fields)}
        case "named_tuple_value":
            return _named_tuple(found)
    return found


def _named_tuple(message):
    names = [pair.key for pair in message.values]
    try:
        made = namedtuple(message.name, names)
    except ValueError as error:
        raise DataLossError(explain(f"a named tuple of a SavedModel is damaged: {error}")) from None
    return made(*[value_of(pair.value) for pair in message.values])


def message_of(value):
    """The StructuredValue of a Python value as ``value_of`` answers with.

    Raises:
        NotEncodableError: there is none.
    """
    made = protos.StructuredValue()
    if isinstance(value, TensorSpec):
        dims = value.shape
        sizes = None if dims.ndims is None else dims.as_list()
        spec = protos.TensorSpecProto(name=value.name or "", shape=shape_proto(sizes), dtype=NUMBERS[value.dtype])
        made.tensor_spec_value.CopyFrom(spec)
    elif value is None:
        made.none_value.SetInParent()
    elif isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, int):
        made.int64_value = value
    elif isinstance(value, float):
        made.float64_value = value
    elif isinstance(value, str):
        made.string_value = value
    elif isinstance(value, DType):
        made.tensor_dtype_value = NUMBERS[value]
    elif isinstance(value, TensorShape):
        made.tensor_shape_value.CopyFrom(shape_proto(None if value.ndims is None else value.as_list()))
    elif isinstance(value, (np.ndarray, np.generic)):
        made.numpy_value.CopyFrom(tensor_proto(np.asarray(value)))
    elif isinstance(value, (Mapping, list, tuple)):
        _fill(made, value)
    else:
        raise NotEncodableError(explain(f"a SavedModel cannot hold an argument such as {value!r}"))
    return made


def _fill(made, value) -> None:
    """Write a structure into a StructuredValue."""
    if isinstance(value, Mapping):
        made.dict_value.SetInParent()
        for key, part in value.items():
            if not isinstance(key, str):
                raise NotEncodableError(explain(f"a SavedModel cannot hold a dict with the key {key!r}"))
            made.dict_value.fields[key].CopyFrom(message_of(part))
    elif hasattr(value, "_fields"):
        made.named_tuple_value.name = type(value).__name__
        for key, part in zip(value._fields, value):
            made.named_tuple_value.values.add(key=key).value.CopyFrom(message_of(part))
    else:
        target = made.tuple_value if isinstance(value, tuple) else made.list_value
        target.SetInParent()
        target.values.extend(message_of(part) for part in value)
