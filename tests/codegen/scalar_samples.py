"""Every scalar opcode with the dtypes that it takes, and numbers to try it on."""

from __future__ import annotations

import numpy as np

from graphc.codegen.scalar.math.table import MATH
from graphc.ir import dtype as dtypes

NATIVE = [d for d in dtypes.ALL if d.is_native]
INTEGERS = [d for d in NATIVE if d.is_integer]
FLOATS = [d for d in NATIVE if d.is_float]
HALVES = [dtypes.f16, dtypes.bf16]
ROUNDINGS = {"floor": np.floor, "ceil": np.ceil, "round": np.rint, "trunc": np.trunc}


def samples(dtype, count=600, seed=0):
    """Random bits, small numbers and the special values of a dtype."""
    rng = np.random.default_rng(seed)
    if dtype is dtypes.b1:
        return rng.integers(0, 2, count).astype(bool)
    if dtype.is_integer:
        info = np.iinfo(dtype.numpy)
        special = np.array([0, 1, 2, 7, 127, info.min, info.max, info.max - 1, info.min + 1], dtype.numpy)
        special = np.concatenate([special, (0 - special[:4]).astype(dtype.numpy)])
        wide = rng.integers(0, 256, (count, dtype.size), np.uint8).view(dtype.numpy)[:, 0]
        return np.concatenate([special, wide, rng.integers(0, 40, count).astype(dtype.numpy)])
    special = np.array([0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, np.inf, -np.inf, np.nan, 3e4, 70000, -1e10, 2.0**31,
                        2.0**63, 1e-7, 6e-5, 1e-40, 65519, 65520], np.float64).astype(dtype.numpy)
    bits = rng.integers(0, 256, (count, dtype.size), np.uint8).view(dtype.numpy)[:, 0]
    return np.concatenate([special, bits, (rng.normal(size=count) * 50).astype(dtype.numpy)])


def pairs(dtype, seed=0):
    """Two arrays in which every special value meets every other."""
    x, y = samples(dtype, seed=seed), samples(dtype, seed=seed + 1)
    a, b = np.meshgrid(x[:22], x[:22])
    return np.concatenate([a.ravel(), x]), np.concatenate([b.ravel(), y])


def signatures():
    """Every opcode with every dtype it takes."""
    for d in NATIVE:
        for op in ("add", "sub", "mul", "max", "min", "eq", "lt"):
            yield op, (), (d, d)
        yield "select", (), (dtypes.b1, d, d)
        if d.is_float:
            yield from ((op, (), (d,) * (2 if op in ("pow", "atan2") else 1)) for op in MATH)
            yield from ((op, (), (d,)) for op in (*ROUNDINGS, "sqrt", "rsqrt", "isfinite"))
            yield "div", (), (d, d)
        elif d.is_integer:
            yield from ((op, (), (d, d)) for op in ("pow", "shl", "shr"))
            yield "popcount", (), (d,)
        if d is not dtypes.b1:
            yield from ((op, (), (d, d)) for op in ("floordiv", "mod"))
            yield "fma", (), (d, d, d)
        for e in NATIVE:
            yield "cast", (("dtype", e),), (d,)
