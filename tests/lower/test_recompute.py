"""Cheap values are computed again by the kernels that read them, where memory would have to hold them otherwise."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.program import Launch
from graphc.ir.target import X86_64_V4
from graphc.ir.type import Type
from graphc.lower import fuse as fusion
from graphc.prims import add, broadcast, cumulate, dot, exp, max as maximum, mul, reduce, reshape, slice, sqrt, sub, tanh, transpose
from graphc.prims.interpret import interpret
from tests.native import Native, bits_equal, host_targets, run_native, verified

TARGETS = host_targets()
N = symbol("n")


def x(name: str, *shape, dtype=dt.f32):
    return input_node(name, Type(dtype, shape))


def scaled(value, by: float):
    return mul(value, const(by, value.type))


def same(g: Graph, n: int = 200) -> None:
    """The compiled graph has the bits of its meaning."""
    rng = np.random.default_rng(0)
    for target in TARGETS:
        arrays = [rng.standard_normal([n if d is N else d for d in i.shape]).astype(i.dtype.numpy) for i in g.inputs]
        for array in arrays[:1]:
            array.reshape(-1)[:3] = np.nan, np.inf, -0.0
        for got, want in zip(run_native(g, arrays, target), interpret(g, *arrays), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4, equal_nan=True)


def large_results(g: Graph) -> list[tuple]:
    """Shapes of what kernels write, of 4096 elements and more."""
    program = verified(g, X86_64_V4)
    kernels, types = {k.name: k for k in program.kernels}, {b.name: b.type for b in program.buffers}
    found = []
    for step in program.steps:
        if isinstance(step, Launch):
            written = [types[name] for name, a in zip(step.args, kernels[step.kernel].arrays, strict=True) if a.written]
            found += [type.shape for type in written if type.size >= 4096]
    return found


def normalised(*shape):
    """``y``, the difference from the mean of its columns, and the squares of that summed up."""
    y, axes = x("y", *shape), tuple(range(len(shape) - 1))
    mean = scaled(reduce(y, kind="sum", axes=axes), 0.125)
    away = sub(y, broadcast(mean, axes=(len(shape) - 1,), shape=shape))
    return y, away, reduce(mul(away, away), kind="sum", axes=axes)


@pytest.mark.parametrize("shape", [(128, 32), (66, 63), (8, 16, 33), (4097, 1), (7, 3, 5, 64)])
def test_a_difference_that_a_reduction_and_a_later_kernel_read_is_not_kept(shape):
    y, away, squares = normalised(*shape)
    root = sqrt(squares)
    out = mul(away, broadcast(root, axes=(len(shape) - 1,), shape=shape))
    g = Graph("g", (y,), (out,))
    assert len(large_results(g)) == 1
    same(g)


def test_for_any_size():
    y, away, squares = normalised(N, 64)
    out = mul(away, broadcast(sqrt(squares), axes=(1,), shape=(N, 64)))
    for n in (1, 2, 17, 64, 65, 200):
        same(Graph("g", (y,), (out,)), n)


def test_what_is_small_costly_or_wanted_is_kept():
    y, away, squares = normalised(128, 32)
    wide = broadcast(sqrt(squares), axes=(1,), shape=(128, 32))
    assert len(large_results(Graph("g", (y,), (mul(away, wide), away)))) == 2
    z = exp(y)
    total = broadcast(reduce(z, kind="sum", axes=(0,)), axes=(1,), shape=(128, 32))
    assert len(large_results(Graph("g", (y,), (mul(z, total),)))) == 2
    for g in (Graph("g", (y,), (mul(away, wide), away)), Graph("g", (y,), (mul(z, total),))):
        same(g)


def test_two_operands_are_kept_as_one():
    a, b = x("a", 128, 32), x("b", 128, 32)
    both = add(a, b)
    total = broadcast(reduce(both, kind="sum", axes=(0,)), axes=(1,), shape=(128, 32))
    g = Graph("g", (a, b), (mul(both, total),))
    assert len(large_results(g)) == 2
    same(g)


def test_a_member_of_a_kernel_that_others_make_of_another_member():
    y = x("y", 128, 32)
    first = tanh(y)
    second = scaled(first, 0.5)
    total = broadcast(reduce(second, kind="sum", axes=(0,)), axes=(1,), shape=(128, 32))
    g = Graph("g", (y,), (mul(second, total), first))
    assert len(large_results(g)) == 2
    same(g)


def test_chains_of_values_that_are_computed_again():
    y = x("y", 130, 33)
    one = scaled(y, 0.5)
    two = add(one, const(1.0, one.type))
    sums = [broadcast(reduce(v, kind="sum", axes=(0,)), axes=(1,), shape=y.shape) for v in (one, two)]
    g = Graph("g", (y,), (mul(mul(one, sums[0]), sums[1]), mul(two, sums[1])))
    same(g)
    assert len(large_results(g)) <= 3


@pytest.mark.parametrize("reader", [
    lambda v: cumulate(v, kind="sum", axis=0), lambda v: reduce(v, kind="max", axes=(1,)),
    lambda v: broadcast(v, axes=(0, 1), shape=(128, 64, 2)), lambda v: transpose(v, perm=(1, 0)),
    lambda v: reshape(v, shape=(64, 128)),
], ids=["cumulate", "row", "broadcast", "transpose", "reshape"])  # fmt: skip
def test_all_kinds_of_readers(reader):
    y = x("y", 128, 64)
    value = scaled(y, 0.5)
    total = broadcast(reduce(value, kind="sum", axes=(0,)), axes=(1,), shape=y.shape)
    same(Graph("g", (y,), (mul(value, total), reader(value))))


def test_state_that_is_written_over_is_not_read_later():
    """What is made of a donated input is kept: reading the input again would forbid to write over it at once."""
    state, y = x("state", 128, 32), x("y", 128, 32)
    half = scaled(state, 0.5)
    total = broadcast(reduce(mul(half, y), kind="sum", axes=(0,)), axes=(1,), shape=y.shape)
    g = Graph("g", (state, y), (sub(state, y), mul(half, total)), donated=((0, 0),))
    assert len(large_results(g)) == 3
    same(g)


def test_a_value_read_twice_by_one_operation_has_one_reader():
    y = x("y", 128, 32)
    value = mul(y, broadcast(reduce(y, kind="sum", axes=(0,)), axes=(1,), shape=y.shape))
    g = Graph("g", (y,), (transpose(add(value, value), perm=(1, 0)),))
    assert large_results(g) == [(32, 128)]
    same(g)


def test_kernels_that_read_the_same_parts_of_a_value_are_one():
    """As the greatest of a window and where it lies: two results, for which the window is read once."""
    y = x("y", 64, 66)
    parts = [slice(y, (0, k), (64, 65 + k), (1, 2)) for k in (0, 1)]
    larger = broadcast(reduce(maximum(*parts), kind="sum", axes=(0,)), axes=(1,), shape=(64, 33))
    g = Graph("g", (y,), (mul(*parts), add(*parts), mul(parts[0], larger)))
    program = verified(g, X86_64_V4)
    assert len(program.steps) == 2
    same(g)


def centred(rows, columns=70):
    """Rows less their sums, these squared and summed by row and by column."""
    y = x("y", rows, columns)
    low = sub(y, broadcast(reduce(y, kind="sum", axes=(1,)), axes=(0,), shape=y.shape))
    by_row = reduce(mul(low, low), kind="sum", axes=(1,))
    by_column = reduce(mul(low, broadcast(by_row, axes=(0,), shape=y.shape)), kind="sum", axes=(0,))
    return y, low, by_row, by_column


def first_results(graph: Graph) -> list:
    """Shapes of what the first kernel writes."""
    return sorted(a.type.shape for a in verified(graph, X86_64_V4).kernels[0].arrays if a.written)


def test_a_kernel_of_rows_keeps_a_value_a_row_instead_of_everything(monkeypatch):
    y, _, by_row, by_column = centred(66)
    g = Graph("centred", (y,), (by_row, by_column))
    assert first_results(g) == [(66,), (66,)]
    data = np.random.default_rng(1).standard_normal((66, 70)).astype(np.float32)
    got = {t: run_native(g, [data], t) for t in TARGETS}
    with monkeypatch.context() as patch:
        patch.setattr(fusion, "chosen", lambda candidates, reading: (set(), {}))
        kept = Native(g, X86_64_V4)(data) if X86_64_V4 in TARGETS else None
    for target in TARGETS:
        if target.fma and kept:
            assert all(map(bits_equal, got[target], kept))
        for g_, w in zip(got[target], interpret(g, data), strict=True):
            np.testing.assert_allclose(g_, w, rtol=1e-4, atol=1e-2)


def test_what_of_rows_must_be_kept():
    y, low, by_row, by_column = centred(66)
    factor, other = x("factor", 70, 4), x("other", 66, 70)
    both = add(mul(y, other), low)
    rows = reduce(mul(both, both), kind="sum", axes=(1,))
    columns = reduce(mul(both, broadcast(rows, axes=(0,), shape=y.shape)), kind="sum", axes=(0,))
    for inputs, *outputs in (
        ((y,), by_row, by_column, low),
        ((y,), by_row, by_column, reshape(low, shape=(4620,))),
        ((y, factor), by_row, by_column, dot(low, factor)),
        ((y, other), rows, columns),
    ):
        assert (66, 70) in first_results(Graph("kept", inputs, tuple(outputs)))


def test_any_number_of_rows():
    y, _, by_row, by_column = centred(N, 20)
    g = Graph("centred", (y,), (by_row, by_column))
    assert first_results(g) == [(N,), (N,)]
    for n in (0, 1, 17, 230):
        data = np.random.default_rng(2).standard_normal((n, 20)).astype(np.float32)
        for got, want in zip(run_native(g, [data], X86_64_V4), interpret(g, data), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-3)


def test_values_of_rows_that_are_made_of_a_donated_input_are_kept():
    y, _, by_row, by_column = centred(66)
    g = Graph("centred", (y,), (mul(y, y), by_row, by_column), donated=((0, 0),))
    same(g)
