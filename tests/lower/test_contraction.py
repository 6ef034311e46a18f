"""Compiled matrix products against the NumPy meaning: every edge of tiles, panels and passes, with and without epilogue."""

import numpy as np
import pytest

from graphc.errors import DtypeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.prims import add, broadcast, cast, dot, exp, lt, max, mul, reshape, reverse, select, sub, tanh, transpose
from graphc.prims.interpret import interpret
from tests.native import SPLITS, bits_equal, host_targets, run_native

TARGETS = host_targets()
DTYPES = {"f32": dt.f32, "f64": dt.f64, "f16": dt.f16, "bf16": dt.bf16, "i32": dt.i32, "i8": dt.i8, "i64": dt.i64}
HALF_STEP = {dt.f32: 0.0, dt.f64: 0.0, dt.f16: 2.0**-10, dt.bf16: 2.0**-7}
FLAGS = [(False, False), (True, False), (False, True), (True, True)]
SIZES = [
    (1, 1, 1), (0, 5, 3), (5, 0, 3), (5, 3, 0), (0, 0, 0), (1, 33, 7), (12, 32, 1), (13, 31, 5), (5, 97, 12), (97, 5, 13),
    (16, 64, 97), (17, 300, 12), (97, 33, 100), (100, 1, 5), (3, 257, 13),
]  # fmt: skip


def draw(dtype, shape, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, *shape])
    if not dtype.is_float:
        return rng.integers(-100, 100, shape).astype(dtype.numpy)
    return rng.standard_normal(shape).astype(dtype.numpy)


def operands(dtype, m, n, k, flags=(False, False), batch=()) -> tuple:
    """Input Nodes for a product of [m, k] and [k, n]."""
    tx, ty = flags
    x = input_node("x", Type(dtype, (*batch, *((k, m) if tx else (m, k)))))
    y = input_node("y", Type(dtype, (*batch, *((n, k) if ty else (k, n)))))
    return x, y


def arrays_for(graph: Graph, sizes: dict | None = None) -> list[np.ndarray]:
    sizes = sizes or {}
    return [draw(x.dtype, [sizes.get(d, d) for d in x.shape], k) for k, x in enumerate(graph.inputs)]


def close(got, want, k: int) -> None:
    """Within what one chain of k roundings may differ from the exact product."""
    assert got.dtype == want.dtype and got.shape == want.shape
    if want.dtype.kind in "iu":
        np.testing.assert_array_equal(got, want)
        return
    step = HALF_STEP[dt.as_dtype(want.dtype)]
    eps = 2.0**-53 if want.dtype == np.float64 else 2.0**-24
    got, want = got.astype(np.float64), want.astype(np.float64)
    bound = step * np.abs(want) + (k + 8) * eps * 4 * np.sqrt(k + 1)
    assert (np.abs(got - want) <= bound + eps * 8 * np.abs(want)).all()


def check(graph: Graph, k: int, arrays=None, targets=TARGETS, splits=SPLITS) -> tuple:
    """Right on every target; the same bits for every split, and on every target with fma."""
    arrays = arrays_for(graph) if arrays is None else arrays
    want = interpret(graph, *arrays)
    reference = None
    for target in targets:
        first = run_native(graph, arrays, target)
        for g, w in zip(first, want, strict=True):
            close(g, w, k)
        for parts in splits[1:]:
            assert all(map(bits_equal, first, run_native(graph, arrays, target, parts))), f"{parts} parts"
        if target.fma or not graph.inputs[0].dtype.is_float:
            reference = reference or first
            assert all(map(bits_equal, first, reference)), "another target gives other bits"
    return first


@pytest.mark.parametrize("flags", FLAGS, ids=str)
@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
def test_every_edge_of_the_tile(target, flags):
    for m, n, k in SIZES if target is TARGETS[0] else SIZES[FLAGS.index(flags) :: 4]:
        x, y = operands(dt.f32, m, n, k, flags)
        check(Graph("dot", (x, y), (dot(x, y, *flags),)), k, targets=(target,))


@pytest.mark.parametrize("name", [n for n in DTYPES if n != "f32"])
def test_every_dtype(name):
    dtype = DTYPES[name]
    for (m, n, k), flags in zip([(13, 33, 12), (5, 97, 13), (1, 5, 0)], FLAGS[:2] + FLAGS[3:]):
        x, y = operands(dtype, m, n, k, flags)
        check(Graph("dot", (x, y), (dot(x, y, *flags),)), k)


