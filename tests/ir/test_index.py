"""Index expressions: the normal form keeps the value, equal forms are identical, bounds hold."""

import operator
import random

import pytest
from ir_samples import random_index

from graphc.ir.order import toposort
from graphc.ir.node import INDEX, binary, bounds, const, symbol, var

LEAVES = (symbol("n"), symbol("m"), var("i", extent=8), var("j", extent=100), var("k"))
OPS = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "floordiv": operator.floordiv,
       "mod": operator.mod, "min": min, "max": max}  # fmt: skip


def wrapped(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def evaluated(node, values: dict) -> int:
    found = dict(values)
    for x in toposort((node,)):
        if x.op == "const":
            found[x] = int(x.attr("value").array)
        elif x.inputs:
            a, b = [found[y] for y in x.inputs]
            found[x] = wrapped(OPS[x.op](a, b))
    return found[node]


def random_values(r: random.Random) -> dict:
    n, m, i, j, k = LEAVES
    return {n: r.randint(0, 40), m: r.randint(0, 9), i: r.randrange(8), j: r.randrange(100), k: r.randint(-50, 50)}


@pytest.mark.parametrize("seed", range(40))
def test_building_keeps_the_value(seed):
    """Every step of a random tree is checked against Python's own arithmetic."""
    r = random.Random(seed)
    pool = [*LEAVES, const(0, INDEX), const(-7, INDEX)]
    for _ in range(60):
        op, x, y = r.choice(list(OPS)), r.choice(pool), r.choice(pool)
        if op in ("floordiv", "mod"):
            y = const(r.choice((1, 2, 3, 5, 28, -1, -4)), INDEX)
        result = binary(op, x, y)
        for _ in range(4):
            values = random_values(r)
            a, b = evaluated(x, values), evaluated(y, values)
            assert evaluated(result, values) == wrapped(OPS[op](a, b)), f"{op}: {x}, {y} -> {result}"
        if len(toposort((result,))) < 30:
            pool.append(result)


@pytest.mark.parametrize("seed", range(40))
def test_normal_form_is_a_fixed_point(seed):
    r = random.Random(seed)
    for _ in range(50):
        node = random_index(r, LEAVES)
        rebuilt = {}
        for x in toposort((node,)):
            rebuilt[x] = binary(x.op, *[rebuilt[y] for y in x.inputs]) if x.inputs else x
        assert rebuilt[node] is node


@pytest.mark.parametrize("seed", range(40))
def test_sums_and_products_are_identical_in_any_order(seed):
    r = random.Random(seed)
    a, b, c = [random_index(r, LEAVES, 2) for _ in range(3)]
    assert (a + b) + c is (c + a) + b
    assert (a * b) * c is (c * b) * a
    assert a * (b + c) is c * a + b * a
    assert (a - b) + b is a
    assert a + a is a * 2


@pytest.mark.parametrize("seed", range(60))
def test_bounds_hold(seed):
    r = random.Random(seed)
    for _ in range(40):
        node = random_index(r, LEAVES)
        low, high = bounds(node)
        for _ in range(6):
            value = evaluated(node, random_values(r))
            assert low is None or low <= value, f"{node}: {value} is below {low}"
            assert high is None or value <= high, f"{node}: {value} is above {high}"


def test_division_that_is_known():
    n, _, i, j, _ = LEAVES
    assert (i + j * 8) // 8 is j
    assert (i + j * 8) % 8 is i
    assert (n * 6 + 7) // 3 is n * 2 + 2
    assert str((n * 4 + j) // 4) == "j//4 + n"
    assert bounds((j * 3 + 2) % 10) == (0, 9)


def test_text_puts_what_is_subtracted_last():
    n, _, i, j, _ = LEAVES
    assert str(n - i - j * 3 - 1) == "n - i - j*3 - 1"
    assert str((n - i) * 2) == "n*2 - i*2"
    assert str((n + 1) // 2 % n) == "(n + 1)//2 % n"
    assert str(-i) == "i*-1"
