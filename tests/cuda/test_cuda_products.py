"""Products on the emulator: bits of the CPU for every shape of tile, every edge, every order of operands and every end."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from gpu_products import FEW, GPU, N, dot_case, results, same

from graphc.ir import dtype as dt
from graphc.ir.kernel import VECTOR, Alloc, For
from graphc.lower.gpu.tiling import TILINGS, tilings_for

MADE = [
    dot_case("one", 1, 1, 1),
    dot_case("odd", 77, 33, 19, end=True),
    dot_case("even", 64, 64, 64, end=True),
    dot_case("row", 1, 50, 70),
    dot_case("column", 50, 1, 70),
    dot_case("empty_sum", 7, 9, 0),
    dot_case("turned_left", 33, 20, 40, tx=True),
    dot_case("turned_right", 33, 20, 40, ty=True),
    dot_case("turned_both", 34, 20, 41, tx=True, ty=True),
    dot_case("batch", 9, 17, 5, batch=(2, 3), end=True),
    dot_case("few_of_open", N, 64, 100, end=True, gpu=FEW),
    dot_case("many_of_open", N, 10, 36, gpu=FEW, n_=300),
    dot_case("open_batch", 5, 6, 7, batch=(N,)),
    dot_case("open_depth", 20, 30, N, n_=37),
    dot_case("grouped", 300, 70, 20, gpu=FEW),
    dot_case("doubles", 20, 30, 40, dt.f64, end=True),
    dot_case("halves", 3, 30, 40, dt.f16, end=True),
    dot_case("integers", 20, 30, 40, dt.i32),
    dot_case("bytes", 20, 30, 33, dt.i8),
    dot_case("long", 5, 6, 40, dt.u64),
    dot_case("words", 12, 20, 9, dt.i32, op="dot4"),
]
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="the emulator needs g++")


@pytest.fixture(scope="module")
def made():
    return results(MADE)


@pytest.mark.parametrize("case", MADE, ids=lambda c: c.name)
def test_bits_are_those_of_the_cpu(case, made):
    assert same(case, made[case.name])


def _with_tile(tiling, monkeypatch):
    """A product of uneven sizes in tiles of one shape, whatever would be chosen."""
    sizes = tiling.rows + 3, tiling.columns + 5, tiling.depth + 1
    with monkeypatch.context() as patch:
        patch.setattr("graphc.lower.gpu.tiers.tilings_for", lambda *args: (tiling,))
        return dot_case(f"tile_{tiling.rows}_{tiling.columns}", *sizes, tx=tiling.rows % 3 == 1)


def test_every_tile(monkeypatch):
    cases = [_with_tile(tiling, monkeypatch) for tiling in TILINGS]
    found = results(cases)
    assert [case.name for case in cases if not same(case, found[case.name])] == []


def test_special_values():
    case = dot_case("special", 5, 6, 7)
    x, y = [a.copy() for a in case.arrays]
    x[0, 3], x[1, 2], y[4, 1], y[5, 2], x[3], x[4] = np.nan, np.inf, -np.inf, np.nan, -0.0, 1e-38
    case = replace(case, given=(x, y * np.float32(1e-6)))
    with np.errstate(all="ignore"):
        assert same(case, results([case])["special"])


@pytest.mark.parametrize("sizes, rows", [((1, 4096, 4096, 4096), 128), ((1, 64, 128, 784), 16), ((1, 1, 1000, 2048), 1), ((1, 1000, 1, 2048), 32)])
def test_tiles_suit_sizes(sizes, rows):
    (tiling,) = tilings_for(*sizes, dt.f32, GPU.multiprocessors)
    assert tiling.rows == rows


def test_unknown_sizes_have_tiles_for_many_and_for_few():
    large, small = tilings_for(1, N, 512, 512, dt.f32, GPU.multiprocessors)
    assert large.rows * large.columns > small.rows * small.columns
    assert len(tilings_for(1, 512, 512, N, dt.f32, GPU.multiprocessors)) == 1


def _loops(body):
    for s in body:
        if isinstance(s, For):
            yield s
            yield from _loops(s.body)
        for inner in (getattr(s, "then", ()), getattr(s, "orelse", ())):
            yield from _loops(inner)


def test_large_tiles_move_sixteen_bytes():
    kernel = dot_case("wide", 256, 256, 64, gpu=FEW).kernel
    vectors = [s.extent for s in _loops(kernel.body) if s.kind == VECTOR]
    assert vectors and set(vectors) == {4}
    shared = [s.array for s in kernel.body[0].body if isinstance(s, Alloc)]
    assert [a.space for a in shared] == ["shared", "shared"] and all(a.type.shape[0] == 2 for a in shared)
