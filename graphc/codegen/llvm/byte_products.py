"""``madd4`` by the vector instructions of a target, if it has any."""

from __future__ import annotations

from graphc.codegen.llvm.builder import Builder, Value
from graphc.ir.dtype import i32

_VNNI = {16: "x86.avx512.vpdpbusd.512", 8: "x86.avx512.vpdpbusd.256", 4: "x86.avx512.vpdpbusd.128"}
_MADD = {16: "x86.avx512.pmaddw.d.512", 8: "x86.avx2.pmadd.wd", 4: "x86.sse2.pmadd.wd"}


def byte_products(builder: Builder, x: Value, y: Value, z: Value) -> Value | None:
    """``z`` plus the products of the four bytes of ``x`` (unsigned) and ``y`` (signed), exactly but for wrapping; None where
    the target has no instructions for it."""
    way = builder.target.bytes
    if way == "vnni" and x.lanes in _VNNI:
        return _dot(builder, _VNNI[x.lanes], x, y, z)
    if way and x.lanes in _MADD:
        return _by_pairs(builder, x, y, z, _MADD[x.lanes])
    return None


def _dot(builder: Builder, name: str, x: Value, y: Value, z: Value) -> Value:
    kind, four = z.type, f"<{4 * z.lanes} x i8>"
    builder.declared.add(f"declare {kind} @llvm.{name}({kind}, {four}, {four})")
    x, y = (builder.emit(f"bitcast {v.operand} to {four}", i32, v.lanes) for v in (x, y))
    return builder.emit(f"call {kind} @llvm.{name}({z.operand}, {four} {x.text}, {four} {y.text})", i32, z.lanes)


def _by_pairs(builder: Builder, x: Value, y: Value, z: Value, name: str) -> Value:
    """Even and odd bytes as 16-bit numbers, whose products are added in pairs: no sum of two leaves 32 bits."""
    lanes = x.lanes
    pairs, kind = f"<{2 * lanes} x i16>", z.type
    builder.declared.add(f"declare {kind} @llvm.{name}({pairs}, {pairs})")

    def halves(v: Value, opcode: str, count: int) -> str:
        made = builder.emit(f"bitcast {v.operand} to {pairs}", i32, lanes)
        if not count:
            return made.text
        return builder.emit(f"{opcode} {pairs} {made.text}, splat (i16 {count})", i32, lanes).text

    def shifted(text: str) -> str:
        return builder.emit(f"ashr {pairs} {text}, splat (i16 8)", i32, lanes).text

    even = halves(x, "and", 255), shifted(halves(y, "shl", 8))
    odd = halves(x, "lshr", 8), shifted(halves(y, "", 0))
    total = z
    for a, b in (even, odd):
        part = builder.emit(f"call {kind} @llvm.{name}({pairs} {a}, {pairs} {b})", i32, lanes)
        total = builder.arithmetic("add", total, part)
    return total
