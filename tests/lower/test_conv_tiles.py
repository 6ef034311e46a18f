"""Compiled convolutions against the NumPy meaning: every form, every edge of tiles, patches and panels, with what follows."""

import numpy as np
import pytest

from graphc.errors import ShapeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.target import X86_64_V3, X86_64_V4
from graphc.ir.type import Type
from graphc.lower.lower import lower
from graphc.lower.nests.conv import DEPTHWISE, DIRECT, PANEL, SPREAD, TILE, form_of
from graphc.prims import add, broadcast, cast, conv, max, mul, sigmoid, tanh
from graphc.prims.interpret import interpret
from tests.native import bits_equal, host_targets, run_native

TARGETS = host_targets()
N, H, W = (symbol(s) for s in ("n", "h", "w"))


def draw(dtype, shape, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, *shape])
    if not dtype.is_float:
        return rng.integers(-100, 100, shape).astype(dtype.numpy)
    return rng.standard_normal(shape).astype(dtype.numpy)


def attrs(rank=2, stride=1, low=0, high=0, dilation=1, x_dilation=1, groups=1) -> dict:
    spread = [v if isinstance(v, tuple) else (v,) * rank for v in (stride, low, high, dilation, x_dilation)]
    return dict(zip(("stride", "low", "high", "dilation", "x_dilation"), spread), groups=groups)


def convolution(shape, kernel, window, dtype=dt.f32, known=True):
    """Inputs of the graph, and a convolution of them with known or given weights."""
    x = input_node("x", Type(dtype, shape))
    if known:
        return (x,), conv(x, const(draw(dtype, kernel, 9), Type(dtype, kernel)), **window)
    w = input_node("k", Type(dtype, kernel))
    return (x, w), conv(x, w, **window)


def vector(node, seed: int, length=None):
    """A known vector across the channels."""
    length = length or node.shape[-1]
    return broadcast(const(draw(node.dtype, (length,), seed), Type(node.dtype, (length,))), node.shape, (len(node.shape) - 1,))


def arrays_for(graph: Graph, sizes: dict) -> list[np.ndarray]:
    shapes = [[sizes.get(d, d) for d in x.shape] for x in graph.inputs]
    return [draw(x.dtype, shape, k) for k, (x, shape) in enumerate(zip(graph.inputs, shapes))]


def close(got, want) -> None:
    assert got.dtype == want.dtype and got.shape == want.shape
    if want.dtype.kind in "iu":
        np.testing.assert_array_equal(got, want)
        return
    loose = {2: 2e-2, 4: 3e-5, 8: 1e-12}[want.dtype.itemsize]
    np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), rtol=loose, atol=loose * 10)


def check(graph: Graph, sizes: dict = {}, targets=TARGETS, splits=(1, 3)) -> None:
    """Right on every target, the same bits however the work is split, and on every target with fma."""
    arrays = arrays_for(graph, sizes)
    want = interpret(graph, *arrays)
    reference = None
    for target in targets:
        first = run_native(graph, arrays, target)
        for g, w in zip(first, want, strict=True):
            close(g, w)
        for parts in splits[1:]:
            assert all(map(bits_equal, first, run_native(graph, arrays, target, parts))), f"{parts} parts"
        if target.fma:
            reference = reference or first
            assert all(map(bits_equal, first, reference)), "another target gives other bits"


def check_plain(shape, kernel, window, sizes={}, known=True, dtype=dt.f32, targets=TARGETS) -> None:
    inputs, node = convolution(shape, kernel, window, dtype, known)
    check(Graph("conv", inputs, (node,)), sizes, targets)


