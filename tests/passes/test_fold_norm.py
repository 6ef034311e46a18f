"""Normalisation folded into weights: what is left of it, the same numbers but for rounding, when it is left alone."""

import numpy as np
import pytest
from channels_first import Pieces, image, random_network

from graphc.compile import compile_graph, key_parts, optimise
from graphc.errors import UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.ir.verify import verify_graph
from graphc.lib.reduction import argmax
from graphc.options import INEXACT, Options
from graphc.passes.fold_norm import fold_norm
from graphc.passes.pipeline import infer, pipeline, run
from graphc.prims import abs, apply, broadcast, cond, conv, dot, item, mul, neg, reduce, reshape, sort, tanh
from graphc.prims.interpret import interpret

RANDOM = np.random.default_rng(5)
N = symbol("n")
X = input_node("x", Type(dt.f32, (N, 6, 7, 4)))
M = input_node("m", Type(dt.f32, (N, 6)))


def numbers(*shape):
    return const(RANDOM.uniform(0.5, 2, shape).astype(np.float32))


def along(x, axis=-1, c=None):
    """A vector of constants along one axis of ``x``."""
    axis %= x.type.rank
    return broadcast(numbers(x.shape[axis]) if c is None else c, x.shape, (axis,))


def ops(graph: Graph) -> list[str]:
    """The operations but constants and their repetition."""
    return sorted(n.op for n in graph.nodes if n.op not in ("input", "const", "broadcast", "symbol"))


def folded(y, x=X):
    """What is left of a graph, which answers with the same numbers."""
    graph = Graph("g", (x,), y if isinstance(y, tuple) else (y,))
    changed = fold_norm(graph)
    verify_graph(changed, infer)
    array = RANDOM.standard_normal([3 if d is N else d for d in x.shape]).astype(x.dtype.numpy)
    for before, after in zip(interpret(graph, array), interpret(changed, array), strict=True):
        np.testing.assert_allclose(after, before, rtol=3e-5, atol=3e-5)
    assert fold_norm(changed) is changed
    return ops(changed)


def normalised(y, axis=-1):
    """As batch normalisation comes: ``(y - mean) * inverse * gain + offset``."""
    return (y - along(y, axis)) * along(y, axis) * along(y, axis) + along(y, axis)


