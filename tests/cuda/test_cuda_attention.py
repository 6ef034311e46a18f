"""Attention in one kernel on the emulator: bits of the CPU, with rows in shared memory and in memory of the device; on tensor
cores within the stated bound."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from cuda_texts import NVRTC, needs_nvrtc
from gpu_products import GPU, N, Case, results, same

from graphc.codegen.cuda.module import kernels_source
from graphc.ir import dtype as dt
from graphc.ir.gpu import GPUS
from graphc.ir.graph import input_node
from graphc.ir.type import Type
from graphc.lib import attention as lib
from graphc.lower import lower as lowering
from graphc.lower.attend import ATTENTION
from graphc.lower.gpu.attention import attention_kernel
from graphc.lower.nests.attention import describe_attention
from graphc.runtime.cuda.reports import resources
from tests.lower.test_attention import graph_of, of_heads, plain, regions

SMALL = replace(GPU, shared_bytes=42 << 10)  # no place for scores of long rows


def case(name, graph, gpu=GPU, n=70):
    """The case of a graph that is one attention region."""
    (region,) = [r for r in regions(graph) if r.kind == ATTENTION]
    graph = replace(lowering.strip(graph), name=name)
    assert region.outputs == graph.outputs and set(region.sources) <= set(graph.inputs), "the kernel computes all of it"
    kernel = replace(attention_kernel(describe_attention(region.graph, region.scores, gpu.scalar), gpu), name=name)
    order = tuple(region.sources)
    return Case(name, replace(graph, inputs=order), kernel, {"n": n})


def masked():
    q, k, v = (input_node(f"x{i}", Type(dt.f32, s)) for i, s in enumerate(((2, 2, 7, 4), (2, 2, 19, 4), (2, 2, 19, 4))))
    bias = input_node("bias", Type(dt.f32, (2, 1, 1, 19)))
    return graph_of("masked", (q, k, v, bias), (lib.scaled_dot_product_attention(q, k, v, bias=bias),))


MADE = [
    case("single", plain(1, 1, 1, 3, 2)),
    case("few", plain(1, 2, 5, 3, 2)),
    case("uneven", plain(2, 1, 17, 31, 7)),
    case("two_tiles", plain(1, 2, 33, 130, 16)),
    case("wide", plain(1, 1, 12, 63, 68)),
    case("eight_rows", plain(1, 1, 12, 90, 8), replace(GPU, shared_bytes=(40 << 10) + 5000)),
    case("far", plain(1, 2, 20, 65, 8), SMALL),
    case("open", plain(1, 2, N, N, 8)),
    case("soft_cap", plain(1, 2, 13, 20, 8, soft_cap=5.0)),
    case("masked", masked()),
    case("doubles", plain(1, 2, 14, 37, 9, dtype=dt.f64)),
    case("halves", plain(1, 2, 14, 37, 9, dtype=dt.f16)),
    case("brains", plain(1, 2, 14, 37, 9, dtype=dt.bf16)),
]
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="the emulator needs g++")


@pytest.fixture(scope="module")
def made():
    return results(MADE)


@pytest.mark.parametrize("case", MADE, ids=lambda c: c.name)
def test_bits_are_those_of_the_cpu(case, made):
    assert same(case, made[case.name])


def test_where_rows_lie():
    spaces = {c.name: any(a.name.startswith("scratch") for a in c.kernel.arrays) for c in MADE}
    assert [name for name, far in spaces.items() if far] == ["far", "open"]


def test_nan_and_infinity():
    odd = case("odd", plain(1, 2, 9, 40, 8))
    arrays = [a.copy() for a in odd.arrays]
    arrays[0][0, 0, 3, 2], arrays[1][0, 1, 5] = np.nan, np.inf
    odd = replace(odd, given=tuple(arrays))
    with np.errstate(invalid="ignore"):
        assert same(odd, results([odd])["odd"])


def test_heads_beside_one_another_are_one_kernel():
    program = lowering.lower(of_heads(2, 3, 12, 130, 33), GPU)
    assert [k.name for k in program.kernels] == ["attention0"]


# -------------------------------------------------------------------------------------------------- tensor cores


def flash(name, b, h, m, s, d, dtype=dt.bf16, wide=None, n=70, **options):
    """Plain attention that tensor cores compute."""
    shapes = ((b, h, m, d), (b, h, s, d), (b, h, s, wide or d))
    q, k, v = (input_node(f"x{i}", Type(dtype, shape)) for i, shape in enumerate(shapes))
    return case(name, graph_of(name, (q, k, v), (lib.scaled_dot_product_attention(q, k, v, **options),)), n=n)


FLASH = [
    flash("flash", 1, 2, 64, 128, 64),
    flash("flash_uneven", 1, 2, 33, 65, 16),
    flash("flash_padded", 2, 1, 70, 130, 24, dt.f16),
    flash("flash_capped", 1, 1, 70, 70, 128, soft_cap=4.0),
    flash("flash_wide_values", 1, 1, 20, 200, 64, wide=72),
    flash("flash_open", 1, 2, N, N, 8),
]


@pytest.fixture(scope="module")
def flashed():
    return results(FLASH)


@pytest.mark.parametrize("case", FLASH, ids=lambda c: c.name)
def test_results_of_tensor_cores_are_near_the_exact_ones(case, flashed):
    assert "gc_mma" in str(case.kernel) and "kept0" not in str(case.kernel)
    named = {x.attr("name"): a for x, a in zip(case.graph.inputs, case.arrays)}
    q, k, v = (named[f"x{i}"].astype(np.float64) for i in range(3))
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    unit = 2.0**-8 if case.graph.outputs[0].dtype is dt.bf16 else 2.0**-11
    bound = (4 + 4 * np.abs(scores).max()) * unit * np.abs(v).max()
    scores = 4 * np.tanh(scores / 4) if case.name == "flash_capped" else scores
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    exact = powers / powers.sum(-1, keepdims=True) @ v
    assert np.all(np.abs(flashed[case.name][0].astype(np.float64) - exact) <= bound)
    assert np.abs(flashed[case.name][0].astype(np.float64) - exact).max() <= 4 * unit * np.abs(exact).max(), "far better than the bound"


def test_rows_that_attend_to_nothing_and_scores_that_are_not_finite():
    odd = flash("flash_odd", 1, 1, 5, 130, 16)
    arrays = [a.copy() for a in odd.arrays]
    order = [x.attr("name") for x in odd.graph.inputs]
    arrays[order.index("x0")][0, 0, 1, 0] = np.nan
    arrays[order.index("x0")][0, 0, 2] = 200
    arrays[order.index("x1")][0, 0, :64] = -np.inf  # all scores of the first tile are -inf for that row
    (got,) = results([replace(odd, given=tuple(arrays))])["flash_odd"]
    assert np.isnan(got[0, 0, 1].astype(np.float32)).all() and np.isfinite(got[0, 0, 2].astype(np.float32)).all()


def test_without_keys_results_are_zero():
    q, k, v = (input_node(f"x{i}", Type(dt.bf16, (1, 1, rows, 8))) for i, rows in enumerate((5, N, N)))
    none = case("none", graph_of("none", (q, k, v), (lib.scaled_dot_product_attention(q, k, v),)), n=0)
    (got,) = results([none])["none"]
    assert "gc_mma" in str(none.kernel) and got.shape == (1, 1, 5, 8) and not got.astype(np.float32).any()


@needs_nvrtc
@pytest.mark.parametrize("arch", ["sm_80", "sm_90a"])
def test_kernels_spill_nothing(arch):
    gpu = GPUS[f"cuda:{arch}"]
    kernels = [flash("wide", 2, 4, 512, 512, 128).kernel, flash("narrow", 2, 4, N, N, 64).kernel]
    exact = replace(case("exact", plain(2, 4, 512, 512, 64), gpu).kernel, name="exact")
    found = resources(NVRTC.compile(kernels_source((*kernels, exact), gpu, {}), arch).log)
    assert {name: one.spills for name, one in found.items() if one.spills} == {} and {"wide", "narrow", "exact"} <= set(found)