DENSE = [
    ((1, 7, 9, 3), (3, 3, 3, 5), attrs(low=1, high=1)),
    ((2, 5, 30, 4), (3, 3, 4, 24), attrs(low=1, high=1)),
    ((1, 6, 13, 5), (2, 2, 5, 12), attrs(high=1)),
    ((1, 9, 27, 3), (3, 3, 3, 48), attrs(low=1, high=1, stride=2)),
    ((1, 4, 25, 6), (1, 1, 6, 33), attrs()),
    ((1, 9, 11, 6), (1, 1, 6, 16), attrs(stride=(2, 3))),
    ((1, 3, 4, 2), (7, 7, 2, 8), attrs(low=3, high=3)),
    ((1, 2, 3, 2), (3, 5, 2, 8), attrs(low=(5, 9), high=(4, 7))),
    ((1, 8, 16, 4), (3, 3, 4, 8), attrs(low=2, high=2, dilation=2)),
    ((1, 8, 16, 4), (3, 3, 4, 8), attrs(low=(2, 0), high=(1, 3), dilation=(1, 3), stride=(1, 2))),
    ((1, 8, 16, 4), (2, 2, 4, 8), attrs(low=(-1, -2), high=(0, -3))),
    ((1, 6, 7, 512), (1, 1, 512, 7), attrs()),
    ((1, 5, 5, 512), (3, 3, 512, 3), attrs(low=1, high=1)),
    ((1, 1, 1, 20), (1, 1, 20, 40), attrs()),
    ((3, 1, 1, 20), (1, 1, 20, 100), attrs()),
    ((1, 9, 1, 6), (3, 1, 6, 20), attrs(low=(1, 0), high=(1, 0))),
    ((2, 40, 3), (5, 3, 17), attrs(1, low=2, high=2, stride=2)),
    ((1, 4, 5, 6, 2), (2, 3, 3, 2, 18), attrs(3, low=(1, 1, 0), high=(0, 1, 2))),
]  # fmt: skip
GROUPED = [
    ((1, 6, 20, 8), (3, 3, 4, 6), attrs(low=1, high=1, groups=2)),
    ((1, 6, 20, 8), (3, 3, 2, 80), attrs(low=1, high=1, groups=4)),
    ((2, 5, 9, 64), (3, 3, 4, 64), attrs(low=1, high=1, stride=2, groups=16)),
    ((1, 6, 20, 6), (3, 3, 1, 12), attrs(low=1, high=1, groups=6)),
]
DEPTHWISE_CASES = [
    ((1, 5, 20, c), (3, 3, 1, c), attrs(low=1, high=1, groups=c)) for c in (3, 8, 16, 24, 40, 64, 88, 96, 104)
] + [
    ((2, 9, 33, 32), (3, 3, 1, 32), attrs(low=1, high=1, stride=(2, 1), groups=32)),
    ((1, 9, 33, 20), (5, 5, 1, 20), attrs(low=2, high=2, stride=2, groups=20)),
    ((1, 4, 9, 32), (7, 7, 1, 32), attrs(low=3, high=3, groups=32)),
    ((1, 4, 40, 20), (1, 11, 1, 20), attrs(low=(0, 5), high=(0, 5), groups=20)),
    ((1, 12, 20, 20), (3, 3, 1, 20), attrs(low=2, high=2, dilation=2, groups=20)),
    ((1, 6, 20, 20), (2, 2, 1, 20), attrs(groups=20)),
    ((1, 6, 20, 20), (2, 2, 1, 20), attrs(low=(-1, -2), high=(0, -1), groups=20)),
    ((2, 40, 20), (5, 1, 20), attrs(1, low=4, groups=20)),
    ((1, 5, 6, 11, 20), (3, 2, 3, 1, 20), attrs(3, low=1, high=1, groups=20)),
]  # fmt: skip
TRANSPOSED = [
    ((1, 5, 13, 6), (2, 2, 6, 24), attrs(low=1, high=1, x_dilation=2)),
    ((1, 5, 13, 6), (2, 2, 6, 1), attrs(low=1, high=1, x_dilation=2)),
    ((2, 5, 7, 3), (3, 3, 3, 5), attrs(low=2, high=2, x_dilation=2)),
    ((1, 5, 7, 3), (4, 4, 3, 5), attrs(low=2, high=2, x_dilation=2)),
    ((1, 5, 7, 3), (3, 3, 3, 5), attrs(low=1, high=(2, 1), x_dilation=(2, 3))),
    ((1, 5, 7, 3), (1, 2, 3, 5), attrs(low=(0, 1), high=(0, 1), x_dilation=3)),
    ((1, 5, 7, 4), (3, 3, 2, 6), attrs(low=2, high=2, x_dilation=2, groups=2)),
    ((1, 9, 4), (4, 4, 9), attrs(1, low=3, high=3, x_dilation=4)),
]  # fmt: skip
CASES = DENSE + GROUPED + DEPTHWISE_CASES + TRANSPOSED


