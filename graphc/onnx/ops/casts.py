"""Changes of element type: Cast, CastLike, BitCast, between all types of the standard."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node, const
from graphc.lib import math, small_floats, strings
from graphc.lib.math import full_like
from graphc.onnx.call import Call, element_of_value
from graphc.onnx.registry import operator
from graphc.onnx.values import Element, Narrow, describe, node_of, typed
from graphc.prims.table import apply

_DIGITS = 8  # significant ones of the text of a float, as ONNX Runtime writes it
_READ = {dt.f32, dt.f64, dt.i32, dt.i64, dt.u32, dt.u64}  # what strings are read as; the rest by these
_SPECIAL = (
    (b"NaN", math.is_nan), (b"INF", lambda x: math.equal(x, np.inf)), (b"-INF", lambda x: math.equal(x, -np.inf)),
)  # fmt: skip


def cast_to(value: Node | Narrow, element: Element, saturate: bool = True, round_mode: str = "up") -> Node | Narrow:
    """A tensor in another element type, as Cast defines it.

    Args:
        saturate: of small floats, whether numbers out of range become the largest ones.
        round_mode: of powers of two (float8e8m0), ``up``, ``down`` or ``nearest``.

    Raises:
        DtypeError: there is no such cast.
    """
    if element_of_value(value) is element:
        return value
    if not element.is_narrow:
        return plain(value, element.carrier)
    if element.is_small_float:
        x = _floating(value)
        if element.name == small_floats.E8M0:
            return Narrow(small_floats.encode_power(x, saturate, round_mode), element)
        return Narrow(small_floats.encode(x, small_floats.FORMATS[element.name], saturate), element)
    whole = plain(value, dt.i32) if _is_text_or_float(value) else node_of(value)
    return Narrow(_lowest_bits(math.cast(whole, element.carrier), element), element)


def plain(value: Node | Narrow, dtype: DType) -> Node:
    """A tensor of any element type in an ordinary one."""
    if isinstance(value, Narrow):
        value = decoded(value)
    if value.dtype is dtype:
        return value
    if value.dtype is dt.string:
        return _read(value, dtype)
    if dtype is dt.string:
        return _written(value)
    if value.dtype.is_float and dtype.is_integer:
        return _whole(value, dtype)
    return math.cast(value, dtype)


def decoded(value: Narrow) -> Node:
    """A tensor of a narrow type as ordinary numbers: small floats as f32, integers as they are carried."""
    element = value.element
    if not element.is_small_float:
        return value.node
    if element.name == small_floats.E8M0:
        return small_floats.decode_power(value.node)
    return small_floats.decode(value.node, small_floats.FORMATS[element.name])


def _is_text_or_float(value) -> bool:
    return (value.element.is_small_float if isinstance(value, Narrow) else
            value.dtype.is_float or value.dtype is dt.string)  # fmt: skip


def _floating(value) -> Node:
    """Numbers as floats that hold each of them, or are rounded where every small float is far."""
    x = decoded(value) if isinstance(value, Narrow) else value
    if x.dtype.is_float:
        return x
    if x.dtype.kind not in "biu" and x.dtype is not dt.string:
        raise DtypeError(f"there is no cast from {describe(value)} to small floats")
    return plain(x, dt.f32 if x.dtype.bits in (8, 16) else dt.f64)


def _lowest_bits(x: Node, element: Element) -> Node:
    """Integers of the carrier with those bits only that the element has."""
    if not element.is_signed:
        return apply("and", x, full_like(x, (1 << element.bits) - 1))
    unused = full_like(x, 8 - element.bits)
    return apply("shr", apply("shl", x, unused), unused)


def _whole(x: Node, dtype: DType) -> Node:
    """Floats toward zero as integers: the lowest bits of what a wider integer holds; beyond, it saturates."""
    if dtype.bits < 32:
        return math.cast(math.cast(x, dt.i32), dtype)
    if dtype is dt.u32:
        return math.cast(math.cast(x, dt.i64), dtype)
    if dtype is dt.u64:
        negative = apply("lt", x, full_like(x, 0))
        return apply("select", negative, math.cast(math.cast(x, dt.i64), dtype), math.cast(x, dtype))
    return math.cast(x, dtype)


def _written(x: Node) -> Node:
    """Numbers as text: floats with 8 digits, whole numbers without a point; NaN, INF, -INF."""
    if x.dtype is dt.b1:
        return strings.as_string(math.cast(x, dt.u8))
    if x.dtype.is_integer:
        return strings.as_string(x)
    if not x.dtype.is_float:
        raise DtypeError(f"there is no cast from {describe(x)} to strings")
    text = strings.as_string(x, precision=_DIGITS, shortest=True)
    for name, test in _SPECIAL:
        text = math.where(test(x), const(np.array(name, object)), text)
    return text


def _read(x: Node, dtype: DType) -> Node:
    """Text as numbers; what is no number of that type fails while running."""
    if dtype in _READ:
        return strings.to_number(x, dtype)
    if dtype is dt.b1:
        return math.not_equal(strings.to_number(x, dt.f64), 0.0)
    if not dtype.is_float and not dtype.is_integer:
        raise DtypeError(f"there is no cast from strings to {dtype.name}")
    return math.cast(strings.to_number(x, dt.f32 if dtype.is_float else dt.i64), dtype)


def _cast(call: Call, element: Element) -> Node | Narrow:
    mode = call.choice("round_mode", *small_floats.ROUND_MODES)
    return cast_to(call.carried(0), element, bool(call.int("saturate", 1)), mode)


@operator("Cast")
def cast(call: Call):
    """Another element type, by value."""
    return _cast(call, call.element("to"))


@operator("CastLike")
def cast_like(call: Call):
    """The element type of the second input, by value."""
    return _cast(call, element_of_value(call.carried(1)))


@operator("BitCast")
def bit_cast(call: Call):
    """Another element type of the same width, by bits."""
    x, to = call.carried(0), call.element("to")
    of = element_of_value(x)
    if of.bits != to.bits or not of.bits:
        raise DtypeError(f"BitCast: {describe(x)} and {to} differ in width")
    if of is to:
        return x
    node = node_of(x)
    node = math.cast(node, dt.u8) if node.dtype is dt.b1 else node
    if of.bits < 8:
        return Narrow(_lowest_bits(_read_as(node, to.carrier), to), to)
    if to.carrier is dt.b1:
        return math.not_equal(_read_as(node, dt.u8), 0)
    return typed(_read_as(node, to.carrier), to)


def _read_as(x: Node, dtype: DType) -> Node:
    """The same bits in another dtype."""
    return x if x.dtype is dtype else apply("bitcast", x, dtype=dtype)
