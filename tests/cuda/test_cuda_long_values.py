"""Values of hundreds of operations: few of them wait for each other, and the bits stay."""

import shutil

import numpy as np
import pytest

from graphc.compile import compile_graph, lower_graph, optimise
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import For, If, Let
from graphc.ir.node import const, symbol, var
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lower.gpu.long_values import LONG, named_in_turn
from graphc.lower.schedule import name_shared
from graphc.options import Options
from graphc.prims import add, div, mul, sub
from graphc.prims.table import apply


def series(terms: int):
    """The sum of x^n / ((a + 1) ... (a + n)) and its slope in a, each term of which needs one of the sum."""
    a, x = (var(name, Type(dt.f64, ())) for name in "ax")
    total, slope = const(1.0), const(0.0)
    for n in range(terms, 0, -1):
        inverse = div(const(1.0), add(a, const(float(n))))
        factor = mul(x, inverse)
        slope = mul(factor, sub(slope, mul(total, inverse)))
        total = add(mul(factor, total), const(1.0))
    return [slope, total]


def most_waiting(lets: list[Let]) -> int:
    """Names at the most that are known and needed later."""
    last = {x: k for k, s in enumerate(lets) for x in toposort((s.value,))}
    return max(sum(last.get(s.var, -1) > k for s in lets[: k + 1]) for k in range(len(lets)))


def test_few_values_wait():
    lets, values = named_in_turn(series(200))
    assert len(lets) > LONG and {s.var for s in lets} >= set(values)
    assert most_waiting(lets) < 12
    known = set()
    for s in lets:
        assert {n for n in toposort((s.value,)) if n.op == "var" and n.attr("name").startswith("t")} <= known
        known.add(s.var)


def test_short_values_are_named_where_they_are_shared():
    assert named_in_turn(series(5)) == name_shared(series(5)) and len(named_in_turn(series(5))[0]) == 3 * 5 - 1


def slope() -> Graph:
    a, x = (input_node(name, Type(dt.f32, (symbol("n"),))) for name in "ax")
    return Graph("slope", (a, x), (apply("special", a, x, function="igamma_slope"),))


def statements(body):
    for s in body:
        yield s
        if isinstance(s, For):
            yield from statements(s.body)
        elif isinstance(s, If):
            yield from statements((*s.then, *s.orelse))


def test_a_kernel_has_them_in_turn():
    options = Options(target="cuda:sm_90a")
    (kernel,) = lower_graph(optimise(slope(), options), options).kernels
    lets = [s for s in statements(kernel.body) if isinstance(s, Let)]
    assert len(lets) > LONG and most_waiting(lets) < 40


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++, which makes kernels into code for the CPU")
def test_bits_are_those_of_the_cpu():
    rng = np.random.default_rng(3)
    a, x = (rng.uniform(0.2, 60, 90).astype(np.float32) for _ in "ax")
    wanted, found = (compile_graph(slope(), Options(target=target))(a, x)[0] for target in (None, "cuda-emulated:sm_90a"))
    assert np.array_equal(found, wanted, equal_nan=True) and np.isfinite(wanted).all()
