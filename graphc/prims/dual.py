"""Functions of Nodes and of float64 arrays alike, so that a formula serves kernels and the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graphc.ir.node import Node, compare, lift_scalar
from graphc.prims import special as arrays
from graphc.prims.table import apply


def _dual(name: str, array):
    def function(x):
        return apply(name, x) if isinstance(x, Node) else array(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``{name}`` of a Node or of an array."
    return function


exp, log, log1p, expm1 = _dual("exp", np.exp), _dual("log", np.log), _dual("log1p", np.log1p), _dual("expm1", np.expm1)
sqrt, sin, cos, tan = _dual("sqrt", np.sqrt), _dual("sin", np.sin), _dual("cos", np.cos), _dual("tan", np.tan)
absolute, floor = _dual("abs", np.abs), _dual("floor", np.floor)
erf, erfinv = _dual("erf", arrays.erf), _dual("erfinv", arrays.erfinv)
lgamma, digamma = _dual("lgamma", arrays.lgamma), _dual("digamma", arrays.digamma)


def where(condition, x, y):
    """``x`` where ``condition`` holds, else ``y``; one of them may be a number."""
    if not isinstance(condition, Node):
        return np.where(condition, x, y)
    like = x if isinstance(x, Node) else y
    return apply("select", condition, lift_scalar(x, like), lift_scalar(y, like))


def equal(x, y):
    """Where both are the same number."""
    return compare("eq", x, y) if isinstance(x, Node) or isinstance(y, Node) else x == y


def both(p, q):
    """Where both conditions hold."""
    return apply("and", p, q) if isinstance(p, Node) else p & q


def power(x, y):
    """``x ** y``."""
    if not isinstance(x, Node) and not isinstance(y, Node):
        return np.power(x, y)
    like = x if isinstance(x, Node) else y
    return apply("pow", lift_scalar(x, like), lift_scalar(y, like))


def least(x, limit: float):
    """``x``, but not more than a number; NaN stays NaN."""
    return apply("min", x, lift_scalar(limit, x)) if isinstance(x, Node) else np.minimum(x, limit)


def most(x, limit: float):
    """``x``, but not less than a number; NaN stays NaN."""
    return apply("max", x, lift_scalar(limit, x)) if isinstance(x, Node) else np.maximum(x, limit)


def polynomial(x, coefficients: tuple):
    """The polynomial with these coefficients, constant term first."""
    total = x * 0.0 + coefficients[-1]
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total


def chebyshev(t, coefficients: tuple):
    """The sum of ``c[k] * T_k(t)`` for ``t`` in [-1, 1], by Clenshaw's recurrence."""
    double = t + t
    ahead, now = 0.0, t * 0.0 + coefficients[-1]
    for c in reversed(coefficients[1:-1]):
        ahead, now = now, double * now - ahead + c
    return t * now - ahead + coefficients[0]


@dataclass(frozen=True)
class Special:
    """One special function.

    Attributes:
        formula: from float64 operands to the value, in the functions above and Python's operators.
        slopes: ``(value, *operands) -> partial derivatives`` as Nodes, None where there is none.
    """

    formula: Callable
    slopes: Callable


def special(function: str, *xs: Node) -> Node:
    """The Node of a special function of Nodes of one type."""
    return apply("special", *xs, function=function)
