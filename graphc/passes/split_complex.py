"""Complex values become pairs of real ones, joined only where memory must hold them: at inputs, outputs and host steps.

Products follow the plain formula. Quotients, magnitudes and logarithms are computed in f64 for c64 and scaled for
c128, so that they neither overflow nor lose more than a few units in the last place. Operations that are missing here
(a product of all elements, inverse functions) stay whole and run on the host.
"""

from __future__ import annotations

import math

from graphc.ir import dtype as dt
from graphc.ir.dtype import real_of
from graphc.ir.graph import Graph, rebuild
from graphc.ir.node import Node, compare, const, make
from graphc.ir.type import TupleType, Type
from graphc.passes.nested import everywhere, same_or
from graphc.prims import cast, concat, expm1, reshape, select, view
from graphc.prims import slice as slice_
from graphc.prims.complex import COMPLEX_OF
from graphc.prims.table import apply

# Movement and sums: each part goes its own way.
_PARTWISE = frozenset(
    "add sub neg select reshape broadcast transpose slice pad reverse concat ensure stop gather window unwindow".split()
)


@everywhere
def split_complex(graph: Graph) -> Graph:
    """Rewrite arithmetic on complex values as arithmetic on their real and imaginary parts."""
    if not any(_is_complex(n.type) for n in (*graph.nodes, *graph.inputs)):
        return graph
    pairs: dict[Node, tuple] = {}

    def parts(x: Node) -> tuple[Node, Node]:
        if x not in pairs:
            pairs[x] = _const_parts(x) if x.op == "const" else _taken_apart(x)
        return pairs[x]

    def visit(node: Node, inputs: tuple) -> Node | None:
        if not any(_is_complex(t) for t in (node.type, *(x.type for x in inputs))):
            return None
        if node.op == "const" and not node.type.is_static:  # of a size that only a kernel of real numbers can fill
            found = _const_parts(node)
        else:
            found = _split(node, inputs, parts) if node.inputs else None
        if not isinstance(found, tuple):
            return found
        whole = _joined(*found)
        pairs[whole] = found
        return whole

    return same_or(graph, rebuild(graph.roots, visit))


def _is_complex(type) -> bool:
    return isinstance(type, Type) and type.dtype.is_complex


def _const_parts(x: Node) -> tuple[Node, Node]:
    array = x.attr("value").array
    kind = x.type.with_dtype(real_of(x.dtype))
    return const(array.real, kind), const(array.imag, kind)


def _taken_apart(x: Node) -> tuple[Node, Node]:
    """Both parts of a value that lies in memory as a whole."""
    both, rank = view(x, real_of(x.dtype)), x.type.rank
    return tuple([
        reshape(slice_(both, (0,) * rank + (k,), (*x.shape, k + 1)), x.shape) for k in (0, 1)
    ])  # fmt: skip


def _joined(re: Node, im: Node) -> Node:
    lifted = [reshape(p, (*p.shape, 1)) for p in (re, im)]
    return view(concat(*lifted, axis=re.type.rank), COMPLEX_OF[re.dtype])


def _split(node: Node, inputs: tuple, parts):
    """The value over parts: a pair, a real Node, or None for an operation that takes complex values whole."""
    if node.op in _PARTWISE or (node.op, dict(node.attrs).get("kind")) in _SUMS:
        return _partwise(node, inputs, parts)
    rule = RULES.get(node.op)
    if rule is None or isinstance(node.type, TupleType):
        return None
    return rule(*[parts(x) if _is_complex(x.type) else x for x in inputs], **dict(node.attrs))


_SUMS = frozenset({("reduce", "sum"), ("cumulate", "sum"), ("scatter", "add"), ("scatter", "set")})


def _partwise(node: Node, inputs: tuple, parts) -> tuple:
    kind = Type(real_of(node.dtype), node.shape)
    halves = [tuple([parts(x)[k] if _is_complex(x.type) else x for x in inputs]) for k in (0, 1)]
    return tuple([make(node.op, operands, node.attrs, kind) for operands in halves])


# -------------------------------------------------------------------------------------------- arithmetic


def _widely(function):
    """A function of pairs, computed in f64 for f32: no overflow between, one rounding at the end."""

    def run(*pairs):
        if pairs[0][0].dtype is not dt.f32:
            return function(*pairs)
        found = function(*[tuple([cast(p, dt.f64) for p in pair]) for pair in pairs])
        return cast(found, dt.f32) if isinstance(found, Node) else tuple([cast(p, dt.f32) for p in found])

    return run


def _mul(x, y):
    return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]


def _div(x, y):
    scale = _largest(y)
    c, d = y[0] / scale, y[1] / scale
    low = (c * c + d * d) * scale
    return (x[0] * c + x[1] * d) / low, (x[1] * c - x[0] * d) / low


def _largest(z) -> Node:
    """The larger magnitude of both parts, and 1 where that would not do as a divisor (0 and infinity)."""
    scale = apply("max", apply("abs", z[0]), apply("abs", z[1]))
    bad = apply("or", compare("eq", scale, 0.0), compare("eq", scale, math.inf))
    return select(bad, const(1, scale.type), scale)


