"""Algebra: rules that keep every bit (EXACT), and rules that only keep the mathematics (FAST, opt-in)."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from graphc.ir.graph import Graph
from graphc.ir.node import Node, const, const_value
from graphc.passes.fold import apply_folded
from graphc.passes.nested import everywhere, same_or
from graphc.prims import TABLE, cast, mul
from graphc.rewrite.driver import rewrite
from graphc.rewrite.rule import Rules, condition, kinds, on, prim

abs, sign, floor, ceil, round, trunc = map(prim, ("abs", "sign", "floor", "ceil", "round", "trunc"))
exp, expm1, log, log1p, sqrt, rsqrt, pow = map(prim, ("exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "pow"))
max, min, select, not_, and_, or_, xor = map(prim, ("max", "min", "select", "not", "and", "or", "xor"))
eq, ne, lt, le, shl, shr = map(prim, ("eq", "ne", "lt", "le", "shl", "shr"))
is_total = condition(lambda x: x.dtype.kind in "biu")  # no NaN: exactly one of <, ==, > holds


@on("div", kinds="f")
def divide_by_power_of_two(node: Node) -> Node | None:
    """x / c is x * (1/c) where 1/c has no rounding: c is a power of two, neither tiny nor huge."""
    x, y = node.inputs
    c = const_value(y)
    if not isinstance(c, float) or c == 0 or not math.isfinite(c) or math.fabs(math.frexp(c)[0]) != 0.5:
        return None
    exponent = math.frexp(c)[1] - 1
    room = 14 if node.dtype.bits == 16 and node.dtype.short == "f16" else 1022 if node.dtype.bits == 64 else 126
    return mul(x, const(1.0 / c, node.type)) if -room <= exponent <= room else None


def _lossless(source, target) -> bool:
    """Does every value of ``source`` have the same value in ``target``?"""
    if source is target or source.kind == "b":
        return True
    bits = {"f16": 11, "bf16": 8, "f32": 24, "f64": 53}
    exponents = {"f16": 5, "bf16": 8, "f32": 8, "f64": 11}
    if source.kind == "f" and target.kind == "f":
        return bits[source.short] <= bits[target.short] and exponents[source.short] <= exponents[target.short]
    if source.is_integer and target.kind == "f":
        digits = source.bits - (source.kind == "i")
        return digits <= bits[target.short] and (target.short != "f16" or digits <= 15)
    if source.is_integer and target.is_integer:
        if source.kind == target.kind:
            return source.bits <= target.bits
        return source.kind == "u" and source.bits < target.bits
    return False


@on("cast")
def cast_of_lossless_cast(node: Node) -> Node | None:
    """The way through a dtype that holds every value of the first changes nothing."""
    inner = node.inputs[0]
    if inner.op != "cast":
        return None
    source, middle, target = inner.inputs[0].dtype, inner.dtype, node.dtype
    if not _lossless(source, middle) or target is middle:
        return None
    # Floats saturate where integers wrap: through a float, an integer may only reach what holds it.
    if source.is_integer and middle.kind == "f" and target.is_integer and not _lossless(source, target):
        return None
    return cast(inner.inputs[0], target)


@on("cast")
def cast_of_clamped(node: Node) -> Node | None:
    """What saturates anyway needs no limits before, and whole numbers no difference between 0 and -0."""
    x = node.inputs[0]
    if not node.dtype.is_integer or x.dtype.kind != "f":
        return None
    limits = np.iinfo(node.dtype.numpy)
    inner = x.inputs[0] if x.op == "round" else x
    if inner.op not in ("max", "min", "add"):
        return None
    bound = const_value(inner.inputs[1])
    needless = {"max": lambda c: c <= limits.min, "min": lambda c: c >= limits.max, "add": lambda c: c == 0}[inner.op]
    if not isinstance(bound, float) or not needless(bound) or (x.op == "round" and not bound.is_integer()):
        return None
    kept = inner.inputs[0]
    return cast(apply_folded("round", kept) if x.op == "round" else kept, node.dtype)


EXACT = Rules(
    kinds(
        "iuf",
        lambda x: (x * 1, x),
        lambda x: (-(-x), x),
        lambda x, y: (x + (-y), x - y),
        lambda x, y: (x - (-y), x + y),
        lambda x, y: ((-x) * y, -(x * y)),
        lambda x: (x * -1, -x),
        lambda x: (max(x, x), x),
        lambda x: (min(x, x), x),
        lambda x: (abs(abs(x)), abs(x)),
        lambda x: (sign(sign(x)), sign(x)),
        lambda x: (pow(x, 1), x),
        lambda x: (pow(x, 0), 1),
    ),
    kinds(
        "f",
        lambda x: (x / 1, x),
        lambda x: (x / -1, -x),
        lambda x, y: ((-x) / y, -(x / y)),
        lambda x, y: (x / (-y), -(x / y)),
        lambda x: (x + -0.0, x),
        lambda x: (x - 0.0, x),
        lambda x: (-0.0 - x, -x),
        lambda x: (pow(x, 2), x * x),
        *[lambda x, f=prim(f), g=prim(g): (f(g(x)), g(x)) for f in ("floor", "ceil", "round", "trunc")
          for g in ("floor", "ceil", "round", "trunc")],
    ),  # fmt: skip
    kinds("if", lambda x: (abs(-x), abs(x))),
    kinds(
        "iu",
        lambda x: (x + 0, x),
        lambda x: (x - 0, x),
        lambda x: (0 - x, -x),
        lambda x: (x * 0, 0),
        lambda x: (x - x, 0),
        lambda x, y: (-(x - y), y - x),
        lambda x, y: ((x - y) + y, x),
        lambda x, y: ((x + y) - y, x),
        lambda x, c0, c1: ((x + c0) + c1, x + (c0 + c1)),
        lambda x, c0, c1: ((x * c0) * c1, x * (c0 * c1)),
        lambda x: (shl(x, 0), x),
        lambda x: (shr(x, 0), x),
        lambda x: (and_(x, 0), 0),
        lambda x: (or_(x, 0), x),
        lambda x: (xor(x, 0), x),
        lambda x: (x // 1, x),
        lambda x: (x % 1, 0),
    ),
    kinds(
        "biu",
        lambda x: (not_(not_(x)), x),
        lambda x: (and_(x, x), x),
        lambda x: (or_(x, x), x),
        lambda x: (eq(x, x), True),
        lambda x: (ne(x, x), False),
        lambda x: (le(x, x), True),
        lambda x: (lt(x, x), False),
    ),
    kinds(
        "b",
        lambda x: (and_(x, True), x),
        lambda x: (and_(x, False), False),
        lambda x: (or_(x, True), True),
        lambda x: (or_(x, False), x),
        lambda x: (xor(x, False), x),
        lambda x: (xor(x, True), not_(x)),
        lambda x: (xor(x, x), False),
        lambda x: (eq(x, True), x),
        lambda x: (eq(x, False), not_(x)),
        lambda x: (ne(x, False), x),
        lambda x: (ne(x, True), not_(x)),
        lambda x, y: (not_(eq(x, y)), ne(x, y)),
        lambda x, y: (not_(ne(x, y)), eq(x, y)),
        lambda x, y: (not_(lt(x, y)), le(y, x), is_total(x)),
        lambda x, y: (not_(le(x, y)), lt(y, x), is_total(x)),
        lambda x: (select(x, True, False), x),
        lambda x: (select(x, False, True), not_(x)),
    ),
    lambda x, y: (select(True, x, y), x),
    lambda x, y: (select(False, x, y), y),
    lambda x, y: (select(y, x, x), x),
    lambda c, x, y: (select(not_(c), x, y), select(c, y, x)),
    lambda c, x, y, z: (select(c, select(c, x, y), z), select(c, x, z)),
    lambda c, x, y, z: (select(c, x, select(c, y, z)), select(c, x, z)),
    kinds("f", lambda x: (lt(x, x), False)),
    divide_by_power_of_two,
    cast_of_lossless_cast,
    cast_of_clamped,
    rows=TABLE,
    build=apply_folded,
)

FAST = Rules(
    kinds(
        "f",
        lambda x: (x + 0.0, x),
        lambda x: (0.0 - x, -x),
        lambda x: (x * 0.0, 0.0),
        lambda x: (x - x, 0.0),
        lambda x: (x / x, 1.0),
        lambda x, y: (-(x - y), y - x),
        lambda x, y: ((x - y) + y, x),
        lambda x, y: ((x + y) - y, x),
        lambda x, c0: (x / c0, x * (1.0 / c0)),
        lambda x, c0, c1: ((x + c0) + c1, x + (c0 + c1)),
        lambda x, c0, c1: ((x * c0) * c1, x * (c0 * c1)),
        lambda x, y, z: (x * y + x * z, x * (y + z)),
        lambda x, y, z: ((x / y) / z, x / (y * z)),
        lambda x: (sqrt(x) * sqrt(x), x),
        lambda x: (1.0 / sqrt(x), rsqrt(x)),
        lambda x, y: (x / sqrt(y), x * rsqrt(y)),
        lambda x: (pow(x, 0.5), sqrt(x)),
        lambda x: (pow(x, -0.5), rsqrt(x)),
        lambda x: (pow(x, -1.0), 1.0 / x),
        lambda x: (pow(x, 3.0), x * x * x),
        lambda x: (exp(log(x)), x),
        lambda x: (log(exp(x)), x),
        lambda x, y: (exp(x) * exp(y), exp(x + y)),
        lambda x: (log(x + 1.0), log1p(x)),
        lambda x: (exp(x) - 1.0, expm1(x)),
        lambda x: (eq(x, x), True),
        lambda x: (ne(x, x), False),
        lambda x: (le(x, x), True),
    ),
    rows=TABLE,
    build=apply_folded,
)

_EXACT_AND_FAST = Rules(EXACT, FAST, rows=TABLE, build=apply_folded)


@everywhere
def simplify(graph: Graph, fast_math: bool = False, stats: Counter | None = None) -> Graph:
    """Apply the algebra rules until none matches.

    Args:
        fast_math: also rules that change the last bits, and results for NaN, infinities and signed zeros.
        stats: counts the hits of each rule by name.
    """
    return same_or(graph, rewrite(graph.roots, _EXACT_AND_FAST if fast_math else EXACT, stats))