def test_truth_values_are_refused():
    x, y = operands(dt.b1, 2, 3, 4)
    with pytest.raises(DtypeError, match="dot"):
        dot(x, y)


@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_all_sizes_symbolic(flags):
    m, n, k = (symbol(s) for s in "mnk")
    x, y = operands(dt.f32, m, n, k, flags)
    bias = input_node("b", Type(dt.f32, (n,)))
    product = dot(x, y, *flags)
    graph = Graph("dot", (x, y, bias), (add(product, broadcast(bias, (m, n), (1,))),))
    for sizes in [*SIZES, (2, 3, 1025), (13, 40, 2048)]:
        check(graph, sizes[2], arrays_for(graph, dict(zip((m, n, k), sizes))), TARGETS[:1], (1, 3))


@pytest.mark.parametrize("name, k", [("f32", 1024), ("f32", 1025), ("f32", 2500), ("f64", 2048), ("bf16", 2500), ("i32", 1025)])
def test_several_passes(name, k):
    dtype = DTYPES[name]
    x, y = operands(dtype, 13, 33, k)
    b = input_node("b", Type(dtype, (13, 33)))
    product = dot(x, y)
    targets = TARGETS if name == "f32" and k == 2500 else TARGETS[:1]
    check(Graph("alone", (x, y), (product,)), k, targets=targets)
    check(Graph("epilogue", (x, y, b), (add(product, b),)), k, targets=targets)
    check(Graph("both", (x, y, b), (product, sub(b, product), b)), k, targets=targets)


def test_one_pass_and_several_give_the_same_chain():
    k = symbol("k")
    short, long = operands(dt.f32, 5, 33, 1000), operands(dt.f32, 5, 33, k)
    graphs = [Graph("dot", pair, (dot(*pair),)) for pair in (short, long)]
    arrays = arrays_for(graphs[0])
    a, b = (run_native(g, arrays, TARGETS[0])[0] for g in graphs)
    assert bits_equal(a, b)
    padded = [np.concatenate([v, np.zeros(s, np.float32)], axis) for v, s, axis in zip(arrays, ((5, 500), (500, 33)), (1, 0))]
    assert bits_equal(a, run_native(graphs[1], padded, TARGETS[0])[0])


@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_batches(flags):
    n = symbol("n")
    for batch, sizes in (((3,), (13, 33, 5)), ((2, 2), (5, 12, 7)), ((0,), (5, 12, 7)), ((2,), (0, 3, 4)), ((2, 3), (4, 5, 0))):
        x, y = operands(dt.f32, *sizes, flags, batch)
        check(Graph("batch", (x, y), (dot(x, y, *flags),)), sizes[2], targets=TARGETS[:2])
    x, y = operands(dt.f32, 5, n, 7, flags, (n, 2))
    graph = Graph("batch", (x, y), (dot(x, y, *flags) * 2.0,))
    for size in (0, 1, 13):
        check(graph, 7, arrays_for(graph, {n: size}), TARGETS[:2])


@pytest.mark.parametrize("sizes", [(13, 33, 5), (97, 300, 12), (5, 40, 1500)], ids=str)
def test_epilogues_read_rows_columns_and_whole_arrays(sizes):
    m, n, k = sizes
    x, y = operands(dt.f32, m, n, k)
    row, column = input_node("row", Type(dt.f32, (n,))), input_node("column", Type(dt.f32, (m,)))
    whole, one = input_node("whole", Type(dt.f32, (m, n))), input_node("one", Type(dt.f32, ()))
    product = dot(x, y)
    a = add(product, broadcast(row, (m, n), (1,)))
    b = mul(max(a, const(0.0, a.type)), broadcast(column, (m, n), (0,)))
    c = select(lt(product, whole), b, whole)
    outputs = (tanh(add(c, broadcast(one, (m, n)))), c, cast(lt(a, whole), dt.i8))
    check(Graph("epilogue", (x, y, row, column, whole, one), outputs), k)


def test_an_epilogue_that_reads_another_place():
    x, y = operands(dt.f32, 33, 33, 7)
    w = input_node("w", Type(dt.f32, (33, 33)))
    product = dot(x, y)
    check(Graph("moved", (x, y, w), (add(product, transpose(w, (1, 0))), add(product, reverse(w, (0,))))), 7)
    check(Graph("itself", (x, y), (add(product, transpose(product, (1, 0))),)), 7)
    check(Graph("operand", (y, w), (add(dot(w, w), w), mul(dot(y, w), y), reverse(dot(w, y, False, True), (1,)))), 40)


