"""``madd4``: to a 32-bit lane the four products of the bytes of two words are added, the first unsigned, the second signed."""

from __future__ import annotations

from graphc.codegen.scalar.register import Register


def byte_products(x: Register, y: Register, z: Register) -> Register:
    """``z + x0*y0 + x1*y1 + x2*y2 + x3*y3``, exactly but for wrapping, by what the target has."""
    found = x.builder.byte_products(x.value, y.value, z.value)
    if found is not None:
        return Register(x.builder, found)
    total = z
    for shift in (0, 8, 16, 24):
        byte = x.binary("lshr", shift) if shift else x
        total = total + (byte & 255 if shift < 24 else byte) * ((y << 24 - shift if shift < 24 else y) >> 24)
    return total
