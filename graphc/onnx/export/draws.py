"""Random numbers: where a function draws fresh ones in every call, a runtime may draw its own."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, const_value
from graphc.ir.type import Type
from graphc.lib.draw import normals
from graphc.onnx.export.emitter import Emitter, Form, Value, as_itself, is_splat
from graphc.onnx.export.nearby import near
from graphc.prims.table import apply

_ONE = 0x3F800000  # the bits of 1.0
_MANTISSA = 1 << 23
_HALF = 1 << 16
_NEAR = 80  # Nodes that are looked at below what may be a normal distribution


def _is_fresh(e: Emitter, bits: Node) -> bool:
    """Whether these are random bits whose key is the function's own."""
    return bits.op == "random_bits" and bits.inputs[0] in e.settings.drawn


def _mantissa_of(node: Node) -> Node | None:
    """The bits of which a float in [1, 2) was made."""
    if node.op != "bitcast" or node.dtype is not dt.f32 or node.inputs[0].op != "or":
        return None
    low, one = node.inputs[0].inputs
    if not is_splat(one, _ONE) or low.op != "and" or const_value(low.inputs[1]) != _MANTISSA - 1:
        return None
    return low.inputs[0]


def uniform(e: Emitter, node: Node) -> Form | None:
    """Fractions in [0, 1)."""
    bits = _mantissa_of(node.inputs[0])
    if bits is None or not is_splat(node.inputs[1], 1) or not _is_fresh(e, bits):
        return None
    return Form((), lambda e, n: Value(_drawn(e, n.type, 0.0, 1.0), n.shape))


def normal(e: Emitter, node: Node) -> Form | None:
    """Numbers of a normal distribution."""
    if not e.settings.drawn or not node.type.is_static or node.dtype is not dt.f32:
        return None
    bits = next((x for x in near(node, _NEAR) if _is_fresh(e, x)), None)
    if bits is None or normals(*bits.inputs, node.shape, node.dtype) is not node:
        return None
    return Form((), lambda e, n: Value(e.op("RandomNormal", [], shape=list(n.shape)), n.shape))


def _drawn(e: Emitter, type: Type, low: float, high: float) -> str:
    if type.is_static:
        return e.op("RandomUniform", [], shape=list(type.shape), low=low, high=high)
    like = e.op("Expand", [e.const(0, dt.f32), e.shape(type.shape)])
    return e.op("RandomUniformLike", [like], low=low, high=high)


def fraction(e: Emitter, node: Node) -> Form | None:
    """A float in [1, 2) from bits, by arithmetic."""
    bits = _mantissa_of(node)
    if bits is None:
        return None
    rest = apply("cast", apply("mod", bits, const(_MANTISSA, bits.type)), dtype=dt.f32)
    return as_itself(rest * (1 / _MANTISSA) + 1)


def drawn_bits(e: Emitter, node: Node) -> Form | None:
    """Any 32 bits, from two numbers of 16."""
    if not _is_fresh(e, node):
        return None

    def write(e: Emitter, node: Node) -> Value:
        halves = []
        for _ in range(2):
            number = e.op("Floor", [_drawn(e, node.type, 0.0, float(_HALF))])
            number = e.op("Min", [number, e.const(_HALF - 1, dt.f32)])  # what is drawn may have been rounded up
            halves.append(e.cast(e.cast(number, dt.f32, dt.i64), dt.i64, dt.u32))
        high = e.typed("Mul", [halves[0], e.const(_HALF, dt.u32)], dt.u32)
        return Value(e.typed("Add", [high, halves[1]], dt.u32), node.shape)

    return Form((), write)