def convolved(filters=5, size=3, groups=1):
    return conv(X, numbers(size, size, 4 // groups, filters), low=(1, 1), high=(1, 1), groups=groups)


def depthwise():
    """A convolution of each channel by itself as shifted products."""
    pieces = [apply("slice", X, start=(0, k, 0, 0), stop=(N, k + 4, 7, 4), step=(1, 1, 1, 1)) for k in range(3)]
    total = mul(pieces[0], along(pieces[0]))
    for piece in pieces[1:]:
        total = apply("fma", piece, along(piece), total)
    return total


CASES = {
    "convolution": (lambda: normalised(convolved()), ["conv", "add"]),
    "grouped convolution": (lambda: normalised(convolved(8, groups=2)), ["conv", "add"]),
    "one channel each": (lambda: normalised(convolved(4, groups=4)), ["conv", "add"]),
    "shifted products": (lambda: normalised(depthwise()), ["slice", "mul", "slice", "fma", "slice", "fma", "add"]),
    "bias and normalisation": (lambda: normalised(convolved() + along(convolved())), ["conv", "add"]),
    "scale alone": (lambda: convolved() * along(convolved()), ["conv"]),
    "one number": (lambda: convolved() / const(3.0, convolved().type), ["conv"]),
    "subtracted": (lambda: along(convolved()) - convolved() * along(convolved()), ["conv", "add"]),
    "a biased one subtracted": (lambda: along(convolved()) - (convolved() + along(convolved())), ["conv", "add"]),
    "neg": (lambda: neg(convolved()) + along(convolved()), ["conv", "add"]),
    "twice": (lambda: normalised(normalised(convolved())), ["conv", "add"]),
    "through a reshape": (lambda: normalised(reshape(convolved(), (N, 42, 5))), ["conv", "reshape", "add"]),
    "reshape at the end": (lambda: reshape(normalised(convolved()), (N, 210)), ["conv", "add", "reshape"]),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    build, expected = CASES[name]
    assert folded(build()) == sorted(expected)


@pytest.mark.parametrize("transposed", [False, True])
def test_products(transposed):
    w = numbers(5, 6) if transposed else numbers(6, 5)
    assert folded(normalised(dot(M, w, False, transposed)), M) == ["add", "dot"]


def test_bias_alone_stays():
    y = convolved() + along(convolved())
    assert fold_norm(Graph("g", (X,), (y,))).outputs == (y,)
    z = tanh(X) * along(X) + along(X)
    assert fold_norm(Graph("g", (X,), (z,))).outputs == (z,)


def left_alone(*outputs, inputs=(X,)) -> bool:
    graph = Graph("g", inputs, outputs)
    return fold_norm(graph) is graph


def test_what_others_read_keeps_its_value():
    y = convolved()
    assert left_alone(normalised(y), abs(y)) and left_alone(normalised(y), y)


def test_only_products_with_known_weights_take_scales_up():
    w = input_node("w", Type(dt.f32, (3, 3, 4, 5)))
    assert left_alone(normalised(conv(X, w)), inputs=(X, w))
    x = tanh(X)
    for y in (normalised(x), normalised(x, 1), x + along(x) + along(x), x / along(x),
              x / const(255.0, x.type) + along(x), normalised(X), X / const(255.0, X.type),
              x * along(x) * along(x), along(x) / x * along(x)):  # fmt: skip
        assert left_alone(y)


def test_numbers_that_overflow_are_left_alone():
    y = convolved()
    huge = const(np.float32(1e30), y.type)
    for z in (y / const(0.0, y.type), y + const(np.float32(np.inf), y.type) + along(y)):
        assert fold_norm(Graph("g", (X,), (z,))).outputs == (z,)
    assert ops(fold_norm(Graph("g", (X,), (y * huge * huge,)))) == ["conv", "mul"]
    w = const(np.full((1, 1, 4, 5), 1e30, np.float32))
    z = conv(X, w) * const(np.float32(1e20), Type(dt.f32, (N, 6, 7, 5)))
    assert fold_norm(Graph("g", (X,), (z,))).outputs == (z,)


def test_what_is_rounded_or_compared_keeps_every_bit():
    y = normalised(convolved())
    clipped = apply("min", apply("max", y, const(0.0, y.type)), const(255.0, y.type))
    half = const(0.5, y.type)
    moved = reshape(apply("reverse", tanh(y), axes=(1,)), (N, 210))
    top = reduce(y, "max", (1, 2, 3))
    for z in (apply("round", y), apply("cast", clipped, dtype=dt.u8), apply("floor", reshape(y, (N, 210)) + 0.5),
              apply("lt", y, half), apply("lt", half, tanh(y)), apply("sign", moved / along(moved)),
              argmax(y, 3), apply("ceil", top), item(sort(y, 3), 0)):  # fmt: skip
        assert left_alone(z)
    assert folded(apply("max", y, half)) == ["add", "conv", "max"]


def test_scales_of_quantisation_keep_every_bit():
    """As numbers are quantised by their own range: the scale is no integer, but what it divides becomes one."""
    y = normalised(convolved())
    low, high = (reduce(y, kind, (0, 1, 2, 3)) for kind in ("min", "max"))
    scale = (high - low) / const(255.0, high.type)
    quantised = apply("cast", apply("round", y / broadcast(scale, y.shape, ())), dtype=dt.u8)
    assert left_alone(quantised, scale)
    other = apply("round", X / broadcast(scale, X.shape, ()))
    assert left_alone(other) and left_alone(apply("cast", y, dtype=dt.f16), other)
    assert folded((y, scale)) == ["add", "conv", "div", "reduce", "reduce", "sub"]


def test_a_sum_ends_what_a_last_bit_decides():
    y = normalised(convolved())
    weights = numbers(1, 1, 5, 2)
    for total in (reduce(y, "sum", (1, 2)), conv(apply("max", y, const(0.0, y.type)), weights)):
        changed = fold_norm(Graph("g", (X,), (apply("round", total),)))
        assert "mul" not in ops(changed) and "sub" not in ops(changed)


def test_values_that_leave_a_body_keep_every_bit():
    flag = input_node("flag", Type(dt.b1, ()))
    y = normalised(convolved())
    inner = conv(apply("max", y, const(0.0, y.type)), numbers(1, 1, 5, 5))
    for outputs, expected in (((y,), True), ((inner,), False)):
        bodies = [Graph(name, (X,), outputs) for name in ("then", "else")]
        graph = Graph("g", (flag, X), (cond(flag, X, then=bodies[0], orelse=bodies[1]),))
        assert (fold_norm(graph) is graph) == expected


def test_long_ways_to_where_a_bit_decides():
    y = normalised(convolved())
    z = y
    for _ in range(500):
        z = tanh(z)
    assert left_alone(apply("floor", z)) and not left_alone(z)


def test_half_precision():
    x = input_node("h", Type(dt.f16, (N, 8)))
    w = const(RANDOM.standard_normal((8, 5)).astype(np.float16))
    y = dot(x, w)
    y = y * along(y, c=const(np.arange(1, 6, dtype=np.float16))) + along(y, c=const(np.ones(5, np.float16) / 3))
    changed = fold_norm(Graph("g", (x,), (y,)))
    assert ops(changed) == ["add", "dot"]
    array = RANDOM.standard_normal((3, 8)).astype(np.float16)
    got, wanted = (np.float32(interpret(g, array)[0]) for g in (changed, Graph("g", (x,), (y,))))
    np.testing.assert_allclose(got, wanted, rtol=0.02)


def test_random_networks():
    for seed in range(24):
        graph, array = random_network(seed)
        changed = run(graph, pipeline(allow=INEXACT))
        for before, after in zip(interpret(graph, array), interpret(changed, array), strict=True):
            np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4)


# ---------------------------------------------------------------------------------------------- the option


def test_a_network_without_normalisation_left():
    x = image()
    graph = Graph("g", (x,), (Pieces().mobile_block(Pieces().conv(x, 4), 6, 4),))
    strict, allowed = (optimise(graph, Options(allow=allow)) for allow in ((), INEXACT))
    count = [sum(n.op in ("mul", "add", "sub") for n in g.nodes) for g in (strict, allowed)]
    assert count[1] < count[0]
    array = RANDOM.standard_normal((2, 3, 8, 12)).astype(np.float32)
    (wanted,), (got,) = interpret(graph, array), compile_graph(graph, Options(allow=INEXACT, cache=False))(array)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)


def test_programs_of_different_permissions_are_kept_apart():
    graph = Graph("g", (X,), (tanh(X),))
    every = ((), ("fold_norm",), INEXACT, INEXACT[::-1])
    parts = [key_parts(graph, Options(allow=a)) for a in every]
    assert len({p["allow"] for p in parts}) == 3 and parts[2] == parts[3]


def test_unknown_permission():
    with pytest.raises(UsageError, match="allow=.*'speed'.* is none of fold_norm, sum_order"):
        optimise(Graph("g", (X,), (tanh(X),)), Options(allow=("speed",)))