def _abs(z) -> Node:
    scale = _largest(z)
    a, b = z[0] / scale, z[1] / scale
    length = apply("sqrt", a * a + b * b) * scale
    endless = apply("or", *[compare("eq", apply("abs", p), math.inf) for p in z])
    return select(endless, const(math.inf, length.type), length)


def _exp(z):
    size = apply("exp", z[0])
    turned = size * apply("sin", z[1])
    return size * apply("cos", z[1]), select(compare("eq", z[1], 0.0), z[1], turned)


def _expm1(z):
    half = apply("sin", z[1] * 0.5)
    return expm1(z[0]) * apply("cos", z[1]) - 2.0 * half * half, apply("exp", z[0]) * apply("sin", z[1])


def _log(z):
    return apply("log", _abs(z)), apply("atan2", z[1], z[0])


def _log1p(z):
    return _log((z[0] + 1.0, z[1]))


def _sqrt(z):
    """The root with a real part that is not negative; the other part by division, which loses no digits."""
    large = apply("sqrt", (_abs(z) + apply("abs", z[0])) * 0.5)
    zero = compare("eq", large, 0.0)
    small = z[1] / (2.0 * select(zero, const(1, large.type), large))
    negative = compare("lt", z[0], 0.0)
    below = apply("or", compare("lt", z[1], 0.0), compare("lt", 1.0 / z[1], 0.0))
    sided = select(below, -large, large)
    return select(negative, apply("abs", small), large), select(negative, sided, small)


def _sin(z):
    x, y = z
    return apply("sin", x) * apply("cosh", y), apply("cos", x) * apply("sinh", y)


def _cos(z):
    x, y = z
    return apply("cos", x) * apply("cosh", y), -(apply("sin", x) * apply("sinh", y))


def _sinh(z):
    x, y = z
    return apply("sinh", x) * apply("cos", y), apply("cosh", x) * apply("sin", y)


def _cosh(z):
    x, y = z
    return apply("cosh", x) * apply("cos", y), apply("sinh", x) * apply("sin", y)


def _tanh(z):
    """From tanh of x and sin and cos of y, so that nothing overflows."""
    t, s, c = apply("tanh", z[0]), apply("sin", z[1]), apply("cos", z[1])
    low = c * c + t * t * s * s
    rest = apply("cosh", z[0])
    return t / low, s * c / (rest * rest) / low


def _tan(z):
    re, im = _tanh((-z[1], z[0]))
    return im, -re


def _pow(x, y):
    """``exp(y log x)``; 1 where y is 0, and 0 where only x is."""
    flat = apply("and", *[compare("eq", p, 0.0) for p in y])
    none = apply("and", *[compare("eq", p, 0.0) for p in x])
    one, zero = const(1, x[0].type), const(0, x[0].type)
    re, im = _exp(_mul(y, _log((select(none, one, x[0]), x[1]))))
    return select(flat, one, select(none, zero, re)), select(apply("or", flat, none), zero, im)


def _inverse(function):
    one = lambda p: (const(1, p.type), const(0, p.type))  # noqa: E731
    return lambda z: _div(one(z[0]), function(z))


def _sigmoid(z):
    re, im = _exp((-z[0], -z[1]))
    return _div((const(1, re.type), const(0, re.type)), (re + 1.0, im))


# ------------------------------------------------------------------------------------ the rest of the rows


def _bilinear(op: str):
    def rule(x, y, **attrs):
        a, b, c, d = [apply(op, p, q, **attrs) for p, q in ((x[0], y[0]), (x[1], y[1]), (x[0], y[1]), (x[1], y[0]))]
        return a - b, c + d

    return rule


def _cast(x, dtype):
    if isinstance(x, Node):
        re = cast(x, real_of(dtype))
        return re, const(0, re.type)
    if dtype.is_complex:
        return tuple([cast(p, real_of(dtype)) for p in x])
    return apply("or", *[cast(p, dtype) for p in x]) if dtype is dt.b1 else cast(x[0], dtype)


def _both(op: str, combine: str):
    return lambda x, y: apply(combine, *[compare(op, p, q) for p, q in zip(x, y)])


RULES = {
    "complex": lambda re, im: (re, im),
    "real": lambda z: z[0],
    "imag": lambda z: z[1],
    "conj": lambda z: (z[0], -z[1]),
    "mul": _mul,
    "div": _widely(_div),
    "exp": _exp,
    "expm1": _expm1,
    "log": _widely(_log),
    "log1p": _widely(_log1p),
    "sqrt": _widely(_sqrt),
    "rsqrt": _widely(_inverse(_sqrt)),
    "sin": _sin,
    "cos": _cos,
    "tan": _widely(_tan),
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _widely(_tanh),
    "sigmoid": _widely(_sigmoid),
    "pow": _widely(_pow),
    "eq": _both("eq", "and"),
    "ne": _both("ne", "or"),
    "isfinite": lambda z: apply("and", *[apply("isfinite", p) for p in z]),
    "dot": _bilinear("dot"),
    "conv": _bilinear("conv"),
    "cast": _cast,
}
