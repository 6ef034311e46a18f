"""Element-wise primitives: one row each, operands of exactly equal type."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from graphc.errors import DtypeError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, compare, lift_scalar
from graphc.ir.type import Type
from graphc.prims import special
from graphc.prims.dims import zeros
from graphc.prims.table import Prim, apply, declare

_HALF = (np.dtype(np.float16), dt.bf16.numpy)
_WIDE = {np.dtype(np.float16): np.float32, dt.bf16.numpy: np.float32}
_EXACT = {**dict.fromkeys(_HALF, np.float64), np.dtype(np.float32): np.float64, np.dtype(np.complex64): np.complex128}


# ------------------------------------------------------------------------------------------- type rules


def _check(op: str, kinds: str, first: Type, others):
    for other in others:
        if other.dtype is not first.dtype:
            raise DtypeError(f"{op}: operands differ in dtype, {first} and {other}")
        if other.shape != first.shape:
            raise ShapeError(f"{op}: operands differ in shape, {first} and {other}")
    if first.dtype.kind not in kinds:
        raise DtypeError(f"{op}: not defined for {first}")


def _same(op: str, kinds: str):
    def rule(x: Type, *others: Type) -> Type:
        _check(op, kinds, x, others)
        return x

    return rule


def _predicate(op: str, kinds: str):
    def rule(x: Type, *others: Type) -> Type:
        _check(op, kinds, x, others)
        return x.with_dtype(dt.b1)

    return rule


def _select_type(c: Type, x: Type, y: Type) -> Type:
    _check("select", "biufces", x, (y,))
    if c.dtype is not dt.b1:
        raise DtypeError(f"select: the condition is {c} instead of b1")
    if c.shape != x.shape:
        raise ShapeError(f"select: the condition {c} differs in shape from {x}")
    return x


# --------------------------------------------------------------------------------------- numpy meanings


def _widened(table: dict, function):
    """``function`` in a wider dtype, its result rounded once to the operands' dtype."""

    def run(*arrays):
        wide = table.get(arrays[0].dtype)
        if wide is None:
            return function(*arrays)
        result = function(*[a.astype(wide) for a in arrays])
        if arrays[0].dtype == dt.bf16.numpy:  # bfloat16 is rounded from float32 everywhere
            result = np.asarray(result).astype(np.float32)
        return np.asarray(result).astype(arrays[0].dtype)

    return run


def rounded(function):
    """16-bit floats computed in float32 and rounded after the operation."""
    return _widened(_WIDE, function)


def exact(function):
    """Floats computed in float64 and rounded once: what a perfect library would answer."""
    return _widened(_EXACT, function)


def _plain(function):
    """The function on float32 instead of 16-bit floats, for results of another dtype."""
    return lambda *arrays: function(*[a.astype(_WIDE.get(a.dtype, a.dtype)) for a in arrays])


def _sigmoid(x):
    if x.dtype.kind == "c":
        return 1 / (1 + np.exp(-x))
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def _floordiv(x, y):
    if x.dtype.kind == "f":
        return np.floor_divide(x, y)
    return np.where(y == 0, x.dtype.type(0), np.floor_divide(x, np.where(y == 0, x.dtype.type(1), y)))


def _mod(x, y):
    if x.dtype.kind == "f":
        return np.mod(x, y)
    return np.where(y == 0, x.dtype.type(0), np.mod(x, np.where(y == 0, x.dtype.type(1), y)))


def _pow(x, y):
    if x.dtype.kind != "i":
        return np.power(x, y)
    one, zero = x.dtype.type(1), x.dtype.type(0)
    inverse = np.where(x == 1, one, np.where(x == -1, np.where(y % 2 == 0, one, -one), zero))
    return np.where(y < 0, inverse, np.power(x, np.maximum(y, zero)))


def _shift(function):
    return lambda x, y: function(x, y & y.dtype.type(8 * y.dtype.itemsize - 1))


def _popcount(x):
    return np.bitwise_count(x.view(f"u{x.dtype.itemsize}")).astype(x.dtype)


def _fma_f64(x: float, y: float, z: float) -> float:
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        return x * y + z
    value = Fraction(x) * Fraction(y) + Fraction(z)
    if value == 0:
        return x * y + z if x == 0 or y == 0 else 0.0
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _two_sum(a, b):
    """The sum rounded, and what the rounding lost."""
    s = a + b
    back = s - a
    return s, (a - (s - back)) + (b - back)


