"""``tf.random.stateless_*``: numbers that a seed alone decides, the same as TensorFlow's on a CPU (Philox)."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.lib import binomial, distributions, math, random
from graphc.lib.dims import integer, shape_of
from graphc.lib.draw import columns, full_integers, words
from graphc.lib.promote import as_node
from graphc.lib.shape import stack
from graphc.prims.table import apply

_SCRAMBLER = const(np.array([0x3EC8F720, 0x02461E29], np.uint32))
_PHILOX = {"philox", "autoselect", "1", "3"}


def check_algorithm(op: str, alg) -> None:
    """Refuse algorithms other than Philox, which is also what ``auto_select`` means here.

    Raises:
        UsageError: ``alg`` is something else.
    """
    text = str(getattr(alg, "value", alg)).strip().lower().replace("-", "").replace("_", "")
    if text not in _PHILOX:
        raise UsageError(explain(f"{op}: algorithm {alg!r} is not 'philox' or 'auto_select'"))


def place_of(op: str, seed, alg="auto_select") -> tuple[Node, Node]:
    """The key u32[2] and the counter u64[2] that a seed (two integers) stands for.

    Raises:
        ShapeError: the seed has not two elements. DtypeError: they are not int32 or int64.
    """
    check_algorithm(op, alg)
    seed = as_node(seed)
    if seed.dtype not in (dt.i32, dt.i64):
        raise DtypeError(explain(f"{op}: the seed must be int32 or int64, not {seed.type}", origins(seed=seed)))
    if len(seed.shape) != 1 or (type(seed.shape[0]) is int and seed.shape[0] != 2):
        raise ShapeError(explain(f"{op}: the seed must have shape [2], not {seed.type}", origins(seed=seed)))
    if seed.shape != (2,):
        seed = apply("ensure", seed, shape=(2,))
    wide = seed if seed.dtype is dt.i64 else apply("cast", seed, dtype=dt.i64)
    mixed = words(_SCRAMBLER, apply("bitcast", wide, dtype=dt.u64), (4,))
    key = apply("slice", mixed, start=(0,), stop=(2,), step=(1,))
    low, high = columns(apply("cast", apply("slice", mixed, start=(2,), stop=(4,), step=(1,)), dtype=dt.u64))
    half = apply("or", low, apply("shl", high, const(np.uint64(32))))
    return key, apply("concat", const(np.zeros(1, np.uint64)), apply("reshape", half, shape=(1,)), axis=0)


def stateless_uniform(shape, seed, minval=0, maxval=None, dtype=dt.f32, name=None, alg="auto_select") -> Node:
    """Uniform in [minval, maxval): floats (default [0, 1)), integers, or any integer where both limits are None.

    Raises:
        UsageError: integers with one limit only, or unsigned ones with limits.
    """
    kind = dt.as_dtype(dtype)
    place = place_of("stateless_uniform", seed, alg)
    if kind.is_integer and minval is None and maxval is None:
        if kind not in (dt.i32, dt.i64, dt.u32, dt.u64):
            raise DtypeError(explain(f"stateless_uniform: integers of 32 or 64 bits, not {kind.name}"))
        return full_integers(*place, shape_of(shape, "stateless_uniform"), kind)
    if kind.kind == "u" or (kind.is_integer and None in (minval, maxval)):
        raise UsageError(explain(f"stateless_uniform: {kind.name} needs both minval and maxval, or neither"))
    return random.uniform(*place, shape, minval, maxval, kind)


def stateless_normal(shape, seed, mean=0.0, stddev=1.0, dtype=dt.f32, name=None, alg="auto_select") -> Node:
    """Normally distributed."""
    return random.normal(*place_of("stateless_normal", seed, alg), shape, mean, stddev, dtype)


def stateless_truncated_normal(shape, seed, mean=0.0, stddev=1.0, dtype=dt.f32, name=None, alg="auto_select") -> Node:
    """Normally distributed without the values beyond two standard deviations."""
    place = place_of("stateless_truncated_normal", seed, alg)
    return random.truncated_normal(*place, shape, mean, stddev, dtype)


def stateless_categorical(logits, num_samples, seed, dtype=dt.i64) -> Node:
    """``num_samples`` class numbers for each row of unnormalised log-probabilities."""
    return random.categorical(*place_of("stateless_categorical", seed), logits, num_samples, dtype)


def stateless_gamma(shape, seed, alpha, beta=None, dtype=dt.f32) -> Node:
    """Gamma distributed with concentration ``alpha`` and rate ``beta``, which broadcast to the end of ``shape``."""
    place = place_of("stateless_gamma", seed)
    return distributions.gamma_of_shape(*place, shape, alpha, 1 if beta is None else beta, dtype)


def stateless_poisson(shape, seed, lam, dtype=dt.i32) -> Node:
    """Poisson distributed; the shape of the rate ``lam`` is the end of ``shape``."""
    return distributions.poisson_of_shape(*place_of("stateless_poisson", seed), shape, lam, dtype)


def stateless_binomial(shape, seed, counts, probs, output_dtype=dt.i32) -> Node:
    """Successes among ``counts`` trials of probability ``probs``, which broadcast to the end of ``shape``."""
    place = place_of("stateless_binomial", seed)
    return binomial.binomial(*place, shape, counts, probs, output_dtype)


def stateless_parameterized_truncated_normal(
    shape, seed, means=0.0, stddevs=1.0, minvals=-2.0, maxvals=2.0
) -> Node:
    """Normally distributed between two limits, by inversion: one number of the stream for each value."""
    place = place_of("stateless_parameterized_truncated_normal", seed)
    return binomial.parameterized_truncated_normal(*place, shape, means, stddevs, minvals, maxvals)


def stateless_shuffle(value, seed, alg="auto_select") -> Node:
    """The slices along the first axis in an order that the seed decides."""
    return random.shuffle(*place_of("stateless_shuffle", seed, alg), value)


def split(seed, num=2, alg="auto_select") -> Node:
    """``num`` new seeds [num, 2] of the dtype of ``seed``."""
    seed = as_node(seed)
    return stateless_uniform([num, 2], seed, None, None, seed.dtype, alg=alg)


def fold_in(seed, data, alg="auto_select") -> Node:
    """A new seed from a seed and an integer."""
    data = as_node(data)
    return stack([stateless_uniform([], seed, None, None, data.dtype, alg=alg), data])


def create_rng_state(seed, alg) -> Node:
    """The state i64[3] of a generator: a number or vector, low part first, cut or padded in front to three."""
    check_algorithm("create_rng_state", alg)
    if isinstance(seed, int):
        seed = np.array([seed >> (64 * k) & 0xFFFFFFFFFFFFFFFF for k in range(3)], np.uint64).view(np.int64)
    x = math.cast(as_node(seed), dt.i64)
    x = apply("reshape", x, shape=(-1,)) if x.shape == () else x
    count = integer("create_rng_state", "the length of the seed", x.shape[0]) if x.shape else 1
    x = apply("reshape", x, shape=(count,))
    if count >= 3:
        return apply("slice", x, start=(0,), stop=(3,), step=(1,))
    return apply("pad", x, as_node(0, dt.i64), low=(3 - count,), high=(0,))
