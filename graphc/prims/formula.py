"""The row ``special``: functions known by name, each a formula in float64 and its slopes."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.prims import bessel, errorfunction, gamma, incomplete, integrals
from graphc.prims.table import Prim, apply, declare

FUNCTIONS = {**errorfunction.FUNCTIONS, **bessel.FUNCTIONS, **gamma.FUNCTIONS, **incomplete.FUNCTIONS,
             **integrals.FUNCTIONS}  # fmt: skip


def _type(*xs: Type, function: str) -> Type:
    if function not in FUNCTIONS:
        raise UsageError(f"special: function {function!r} is none of {', '.join(FUNCTIONS)}")
    for x in xs:
        if not x.dtype.is_float:
            raise DtypeError(f"special: {function} is not defined for {x}")
        if x.dtype is not xs[0].dtype:
            raise DtypeError(f"special: operands differ in dtype, {xs[0]} and {x}")
        if x.shape != xs[0].shape:
            raise ShapeError(f"special: operands differ in shape, {xs[0]} and {x}")
    return xs[0]


def _array(*arrays, function):
    kind = arrays[0].dtype
    with np.errstate(all="ignore"):
        result = np.asarray(FUNCTIONS[function].formula(*[a.astype(np.float64) for a in arrays]))
    return result.astype(np.float32).astype(kind) if kind.itemsize == 2 else result.astype(kind)


def _vjp(g: Node, out: Node, *xs: Node, function: str) -> tuple:
    return tuple([None if slope is None else g * slope for slope in FUNCTIONS[function].slopes(out, *xs)])


def _scalar(*xs: Node, function: str) -> Node:
    kind = xs[0].dtype
    if kind is dt.f64:
        return FUNCTIONS[function].formula(*xs)
    return apply("cast", FUNCTIONS[function].formula(*[apply("cast", x, dtype=dt.f64) for x in xs]), dtype=kind)


declare(Prim("special", _type, _array, _vjp, scalar=_scalar, cost=200))