def _two_product(a, b):
    """The product rounded, and what the rounding lost (Dekker)."""
    p = a * b
    (a1, a2), (b1, b2) = [(c - (c - v), v - (c - (c - v))) for v in (a, b) for c in (v * 134217729.0,)]
    return p, a2 * b2 - (((p - a1 * b1) - a2 * b1) - a1 * b2)


def _to_odd(s, error):
    """A sum rounded to nearest as one rounded to odd, by the error of the first: rounding that again does no harm."""
    inexact = np.isfinite(s) & (error != 0) & ((np.asarray(s).view(np.int64) & 1) == 0)
    return np.where(inexact, np.nextafter(s, np.where(error > 0, np.inf, -np.inf)), s)


def _fma_doubles(x, y, z):
    """x*y+z of float64 rounded once: by sums without error and one rounded to odd (Boldo and Melquiond, "Emulation of a FMA
    and correctly rounded sums", 2008), and by fractions where such sums could overflow or underflow."""
    x, y, z = np.broadcast_arrays(x, y, z)
    low, high = 2.0**-400, 2.0**400
    middle = [(np.abs(v) > low) & (np.abs(v) < high) for v in (x, y, z)]
    safe = middle[0] & middle[1] & (middle[2] | (z == 0))
    product, lost = _two_product(x, y)
    t, t_lost = _two_sum(z, lost)
    v, v_lost = _two_sum(product, t)
    found = v + _to_odd(*_two_sum(t_lost, v_lost))
    if not safe.all():
        found = np.array(found)
        found[~safe] = [_fma_f64(*v) for v in zip(x[~safe].tolist(), y[~safe].tolist(), z[~safe].tolist())]
    return np.asarray(found)


def _fma(x, y, z):
    """x*y+z rounded once; float32 through float64 rounded to odd, which makes the second rounding harmless."""
    if x.dtype.kind in "iu":
        return x * y + z
    if x.dtype == np.float64:
        return _fma_doubles(x, y, z)
    s = _to_odd(*_two_sum(x.astype(np.float64) * y.astype(np.float64), z.astype(np.float64)))
    narrow = s.astype(np.float32) if x.dtype == np.float32 else _round_to_half(s, x.dtype)
    return narrow.astype(x.dtype)


def _round_to_half(s, dtype):
    """float64 to a 16-bit float, rounded once (a float32 in between is rounded to odd)."""
    if dtype == np.float16:
        return s.astype(np.float16)
    t = s.astype(np.float32)
    even = (t.view(np.int32) & 1) == 0
    toward = np.where(s > t, np.float32(np.inf), np.float32(-np.inf))
    return np.where(np.isfinite(t) & (t != s) & even, np.nextafter(t, toward), t)


# ------------------------------------------------------------------------------------- making the rows


def unary(name: str, numpy, vjp=None, kinds: str = "f", cost: int = 1, rule=None, formula=None):
    """Declare an element-wise row of one operand; ``vjp(g, out, x)`` answers with one Node. Returns the constructor.

    ``formula(x)`` computes it from other rows; without one the emitters must know an opcode of this name.
    """
    wrapped = None if vjp is None else lambda g, out, x: (vjp(g, out, x),)
    rule = rule or _same(name, kinds)
    declare(Prim(name, rule, numpy, wrapped, scalar=formula or name, cost=cost))
    return _named(lambda x: apply(name, x), name, "x")


def binary(name: str, numpy, vjp=None, kinds: str = "iuf", cost: int = 1, rule=None, commutative: bool = False):
    """Declare an element-wise row of two operands; ``vjp(g, out, x, y)`` answers with two. Returns the constructor."""
    rule = rule or _same(name, kinds)
    declare(Prim(name, rule, numpy, vjp, scalar=name, cost=cost, commutative=commutative))
    return _named(lambda x, y: apply(name, x, y), name, "x, y")


def _named(function, name: str, operands: str):
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The Node ``{name}({operands})``, element-wise; operands have exactly equal type."
    return function


def _where(condition: Node, x, y) -> Node:
    like = x if isinstance(x, Node) else y
    return apply("select", condition, lift_scalar(x, like), lift_scalar(y, like))


# -------------------------------------------------------------------------------------------- gradients