def symbolic(shape: tuple) -> tuple[tuple, dict]:
    """The shape with a symbol for the batch and, where they are no 1, the first two spatial axes; and the symbols' values."""
    names = (N, H, W)[: len(shape) - 1]
    new = tuple([s if k == 0 or d != 1 else d for k, (s, d) in enumerate(zip(names, shape))])
    return (*new, *shape[len(names) :]), {s: d for s, d in zip(names, shape)}


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(map(str, (*c[0], *c[1]))))
def test_known_sizes(case):
    check_plain(*case)


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(map(str, (*c[0], *c[1]))))
def test_symbolic_sizes_and_given_weights(case):
    shape, kernel, window = case
    shape, sizes = symbolic(shape)
    check_plain(shape, kernel, window, sizes, targets=TARGETS[:2])
    check_plain(shape, kernel, window, sizes, known=False, targets=TARGETS[:1])


def test_sizes_around_the_edges_of_tiles():
    for kernel, window in [((3, 3, 4, 20), attrs(low=1, high=1)), ((1, 1, 4, 20), attrs()),
                           ((3, 3, 1, 4), attrs(low=1, high=1, groups=4)),
                           ((2, 2, 4, 20), attrs(low=1, high=1, x_dilation=2))]:  # fmt: skip
        inputs, node = convolution((N, H, W, 4), kernel, window)
        graph = Graph("conv", inputs, (node,))
        for n, h, w in [(1, 1, 1), (2, 2, 3), (1, 3, 8), (1, 2, 9), (1, 2, 12), (1, 2, 13), (1, 1, 97), (3, 3, 24), (0, 4, 5)]:
            check(graph, {N: n, H: h, W: w}, TARGETS[:1])


def test_forms():
    wanted = [(c, PANEL) for c in DENSE + GROUPED[:3] + TRANSPOSED[2:7]] + [(TRANSPOSED[k], SPREAD) for k in (0, 1, 7)] + [(c, DEPTHWISE) for c in DEPTHWISE_CASES]
    for (shape, kernel, window), form in [*wanted, (GROUPED[3], PANEL)]:
        _, node = convolution(symbolic(shape)[0], kernel, window)
        assert form_of(node, node.inputs[1], X86_64_V4) == form, (shape, kernel)
    (_, w), node = convolution(*TRANSPOSED[0], known=False)
    assert form_of(node, w, X86_64_V4) == TILE  # products with zeros count: the weights may be infinite
    (_, w), node = convolution(symbolic(TRANSPOSED[0][0])[0], *TRANSPOSED[0][1:], known=False)
    assert form_of(node, w, X86_64_V4) == DIRECT


def test_infinite_weights_meet_zeros():
    weights = np.full((2, 2, 2, 3), np.inf, np.float32)
    x = input_node("x", Type(dt.f32, (1, 3, 3, 2)))
    for window in (attrs(low=1, high=1, x_dilation=2), attrs(low=1, high=1)):
        graph = Graph("conv", (x,), (conv(x, const(weights, Type(dt.f32, weights.shape)), **window),))
        array = np.ones((1, 3, 3, 2), np.float32)
        (want,) = interpret(graph, array)
        assert np.isnan(want).any()
        for target in TARGETS:
            np.testing.assert_array_equal(run_native(graph, [array], target)[0], want)


def test_a_window_that_does_not_fit_is_refused():
    inputs, node = convolution((N, H, W, 4), (5, 1, 4, 8), attrs())
    graph = Graph("conv", inputs, (node,))
    check(graph, {N: 2, H: 4, W: 3}, TARGETS[:1])  # no row of windows at all
    with pytest.raises(ShapeError, match="window"):
        interpret(graph, np.zeros((2, 2, 3, 4), np.float32))


@pytest.mark.parametrize("dtype", [dt.f64, dt.f16, dt.bf16, dt.i32, dt.i8, dt.i64], ids=lambda d: d.short)
def test_every_dtype(dtype):
    for k, (shape, kernel, window) in enumerate((DENSE[2], DEPTHWISE_CASES[3], TRANSPOSED[0])):
        shape, sizes = symbolic(shape)
        check_plain(shape, kernel, window, sizes, dtype=dtype, known=k != 0, targets=TARGETS[:1])
    check_plain(*GROUPED[0], dtype=dtype, targets=TARGETS[:2])


# ------------------------------------------------------------------------------------------------ what follows


def relu(x):
    return max(x, broadcast(const(0, Type(x.dtype, ())), x.shape, ()))


