"""Binomial values, by inversion or transformed rejection, and normal values between two limits."""

from __future__ import annotations

import math as python_math

from graphc.errors import DtypeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import math
from graphc.lib.dims import shape_of
from graphc.lib.distributions import parameter_major
from graphc.lib.draw import RESERVED, fractions, full_counter, splat
from graphc.lib.loops import full, until_done
from graphc.lib.philox import two_fractions
from graphc.lib.promote import as_node, broadcast_shape, broadcast_to
from graphc.prims.table import apply

_STIRLING = (0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211,
             0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.00925546218271273,
             0.00833056343336287)  # fmt: skip
_SHORT = 42  # blocks that TensorFlow sets aside for a value made of gaps
_TAIL = 6.0  # deviations from which the tail of the normal density is taken to be exponential


def binomial_samples(key: Node, counter: Node, blocks: Node, count: Node, prob: Node) -> Node:
    """Binomial values in f64 for f64 counts and probabilities: geometric gaps below a mean of 10, BTRS from there on."""
    strange = apply("not", apply("and", apply("isfinite", count), apply("and", math.greater_equal(prob, 0.0),
                                                                        math.less_equal(prob, 1.0))))  # fmt: skip
    none = apply("or", math.less_equal(count, 0.0), math.equal(prob, 0.0))
    n = apply("select", apply("or", strange, none), full(count, 1), count)
    p = apply("select", apply("or", strange, none), full(prob, 0.5), prob)
    mirrored = math.greater(p, 0.5)
    p = apply("select", mirrored, math.subtract(as_node(1.0, dt.f64), p), p)
    p = apply("max", p, full(p, 1e-300))
    small = math.less(apply("mul", n, p), 10.0)
    zero = full(count, 0)
    short = apply("mul", apply("floordiv", blocks, full(blocks, RESERVED)), full(blocks, _SHORT))
    blocks = apply("select", small, short, blocks)
    carries = (splat(False, dt.b1, count.shape), zero, zero, zero, blocks)
    value = until_done(carries, (key, full_counter(counter), small, n, p), _attempt)[1]
    value = apply("select", mirrored, apply("sub", n, value), value)
    value = apply("select", none, zero, value)
    return apply("select", strange, full(count, float("nan")), value)


def _attempt(done, value, total, gaps, block, key, counter, small, n, p) -> tuple:
    second, first = two_fractions(key, counter, block)
    slope = math.log1p(math.negative(p))
    once = apply("add", total, apply("ceil", apply("div", apply("log", first), slope)))
    twice = apply("add", once, apply("ceil", apply("div", apply("log", second), slope)))
    early, late = apply("lt", n, once), apply("lt", n, twice)
    one = math.add(gaps, 1.0)
    counted = apply("select", early, gaps, one)
    accepted, k = _btrs(first, second, n, p)
    good = apply("select", small, apply("or", early, late), accepted)
    new = (apply("or", done, good), apply("select", small, counted, k), twice, math.add(one, 1.0),
           apply("add", block, full(block, 1)))  # fmt: skip
    return tuple(apply("select", done, a, b) for a, b in zip((done, value, total, gaps, block), new))


def _btrs(first: Node, v: Node, n: Node, p: Node) -> tuple[Node, Node]:
    """Hörmann's BTRS: whether a pair of fractions is accepted, and the value it stands for."""

    def number(x):
        return as_node(x, dt.f64)

    deviation = math.sqrt(math.multiply(math.multiply(n, p), math.subtract(number(1.0), p)))
    b = math.add(math.multiply(deviation, 2.53), 1.15)
    a = math.add(math.add(math.multiply(b, 0.0248), -0.0873), math.multiply(p, 0.01))
    centre = math.add(math.multiply(n, p), 0.5)
    tight = math.subtract(number(0.92), math.truediv(number(4.2), b))
    odds = math.truediv(p, math.subtract(number(1.0), p))
    alpha = math.multiply(math.add(math.truediv(number(5.1), b), 2.83), deviation)
    m = math.floor(math.multiply(math.add(n, 1.0), p))
    u = math.subtract(first, 0.5)
    us = math.subtract(number(0.5), math.abs(u))
    k = math.floor(math.add(math.multiply(math.add(math.truediv(math.multiply(a, 2.0), us), b), u), centre))
    surely = apply("and", math.greater_equal(us, 0.07), apply("le", v, tight))
    never = apply("or", math.less(k, 0.0), apply("lt", n, k))
    scaled = math.log(math.truediv(math.multiply(v, alpha), math.add(math.truediv(a, math.multiply(us, us)), b)))
    held = math.minimum(math.maximum(k, 0.0), n)
    after_m, after_k = (math.add(math.subtract(n, x), 1.0) for x in (m, held))
    bound = math.multiply(math.add(m, 0.5), math.log(math.truediv(math.add(m, 1.0), math.multiply(odds, after_m))))
    bound = math.add(bound, math.multiply(math.add(n, 1.0), math.log(math.truediv(after_m, after_k))))
    last = math.log(math.truediv(math.multiply(odds, after_k), math.add(held, 1.0)))
    bound = math.add(bound, math.multiply(math.add(held, 0.5), last))
    for sign, x in ((1, m), (1, math.subtract(n, m)), (-1, held), (-1, math.subtract(n, held))):
        bound = math.add(bound, math.multiply(_stirling_tail(x), float(sign)))
    return apply("or", surely, apply("and", apply("not", never), apply("le", scaled, bound))), k


