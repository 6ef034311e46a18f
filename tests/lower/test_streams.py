"""Large results go past the caches: the same bits wherever they begin, in element-wise, joined and turned kernels."""

from dataclasses import replace

import numpy as np
import pytest

from graphc.codegen.llvm.emit import kernel_text
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.machine import LIMITS, Machine
from graphc.ir.node import const, symbol
from graphc.ir.target import AARCH64, X86_64_V3, X86_64_V4, Target
from graphc.ir.type import Type
from graphc.lower import streams
from graphc.prims import add, broadcast, concat, mul, pad, reduce, sub, transpose
from graphc.prims.interpret import interpret
from tests.native import host_targets, run_native, verified


@pytest.fixture(autouse=True)
def rows_are_long(monkeypatch):
    monkeypatch.setattr(streams, "LEAST_ROW", 1)
    monkeypatch.setitem(LIMITS, "stream_bytes", (0, LIMITS["stream_bytes"][1]))


def all_large(target: Target) -> Target:
    return replace(target, machine=Machine(stream_bytes=0))


def check(g: Graph, *arrays, past: bool = True) -> None:
    for target in map(all_large, host_targets()):
        for got, want in zip(run_native(g, arrays, target), interpret(g, *arrays), strict=True):
            np.testing.assert_array_equal(got, want)
    texts = [kernel_text(k, X86_64_V4) for k in verified(g, all_large(X86_64_V4)).kernels]
    assert any("nontemporal" in text for text in texts) is past


def inputs(*shapes, dtype=dt.f32):
    return [input_node(f"x{k}", Type(dtype, s)) for k, s in enumerate(shapes)]


def numbers(*shape, dtype=np.float32):
    return np.random.default_rng(sum(shape)).integers(0, 100, shape).astype(dtype)


@pytest.mark.parametrize("shape", [(1, 40), (3, 17), (5, 64), (7, 129), (600, 515), (9000,)])
def test_element_wise_work(shape):
    x, y = inputs(shape, shape)
    check(Graph("g", (x, y), (add(x, y), mul(x, y))), numbers(*shape), numbers(*shape))


@pytest.mark.parametrize("columns", [1, 16, 33, 700])
def test_parts_side_by_side(columns):
    x, y = inputs((5, columns), (5, 3))
    check(Graph("g", (x, y), (concat(x, mul(y, y), axis=1),)), numbers(5, columns), numbers(5, 3))
    check(Graph("g", (x,), (pad(x, const(0.5, Type(dt.f32, ())), (2, 1), (1, 5)),)), numbers(5, columns))


@pytest.mark.parametrize("shape", [(16, 16), (32, 48), (64, 40), (512, 512), (16, 513)])
def test_tiles(shape):
    (x,) = inputs(shape)
    check(Graph("g", (x,), (transpose(x, (1, 0)),)), numbers(*shape), past=shape[0] % 16 == 0)


@pytest.mark.parametrize("rows", [17, 40])
def test_tiles_of_rows_that_are_no_lines(rows):
    (x,) = inputs((rows, 32))
    check(Graph("g", (x,), (transpose(x, (1, 0)),)), numbers(rows, 32), past=False)


def test_tiles_of_two_results_and_of_other_widths():
    x, y = inputs((32, 64), (64, 32))
    turned = transpose(x, (1, 0))
    check(Graph("g", (x, y), (add(turned, y), mul(turned, y))), numbers(32, 64), numbers(64, 32))
    (x,) = inputs((48, 64), dtype=dt.f64)
    check(Graph("g", (x,), (transpose(x, (1, 0)),)), numbers(48, 64, dtype=np.float64))
    (x,) = inputs((48, 64), dtype=dt.u8)
    check(Graph("g", (x,), (transpose(x, (1, 0)),)), numbers(48, 64, dtype=np.uint8), past=False)


def test_only_where_lines_are_known_and_stores_can():
    n = symbol("n")
    for shape, target in (((n, 64), X86_64_V4), ((64, 64), AARCH64), ((64, 64), X86_64_V3)):
        (x,) = inputs(shape)
        kernels = verified(Graph("g", (x,), (transpose(x, (1, 0)),)), all_large(target)).kernels
        assert not any("nontemporal" in kernel_text(k, target) for k in kernels)


@pytest.mark.parametrize("kind", ["flat", "rows", "side by side"])
def test_the_machine_says_what_is_large(kind):
    x, y = inputs((300,), (300,)) if kind == "flat" else inputs((4, 300), (4, 300))
    node = {"flat": lambda: add(x, y), "rows": lambda: sub(x, broadcast(reduce(y, "max", (1,)), (4, 300), (0,))),
            "side by side": lambda: concat(x, mul(y, y), axis=1)}[kind]()  # fmt: skip
    size = node.type.size * 4
    for least, past in ((size, True), (size + 1, False)):
        target = replace(X86_64_V4, machine=Machine(stream_bytes=least))
        kernels = verified(Graph("g", (x, y), (node,)), target).kernels
        assert any(a.streamed for k in kernels for a in k.arrays) is past
