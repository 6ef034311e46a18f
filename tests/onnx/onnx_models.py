"""Small ONNX models for tests, made of our own messages."""

from __future__ import annotations

import numpy as np

from graphc.formats import onnx_protos as protos
from graphc.onnx.values import ELEMENTS

NUMBERS = {e.name: n for n, e in ELEMENTS.items()}


def tensor(array, name: str = ""):
    """A TensorProto with the values of an array of numbers."""
    array = np.asarray(array)
    return protos.TensorProto(
        name=name, data_type=NUMBERS[array.dtype.name], dims=list(array.shape), raw_data=array.tobytes()
    )


def attribute(name: str, value):
    """An AttributeProto of the kind that a Python value suggests."""
    if isinstance(value, float):
        return protos.AttributeProto(name=name, type=1, f=value)
    if isinstance(value, (bool, int)):
        return protos.AttributeProto(name=name, type=2, i=int(value))
    if isinstance(value, str):
        return protos.AttributeProto(name=name, type=3, s=value.encode())
    if isinstance(value, np.ndarray):
        return protos.AttributeProto(name=name, type=4, t=tensor(value))
    if isinstance(value, protos.GraphProto):
        return protos.AttributeProto(name=name, type=5, g=value)
    if value and isinstance(value[0], str):
        return protos.AttributeProto(name=name, type=8, strings=[v.encode() for v in value])
    if value and isinstance(value[0], float):
        return protos.AttributeProto(name=name, type=6, floats=value)
    return protos.AttributeProto(name=name, type=7, ints=value)


def node(op: str, inputs: str, outputs: str, domain: str = "", name: str = "", **attributes):
    """A NodeProto; inputs and outputs are names with spaces between them, ``_`` for one that is left out."""
    return protos.NodeProto(
        op_type=op, domain=domain, name=name, input=["" if i == "_" else i for i in inputs.split()],
        output=["" if o == "_" else o for o in outputs.split()], attribute=[attribute(k, v) for k, v in attributes.items()],
    )  # fmt: skip


def value(text: str):
    """A ValueInfoProto from text such as ``x: float32[n, 3]``; ``x: float32`` has no known rank."""
    name, _, kind = text.partition(":")
    kind, bracket, sizes = kind.strip().partition("[")
    info = protos.ValueInfoProto(name=name.strip())
    if kind:
        info.type.tensor_type.elem_type = NUMBERS[kind]
    if bracket:
        info.type.tensor_type.shape.SetInParent()
        for size in filter(None, map(str.strip, sizes.rstrip("]").split(","))):
            if size == "?":
                info.type.tensor_type.shape.dim.add()
            elif size.lstrip("-").isdigit():
                info.type.tensor_type.shape.dim.add(dim_value=int(size))
            else:
                info.type.tensor_type.shape.dim.add(dim_param=size)
    return info


def graph(nodes: list, inputs: list[str], outputs: list[str], initialisers: dict | None = None, name: str = "g"):
    """A GraphProto."""
    return protos.GraphProto(
        name=name, node=nodes, input=[value(i) for i in inputs], output=[value(o) for o in outputs],
        initializer=[tensor(v, k) for k, v in (initialisers or {}).items()],
    )  # fmt: skip


def model(nodes: list, inputs: list[str], outputs: list[str], initialisers: dict | None = None, opset: int = 18,
          functions: list | tuple = (), domains: dict | None = None):  # fmt: skip
    """A ModelProto."""
    imports = [protos.OperatorSetIdProto(domain=d, version=v) for d, v in {"": opset, **(domains or {})}.items()]
    return protos.ModelProto(ir_version=9, opset_import=imports, graph=graph(nodes, inputs, outputs, initialisers),
                             functions=functions, producer_name="tests")  # fmt: skip
