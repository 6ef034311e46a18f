"""Special functions under TensorFlow's names: error functions, the gamma and Bessel families, integrals."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir.node import Node, origins
from graphc.lib.math import require_inexact
from graphc.lib.promote import as_node, together
from graphc.lib.reduction import reduce_sum
from graphc.prims.table import apply


def _real(op: str, *nodes: Node) -> None:
    for x in nodes:
        if not x.dtype.is_float:
            raise DtypeError(explain(f"{op}: needs real floating operands, not {x.type}", origins(x=x)))


def _special(name: str, what: str, function: str | None = None):
    def op(x) -> Node:
        x = as_node(x)
        _real(name, x)
        return apply("special", x, function=function or name)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"{what} of floating ``x``; DtypeError for others."
    return op


erfc = _special("erfc", "``1 - erf(x)``, also where that is tiny,")
erfcinv = _special("erfcinv", "The inverse of ``erfc``: NaN outside [0, 2],")
ndtri = _special("ndtri", "The quantile of the standard normal distribution: NaN outside [0, 1],")
bessel_i0 = _special("bessel_i0", "The modified Bessel function I0")
bessel_i1 = _special("bessel_i1", "The modified Bessel function I1")
bessel_i0e = _special("bessel_i0e", "``exp(-|x|) I0(x)``")
bessel_i1e = _special("bessel_i1e", "``exp(-|x|) I1(x)``")
bessel_k0 = _special("bessel_k0", "The modified Bessel function K0")
bessel_k1 = _special("bessel_k1", "The modified Bessel function K1")
bessel_k0e = _special("bessel_k0e", "``exp(x) K0(x)``")
bessel_k1e = _special("bessel_k1e", "``exp(x) K1(x)``")
bessel_j0 = _special("bessel_j0", "The Bessel function J0")
bessel_j1 = _special("bessel_j1", "The Bessel function J1")
bessel_y0 = _special("bessel_y0", "The Bessel function Y0")
bessel_y1 = _special("bessel_y1", "The Bessel function Y1")
dawsn = _special("dawsn", "Dawson's integral, ``exp(-x^2)`` times the integral of ``exp(t^2)`` from 0 to x,")
expint = _special("expint", "The exponential integral Ei, of ``exp(t) / t`` up to x,")
fresnel_cos = _special("fresnel_cos", "The integral of ``cos(pi t^2 / 2)`` from 0 to x")
fresnel_sin = _special("fresnel_sin", "The integral of ``sin(pi t^2 / 2)`` from 0 to x")
spence = _special("spence", "The integral of ``-log(t) / (t - 1)`` from 1 to x")


def zeta(x, q) -> Node:
    """Hurwitz' zeta function, the sum of ``(q + k) ** -x``, for ``x > 1`` and ``q > -9``; no slope in ``x``.

    Raises:
        DtypeError: not floating.
    """
    x, q = together("zeta", x, q)
    _real("zeta", x)
    return apply("special", x, q, function="zeta")


def polygamma(a, x) -> Node:
    """The ``a``-th derivative of digamma at ``x > -9``; no slope in ``a``.

    Raises:
        DtypeError: not floating.
    """
    a, x = together("polygamma", a, x)
    _real("polygamma", x)
    return apply("special", a, x, function="polygamma")


def lbeta(x) -> Node:
    """The logarithm of the multivariate Beta function along the last axis; minus infinity of an empty one.

    Raises:
        DtypeError: not floating. ShapeError: a scalar.
    """
    x = require_inexact("lbeta", as_node(x))
    if not x.shape:
        raise ShapeError(explain(f"lbeta: needs at least one axis, got {x.type}", origins(x=x)))
    return apply("sub", reduce_sum(apply("lgamma", x), -1), apply("lgamma", reduce_sum(x, -1)))


def _incomplete_gamma(name: str, part: str):
    def op(a, x) -> Node:
        a, x = together(name, a, x)
        _real(name, x)
        return apply("special", a, x, function=name)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"""The part of the integral that defines Gamma(a) {part} ``x``; slopes in both.

    Raises:
        DtypeError: not floating.
    """
    return op


igamma, igammac = _incomplete_gamma("igamma", "below"), _incomplete_gamma("igammac", "above")


def betainc(a, b, x) -> Node:
    """The regularised incomplete beta function; a slope in ``x`` alone.

    Raises:
        DtypeError: not floating.
    """
    a, b, x = together("betainc", a, b, x)
    _real("betainc", x)
    return apply("special", a, b, x, function="betainc")