def _trigamma(x: Node) -> Node:
    """Derivative of digamma: recurrence up to x+8, then the asymptotic series; reflected below 1/2."""
    low = compare("lt", x, 0.5)
    z = _where(low, 1 - x, x)
    total = zeros(x.type)
    for _ in range(8):
        total = total + 1 / (z * z)
        z = z + 1
    s = 1 / (z * z)
    series = s * (1 / 6 - s * (1 / 30 - s * (1 / 42 - s * (1 / 30 - s * (5 / 66)))))
    total = total + (1 + series) / z + 0.5 * s
    sine = sin(x * math.pi)
    return _where(low, math.pi**2 / (sine * sine) - total, total)


def _pow_vjp(g, z, x, y):
    """Right at x = 0: no 0 * inf where y = 0, and log only of positive x (as TensorFlow)."""
    flat = compare("eq", y, 0)
    slope = _where(flat, 0, y * pow(x, _where(flat, 1, y - 1)))
    positive = compare("ne", x, 0) if x.dtype.is_complex else compare("lt", lift_scalar(0, x), x)
    logarithm = _where(positive, log(_where(positive, x, 1)), 0)
    return g * slope, g * z * logarithm


def _extreme_vjp(test):
    """The whole gradient goes to x where it is chosen, ties included (as TensorFlow)."""

    def vjp(g, z, x, y):
        mine = test(x, y)
        return _where(mine, g, 0), _where(mine, 0, g)

    return vjp


def _atan2_vjp(g, z, y, x):
    scaled = g / (x * x + y * y)
    return x * scaled, -(y * scaled)


# ------------------------------------------------------------------------------------------------- rows

ANY, NUMBER, INTEGER, BITS, FIELD = "biufcs", "iufc", "iu", "biu", "fc"

neg = unary("neg", rounded(np.negative), lambda g, y, x: -g, NUMBER)
abs = unary("abs", np.abs, lambda g, y, x: g * sign(x), "iuf")
sign = unary("sign", rounded(np.sign), lambda g, y, x: zeros(x.type), "iuf")
floor = unary("floor", rounded(np.floor))
ceil = unary("ceil", rounded(np.ceil))
round = unary("round", rounded(np.rint))
trunc = unary("trunc", rounded(np.trunc))
sqrt = unary("sqrt", rounded(np.sqrt), lambda g, y, x: g * 0.5 / y, FIELD, 4)
rsqrt = unary("rsqrt", exact(lambda x: 1 / np.sqrt(x)), lambda g, y, x: g * (-0.5 * (y * y * y)), FIELD, 6)
exp = unary("exp", exact(np.exp), lambda g, y, x: g * y, FIELD, 12)
expm1 = unary("expm1", exact(np.expm1), lambda g, y, x: g * exp(x), FIELD, 16)
log = unary("log", exact(np.log), lambda g, y, x: g / x, FIELD, 14)
log1p = unary("log1p", exact(np.log1p), lambda g, y, x: g / (x + 1), FIELD, 18)
sin = unary("sin", exact(np.sin), lambda g, y, x: g * cos(x), FIELD, 20)
cos = unary("cos", exact(np.cos), lambda g, y, x: -(g * sin(x)), FIELD, 20)
tan = unary("tan", exact(np.tan), lambda g, y, x: g * (y * y + 1), FIELD, 26)
asin = unary("asin", exact(np.arcsin), lambda g, y, x: g * rsqrt(1 - x * x), FIELD, 18)
acos = unary("acos", exact(np.arccos), lambda g, y, x: -(g * rsqrt(1 - x * x)), FIELD, 18)
atan = unary("atan", exact(np.arctan), lambda g, y, x: g / (x * x + 1), FIELD, 18)
sinh = unary("sinh", exact(np.sinh), lambda g, y, x: g * cosh(x), FIELD, 22)
cosh = unary("cosh", exact(np.cosh), lambda g, y, x: g * sinh(x), FIELD, 22)
tanh = unary("tanh", exact(np.tanh), lambda g, y, x: g * (1 - y * y), FIELD, 16)
asinh = unary("asinh", exact(np.arcsinh), lambda g, y, x: g / cosh(y), FIELD, 26)
acosh = unary("acosh", exact(np.arccosh), lambda g, y, x: g / sinh(y), FIELD, 26)
atanh = unary("atanh", exact(np.arctanh), lambda g, y, x: g / (1 - x * x), FIELD, 24)
erf = unary("erf", exact(special.erf), lambda g, y, x: g * (2 / math.sqrt(math.pi)) * exp(-(x * x)), "f", 20)
erfinv = unary("erfinv", exact(special.erfinv), lambda g, y, x: g * (math.sqrt(math.pi) / 2) * exp(y * y), "f", 30)
lgamma = unary("lgamma", exact(special.lgamma), lambda g, y, x: g * digamma(x), "f", 60)
digamma = unary("digamma", exact(special.digamma), lambda g, y, x: g * _trigamma(x), "f", 60)
sigmoid = unary("sigmoid", exact(_sigmoid), lambda g, y, x: g * (y * (1 - y)), FIELD, 14)
not_ = unary("not", np.invert, kinds=BITS)
isfinite = unary("isfinite", _plain(np.isfinite), rule=_predicate("isfinite", FIELD))
popcount = unary("popcount", _popcount, kinds=INTEGER)

