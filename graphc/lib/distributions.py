"""Gamma, Poisson and binomial values by rejection, and normal values between two limits.

Every value has its own blocks of the stream, so that it does not depend on how often its neighbours were rejected. All
values are tried together until the last one is accepted, by a loop on the compiled path; streams and methods are
TensorFlow's (Marsaglia and Tsang; Knuth and Hörmann).
"""

from __future__ import annotations

import math as python_math
import numpy as np

from graphc.errors import DtypeError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node
from graphc.lib import math
from graphc.lib.dims import shape_of, size
from graphc.lib.draw import RESERVED, box_muller, float_dtype, full_counter, splat
from graphc.lib.gamma_slope import following
from graphc.lib.loops import full, until_done
from graphc.lib.philox import two_fractions
from graphc.lib.promote import as_node, broadcast_shape, broadcast_to
from graphc.prims.table import apply


def first_blocks(shape: tuple) -> Node:
    """The number of the first block of every value, as u64."""
    number = apply("iota", shape=(size(shape),), axis=0, dtype=dt.u64)
    return apply("reshape", apply("mul", number, full(number, RESERVED)), shape=shape)


def _false(x: Node) -> Node:
    return splat(False, dt.b1, x.shape)


def _at_end(op: str, x: Node, shape: tuple) -> Node:
    return broadcast_to(x, shape, op)


# ------------------------------------------------------------------------------------------------ gamma


def gamma_samples(key: Node, counter: Node, blocks: Node, alpha: Node) -> Node:
    """Standard gamma values in f64 for concentrations ``alpha`` > 0 (f64), each drawing from its own blocks."""
    small = apply("lt", alpha, full(alpha, 1))
    shift = apply("select", small, full(alpha, 2 / 3), full(alpha, -1 / 3))
    d = apply("add", alpha, shift)
    c = apply("div", full(d, 1 / 3), apply("sqrt", d))
    zero, nothing = full(d, 0), _false(d)
    plain = apply("eq", alpha, full(alpha, 1))
    carries = (plain, zero, blocks, nothing, zero, nothing, zero)
    done, value, block, _, _, spare, u = until_done(carries, (key, full_counter(counter), c, d), _gamma_attempt)
    fresh = two_fractions(key, counter, block)[1]
    last = apply("select", spare, u, fresh)
    powered = apply("pow", last, apply("div", full(d, 1), alpha))
    value = apply("select", small, apply("mul", value, powered), value)
    exponential = apply("neg", apply("log1p", apply("neg", fresh)))
    return apply("select", plain, exponential, value)


def _gamma_attempt(done, value, block, has_normal, normal, has_u, u, key, counter, c, d) -> tuple:
    """One attempt of every value: a normal number, and a uniform one if that can be used; each block gives two."""
    one = splat(1, dt.u64, block.shape)
    pair = box_muller(*two_fractions(key, counter, block))
    x = apply("select", has_normal, normal, pair[1])
    after = apply("select", has_normal, block, apply("add", block, one))
    root = apply("add", full(x, 1), apply("mul", c, x))
    usable = apply("lt", full(x, 0), root)
    v = apply("mul", apply("mul", root, root), root)
    second = two_fractions(key, counter, after)
    w = apply("select", has_u, u, second[1])
    fresh = apply("and", usable, apply("not", has_u))
    later = apply("select", fresh, apply("add", after, one), after)
    good = apply("and", usable, _gamma_accepts(x, v, w, d))
    new_u = apply("select", fresh, second[0], u)
    new_has_u = apply("select", usable, apply("not", has_u), has_u)
    new = (apply("or", done, good), apply("mul", d, v), later, apply("not", has_normal), pair[0], new_has_u, new_u)
    old = (done, value, block, has_normal, normal, has_u, u)
    return tuple(apply("select", done, a, b) for a, b in zip(old, new))


