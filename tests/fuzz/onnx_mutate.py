"""Mutants of small ONNX models: bytes changed at random, or fields changed to what hostile files would have there."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

from graphc.formats import onnx_protos as protos
from tests.fuzz.onnx_models import Case, cases, op

_INTEGERS = (0, 1, -1, 2, 3, 7, -2, 31, 64, 255, 2**31 - 1, 2**31, -(2**31), 2**40, 2**62, 2**63 - 1, -(2**63), 10**12, 70000, -70000)
_FLOATS = (0.0, -1.0, math.nan, math.inf, -math.inf, 1e38, 1e-45, 0.5, 2.5, 1e9, -0.0, 1000.0)
_TEXTS = ("", "x", "y", "NOTSET", "SAME_UPPER", "VALID", "linear", "cubic", "\0", "é" * 40, "A" * 5000, "../../etc/passwd", "-1", "nan",
          "bidirectional", "sum", "none", "(a+)+$", "ij,jk->ik", "...i,...i", "i" * 60, "reverse", "ai.onnx.ml", "edge", "wrap", "BRANCH_EQ")  # fmt: skip
_BYTES = (b"", b"\xff\xfe", b"a" * 5000, b"(a+)+$", b"((((a*)*)*)*)*$", b"\0")


@dataclass(frozen=True)
class Mutant:
    """What to load, with which inputs and files."""

    name: str
    data: bytes
    case: Case


def mutant(seed: int) -> Mutant:
    """The mutant of a seed; always the same one."""
    rng = random.Random(seed)
    case = rng.choice(cases())
    made = protos.ModelProto.FromString(case.model.SerializeToString())
    if rng.random() < 0.7:
        _narrow(rng, made.graph)
    if rng.random() < 0.25:
        how = rng.choice((_flip, _flip, _cut_off, _doubled, _spliced, _nested))
        return Mutant(f"{case.name} {how.__name__}", how(rng, made.SerializeToString()), case)
    done = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        how = rng.choice(_EDITS)
        how(rng, made)
        done.append(how.__name__)
    return Mutant(f"{case.name} {' '.join(done)}", made.SerializeToString(), case)


def _narrow(rng, graph) -> None:
    """Leave of the nodes one and those that it needs, and make what it makes outputs: other nodes may be refused."""
    at = rng.randrange(len(graph.node))
    needed, kept = set(graph.node[at].input), [at]
    for k in range(at - 1, -1, -1):
        if needed & set(graph.node[k].output) or any(a.HasField("g") for a in graph.node[at].attribute):
            needed |= set(graph.node[k].input)
            kept.append(k)
    outputs = [name for name in graph.node[at].output if name]
    nodes = [protos.NodeProto.FromString(graph.node[k].SerializeToString()) for k in sorted(kept)]
    del graph.node[:], graph.output[:]
    graph.node.extend(nodes)
    graph.output.extend(protos.ValueInfoProto(name=name) for name in outputs)


# ------------------------------------------------------------------------------------------------------- bytes


def _flip(rng, data: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        made[rng.randrange(len(made))] = rng.choice((rng.randrange(256), 0, 255))
    return bytes(made)


def _cut_off(rng, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def _doubled(rng, data: bytes) -> bytes:
    first, last = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return data[:last] + data[first:last] * rng.choice((1, 3)) + data[last:]


def _spliced(rng, data: bytes) -> bytes:
    other = rng.choice(cases()).model.SerializeToString()
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def _nested(rng, data: bytes) -> bytes:
    """The graph deep inside of branches; bytes of one message after those of another are both of them together."""
    inner = protos.ModelProto.FromString(data).graph
    del inner.input[:]
    made, both = inner.SerializeToString(), rng.random() < 0.5
    for _ in range(rng.choice((1, 3, 12, 40, 2000))):
        node = op("out = If(flag)").SerializeToString()
        for name in ("then_branch", "else_branch")[: 1 + (both and len(made) < 1 << 14)]:
            node += _field(5, protos.AttributeProto(name=name, type=5).SerializeToString() + _field(6, made))
        made = _field(1, node) + _field(12, protos.ValueInfoProto(name="out").SerializeToString())
    flag = protos.TensorProto(name="flag", data_type=9, int32_data=[rng.randrange(2)])
    return data + _field(7, made + _field(5, flag.SerializeToString()))


def _field(number: int, data: bytes) -> bytes:
    size, length = bytearray(), len(data)
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + data


# ------------------------------------------------------------------------------------------------------- fields


def _messages(root) -> list:
    """A message and all inside of it."""
    found, waiting = [], [root]
    while waiting:
        message = waiting.pop()
        found.append(message)
        for field, value in message.ListFields():
            if field.message_type is not None:
                waiting.extend(value if field.is_repeated else (value,))
    return found


def _of_kind(root, kind: str) -> list:
    return [m for m in _messages(root) if m.DESCRIPTOR.name == kind]


def _one(rng, root, kind: str):
    found = _of_kind(root, kind)
    return rng.choice(found) if found else None


def _value(rng, field, names: list[str]):
    """Something else for a scalar field."""
    kind = field.type
    if kind == field.TYPE_STRING:
        return rng.choice(names) if rng.random() < 0.6 else rng.choice(_TEXTS)
    if kind == field.TYPE_BYTES:
        return rng.choice(_BYTES) if rng.random() < 0.5 else rng.choice(_TEXTS).encode()
    if kind in (field.TYPE_FLOAT, field.TYPE_DOUBLE):
        return rng.choice(_FLOATS)
    if kind == field.TYPE_ENUM:
        return rng.randrange(16)
    number = rng.choice(_INTEGERS) if rng.random() < 0.7 else rng.randrange(-4, 30)
    low, high = {field.TYPE_INT32: (-(2**31), 2**31 - 1), field.TYPE_UINT64: (0, 2**64 - 1), field.TYPE_UINT32: (0, 2**32 - 1)}.get(
        kind, (-(2**63), 2**63 - 1)
    )
    return min(max(number, low), high)


def _names(model) -> list[str]:
    return [name for node in _of_kind(model, "NodeProto") for name in (*node.input, *node.output)] or ["x"]


def scalar(rng, model) -> None:
    """Another number or text in some field."""
    message = rng.choice(_messages(model))
    field = rng.choice(message.DESCRIPTOR.fields)
    if field.message_type is not None:
        return
    value = _value(rng, field, _names(model))
    if not field.is_repeated:
        setattr(message, field.name, value)
    elif len(getattr(message, field.name)) and rng.random() < 0.8:
        values = getattr(message, field.name)
        values[rng.randrange(len(values))] = value
    else:
        getattr(message, field.name).extend([value] * rng.choice((1, 2, 40)))


def repeated(rng, model) -> None:
    """Items taken away, doubled, or in another order."""
    message = rng.choice(_messages(model))
    lists = [f for f, v in message.ListFields() if f.is_repeated]
    if not lists:
        return
    name = rng.choice(lists).name
    items = list(getattr(message, name))
    items = [type(i).FromString(i.SerializeToString()) if hasattr(i, "SerializeToString") else i for i in items]
    how = rng.randrange(3)
    if how == 0:
        items.pop(rng.randrange(len(items)))
    elif how == 1:
        items += [rng.choice(items)] * rng.choice((1, 5))
    else:
        rng.shuffle(items)
    message.ClearField(name)
    getattr(message, name).extend(items)


def submessage(rng, model) -> None:
    """A message in the place of another of its kind, or none."""
    every = _messages(model)
    message = rng.choice(every)
    inside = [f for f, v in message.ListFields() if f.message_type is not None and not f.is_repeated]
    if not inside:
        return
    field = rng.choice(inside)
    same = [m for m in every if m.DESCRIPTOR.name == field.message_type.name]
    other = type(same[0]).FromString(rng.choice(same).SerializeToString())
    message.ClearField(field.name)
    if rng.random() < 0.8:
        getattr(message, field.name).CopyFrom(other)


def attribute(rng, model) -> None:
    """An attribute of another type, name or content."""
    found = _one(rng, model, "AttributeProto")
    if found is None:
        return
    how = rng.randrange(4)
    if how == 0:
        found.type = rng.randrange(16)
    elif how == 1:
        found.i, found.type = rng.choice(_INTEGERS), 2
    elif how == 2 and found.type == 2:
        found.i = rng.choice(_INTEGERS)
    elif found.type == 7:
        values = [rng.choice(_INTEGERS) if rng.random() < 0.4 else v for v in found.ints]
        found.ClearField("ints")
        found.ints.extend(values or [2**40])
    elif found.type == 3:
        found.s = rng.choice(_TEXTS).encode()
    elif found.type == 1:
        found.f = rng.choice(_FLOATS)


def operator(rng, model) -> None:
    """A node of another operator."""
    node = _one(rng, model, "NodeProto")
    if node is not None:
        every = [n for c in cases() for n in c.model.graph.node]
        other = rng.choice(every)
        node.op_type, node.domain = other.op_type, other.domain
        if rng.random() < 0.3:
            node.ClearField("attribute")
            node.attribute.extend(other.attribute)


def names(rng, model) -> None:
    """Inputs and outputs of nodes that are called otherwise: cycles, values made twice or never."""
    node = _one(rng, model, "NodeProto")
    which = rng.choice(("input", "output"))
    if node is not None and getattr(node, which):
        values = getattr(node, which)
        values[rng.randrange(len(values))] = rng.choice([*_names(model), "", "nowhere"])


def values(rng, model) -> None:
    """Other numbers in an initialiser, extreme ones most of all."""
    tensor = _one(rng, model, "TensorProto")
    if tensor is None:
        return
    if tensor.data_type == 7 and tensor.raw_data:
        array = np.frombuffer(tensor.raw_data, np.int64)[: len(tensor.raw_data) // 8].copy()
        if len(array):
            array[rng.randrange(len(array))] = rng.choice(_INTEGERS)
            tensor.raw_data = array.tobytes()
    elif tensor.data_type == 8:
        tensor.string_data.append(rng.choice(_BYTES))
    elif tensor.data_type == 1 and tensor.raw_data:
        array = np.frombuffer(tensor.raw_data, np.float32)[: len(tensor.raw_data) // 4].copy()
        if len(array):
            array[rng.randrange(len(array))] = rng.choice(_FLOATS)
            tensor.raw_data = array.tobytes()


def dimensions(rng, model) -> None:
    """Other sizes of a tensor: as many elements in another shape, or as many as the file says but does not have."""
    tensor = _one(rng, model, "TensorProto")
    if tensor is None:
        return
    count = max(min(math.prod(tensor.dims), 2**40), -(2**40))
    how = rng.randrange(5)
    if how == 0:
        dims = [count]
    elif how == 1:
        dims = [1] * rng.randrange(8) + [count]
    elif how == 2:
        dims = [*tensor.dims[:-1], rng.choice(_INTEGERS)]
    elif how == 3:
        dims = [2**32, 2**32, count]
    else:
        dims, tensor.data_type = list(tensor.dims)[::-1], rng.choice((tensor.data_type, rng.randrange(30)))
    del tensor.dims[:]
    tensor.dims.extend(dims)


def declared(rng, model) -> None:
    """Another type or size of an input or output."""
    found = _one(rng, model, "ValueInfoProto")
    if found is None:
        return
    dims = _of_kind(found, "Dimension")
    if dims and rng.random() < 0.5:
        rng.choice(dims).dim_value = rng.choice(_INTEGERS)
    elif rng.random() < 0.5:
        found.type.tensor_type.elem_type = rng.randrange(30)
    else:
        for _ in range(rng.choice((1, 2, 20))):
            inner = protos.TypeProto.FromString(found.type.SerializeToString())
            found.type.sequence_type.elem_type.CopyFrom(inner)


def versions(rng, model) -> None:
    """Another version of the operators, or of the format."""
    if model.opset_import and rng.random() < 0.8:
        rng.choice(model.opset_import).version = rng.choice((*range(1, 29), *_INTEGERS))
    else:
        model.ir_version = rng.choice(_INTEGERS)


def calls(rng, model) -> None:
    """A function that is called by another, or by itself."""
    if not model.functions:
        made = model.functions.add(name="h", domain="my", input=["a"], output=["b"])
        made.node.append(op("b = Neg(a)"))
        made.opset_import.add(version=22)
    function = rng.choice(model.functions)
    caller = rng.choice(model.functions)
    for k in range(rng.choice((1, 1, 30))):
        caller.node.append(op(f"extra{k} = {function.name}({caller.input[0] if caller.input else 'a'})", domain="my"))
    node = _one(rng, model, "NodeProto")
    if node is not None:
        node.op_type, node.domain = function.name, "my"


_EDITS = (scalar, scalar, repeated, submessage, attribute, attribute, operator, operator, names, values, values, dimensions, declared, versions,
          calls)  # fmt: skip