add = binary("add", rounded(np.add), lambda g, z, x, y: (g, g), NUMBER, commutative=True)
sub = binary("sub", rounded(np.subtract), lambda g, z, x, y: (g, -g), NUMBER)
mul = binary("mul", rounded(np.multiply), lambda g, z, x, y: (g * y, g * x), NUMBER, commutative=True)
div = binary("div", rounded(np.divide), lambda g, z, x, y: (g / y, -(g * (z / y))), FIELD, 4)
floordiv = binary("floordiv", rounded(_floordiv), None, "iuf", 8)
mod = binary("mod", rounded(_mod), lambda g, z, x, y: (g, -(g * floordiv(x, y))), "iuf", 10)
pow = binary("pow", exact(_pow), _pow_vjp, NUMBER, 40)
max = binary("max", rounded(np.maximum), _extreme_vjp(lambda x, y: compare("le", y, x)), "iuf", commutative=True)
min = binary("min", rounded(np.minimum), _extreme_vjp(lambda x, y: compare("le", x, y)), "iuf", commutative=True)
atan2 = binary("atan2", exact(np.arctan2), _atan2_vjp, "f", 24)
and_ = binary("and", np.bitwise_and, None, BITS, commutative=True)
or_ = binary("or", np.bitwise_or, None, BITS, commutative=True)
xor = binary("xor", np.bitwise_xor, None, BITS, commutative=True)
shl = binary("shl", _shift(np.left_shift), None, INTEGER)
shr = binary("shr", _shift(np.right_shift), None, INTEGER)
eq = binary("eq", _plain(np.equal), rule=_predicate("eq", ANY), commutative=True)
ne = binary("ne", _plain(np.not_equal), rule=_predicate("ne", ANY), commutative=True)
lt = binary("lt", _plain(np.less), rule=_predicate("lt", "biuf"))
le = binary("le", _plain(np.less_equal), rule=_predicate("le", "biuf"))

declare(Prim("select", _select_type, np.where, lambda g, z, c, x, y: (None, _where(c, g, 0), _where(c, 0, g)),
             scalar="select"))  # fmt: skip
declare(Prim("fma", _same("fma", "iuf"), _fma, lambda g, w, x, y, z: (g * y, g * x, g), scalar="fma"))


def _bytes_of(x, dtype):
    return np.ascontiguousarray(x)[..., None].view(dtype).astype(np.int32)


def _madd4(x, y, z):
    """``z`` plus the products of the four bytes of ``x``, unsigned, with those of ``y``, signed."""
    return z + (_bytes_of(x, np.uint8) * _bytes_of(y, np.int8)).sum(-1, dtype=np.int32)


def _madd4_type(x: Type, y: Type, z: Type) -> Type:
    if not x == y == z or x.dtype is not dt.i32:
        raise DtypeError(f"madd4: needs words (i32) of one shape, got {x}, {y}, {z}")
    return x


declare(Prim("madd4", _madd4_type, _madd4, None, scalar="madd4"))


def select(c: Node, x: Node, y: Node) -> Node:
    """``x`` where the b1 Node ``c`` is true, else ``y``; all of one shape."""
    return apply("select", c, x, y)


def fma(x: Node, y: Node, z: Node) -> Node:
    """``x*y + z``, rounded once."""
    return apply("fma", x, y, z)