def _stirling_tail(k: Node) -> Node:
    """What Stirling's formula lacks of log k!."""
    after = math.add(k, 1.0)
    squared = math.multiply(after, after)
    rest = math.truediv(as_node(1 / 1260, dt.f64), squared)
    rest = math.truediv(math.subtract(as_node(1 / 360, dt.f64), rest), squared)
    out = math.truediv(math.subtract(as_node(1 / 12, dt.f64), rest), after)
    for j, known in enumerate(_STIRLING):
        out = apply("select", math.equal(k, float(j)), full(out, known), out)
    return out


def binomial(key: Node, counter: Node, shape, counts, probs, dtype=dt.i32) -> Node:
    """Successes among ``counts`` trials of probability ``probs``, which broadcast to the end of ``shape``."""
    counts, probs, dtype = as_node(counts), as_node(probs), dt.as_dtype(dtype)
    for x in (counts, probs):
        if not (x.dtype.is_float or x.dtype.is_integer):
            raise DtypeError(explain(f"binomial: counts and probabilities are numbers, not {x.type}"))
    shape, common = shape_of(shape, "binomial"), broadcast_shape("binomial", counts, probs)
    n, p = (broadcast_to(broadcast_to(math.cast(x, dt.f64), common), shape) for x in (counts, probs))
    return math.cast(binomial_samples(key, counter, parameter_major(shape, common), n, p), dtype)


# --------------------------------------------------------------------------------- between two limits


def parameterized_truncated_normal(
    key: Node, counter: Node, shape, means=0.0, stddevs=1.0, minvals=-2.0, maxvals=2.0, dtype=None
) -> Node:
    """Normally distributed between two limits, by inversion of the distribution function in f64.

    One number of the stream makes one value. A range that begins more than six deviations from the mean is taken to
    have an exponential density.
    """
    op = "parameterized_truncated_normal"
    given = [means, stddevs, minvals, maxvals]
    like = next((x.dtype for x in given if isinstance(x, Node)), dt.f32)
    dtype, shape = dt.as_dtype(dtype or like), shape_of(shape, op)
    mean, deviation, low, high = (broadcast_to(math.cast(as_node(x), dt.f64), shape, op) for x in given)
    a, b = (apply("div", apply("sub", x, mean), deviation) for x in (low, high))
    flipped = math.greater(math.add(a, b), 0.0)  # the lower half of the distribution is the more exact one
    a, b = apply("select", flipped, apply("neg", b), a), apply("select", flipped, apply("neg", a), b)
    u = fractions(key, counter, shape, dt.f64)
    x = apply("select", math.less(b, -_TAIL), _from_tail(u, a, b), _inverted(u, a, b))
    x = apply("select", flipped, apply("neg", x), x)
    out = apply("add", apply("mul", x, deviation), mean)
    return math.cast(apply("min", apply("max", out, low), high), dtype)


def _inverted(u: Node, a: Node, b: Node) -> Node:
    root = 1 / python_math.sqrt(2.0)
    low, high = (apply("erf", math.multiply(apply("max", x, full(x, -38.0)), root)) for x in (a, b))
    between = apply("add", low, apply("mul", u, apply("sub", high, low)))
    return math.multiply(apply("erfinv", between), python_math.sqrt(2.0))


def _from_tail(u: Node, a: Node, b: Node) -> Node:
    """Between a and b, both far below 0: the density falls by exp(b x) from b downward."""
    rate = apply("neg", b)
    rest = apply("exp", apply("mul", apply("sub", a, b), rate))
    inside = apply("add", rest, apply("mul", u, apply("sub", full(u, 1), rest)))
    return apply("max", a, apply("add", b, apply("div", apply("log", inside), rate)))
