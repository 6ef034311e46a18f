"""Products of small integers: dot4 and conv4 give the very integers of dot and conv, on every target."""

import itertools

import numpy as np
import pytest

from graphc import prims
from graphc.compile import compile_graph, emit, lower_graph, optimise
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const
from graphc.ir.target import TARGETS
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims.interpret import interpret
from graphc.runtime.host import host_target, run_by

RNG = np.random.default_rng(5)
KINDS = {dt.u8: (0, 256), dt.i8: (-128, 128)}
HERE = run_by(host_target().name)


def numbers(kind, *shape):
    return RNG.integers(*KINDS[kind], shape).astype(kind.numpy)


def less(q, zero):
    wide = prims.cast(q, dt.i32)
    return wide if zero is None else prims.sub(wide, const(zero, wide.type))


def operand(array, name):
    return input_node(name, Type(dt.as_dtype(array.dtype), array.shape))


def check(graph, arrays, target=None, op="dot4"):
    """The same integers by the NumPy definition before and after the passes, and (for a target) as compiled."""
    (wanted,) = interpret(graph, *arrays)
    changed = optimise(graph)
    assert any(n.op == op for n in changed.nodes) and not any(n.op == op[:-1] for n in changed.nodes)
    np.testing.assert_array_equal(interpret(changed, *arrays)[0], wanted)
    if target is not False:
        np.testing.assert_array_equal(compile_graph(graph, Options(target=target, cache=False))(*arrays)[0], wanted)


def product(kx, ky, zeros, sizes, known=False, turned=(False, False)):
    m, k, n = sizes
    x, y = numbers(kx, *((k, m) if turned[0] else (m, k))), numbers(ky, *((n, k) if turned[1] else (k, n)))
    left, right = operand(x, "x"), const(y) if known else operand(y, "y")
    graph = Graph("g", (left,) if known else (left, right), (prims.dot(less(left, zeros[0]), less(right, zeros[1]), *turned),))
    return graph, (x,) if known else (x, y)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("kx, ky", list(itertools.product(KINDS, KINDS)))
def test_every_kind_and_zero_point(kx, ky, known):
    for zeros in itertools.product((None, 7, -3, 128), (None, 9, -300)):
        for turned in ((False, False), (False, True), (True, False)):
            check(*product(kx, ky, zeros, (3, 6, 5), known, turned), target=False)


@pytest.mark.parametrize("target", HERE)
def test_awkward_sizes(target):
    for m, k, n in ((1, 4, 1), (2, 5, 3), (13, 31, 33), (16, 64, 17), (65, 15, 63), (7, 4100, 40)):
        check(*product(dt.u8, dt.i8, (128, None), (m, k, n), known=m % 2), target=target)
    check(*product(dt.i8, dt.u8, (3, 120), (5, 9, 34)), target=target)


@pytest.mark.parametrize("target", HERE)
def test_extremes_do_not_saturate(target):
    for low, high in itertools.product((0, 255), (-128, 127)):
        x, y = np.full((5, 40), low, np.uint8), np.full((40, 33), high, np.int8)
        left = operand(x, "x")
        check(Graph("g", (left,), (prims.dot(less(left, None), less(const(y), None)),)), (x,), target)


def test_batches_and_rows_without_elements():
    for shape in ((2, 3, 5, 8), (0, 3, 5, 8), (2, 0, 5, 8)):
        x, y = numbers(dt.u8, *shape), numbers(dt.i8, *shape[:2], 8, 6)
        left, right = operand(x, "x"), operand(y, "y")
        graph = Graph("g", (left, right), (prims.dot(less(left, 4), less(right, None)),))
        changed = optimise(graph)
        np.testing.assert_array_equal(interpret(changed, x, y)[0], interpret(graph, x, y)[0])
        np.testing.assert_array_equal(compile_graph(graph, Options(cache=False))(x, y)[0], interpret(graph, x, y)[0])


CONVOLUTIONS = [  # space, channels, outputs, kernel, stride, padding, groups
    ((6, 5), 3, 5, 3, 2, 1, 1), ((7, 7), 8, 33, 3, 1, 1, 1), ((9, 4), 16, 8, 1, 1, 0, 2), ((14, 15), 4, 48, 5, 1, 2, 1),
    ((11,), 12, 6, 3, 2, 1, 3), ((4, 3, 5), 4, 6, 2, 1, 1, 1),
]  # fmt: skip


@pytest.mark.parametrize("target", HERE)
@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolutions(case, target):
    space, channels, outputs, size, stride, padding, groups = case
    rank = len(space)
    for kx, kw, zero in ((dt.u8, dt.i8, 7), (dt.i8, dt.i8, -3), (dt.u8, dt.u8, None)):
        if groups > 1 and kw is dt.u8:
            continue  # sums of rows belong to groups
        x, w = numbers(kx, 2, *space, channels), numbers(kw, *(size,) * rank, channels // groups, outputs)
        left = operand(x, "x")
        total = prims.conv(less(left, zero), less(const(w), None), (stride,) * rank, (padding,) * rank,
                           (padding,) * rank, groups=groups)  # fmt: skip
        check(Graph("g", (left,), (total,)), (x,), target, "conv4")


def test_a_zero_point_known_while_running():
    x, w, zero = numbers(dt.u8, 1, 5, 5, 4), numbers(dt.i8, 3, 3, 4, 6), np.array(200, np.uint8)
    left, point = operand(x, "x"), operand(zero, "z")
    wide = prims.cast(left, dt.i32)
    moved = prims.sub(wide, prims.broadcast(prims.cast(point, dt.i32), wide.shape, ()))
    graph = Graph("g", (left, point), (prims.conv(moved, less(const(w), None), low=(1, 1), high=(1, 1)),))
    check(graph, (x, zero), None, "conv4")


def test_channels_first_bytes_are_moved_as_words():
    for channels in (1, 3, 4, 8):
        x, w = numbers(dt.u8, 2, channels, 6, 5), numbers(dt.i8, 3, 3, channels, 6)
        left = operand(x, "x")
        moved = prims.transpose(less(left, 9), (0, 2, 3, 1))
        graph = Graph("g", (left,), (prims.conv(moved, less(const(w), None), low=(1, 1), high=(1, 1)),))
        (wanted,) = interpret(graph, x)
        np.testing.assert_array_equal(compile_graph(graph, Options(cache=False))(x)[0], wanted)


def test_wider_integers_and_short_sums_stay():
    x, y = np.arange(12, dtype=np.int16).reshape(3, 4), numbers(dt.i8, 4, 2)
    left, right = operand(x, "x"), operand(y, "y")
    graph = Graph("g", (left, right), (prims.dot(less(left, None), less(right, None)),))
    assert not any(n.op == "dot4" for n in optimise(graph).nodes)
    graph, _ = product(dt.u8, dt.i8, (None, None), (3, 2, 4))
    assert not any(n.op == "dot4" for n in optimise(graph).nodes)


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_has_text(target):
    graph, _ = product(dt.u8, dt.i8, (3, None), (20, 40, 50), known=True)
    options = Options(target=target)
    text = emit(lower_graph(optimise(graph, options), options), options)
    assert ("vpdpbusd" in text) == (target == "x86-64-v4-vnni")
    assert ("pmadd" in text) == (target in ("x86-64-v4", "x86-64-v3", "x86-64-v2"))
