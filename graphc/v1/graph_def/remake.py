"""Operations made again from what their nodes say to graphc."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.call import Call
from graphc.api.effect import EFFECT
from graphc.api.node_def.rows import function_of, repeat
from graphc.errors import FormatError, explain
from graphc.lib import math
from graphc.v1.graph_def.body import build_from
from graphc.v1.tensor import (
    Differentiate, Feed, Initialised, Operation, Random, Read, ReadOr, Tensor, Update, Write,
)  # fmt: skip
from graphc.v1.variable import Variable


def made_again(
    graph, parts: dict, name: str, operands: list[Tensor], variable: Callable, tensor: Callable
) -> Operation:
    """An operation as ``own.described`` tells of it.

    Args:
        name: its new name. operands: what it takes. variable, tensor: from names in the file to what they mean here.

    Raises:
        FormatError: what it tells makes no sense.
    """
    outputs = [(dtype, None if sizes is None else tuple(sizes)) for dtype, sizes in parts["outputs"]]
    kind = parts["kind"]
    match parts.get("effect"):
        case ["feed", dtype, sizes]:
            effect = Feed((dtype, None if sizes is None else tuple(sizes)))
            return graph.create(kind, name, (), None, effect, outputs)
        case ["read", label] if label == parts["name"]:
            return Variable.placed(graph, name, *outputs[0], parts["trainable"]).op
        case ["read", label]:
            effect, build = Read(variable(label)), None
            outputs = [(effect.variable.dtype, effect.variable.start)]
        case ["read_or", label]:
            effect, build = ReadOr(variable(label)), math.identity
            outputs = [(effect.variable.dtype, effect.variable.start)]
        case ["initialised", label]:
            effect, build = Initialised(variable(label)), None
            outputs = [(outputs[0][0], effect.variable.flag.start)]
        case ["write", label, uses_current]:
            effect, build = Write(variable(label), uses_current), _single(_build(parts))
            outputs = [(effect.variable.dtype, effect.variable.start)]
        case ["update", labels, attrs]:
            known = tuple([variable(v) for v in labels])
            effect, build = Update(known, tuple([tuple(a) for a in attrs])), _build(parts)
            outputs = [(v.dtype, v.start) for v in effect.variables[:1]]
        case ["random", seeded]:
            effect, build, outputs = Random(seeded), _build(parts), None
        case ["effect"]:
            effect, build, outputs = EFFECT, _build(parts), None
        case ["differentiate", ys, xs, stops, seeds, whole, places]:
            ends = [tuple([_end(e, variable, tensor) for e in end]) for end in (ys, xs, stops, seeds)]
            effect, build = Differentiate(*ends, whole, tuple(places)), None
        case None:
            return _pure(graph, parts, name, operands)
        case other:
            raise FormatError(explain(f"{name}: an effect {other!r} is not known here"))
    return graph.create(kind, name, tuple(operands), build, effect, outputs)


def _build(parts: dict) -> Callable:
    text, blobs = parts["body"]
    build = build_from(text, [tuple(b) for b in blobs])
    if "made" in parts:
        row, places, static = parts["made"]
        build.call = Call(function_of(row), places, static)
    return build


def _single(build: Callable) -> Callable:
    """A function with one Node as its answer."""
    return lambda *nodes: build(*nodes)[0]


def _end(end, variable: Callable, tensor: Callable):
    if end is None:
        return None
    return tensor(end[1]) if end[0] == "tensor" else variable(end[1])


def _pure(graph, parts: dict, name: str, operands: list[Tensor]) -> Operation:
    if "call" in parts:
        row, places, static = parts["call"]
        before = graph.num_operations()
        repeat(graph, row, parts["kind"], places, static, operands, name)
        made = graph.get_operations()[before:]
        return next(op for op in made if op.name == name)
    if "body" in parts:
        return graph.create(parts["kind"], name, tuple(operands), _build(parts))
    return graph.create(parts["kind"], name, tuple(operands), None, None, ())
