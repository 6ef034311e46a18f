"""How a gamma value moves with its concentration: the implicit derivative at a fixed probability."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node
from graphc.lib.draw import splat
from graphc.lib.loops import full, until_done
from graphc.prims.control import call
from graphc.prims.table import apply

_PRECISION = 1e-17
_TINY = 1e-300


def random_gamma_grad(alpha: Node, sample: Node) -> Node:
    """d sample / d alpha in f64, where the probability of smaller values stays the same.

    With P(a, x) = x^a e^-x / Gamma(a+1) * S(a, x) and S the sum of x^n / ((a+1)...(a+n)), it is
    -x/a * (S * (log x - digamma(a+1)) + dS/da). The sum ends when terms no longer count.
    """
    x = apply("max", sample, full(sample, _TINY))
    one, zero = full(x, 1), full(x, 0)
    never = splat(False, dt.b1, x.shape)
    found = until_done((never, one, zero, one, zero, zero), (alpha, x), _term)
    total, slope = found[3], found[4]
    inner = apply("sub", apply("log", x), apply("digamma", apply("add", alpha, one)))
    whole = apply("add", apply("mul", total, inner), slope)
    return apply("neg", apply("mul", apply("div", x, alpha), whole))


def _term(done, term, change, total, slope, n, alpha, x) -> tuple:
    n = apply("add", n, full(n, 1))
    below = apply("add", alpha, n)
    change = apply("div", apply("sub", apply("mul", change, x), apply("div", apply("mul", term, x), below)), below)
    term = apply("div", apply("mul", term, x), below)
    total, slope = apply("add", total, term), apply("add", slope, change)
    limits = [apply("mul", v, full(v, _PRECISION)) for v in (total, slope)]
    small = [apply("le", apply("abs", v), apply("abs", w)) for v, w in zip((term, change), limits)]
    return apply("and", *small), term, change, total, slope, n


def following(alpha: Node, sample: Node) -> Node:
    """``sample`` with its derivative with respect to ``alpha``; both are f64."""
    g, out, a, x = (input_node(name, alpha.type) for name in ("g", "out", "alpha", "sample"))
    slope = Graph("gamma_slope", (g, out, a, x), (apply("mul", g, random_gamma_grad(a, x)), full(x, 0)))
    same = Graph("gamma_sample", (a, x), (x,))
    return call(alpha, apply("stop", sample), graph=same, gradient=slope)
