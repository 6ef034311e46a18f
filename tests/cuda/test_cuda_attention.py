"""Attention in one kernel on the emulator: bits of the CPU, with rows in shared memory and in memory of the device."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from gpu_products import GPU, N, Case, results, same

from graphc.ir import dtype as dt
from graphc.ir.graph import input_node
from graphc.ir.type import Type
from graphc.lib import attention as lib
from graphc.lower import lower as lowering
from graphc.lower.attend import ATTENTION
from graphc.lower.gpu.attention import attention_kernel
from graphc.lower.nests.attention import describe_attention
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
