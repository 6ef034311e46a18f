"""Attention as one region: found in the forms it is written in, and with the bits of separate kernels on every target."""

import numpy as np
import pytest

from graphc.codegen.llvm.emit import kernel_text
from graphc.compile import optimise
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.target import AARCH64, RISCV64, X86_64_V4
from graphc.ir.type import Type
from graphc.lib import attention, linalg, nn, shape
from graphc.lower import lower as lowering
from graphc.ir.notes import Fusion
from graphc.lower.attend import ATTENTION, unite_attention
from graphc.lower.fuse import fuse
from graphc.prims.interpret import interpret
from tests.native import SPLITS, Native, bits_equal, host_targets, run_native, verified

TARGETS = [t for t in host_targets() if t.fma]
SIZES = [(1, 1, 1, 3, 2), (1, 2, 5, 3, 2), (2, 1, 17, 31, 7), (1, 2, 33, 65, 16), (2, 3, 12, 130, 33), (1, 1, 64, 63, 20)]


def inputs(*shapes, dtype=dt.f32) -> list:
    return [input_node(f"x{k}", Type(dtype, s)) for k, s in enumerate(shapes)]


def graph_of(name: str, given: tuple, outputs: tuple) -> Graph:
    """The graph as the pipeline hands it to lowering."""
    names = tuple(f"y{k}" for k in range(len(outputs)))
    return optimise(Graph(name, given, outputs, names))


def heads(x, count: int):
    b, s, width = x.shape
    return shape.transpose(shape.reshape(x, (b, s, count, width // count)), (0, 2, 1, 3))


def plain(b, h, m, s, d, dtype=dt.f32, **options) -> Graph:
    q, k, v = inputs((b, h, m, d), (b, h, s, d), (b, h, s, d + 1), dtype=dtype)
    return graph_of("plain", (q, k, v), (attention.scaled_dot_product_attention(q, k, v, **options),))


def of_heads(b, h, m, s, d) -> Graph:
    """Heads beside one another in memory, before and after, and an additive mask."""
    q, k, v, mask = inputs((b, m, h * d), (b, s, h * d), (b, s, h * d), (b, 1, 1, s))
    out = attention.scaled_dot_product_attention(*(heads(x, h) for x in (q, k, v)), bias=mask)
    return graph_of("heads", (q, k, v, mask), (shape.reshape(shape.transpose(out, (0, 2, 1, 3)), (b, m, h * d)),))


def regions(graph: Graph) -> list:
    notes = Fusion()
    return unite_attention(fuse(lowering.strip(graph), notes), graph.roots, notes)


def kinds(graph: Graph) -> list[str]:
    return [r.kind for r in regions(graph)]


def draw(graph: Graph, sizes: dict | None = None) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.standard_normal([(sizes or {}).get(d, d) for d in x.shape]).astype(x.dtype.numpy) for x in graph.inputs]


def check(graph: Graph, monkeypatch, arrays=None, tolerance=2e-5) -> None:
    """The bits of separate kernels, for every target and split; near the NumPy meaning."""
    arrays = draw(graph) if arrays is None else arrays
    assert ATTENTION in kinds(graph)
    (want,) = interpret(graph, *arrays)
    with monkeypatch.context() as patch:
        patch.setattr(lowering, "unite_attention", lambda found, outputs, notes: found)
        (apart,) = Native(graph, TARGETS[0])(*arrays)
    np.testing.assert_allclose(apart.astype(np.float64), want.astype(np.float64), atol=tolerance, rtol=tolerance)
    for target in TARGETS:
        for parts in SPLITS:
            (got,) = run_native(graph, arrays, target, parts)
            assert bits_equal(got, apart), f"{target.name} in {parts} parts"


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_awkward_sizes(sizes, monkeypatch):
    check(plain(*sizes), monkeypatch)
    check(of_heads(*sizes), monkeypatch)


def test_masks_and_caps(monkeypatch):
    check(plain(1, 2, 13, 13, 8, is_causal=True), monkeypatch)
    check(plain(1, 2, 13, 20, 8, soft_cap=5.0), monkeypatch)
    q, k, v = inputs((2, 2, 7, 4), (2, 2, 19, 4), (2, 2, 19, 4))
    mask = input_node("mask", Type(dt.b1, (2, 1, 1, 19)))
    graph = graph_of("masked", (q, k, v, mask), (attention.scaled_dot_product_attention(q, k, v, mask=mask),))
    seen = np.arange(19) < np.array([3, 0])[:, None, None, None]
    check(graph, monkeypatch, [*draw(graph)[:3], seen])


@pytest.mark.parametrize("dtype", [dt.f64, dt.f16, dt.bf16], ids=str)
def test_other_floats(dtype, monkeypatch):
    check(plain(1, 2, 14, 37, 9, dtype=dtype), monkeypatch, tolerance=2e-5 if dtype is dt.f64 else 4e-2)


def test_nan_and_infinity(monkeypatch):
    graph = plain(1, 2, 9, 40, 8)
    arrays = draw(graph)
    arrays[0][0, 0, 3, 2], arrays[1][0, 1, 5] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        check(graph, monkeypatch, arrays)


def test_values_that_lie_transposed(monkeypatch):
    """Keys read along rows; values computed on the way."""
    q, k, v = inputs((3, 14, 10), (3, 10, 21), (3, 21, 6))
    weights = nn.softmax(linalg.matmul(q, k))
    check(graph_of("keys", (q, k, v), (linalg.matmul(weights, v * 2.0 + 1.0),)), monkeypatch)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 30, 70), (1, 13, 5), (0, 3, 3), (2, 0, 3), (1, 100, 64)], ids=str)
def test_symbolic_lengths(sizes, monkeypatch):
    b, m, s = symbol("batch"), symbol("places"), symbol("others")
    graph = plain(b, 2, m, s, 8)
    check(graph, monkeypatch, draw(graph, dict(zip((b, m, s), sizes))))


def test_many_rows_of_values(monkeypatch):
    check(plain(1, 1, 25, 530, 4), monkeypatch)


def test_one_kernel_without_copies():
    program = verified(of_heads(1, 4, 32, 32, 16), X86_64_V4)
    assert [s.kernel.rstrip("0123456789") for s in program.steps] == ["pack", "attention"]


def test_what_others_read_stays():
    q, k, v = inputs((1, 2, 8, 4), (1, 2, 8, 4), (1, 2, 8, 4))
    scores = linalg.matmul(q, k, transpose_b=True)
    weights = nn.softmax(scores)
    out = linalg.matmul(weights, v)
    assert kinds(graph_of("one", (q, k, v), (out,))) == [ATTENTION]
    for other in (scores, weights, shape.reshape(weights, (2, 64))):
        assert ATTENTION not in kinds(graph_of("two", (q, k, v), (out, other)))
    assert ATTENTION not in kinds(graph_of("again", (q, k), (linalg.matmul(weights, weights),)))


def test_rows_over_other_axes_stay():
    q, k, v = inputs((2, 8, 4), (2, 8, 4), (2, 8, 4))
    weights = nn.softmax(linalg.matmul(q, k, transpose_b=True), axis=1)
    assert ATTENTION not in kinds(graph_of("columns", (q, k, v), (linalg.matmul(weights, v),)))


@pytest.mark.parametrize("target", [AARCH64, RISCV64], ids=lambda t: t.name)
def test_other_targets(target):
    for kernel in verified(of_heads(1, 2, 14, 20, 8), target).kernels:
        assert kernel_text(kernel, target)
