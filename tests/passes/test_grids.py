"""Dequantised and quantised values: what stays bytes, whose maxima are taken of bytes, and whose scales merge."""

import numpy as np
import pytest

from graphc import prims
from graphc.compile import compile_graph, lower_graph, optimise
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const
from graphc.ir.type import Type
from graphc.options import INEXACT, Options
from graphc.passes.grids import keep_grids, step_of
from graphc.prims.interpret import interpret

RNG = np.random.default_rng(6)
SCALES = np.float32([1, 0.1, 3.7e-5, 0.024825279, 1e-30, 2.0**-126, 7e20])


def dequantise(q, scale, zero=0):
    whole = prims.cast(q, dt.i32)
    real = prims.cast(prims.sub(whole, const(zero, whole.type)), dt.f32)
    return prims.mul(real, const(np.float32(scale), real.type))


def quantise(x, scale, zero=0, dtype=dt.u8):
    limits = np.iinfo(dtype.numpy)
    whole = prims.round(prims.div(x, const(np.float32(scale), x.type)))
    moved = prims.add(whole, const(float(zero), x.type))
    low = prims.max(moved, const(float(limits.min), x.type))
    return prims.cast(prims.min(low, const(float(limits.max), x.type)), dtype)


def byte_input(name="q", shape=(256,), dtype=dt.u8):
    return input_node(name, Type(dtype, shape))


@pytest.mark.parametrize("dtype", [dt.u8, dt.i8])
@pytest.mark.parametrize("scale", SCALES)
def test_the_way_to_floats_and_back_changes_no_byte(scale, dtype):
    limits = np.iinfo(dtype.numpy)
    every = np.arange(limits.min, limits.max + 1).astype(dtype.numpy)
    q = byte_input(dtype=dtype)
    for zero in (0, int(limits.max), 3):
        graph = Graph("g", (q,), (quantise(dequantise(q, scale, zero), scale, zero, dtype),))
        np.testing.assert_array_equal(interpret(graph, every)[0], every)  # so the rule is exact
        assert optimise(graph).outputs == (q,)


def test_another_scale_or_zero_point_stays():
    q = byte_input()
    for scale, zero in ((0.2, 0), (0.1, 1)):
        graph = Graph("g", (q,), (quantise(dequantise(q, 0.1, 0), scale, zero),))
        changed = optimise(graph)
        assert changed.outputs != (q,)
        every = np.arange(256, dtype=np.uint8)
        np.testing.assert_array_equal(interpret(changed, every)[0], interpret(graph, every)[0])


def test_what_a_step_is_made_of():
    q = byte_input()
    step = step_of(dequantise(q, 0.5, 3))
    assert (step.byte, step.zero, step.scale) == (q, 3, 0.5)
    assert step_of(dequantise(q, -0.5)) is None and step_of(prims.cast(q, dt.f32)).scale == 1


def test_maxima_of_padded_windows_are_taken_of_bytes():
    q = byte_input(shape=(1, 5, 5, 2), dtype=dt.i8)
    real = dequantise(q, 0.1, 4)
    padded = prims.pad(real, const(np.float32(-np.inf)), (0, 1, 1, 0), (0, 1, 1, 0))
    best = None
    for k in range(3):
        for j in range(3):
            window = prims.slice(padded, (0, k, j, 0), (1, k + 5, j + 5, 2))
            best = window if best is None else prims.max(best, window)
    best = prims.max(best, real)
    graph = Graph("g", (q,), (quantise(best, 0.1, 4, dt.i8),))
    changed = optimise(graph)
    assert not any(n.dtype is dt.f32 for n in changed.nodes)
    array = RNG.integers(-128, 128, (1, 5, 5, 2)).astype(np.int8)
    np.testing.assert_array_equal(interpret(changed, array)[0], interpret(graph, array)[0])
    np.testing.assert_array_equal(compile_graph(graph, Options(cache=False))(array)[0], interpret(graph, array)[0])