def _gamma_accepts(x: Node, v: Node, u: Node, d: Node) -> Node:
    squared = apply("mul", x, x)
    squeeze = apply("sub", full(x, 1), apply("mul", apply("mul", full(x, 0.0331), squared), squared))
    inner = apply("add", apply("sub", full(x, 1), v), apply("log", v))
    bound = apply("add", apply("mul", full(x, 0.5), squared), apply("mul", d, inner))
    return apply("or", apply("lt", u, squeeze), apply("lt", apply("log", u), bound))


def _scaled(drawn: Node, beta: Node, dtype: DType) -> Node:
    """Standard gamma values divided by the rate; never 0."""
    tiny = python_math.ldexp(1, {dt.f16: -14, dt.f64: -1022}.get(dtype, -126))
    out = math.divide(drawn, beta)
    return apply("max", out, full(out, tiny))


def gamma_of_shape(key: Node, counter: Node, shape, alpha, beta, dtype) -> Node:
    """Gamma distributed; ``alpha`` and ``beta`` broadcast to the end of ``shape``."""
    dtype, shape = float_dtype("stateless_gamma", dtype), shape_of(shape, "stateless_gamma")
    alpha, beta = as_node(alpha, dtype), as_node(beta, dtype)
    common = broadcast_shape("stateless_gamma", alpha, beta)
    drawn = _gamma(key, counter, _at_end("stateless_gamma", broadcast_to(alpha, common), shape), common, dtype)
    return _scaled(drawn, beta, dtype)


def parameter_major(blocks_shape: tuple, parameters: tuple) -> Node:
    """First blocks of values [samples..., parameters...], numbered with the samples of one parameter in sequence."""
    split = len(blocks_shape) - len(parameters)
    ends = blocks_shape[split:]
    spread = any(type(p) is int and p == 1 and not (type(d) is int and d == 1) for p, d in zip(parameters, ends))
    samples, count = size(blocks_shape[:split]), 1 if spread else size(ends)
    if type(count) is int and count == 1:
        return first_blocks(blocks_shape)
    numbers = first_blocks((count, samples))
    return apply("reshape", apply("transpose", numbers, perm=(1, 0)), shape=blocks_shape)


def gamma(key: Node, counter: Node, shape, alpha, beta=None, dtype=dt.f32) -> Node:
    """Gamma distributed with concentration ``alpha`` and rate ``beta``: ``shape`` values for each of them.

    Returns:
        [*shape, *(common shape of alpha and beta)]
    """
    dtype, shape = float_dtype("random_gamma", dtype), shape_of(shape, "random_gamma")
    alpha, beta = as_node(alpha, dtype), as_node(1 if beta is None else beta, dtype)
    common = broadcast_shape("random_gamma", alpha, beta)
    wide = broadcast_to(broadcast_to(alpha, common), (*shape, *common))
    return _scaled(_gamma(key, counter, wide, common, dtype), beta, dtype)


def _gamma(key: Node, counter: Node, alpha: Node, parameters: tuple, dtype: DType) -> Node:
    blocks = parameter_major(alpha.shape, parameters)
    wide = math.cast(alpha, dt.f64)
    drawn = gamma_samples(key, counter, blocks, apply("stop", wide))
    return math.cast(following(wide, drawn), dtype)


# ---------------------------------------------------------------------------------------------- Poisson


def poisson_samples(key: Node, counter: Node, blocks: Node, rate: Node) -> Node:
    """Poisson values in f64 for rates in f64: a product of fractions below 10, transformed rejection from there on."""
    strange = apply("not", apply("and", apply("isfinite", rate), apply("le", full(rate, 0), rate)))
    usable = apply("select", strange, full(rate, 1), rate)
    small = apply("lt", usable, full(rate, 10))
    slow = apply("select", small, usable, full(rate, 1))
    fast = apply("select", small, full(rate, 10), usable)
    b = apply("add", full(rate, 0.931), apply("mul", full(rate, 2.53), apply("sqrt", fast)))
    zero = full(rate, 0)
    carries = (_false(rate), zero, full(rate, 1), zero, blocks)
    constants = (key, full_counter(counter), small, apply("exp", apply("neg", slow)), fast, apply("log", fast), b)
    value = until_done(carries, constants, _poisson_attempt)[1]
    return apply("select", strange, full(rate, np.nan), value)


