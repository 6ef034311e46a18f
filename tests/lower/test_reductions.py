"""Reductions over every subset of axes, of every kind and dtype, compiled, against the NumPy meaning."""

from itertools import combinations

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.parser import parse
from graphc.ir.target import X86_64_V4
from graphc.ir.type import Type
from graphc.prims import cast, exp, mul, reduce
from graphc.prims.interpret import interpret
from tests.native import SPLITS, bits_equal, host_targets, run_native, verified

TARGETS = host_targets()
SUBSETS = [axes for k in (1, 2, 3) for axes in combinations(range(3), k)]
SHAPES = [(0, 33, 2), (33, 0, 64), (1, 130, 1), (2, 3, 64), (33, 2, 1), (3, 1, 130), (130, 2, 33), (2, 64, 130)]
DTYPES = {"f32": dt.f32, "f64": dt.f64, "f16": dt.f16, "bf16": dt.bf16, "i8": dt.i8, "i64": dt.i64, "b1": dt.b1}
ROUNDING = {dt.f32: 2.0**-23, dt.f64: 2.0**-52, dt.f16: 2.0**-10, dt.bf16: 2.0**-7}


def kinds_of(dtype) -> tuple:
    return ("all", "any") if dtype is dt.b1 else ("sum", "prod", "max", "min")


def values(dtype, shape, seed: int) -> np.ndarray:
    """Numbers whose products neither vanish nor overflow."""
    rng = np.random.default_rng(seed)
    if dtype is dt.b1:
        return rng.random(shape) < rng.choice([0.02, 0.5, 0.98])
    if not dtype.is_float:
        return rng.integers(-128, 128, shape).astype(dtype.numpy)
    near_one = np.exp(rng.standard_normal(shape) / 50) * rng.choice([-1, 1], shape)
    return near_one.astype(dtype.numpy)


def every_subset(dtype, shape) -> Graph:
    """All kinds over all subsets of the axes of one input."""
    x = input_node("x", Type(dtype, shape))
    return Graph("subsets", (x,), tuple(reduce(x, kind, axes) for axes in SUBSETS for kind in kinds_of(dtype)))


def check(graph: Graph, got, x: np.ndarray) -> None:
    """Exact, but for sums and products of floating-point numbers."""
    for node, g, w in zip(graph.outputs, got, interpret(graph, x), strict=True):
        kind = node.attr("kind")
        what = f"{kind} over {node.attr('axes')} of {x.dtype}{x.shape}"
        if x.dtype.kind in "iub" or kind in ("max", "min"):
            assert bits_equal(g, w), what
            continue
        terms = max(1, x.size // max(1, w.size))
        size = np.abs(w.astype(np.float64)) if kind == "prod" else np.sqrt(terms) + np.abs(w.astype(np.float64))
        exact = ROUNDING[node.dtype] + terms * (2.0**-24 if node.dtype is not dt.f64 else 2.0**-53)
        assert g.dtype == w.dtype and g.shape == w.shape, what
        assert (np.abs(g.astype(np.float64) - w.astype(np.float64)) <= exact * size).all(), what


@pytest.mark.parametrize(  # all shapes for one dtype, and some for each of the others
    "name, shape", [(d, s) for i, d in enumerate(DTYPES) for j, s in enumerate(SHAPES) if d == "f32" or (i + j) % 4 == 0], ids=str
)
def test_every_subset_of_axes(name, shape):
    dtype = DTYPES[name]
    graph = every_subset(dtype, shape)
    x = values(dtype, shape, 1)
    first = run_native(graph, [x], TARGETS[0])
    check(graph, first, x)
    for parts in SPLITS[1:]:
        again = run_native(graph, [x], TARGETS[0], parts)
        assert all(bits_equal(a, b) for a, b in zip(first, again)), f"{parts} parts"


@pytest.mark.parametrize("name", ("f32", "f64", "bf16", "i8"))
@pytest.mark.parametrize("target", TARGETS[1:], ids=lambda t: t.name)
def test_every_target_has_the_same_bits(target, name):
    for shape in ((5, 7, 33),):
        x = values(DTYPES[name], shape, 2)
        graph = every_subset(DTYPES[name], shape)
        for a, b in zip(run_native(graph, [x], TARGETS[0]), run_native(graph, [x], target)):
            assert bits_equal(a, b)


@pytest.mark.parametrize(
    "name, axis", [("f32", 0), ("f32", 1), ("f32", 2), ("f16", 2), ("f64", 0), ("f64", 2), ("i64", 1), ("b1", 2)]
)
def test_a_symbolic_axis_gives_the_same_bits(name, axis):
    dtype = DTYPES[name]
    for n in (0, 1, 33, 130):
        shape = [3, 5, 7]
        shape[axis] = n
        fixed = every_subset(dtype, tuple(shape))
        shape[axis] = symbol("n")
        open_ended = every_subset(dtype, tuple(shape))
        x = values(dtype, [n if isinstance(d, type(symbol("n"))) else d for d in shape], 3)
        for parts in SPLITS:
            pairs = zip(fixed.outputs, run_native(fixed, [x], TARGETS[0]), run_native(open_ended, [x], TARGETS[0], parts))
            for node, a, b in pairs:
                assert bits_equal(a, b), f"{node.attr('kind')} over {node.attr('axes')} for n = {n} in {parts} parts"


@pytest.mark.parametrize("name", ("f32", "f64", "f16", "bf16"))
@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
def test_one_nan_anywhere_is_the_extreme(target, name):
    dtype = DTYPES[name]
    x = input_node("x", Type(dtype, (4, 130)))
    graph = Graph("nan", (x,), tuple(reduce(x, kind, axes) for kind in ("max", "min") for axes in ((0,), (1,), (0, 1))))
    rng = np.random.default_rng(4)
    for place in (0, 63, 64, 127, 128, 129):
        a = rng.standard_normal((4, 130)).astype(dtype.numpy)
        a[place % 4, place] = np.nan
        a[(place + 1) % 4, 5] = np.inf
        for g, w in zip(run_native(graph, [a], target), interpret(graph, a)):
            assert bits_equal(g, w), place


def test_an_empty_extreme_is_infinite_and_an_empty_sum_nothing():
    x = input_node("x", Type(dt.f32, (symbol("n"),)))
    graph = Graph("empty", (x,), tuple(reduce(x, kind, (0,)) for kind in ("max", "min", "sum", "prod")))
    assert [float(v) for v in run_native(graph, [np.zeros(0, np.float32)], TARGETS[0])] == [-np.inf, np.inf, 0, 1]


def test_an_int_sum_wraps_and_a_half_sum_does_not_stall():
    x = input_node("x", Type(dt.i8, (300,)))
    h = input_node("h", Type(dt.f16, (4096,)))
    graph = Graph("wide", (x, h), (reduce(x, "sum", (0,)), reduce(h, "sum", (0,))))
    total, half = run_native(graph, [np.full(300, 100, np.int8), np.ones(4096, np.float16)], TARGETS[0])
    assert total == np.int8(np.int64(30000).astype(np.int8)) and half == 4096


@pytest.mark.parametrize("shape", [(7, 130), (symbol("n"), 33), (3, symbol("n"))], ids=str)
def test_reductions_of_one_value_share_a_kernel(shape):
    x = input_node("x", Type(dt.f32, shape))
    y = exp(x)
    outputs = [reduce(y, kind, (1,)) for kind in ("sum", "max", "min", "prod")] + [reduce(mul(y, x), "sum", (1,))]
    outputs += [reduce(cast(mul(y, y), dt.f64), "sum", (1,)), reduce(cast(x, dt.i32), "max", (1,))]
    graph = Graph("several", (x,), tuple(outputs))
    (kernel,) = verified(Graph("few", (x,), tuple(outputs[:4])), X86_64_V4).kernels
    forms = 1 if isinstance(shape[-1], int) else 2  # of rows that may be long: whole blocks, and the last one
    assert str(kernel).count("alloc ") == 4 * forms and str(kernel).count("exp(") <= 1 + forms, "one loop and its rest"
    rng = np.random.default_rng(5)
    for n in (1, 4, 65):
        a = rng.standard_normal([n if not isinstance(d, int) else d for d in shape]).astype(np.float32) / 8
        got = run_native(graph, [a], TARGETS[0])
        for g, w in zip(got, interpret(graph, a), strict=True):
            assert g.dtype == w.dtype and g.shape == w.shape
            np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-5)
        for parts in SPLITS[1:]:
            assert all(bits_equal(p, q) for p, q in zip(got, run_native(graph, [a], TARGETS[0], parts)))


