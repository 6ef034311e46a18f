"""Floats of 8, 6 and 4 bits as codes: u8 tensors that become ordinary floats, and are made of such, by their bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.errors import DtypeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins
from graphc.lib.math import full_like
from graphc.prims.table import apply

ROUND_MODES = ("up", "down", "nearest")


@dataclass(frozen=True)
class SmallFloat:
    """A format with a sign, an exponent and a mantissa.

    Attributes:
        name: as ONNX writes it.
        exponent, mantissa: how many bits they have. bias: of the exponent.
        largest: the code of the largest finite number. infinity: the code of infinity, 0 where there is none.
        nan: the code that a NaN gets.
        has_signs: whether zero and NaN have a sign; without, the code of minus zero is the only NaN.
    """

    name: str
    exponent: int
    mantissa: int
    bias: int
    largest: int
    infinity: int
    nan: int
    has_signs: bool = True

    @property
    def sign(self) -> int:
        """The code of the sign alone."""
        return 1 << (self.exponent + self.mantissa)


E4M3FN = SmallFloat("float8e4m3fn", 4, 3, 7, 0x7E, 0, 0x7F)
E4M3FNUZ = SmallFloat("float8e4m3fnuz", 4, 3, 8, 0x7F, 0, 0x80, False)
E5M2 = SmallFloat("float8e5m2", 5, 2, 15, 0x7B, 0x7C, 0x7E)
E5M2FNUZ = SmallFloat("float8e5m2fnuz", 5, 2, 16, 0x7F, 0, 0x80, False)
# without infinity and NaN, which becomes a zero of the other sign
E2M3 = SmallFloat("float6e2m3", 2, 3, 1, 0x1F, 0, 0)
E3M2 = SmallFloat("float6e3m2", 3, 2, 3, 0x1F, 0, 0)
E2M1 = SmallFloat("float4e2m1", 2, 1, 1, 0x7, 0, 0)
FORMATS = {f.name: f for f in (E4M3FN, E4M3FNUZ, E5M2, E5M2FNUZ, E2M3, E3M2, E2M1)}
E8M0 = "float8e8m0"  # powers of two; its functions are ``decode_power`` and ``encode_power``


def _by(op: str, x: Node, value) -> Node:
    """A binary row of ``x`` and a number of its dtype."""
    return apply(op, x, full_like(x, value))


def _where(condition: Node, value, x: Node) -> Node:
    return apply("select", condition, full_like(x, value), x)


def _over(x: Node, value) -> Node:
    return apply("lt", full_like(x, value), x)


def _codes(op: str, codes: Node) -> Node:
    if codes.dtype is not dt.u8:
        raise DtypeError(explain(f"{op}: codes must be uint8, not {codes.type}", origins(codes=codes)))
    return apply("cast", codes, dtype=dt.u32)


def decode(codes: Node, form: SmallFloat) -> Node:
    """The f32 numbers that u8 codes stand for.

    Raises:
        DtypeError: the codes are not u8.
    """
    wide = _codes(f"decode {form.name}", codes)
    size = _by("and", wide, form.sign - 1)
    moved = apply("bitcast", _by("shl", size, 23 - form.mantissa), dtype=dt.f32)
    value = _by("mul", moved, 2.0 ** (127 - form.bias))  # exact, also where the code has no leading one
    if form.has_signs and form.nan:
        value = _where(_over(size, form.infinity or form.largest), np.nan, value)
    if form.infinity:
        value = _where(_by("eq", size, form.infinity), np.inf, value)
    sign = _by("shl", _by("and", wide, form.sign), 31 - form.exponent - form.mantissa)
    value = apply("bitcast", apply("or", apply("bitcast", value, dtype=dt.u32), sign), dtype=dt.f32)
    return value if form.has_signs else _where(_by("eq", wide, form.nan), np.nan, value)


def _bits_of(op: str, x: Node) -> tuple[Node, int, int]:
    """The bits of floats, how many of them are the mantissa, and the bias; 16-bit floats are widened."""
    if not x.dtype.is_float:
        raise DtypeError(explain(f"{op}: needs floats, not {x.type}", origins(x=x)))
    if x.dtype is dt.f64:
        return apply("bitcast", x, dtype=dt.u64), 52, 1023
    x = x if x.dtype is dt.f32 else apply("cast", x, dtype=dt.f32)
    return apply("bitcast", x, dtype=dt.u32), 23, 127


def encode(x: Node, form: SmallFloat, saturate: bool = True) -> Node:
    """The u8 codes of the numbers next to floats of any width; halves go to the even code.

    Args:
        saturate: numbers and infinities beyond the largest finite number become it; otherwise infinity, or NaN where
            the format has none (the largest number, where it has neither).

    Raises:
        DtypeError: ``x`` is not floating.
    """
    bits, mantissa, bias = _bits_of(f"encode {form.name}", x)
    real, top = (dt.f64, 63) if bits.dtype is dt.u64 else (dt.f32, 31)
    size, drop = _by("and", bits, (1 << top) - 1), mantissa - form.mantissa
    odd = _by("and", _by("shr", size, drop), 1)
    rounded = _by("shr", apply("add", _by("add", size, (1 << (drop - 1)) - 1), odd), drop)
    normal = _by("sub", rounded, (bias - form.bias) << form.mantissa)
    # adding this number rounds to the least step of the format
    step = np.asarray(2.0 ** (1 - form.bias - form.mantissa + mantissa), real.numpy)
    added = _by("add", apply("bitcast", size, dtype=real), step)
    subnormal = _by("sub", apply("bitcast", added, dtype=bits.dtype), int(step.view(bits.dtype.numpy)))
    code = apply("select", _by("lt", size, (bias + 1 - form.bias) << mantissa), subnormal, normal)
    beyond = form.largest if saturate or not form.nan else form.infinity or form.nan
    code = _where(_over(code, form.largest), beyond, code)
    is_nan = _over(size, (2 * bias + 1) << mantissa)
    sign = _by("shl", _by("shr", bits, top), form.exponent + form.mantissa)
    if form.has_signs:
        code = _where(is_nan, form.nan, code)
        sign = sign if form.nan else apply("select", is_nan, _by("xor", sign, form.sign), sign)
    else:
        sign = _where(_by("eq", code, 0), 0, sign)
    code = apply("or", code, sign)
    return apply("cast", code if form.has_signs else _where(is_nan, form.nan, code), dtype=dt.u8)


def decode_power(codes: Node) -> Node:
    """The f32 powers of two, ``2 ** (code - 127)``, that u8 codes stand for; 255 is NaN."""
    wide = _codes(f"decode {E8M0}", codes)
    bits = _where(_by("eq", wide, 0), 0x00400000, _by("shl", wide, 23))
    return _where(_by("eq", wide, 255), np.nan, apply("bitcast", bits, dtype=dt.f32))


def encode_power(x: Node, saturate: bool = True, round_mode: str = "up") -> Node:
    """The u8 codes of powers of two next to floats, whose sign does not count.

    Args:
        saturate: what lies beyond the smallest and the largest power becomes it; otherwise NaN.
        round_mode: ``up``, ``down``, or ``nearest``, where halves between powers go up.

    Raises:
        DtypeError: ``x`` is not floating. UsageError: another mode.
    """
    if round_mode not in ROUND_MODES:
        raise UsageError(explain(f"encode {E8M0}: round_mode {round_mode!r} is not one of {', '.join(ROUND_MODES)}"))
    x = apply("cast", x, dtype=dt.f32) if x.dtype in (dt.f16, dt.bf16, dt.f64) else x
    bits, _, _ = _bits_of(f"encode {E8M0}", x)
    size = _by("and", bits, 0x7FFFFFFF)
    raised = {"up": 0x7FFFFF, "down": 0, "nearest": 0x400000}[round_mode]
    least, infinity = 0x00400000, 0x7F800000
    code = _by("shr", _by("add", size, raised), 23)
    # below the first normal number lies only one more power, 2 ** -127
    second = {"up": least + 1, "down": 1 << 23, "nearest": least + least // 2}[round_mode]
    low = apply("cast", _over(size, second - 1), dtype=dt.u32)
    code = apply("select", _by("lt", size, 1 << 23), low, code)
    code = _where(_over(code, 254), 254 if saturate else 255, code)
    if not saturate:
        code = _where(_by("lt", size, least), 255, code)
    return apply("cast", _where(_over(size, infinity), 255, code), dtype=dt.u8)