def _poisson_attempt(done, value, product, count, block, key, counter, small, least, rate, log_rate, b) -> tuple:
    second, first = two_fractions(key, counter, block)
    once = apply("mul", product, first)
    twice = apply("mul", once, second)
    early, late = apply("le", once, least), apply("le", twice, least)
    one = apply("add", count, full(count, 1))
    counted = apply("select", early, count, one)
    accepted, k = _poisson_rejection(first, second, rate, log_rate, b)
    good = apply("select", small, apply("or", early, late), accepted)
    new = (apply("or", done, good), apply("select", small, counted, k), twice, apply("add", one, full(one, 1)),
           apply("add", block, full(block, 1)))  # fmt: skip
    return tuple(apply("select", done, a, b) for a, b in zip((done, value, product, count, block), new))


def _poisson_rejection(first: Node, v: Node, rate: Node, log_rate: Node, b: Node) -> tuple[Node, Node]:
    """Hörmann's PTRS: whether a pair of fractions is accepted, and the value it stands for."""
    a = math.add(math.multiply(b, 0.02483), -0.059)
    u = math.subtract(first, 0.5)
    us = math.subtract(as_node(0.5, dt.f64), math.abs(u))
    slope = math.add(math.truediv(math.multiply(a, 2.0), us), b)
    k = math.floor(math.add(math.add(math.multiply(slope, u), rate), 0.43))
    tight = math.subtract(as_node(0.9277, dt.f64), math.truediv(as_node(3.6224, dt.f64), math.subtract(b, 2.0)))
    surely = apply("and", math.greater_equal(us, 0.07), apply("le", v, tight))
    never = apply("or", math.less(k, 0.0), apply("and", math.less(us, 0.013), apply("lt", us, v)))
    inverse = math.add(math.truediv(as_node(1.1328, dt.f64), math.subtract(b, 3.4)), 1.1239)
    s = math.log(math.truediv(math.multiply(v, inverse), math.add(math.truediv(a, math.multiply(us, us)), b)))
    held = math.maximum(k, 0.0)
    t = math.subtract(math.add(math.negative(rate), math.multiply(held, log_rate)), math.lgamma(math.add(held, 1.0)))
    return apply("or", surely, apply("and", apply("not", never), apply("le", s, t))), k


def poisson_of_shape(key: Node, counter: Node, shape, lam, dtype) -> Node:
    """Poisson distributed; the shape of ``lam`` is the end of ``shape``."""
    rate = as_node(lam)
    wide = _at_end("stateless_poisson", rate, shape_of(shape, "stateless_poisson"))
    return _poisson(key, counter, wide, rate.shape, dtype)


def poisson(key: Node, counter: Node, shape, lam, dtype=dt.f32) -> Node:
    """Poisson distributed with rate ``lam``: ``shape`` values for each of its elements.

    Returns:
        [*shape, *lam's shape]
    """
    rate = as_node(lam)
    return _poisson(key, counter, broadcast_to(rate, (*shape_of(shape, "poisson"), *rate.shape)), rate.shape, dtype)


def _poisson(key: Node, counter: Node, rate: Node, parameters: tuple, dtype) -> Node:
    dtype = dt.as_dtype(dtype)
    if not (dtype.is_float or dtype.is_integer) or not (rate.dtype.is_float or rate.dtype.is_integer):
        raise DtypeError(explain(f"poisson: no values of {dtype.name} for a rate of {rate.type}"))
    wide = math.cast(apply("stop", rate) if rate.dtype.is_float else rate, dt.f64)
    return math.cast(poisson_samples(key, counter, parameter_major(rate.shape, parameters), wide), dtype)