def follow(node, other, kind: str):
    """More inputs of the graph, and its outputs; ``other`` is a second value of the same shape."""
    biased = add(node, vector(node, 1))
    match kind:
        case "bias":
            return (), (relu(biased),)
        case "residual":
            return (), (add(relu(biased), other),)
        case "scaled":  # one vector for each image
            s = input_node("s", Type(node.dtype, (node.shape[0], node.shape[-1])))
            return (s,), (mul(biased, broadcast(s, node.shape, (0, len(node.shape) - 1))),)
        case "long":
            value = biased
            for _ in range(3):
                value = mul(tanh(value), sigmoid(add(value, node)))
            return (), (value,)
        case "both":
            return (), (node, add(biased, other), mul(biased, other))
    raise ValueError(kind)


KINDS = ("bias", "residual", "scaled", "long", "both")
FOLLOWED = (DENSE[1], DENSE[4], GROUPED[0], DEPTHWISE_CASES[6], TRANSPOSED[0], TRANSPOSED[1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", FOLLOWED, ids=lambda c: "-".join(map(str, (*c[0], *c[1]))))
def test_what_follows_is_in_the_same_kernel(case, kind):
    shape, kernel, window = case
    for shape, sizes in ((shape, {}), symbolic(shape)):
        inputs, node = convolution(shape, kernel, window)
        other = conv(inputs[0], const(draw(dt.f32, kernel, 5), Type(dt.f32, kernel)), **window)
        more, outputs = follow(node, other, kind)
        graph = Graph("conv", (*inputs, *more), outputs)
        assert len(lower(graph, X86_64_V4).steps) == 1 + (kind in ("residual", "both"))
        check(graph, sizes, TARGETS[:1] if sizes else TARGETS[:2])


def test_the_input_may_be_what_is_added():
    for window, kernel in ((attrs(low=1, high=1), (3, 3, 20, 20)), (attrs(low=1, high=1, groups=20), (3, 3, 1, 20))):
        for shape, sizes in (((2, 5, 13, 20), {}), symbolic((2, 5, 13, 20))):
            (x,), node = convolution(shape, kernel, window)
            check(Graph("conv", (x,), (add(relu(node), x),)), sizes, TARGETS[:2])


def test_operands_may_be_one_value_and_results_be_of_another_dtype():
    x = input_node("x", Type(dt.f32, (3, 3, 3, 3)))
    check(Graph("conv", (x,), (conv(x, x, **attrs(low=1, high=1)),)), targets=TARGETS[:2])
    (x,), node = convolution((1, 5, 20, 24), (3, 3, 24, 24), attrs(low=1, high=1))
    check(Graph("conv", (x,), (cast(node, dt.f16),)), targets=TARGETS[:2])
    (x,), node = convolution((1, 5, 20, 24), (3, 3, 1, 24), attrs(low=1, high=1, groups=24), dt.bf16)
    check(Graph("conv", (x,), (cast(relu(node), dt.f32), node)), targets=TARGETS[:2])


def test_a_result_does_not_destroy_what_is_read_later():
    """The sum of a residual block lies over its operand; the blocks of the depthwise form then may not overlap."""
    for channels in (40, 104):
        (x,), node = convolution((1, 6, 20, channels), (3, 3, 1, channels), attrs(low=1, high=1, groups=channels))
        check(Graph("conv", (x,), (add(add(node, vector(node, 3)), tanh(x)),)), targets=TARGETS[:1])


def test_weights_are_kept_once_and_packed():
    _, node = convolution((N, H, W, 16), (3, 3, 16, 64), attrs(low=1, high=1))
    graph = Graph("conv", (node.inputs[0],), (node,))
    program = lower(graph, X86_64_V4)
    assert len(program.constants) == 3 * 3 * 16 * 64 * 4
    assert len(lower(graph, X86_64_V3).constants) == 3 * 3 * 16 * 64 * 4


def test_equal_layers_share_a_kernel():
    x = input_node("x", Type(dt.f32, (1, H, W, 16)))
    value = x
    for k in range(3):
        w = const(draw(dt.f32, (3, 3, 16, 16), k), Type(dt.f32, (3, 3, 16, 16)))
        value = relu(add(conv(value, w, **attrs(low=1, high=1)), vector(x, k)))
    assert len(lower(Graph("net", (x,), (value,)), X86_64_V4).kernels) == 1