def test_a_row_alone_and_in_a_batch():
    n = symbol("n")
    x = input_node("x", Type(dt.f32, (n, 1000)))
    graph = Graph("rows", (x,), (reduce(x, "sum", (1,)), reduce(mul(x, x), "sum", (1,))))
    a = np.random.default_rng(6).standard_normal((9, 1000)).astype(np.float32)
    together = run_native(graph, [a], TARGETS[0], 3)
    for k in range(9):
        for whole, one in zip(together, run_native(graph, [a[k : k + 1]], TARGETS[0])):
            assert bits_equal(whole[k : k + 1], one)


def test_a_name_used_again_in_the_next_loop():
    """Three reductions in a row of values no loop index enters: each loop names its own ``t0``."""
    graph = parse("""graph @g() {
  %const0: f32[16] = const(f32(3.0))
  %reduce0: f32[] = reduce(%const0, kind="sum", axes=(0,))
  %broadcast0: f32[16] = broadcast(%reduce0, shape=(16,), axes=())
  %sub0: f32[16] = sub(%const0, %broadcast0)
  %mul0: f32[16] = mul(%sub0, %sub0)
  %reduce1: f32[] = reduce(%mul0, kind="sum", axes=(0,))
  %broadcast1: f32[16] = broadcast(%reduce1, shape=(16,), axes=())
  %mul1: f32[16] = mul(%sub0, %broadcast1)
  %mul2: f32[16] = mul(%mul1, %mul1)
  %reduce2: f32[] = reduce(%mul2, kind="sum", axes=(0,))
  return %reduce2
}""")
    for target in host_targets():
        assert run_native(graph, [], target)[0] == np.float32(16 * (45 * 32400) ** 2)


def test_a_float32_sum_does_not_depend_on_a_float64_sum_beside_it():
    x = input_node("x", Type(dt.f32, (3, 1000)))
    narrow, wide = reduce(exp(x), "sum", (1,)), reduce(cast(x, dt.f64), "sum", (1,))
    array = np.random.default_rng(0).standard_normal((3, 1000)).astype(np.float32)
    for target in host_targets():
        (alone,) = run_native(Graph("g", (x,), (narrow,)), [array], target)
        beside, _ = run_native(Graph("g", (x,), (narrow, wide)), [array], target)
        assert bits_equal(alone, beside)