def test_reshaped_operands():
    n = symbol("n")
    x = input_node("x", Type(dt.f32, (n, 4, 5)))
    w = input_node("w", Type(dt.f32, (60,)))
    matrix = reshape(x, (n * 4, 5))
    product = dot(matrix, reshape(w, (5, 12)))
    computed = reshape(exp(x), (n, 20))
    graph = Graph("reshaped", (x, w), (reshape(product, (n, 48)), dot(computed, reshape(w, (20, 3))), reshape(product, (n, 4, 12))))
    for size in (0, 1, 13):
        check(graph, 25, arrays_for(graph, {n: size}))


def test_a_value_with_itself():
    x = input_node("x", Type(dt.f32, (33, 33)))
    check(Graph("square", (x,), (dot(x, x), dot(x, x, True, False), dot(x, x, False, True), add(dot(x, x), x))), 33)
    wide = input_node("wide", Type(dt.f32, (5, 300)))
    check(Graph("gram", (wide,), (dot(wide, wide, True, False), dot(wide, wide, False, True))), 300)


def test_constants_on_both_sides():
    rng = np.random.default_rng(0)
    w = const(rng.standard_normal((33, 70)).astype(np.float32))
    x = input_node("x", Type(dt.f32, (symbol("n"), 33)))
    y = input_node("y", Type(dt.f32, (70, 5)))
    splat = const(0.5, Type(dt.f32, (33, 20)))
    outputs = (dot(x, w), dot(w, y), dot(x, splat), dot(x, w, False, False) + 1.0, dot(w, w, True, False))
    graph = Graph("constants", (x, y), outputs)
    for size in (0, 1, 13):
        check(graph, 70, arrays_for(graph, {x.shape[0]: size}))


def test_chains_of_products():
    n = symbol("n")
    x = input_node("x", Type(dt.f32, (n, 20)))
    weights = [input_node(f"w{k}", Type(dt.f32, (20, 20))) for k in range(4)]
    value = x
    for w in weights:
        value = add(tanh(dot(value, w) * 0.2), value)
    graph = Graph("chain", (x, *weights), (value,))
    for size in (1, 13):
        check(graph, 200, arrays_for(graph, {n: size}))


def test_infinities_and_nan_reach_only_their_row_and_column():
    x, y = operands(dt.f32, 13, 33, 5)
    graph = Graph("dot", (x, y), (dot(x, y),))
    a, b = arrays_for(graph)
    plain = run_native(graph, [a, b], TARGETS[0])[0]
    a[3, 2], b[1, 32] = np.inf, np.nan
    (got,) = run_native(graph, [a, b], TARGETS[0])
    assert np.isnan(got[:, 32]).all() and np.isinf(got[3, :32]).all()
    kept = np.delete(np.delete(got, 3, 0), 32, 1)
    assert bits_equal(kept, np.delete(np.delete(plain, 3, 0), 32, 1))


@pytest.mark.parametrize("name", ("f32", "f64", "bf16"))
def test_a_row_alone_equals_the_row_in_a_batch(name):
    dtype = DTYPES[name]
    m = symbol("m")
    for n, k, constant in ((33, 1500, False), (300, 97, False), (300, 97, True))[: 3 if dtype is dt.f32 else 1]:
        x, y = operands(dtype, m, n, k)
        weights = draw(dtype, (k, n), 1)
        right = const(weights) if constant else y
        graph = Graph("rows", (x,) if constant else (x, y), (tanh(dot(x, right)),))
        rest = [] if constant else [weights]
        rows = draw(dtype, (29, k), 2)
        (together,) = run_native(graph, [rows, *rest], TARGETS[0], 3)
        for size in (1, 13):
            parts = [run_native(graph, [rows[i : i + size], *rest], TARGETS[0])[0] for i in range(0, 29, size)]
            assert bits_equal(np.concatenate(parts), together), (n, k, size)
        # A fixed number of rows chooses another way to read the right operand, not other bits.
        x1, _ = operands(dtype, 1, n, k)
        alone = Graph("row", (x1,) if constant else (x1, y), (tanh(dot(x1, right)),))
        assert bits_equal(run_native(alone, [rows[:1], *rest], TARGETS[0])[0], together[:1])