def test_windows_of_padding_alone_stay_floats():
    q = byte_input(shape=(4,))
    padded = prims.pad(dequantise(q, 0.1), const(np.float32(-np.inf)), (3,), (0,))
    graph = Graph("g", (q,), (prims.max(prims.slice(padded, (0,), (3,)), prims.slice(padded, (1,), (4,))),))
    assert keep_grids(graph) is graph


@pytest.mark.parametrize("dtype", [dt.u8, dt.i8, dt.u16, dt.i16, dt.i32])
@pytest.mark.parametrize("target", [None, "x86-64-v3"])
def test_saturating_casts_need_no_limits(dtype, target):
    """Among others NaN, which becomes 0, and what lies beyond the integers; limits that matter stay."""
    array = np.float32([np.nan, np.inf, -np.inf, -0.0, 0.4, -0.6, 254.5, 255.5, 256, -128.5, -129, 32767.5, 65536, 3e9, -3e9, 7])
    array = np.resize(array, 67)
    x = input_node("x", Type(dt.f32, array.shape))
    limits = np.iinfo(dtype.numpy)
    bounds = ((float(limits.min), float(limits.max)), (-5.0, 5.0), (0.0, 6.5))
    for low, high in bounds:
        for whole in (x, prims.round(x)):
            inside = prims.min(prims.max(prims.add(whole, const(0.0, x.type)), const(low, x.type)), const(high, x.type))
            graph = Graph("g", (x,), (prims.cast(inside, dtype), prims.cast(prims.round(inside), dtype)))
            for wanted, got in zip(interpret(graph, array), compile_graph(graph, Options(target=target, cache=False))(array)):
                np.testing.assert_array_equal(got, wanted)


def residual_block(zero_first=False):
    """Two quantised convolutions, their sum, its activation."""
    x = byte_input("x", (1, 6, 6, 8))
    real = dequantise(x, 0.05, 120)

    def convolved(seed, size, scale, zero):
        rng = np.random.default_rng(seed)
        steps = const(rng.uniform(0.001, 0.01, 16).astype(np.float32))
        w = const(rng.integers(-128, 128, (size, size, 8, 16)).astype(np.int8))
        wide = prims.cast(prims.cast(w, dt.i32), dt.f32)
        weights = prims.mul(wide, prims.broadcast(steps, wide.shape, (3,)))
        side = (size // 2,) * 2
        total = prims.conv(real, weights, low=side, high=side)
        bias = const(rng.normal(size=16).astype(np.float32))
        total = prims.add(total, prims.broadcast(bias, total.shape, (3,)))
        return dequantise(quantise(total, scale, zero), scale, zero)

    both = prims.add(convolved(1, 3, 0.2, 130), convolved(2, 1, 0.1, 90))
    low = const(0.0, both.type)
    active = prims.max(low, both) if zero_first else prims.max(both, low)
    return Graph("g", (x,), (quantise(active, 0.15, 0), dequantise(quantise(active, 0.15, 0), 0.15)))


@pytest.mark.parametrize("zero_first", (False, True))
def test_integer_products_differ_by_a_step_at_most(zero_first):
    graph, array = residual_block(zero_first), RNG.integers(0, 256, (1, 6, 6, 8)).astype(np.uint8)
    strict, allowed = optimise(graph), optimise(graph, Options(allow=INEXACT))
    assert sum(n.op == "conv" for n in strict.nodes) == 2 == sum(n.op == "conv4" for n in allowed.nodes)
    assert not any(n.op in ("conv", "div") for n in allowed.nodes)
    wanted, got = interpret(graph, array)[0].astype(int), interpret(allowed, array)[0].astype(int)
    assert np.abs(wanted - got).max() <= 1 and (wanted != got).mean() < 0.01 and wanted.std() > 10
    for target in (None, "x86-64-v3"):
        compiled = compile_graph(graph, Options(allow=INEXACT, target=target, cache=False))(array)
        for one, other in zip(compiled, interpret(allowed, array)):
            np.testing.assert_array_equal(one, other)


def test_nothing_but_bytes_lies_between_kernels():
    program = lower_graph(optimise(residual_block(), Options(allow=INEXACT)))
    between = [b for b in program.buffers if b.place[0] == "arena"]
    assert between and all(b.type.dtype.size == 1 or b.name.startswith("view") for b in between)
