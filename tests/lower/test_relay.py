"""Chains of costly functions in stages: the same bits as one loop, and stages only where a chain has several."""

import numpy as np
import pytest

from graphc.codegen.llvm.module import program_text
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import Alloc, For
from graphc.ir.node import symbol
from graphc.ir.target import AARCH64, RISCV64, X86_64, X86_64_V3, X86_64_V4
from graphc.ir.type import Type
from graphc.lower import map_nest
from graphc.lower.lower import lower
from graphc.lower.relay import FEWEST, MOST, STRIP, relay_of
from graphc.prims import add, cast, exp, iota, log, mul, reverse, sigmoid, slice, tanh
from graphc.prims.interpret import interpret
from tests.native import SPLITS, bits_equal, host_targets, run_native, verified

TARGETS = host_targets()
N = symbol("n")
SHAPES = [
    (15,), (65,), (512,), (513,), (4097,), (3, 129), (16, 128), (5, 9, 600), (2, 4100), (0, 128),
]  # fmt: skip


def x(name: str, *shape, dtype=dt.f32):
    return input_node(name, Type(dtype, shape))


def cell(*shape, dtype=dt.f32) -> Graph:
    """A step of an LSTM without its products: the new state is a result, and the operand of another function."""
    a, b, c = (x(name, *shape, dtype=dtype) for name in "abc")
    state = add(mul(sigmoid(a), c), mul(sigmoid(b), tanh(a)))
    return Graph("cell", (a, b, c), (mul(sigmoid(c), tanh(state)), state))


def chain(*shape, dtype=dt.f32) -> Graph:
    """``x tanh(log(1 + exp(x)))``: three functions in turn, and the first one's value is needed by the last."""
    a = x("a", *shape, dtype=dtype)
    first = exp(a)
    return Graph("chain", (a,), (add(mul(a, tanh(log(add(first, first)))), first), mul(a, a)))


def drawn(g: Graph, n: int = 200) -> list:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal([n if d is N else d for d in i.shape]).astype(i.dtype.numpy) for i in g.inputs]
    if arrays[0].size > 3:
        arrays[0].reshape(-1)[:4] = np.nan, np.inf, -np.inf, -0.0
    return arrays


def check(g: Graph, monkeypatch, n: int = 200) -> None:
    arrays = drawn(g, n)
    want = interpret(g, *arrays)
    for target in TARGETS:
        found = [run_native(g, arrays, target, parts) for parts in SPLITS]
        with monkeypatch.context() as patch:
            patch.setattr(map_nest, "relay_of", lambda *_: None)
            plain = run_native(g, arrays, target)
        for results in found:
            for got, alone, meant in zip(results, plain, want, strict=True):
                assert bits_equal(got, alone)
                np.testing.assert_allclose(got, meant, rtol=3e-3 if got.dtype.itemsize == 2 else 1e-5, atol=1e-5)


def stages(g: Graph, target=X86_64_V4) -> list[int]:
    """Loops behind the strips of every kernel that has some."""
    found = []

    def visit(body: tuple):
        if any(isinstance(s, Alloc) for s in body):
            found.append(sum(isinstance(s, For) for s in body))
        for s in body:
            if isinstance(s, For):
                visit(s.body)

    for kernel in verified(g, target).kernels:
        visit(kernel.body)
    return found


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("make", [cell, chain])
def test_stages_have_the_bits_of_one_loop(make, shape, monkeypatch):
    check(make(*shape), monkeypatch)


@pytest.mark.parametrize("n", [1, 17, 1300])
@pytest.mark.parametrize("shape", [(N,), (3, N), (N, 128), (6, N)], ids=str)
def test_sizes_may_be_known_late(shape, n, monkeypatch):
    check(cell(*shape), monkeypatch, n)


@pytest.mark.parametrize("dtype", [dt.f64, dt.f16])
def test_other_floats(dtype, monkeypatch):
    check(chain(40, 130, dtype=dtype), monkeypatch)


def test_operands_in_another_order(monkeypatch):
    """A reversed operand and one that is counted."""
    a = x("a", 20, 150)
    value = tanh(sigmoid(add(reverse(a, (1,)), iota((20, 150), 1, dt.f32))))
    check(Graph("turned", (a,), (value, slice(value, (1, 0), (20, 150), (1, 1)))), monkeypatch)


def test_a_function_after_another_is_a_stage():
    assert stages(cell(16, 128)) == [2]
    assert stages(chain(16, 128)) == [3]
    assert stages(chain(10_000)) == [3]
    assert stages(chain(4, 10_000)) == [3]


def test_what_one_loop_does_as_well_stays_one():
    a = x("a", 64, 128)
    assert stages(Graph("beside", (a,), (mul(tanh(a), sigmoid(mul(a, a))),))) == []
    assert relay_of([tanh(exp(x("a")))], FEWEST * 16 - 1, X86_64_V4) is None
    assert stages(cell(16, 128), X86_64) == []


def test_strips_fit_beside_what_is_read():
    scalars = [x(f"a{k}") for k in range(MOST + 1)]
    firsts = [exp(a) for a in scalars]
    for count, some in ((MOST, True), (MOST + 1, False)):
        values = []
        for f in firsts[:count]:
            values.append(tanh(f))
        relay = relay_of([*values], 2000, X86_64_V4)
        assert (relay is not None) is some
    assert {array.type.shape for array in relay_of([tanh(firsts[0])], 2000, X86_64_V4).strips.values()} == {(STRIP,)}


@pytest.mark.parametrize("target", [X86_64_V4, X86_64_V3, X86_64, AARCH64, RISCV64], ids=lambda t: t.name)
def test_every_target_has_code_for_it(target):
    assert "define" in program_text(lower(cell(33, 200), target), target, "cell")


@pytest.mark.parametrize("size", [600, N])
def test_whole_numbers_of_64_bits_are_values_as_others(size, monkeypatch):
    a = x("a", size)
    near = cast(sigmoid(tanh(exp(mul(a, a)))), dtype=dt.i64)
    check(Graph("near", (a,), (near,)), monkeypatch)
