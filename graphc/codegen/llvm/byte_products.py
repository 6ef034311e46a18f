"""``madd4``: to a 32-bit lane the four products of the bytes of two words are added, the first unsigned, the second signed."""

from __future__ import annotations

from graphc.codegen.llvm.builder import Builder, Value
from graphc.codegen.llvm.register import Register
from graphc.ir.dtype import i32

_VNNI = {16: "x86.avx512.vpdpbusd.512", 8: "x86.avx512.vpdpbusd.256", 4: "x86.avx512.vpdpbusd.128"}
_MADD = {16: "x86.avx512.pmaddw.d.512", 8: "x86.avx2.pmadd.wd", 4: "x86.sse2.pmadd.wd"}


def byte_products(x: Register, y: Register, z: Register) -> Register:
    """``z + x0*y0 + x1*y1 + x2*y2 + x3*y3``, exactly but for wrapping, by what the target has."""
    builder, lanes = x.builder, x.value.lanes
    way = builder.target.bytes
    if way == "vnni" and lanes in _VNNI:
        return Register(builder, _dot(builder, _VNNI[lanes], x.value, y.value, z.value))
    if way and lanes in _MADD:
        return _by_pairs(x, y, z, _MADD[lanes])
    total = z
    for shift in (0, 8, 16, 24):
        byte = x.binary("lshr", shift) if shift else x
        total = total + (byte & 255 if shift < 24 else byte) * ((y << 24 - shift if shift < 24 else y) >> 24)
    return total


def _dot(builder: Builder, name: str, x: Value, y: Value, z: Value) -> Value:
    kind, four = z.type, f"<{4 * z.lanes} x i8>"
    builder.declared.add(f"declare {kind} @llvm.{name}({kind}, {four}, {four})")
    x, y = (builder.emit(f"bitcast {v.operand} to {four}", i32, v.lanes) for v in (x, y))
    return builder.emit(f"call {kind} @llvm.{name}({z.operand}, {four} {x.text}, {four} {y.text})", i32, z.lanes)


def _by_pairs(x: Register, y: Register, z: Register, name: str) -> Register:
    """Even and odd bytes as 16-bit numbers, whose products are added in pairs: no sum of two leaves 32 bits."""
    builder, lanes = x.builder, x.value.lanes
    pairs, kind = f"<{2 * lanes} x i16>", z.value.type
    builder.declared.add(f"declare {kind} @llvm.{name}({pairs}, {pairs})")

    def halves(v: Register, opcode: str, count: int) -> str:
        made = builder.emit(f"bitcast {v.value.operand} to {pairs}", i32, lanes)
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
        total = total + Register(builder, part)
    return total
