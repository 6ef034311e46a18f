"""Bits of integers under TensorFlow's names, and the same bits read as another dtype."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node, origins
from graphc.lib.math import full_like
from graphc.lib.promote import as_node, together
from graphc.prims.table import apply

_SIGNED = {16: dt.i16, 32: dt.i32, 64: dt.i64}
_UNSIGNED = {8: dt.u8, 16: dt.u16, 32: dt.u32, 64: dt.u64}


def _whole(op: str, x: Node) -> Node:
    if not x.dtype.is_integer:
        raise DtypeError(explain(f"{op}: needs integers, not {x.type}", origins(x=x)))
    return x


def _binary(name: str, prim: str, what: str):
    def op(x, y) -> Node:
        x, y = together(name, x, y)
        return apply(prim, _whole(name, x), y)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"The bits that are set in {what}; integers of one dtype, broadcast."
    return op


bitwise_and = _binary("bitwise_and", "and", "both operands")
bitwise_or = _binary("bitwise_or", "or", "either operand")
bitwise_xor = _binary("bitwise_xor", "xor", "exactly one operand")


def _shift(name: str, prim: str, what: str):
    def op(x, y) -> Node:
        x, y = together(name, x, y)
        _whole(name, x)
        y = apply("min", apply("max", y, full_like(y, 0)), full_like(y, x.dtype.bits - 1))
        return apply(prim, x, y)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"``x`` moved by ``y`` bits to the {what}; ``y`` is limited to the width less one, and to 0."
    return op


left_shift = _shift("left_shift", "shl", "left")
right_shift = _shift("right_shift", "shr", "right, signed integers keeping their sign")


def invert(x) -> Node:
    """Every bit of integers flipped."""
    return apply("not", _whole("invert", as_node(x)))


def nextafter(x1, x2) -> Node:
    """The float next to ``x1`` in the direction of ``x2``; its slope is 1 in ``x1`` and 0 in ``x2``.

    Raises:
        DtypeError: no real floating-point numbers.
    """
    x, y = together("nextafter", x1, x2)
    if not x.dtype.is_float or x.dtype.bits not in _SIGNED:
        raise DtypeError(explain(f"nextafter: needs floating-point numbers, not {x.type}", origins(x1=x, x2=y)))
    whole = _SIGNED[x.dtype.bits]
    zero, number = full_like(x, 0), apply("bitcast", x, dtype=whole)
    one = full_like(number, 1)
    away = apply("eq", apply("lt", x, y), apply("lt", zero, x))
    moved = apply("add", number, apply("select", away, one, apply("neg", one)))
    lowest = apply("bitcast", one, dtype=x.dtype)
    first = apply("select", apply("lt", zero, y), lowest, apply("neg", lowest))
    found = apply("select", apply("eq", x, zero), first, apply("bitcast", moved, dtype=x.dtype))
    found = apply("select", apply("eq", x, y), y, found)
    unordered = apply("or", apply("ne", x, x), apply("ne", y, y))
    found = apply("stop", apply("select", unordered, apply("add", x, y), found))
    return apply("select", apply("isfinite", x), apply("add", x, apply("stop", apply("sub", found, x))), found)


def bitcast(input, type) -> Node:  # noqa: A002  TensorFlow's arguments
    """The same bits read as another dtype: a wider element becomes a new last axis of parts, a last axis of parts one
    element.

    Raises:
        DtypeError: booleans and strings have no bits to read.
        ShapeError: the last axis does not fill a wider element.
    """
    x, wanted = as_node(input), dt.as_dtype(type)
    if not (x.dtype.bits and wanted.bits) or dt.b1 in (x.dtype, wanted):
        raise DtypeError(explain(f"bitcast: {x.type} cannot be read as {wanted.name}", origins(x=x)))
    if x.dtype is wanted:
        return x
    if x.dtype.bits == wanted.bits:
        return apply("bitcast", x, dtype=wanted)
    if x.dtype.is_complex or wanted.is_complex:
        raise DtypeError(explain(f"bitcast: {x.type} and {wanted.name} differ in width", origins(x=x)))
    return _narrowed(x, wanted) if x.dtype.bits > wanted.bits else _widened(x, wanted)


def _as_bits(x: Node) -> Node:
    whole = _UNSIGNED[x.dtype.bits]
    return x if x.dtype is whole else apply("bitcast", x, dtype=whole)


def _read(bits: Node, wanted: DType) -> Node:
    return bits if bits.dtype is wanted else apply("bitcast", bits, dtype=wanted)


def _narrowed(x: Node, wanted: DType) -> Node:
    bits, count = _as_bits(x), x.dtype.bits // wanted.bits
    full = (*x.shape, count)
    spread = apply("broadcast", bits, shape=full, axes=tuple(range(len(x.shape))))
    place = apply("iota", shape=full, axis=len(x.shape), dtype=bits.dtype)
    moved = apply("shr", spread, apply("mul", place, full_like(place, wanted.bits)))
    return _read(apply("cast", moved, dtype=_UNSIGNED[wanted.bits]), wanted)


def _widened(x: Node, wanted: DType) -> Node:
    count = wanted.bits // x.dtype.bits
    if not x.shape or x.shape[-1] != count:
        what = f"bitcast: the last axis of {x.type} must be of size {count} to be read as {wanted.name}"
        raise ShapeError(explain(what, origins(x=x)))
    bits = apply("cast", _as_bits(x), dtype=_UNSIGNED[wanted.bits])
    place = apply("iota", shape=x.shape, axis=len(x.shape) - 1, dtype=bits.dtype)
    moved = apply("shl", bits, apply("mul", place, full_like(place, x.dtype.bits)))
    return _read(apply("reduce", moved, kind="sum", axes=(len(x.shape) - 1,)), wanted)
