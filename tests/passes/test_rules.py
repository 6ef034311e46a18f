"""Both sides of every algebra rule, run on special values."""

import itertools

import ml_dtypes
import numpy as np
import pytest

from graphc.errors import GraphcError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const
from graphc.ir.type import Type
from graphc.passes.simplify import EXACT, FAST, simplify
from graphc.prims import apply, cast
from graphc.prims.interpret import interpret
from graphc.rewrite.rule import holes_of, instantiate

DTYPES = (dt.f32, dt.f64, dt.f16, dt.bf16, dt.i8, dt.i32, dt.i64, dt.u8, dt.u32, dt.b1)
PATTERNS = [r for r in EXACT.all if r.pattern is not None]


def special(dtype) -> np.ndarray:
    """Zeros of both signs, ones, halves, huge, tiny, infinities, NaN; the ends of the integers."""
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.is_integer:
        limits = np.iinfo(dtype.numpy)
        return np.array([0, 1, 2, 3, 7, limits.max, limits.min, limits.max - 1, limits.min + 1], dtype.numpy)
    limits = ml_dtypes.finfo(dtype.numpy)
    extremes = [limits.max, limits.tiny, limits.smallest_subnormal]
    values = [0.0, 1.0, 0.5, 1.5, 2.5, 3.0, 0.1, np.inf, *map(float, extremes)]
    return np.array([s * v for v in values for s in (1, -1)] + [np.nan]).astype(dtype.numpy)


def ordinary(dtype) -> np.ndarray:
    return np.linspace(0.5, 2.5, 9).astype(dtype.numpy)


def typed_patterns(rule, dtype, values):
    """(left side, arrays by hole) for every way in which holes of ``dtype`` and b1 make a legal pattern."""
    names = holes_of(rule.function)
    for choice in itertools.product((dtype, dt.b1) if dtype is not dt.b1 else (dtype,), repeat=len(names)):
        grids = [values(d) for d in choice]
        free = [k for k, n in enumerate(names) if not n[1:].isdigit()]
        mesh = np.meshgrid(*[grids[k] for k in free], indexing="ij")
        size = mesh[0].size if mesh else 1
        for constants in itertools.product(*[grids[k] for k in range(len(names)) if k not in free]):
            left = iter(constants)
            found = {n: input_node(n, Type(d, (size,))) if k in free else const(next(left), Type(d, (size,)))
                     for k, (n, d) in enumerate(zip(names, choice))}  # fmt: skip
            try:
                pattern = instantiate(rule.pattern, found, found[names[0]], apply)
            except GraphcError:
                break
            yield pattern, tuple(found[names[k]] for k in free), [m.reshape(-1) for m in mesh]


def both_sides(rule, dtype, values):
    for before, inputs, arrays in typed_patterns(rule, dtype, values):
        after = rule.apply(before)
        if after is not None:
            assert after.type == before.type
            yield interpret(Graph("rule", inputs, (before, after)), *arrays)


def same_bits(a: np.ndarray, b: np.ndarray):
    """Equal bits, NaN payloads aside."""
    wide = a.astype(np.float64), b.astype(np.float64)
    number = ~(np.isnan(wide[0]) & np.isnan(wide[1]))
    np.testing.assert_array_equal(a[number].view(f"u{a.dtype.itemsize}"), b[number].view(f"u{b.dtype.itemsize}"))


@pytest.mark.parametrize("rule", PATTERNS, ids=str)
def test_exact_rule(rule):
    count = 0
    for dtype in DTYPES:
        for a, b in both_sides(rule, dtype, special):
            same_bits(a, b)
            count += 1
    assert count


@pytest.mark.parametrize("rule", FAST.all, ids=str)
def test_fast_rule(rule):
    count = 0
    for dtype in (dt.f32, dt.f64):
        for a, b in both_sides(rule, dtype, ordinary):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
            count += 1
    assert count


def test_a_rule_that_is_not_exact_would_be_found():
    by_name = {r.name: r for r in FAST.all}
    with pytest.raises(AssertionError):
        for a, b in both_sides(by_name["add(x, 0.0) -> x"], dt.f32, special):
            same_bits(a, b)


@pytest.mark.parametrize("dtype", [dt.f16, dt.bf16, dt.f32, dt.f64], ids=str)
def test_division_by_powers_of_two(dtype):
    values, hits = special(dtype), 0
    for power in range(-1080, 1024):
        with np.errstate(all="ignore"):
            constant = np.array(2.0**power).astype(dtype.numpy)
        x = input_node("x", Type(dtype, values.shape))
        before = x / const(constant, x.type)
        after = simplify(Graph("g", (x,), (before,))).outputs[0]
        hits += after.op == "mul"
        same_bits(*interpret(Graph("g", (x,), (before, after)), values))
    assert hits > 10


@pytest.mark.parametrize("source", DTYPES, ids=str)
def test_casts_through_wider_types(source):
    values, hits = special(source), 0
    x = input_node("x", Type(source, values.shape))
    for middle, target in itertools.product(DTYPES, repeat=2):
        before = cast(cast(x, middle), target)
        after = simplify(Graph("g", (x,), (before,))).outputs[0]
        hits += after is not before
        same_bits(*interpret(Graph("g", (x,), (before, after)), values))
    assert hits or source in (dt.f64, dt.i64)  # nothing is wider
