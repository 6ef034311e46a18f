"""How many blocks and threads run a kernel, and where its shared arrays lie."""

import pytest

from graphc.errors import CompileError
from graphc.ir import dtype as dt
from graphc.ir.geometry import geometry, places
from graphc.ir.gpu import GPUS
from graphc.ir.kernel import Alloc, Array, For, Kernel, Store
from graphc.ir.node import const, symbol, var
from graphc.ir.parser import parse
from graphc.ir.program import Launch, Program, Signature
from graphc.ir.type import Type
from graphc.ir.verify_kernel import verify_kernel

F32 = Type(dt.f32, ())
n = symbol("n")
OUT = Array("out0", Type(dt.f32, (n, 512)), written=True)


def nest(blocks, threads=128, shared=()):
    thread = var("t", extent=threads)
    index = [var(f"b{k}") for k in range(len(blocks))]
    body = (*map(Alloc, shared), For(thread, threads, (Store("out0", (index[0], thread), const(1, F32)),), "thread"))
    for v, extent in reversed(list(zip(index, blocks))):
        body = (For(v, extent, body, "block"),)
    return body[0]


def test_the_grid_is_the_product_of_the_block_loops():
    kernel = Kernel("k", (OUT,), (n,), (nest((n, 4)),))
    verify_kernel(kernel)
    assert geometry(kernel).grid is n * 4 and geometry(kernel).threads == 128 and geometry(kernel).shared == 0


def test_nests_share_the_largest_grid_and_memory():
    tiles = [Array("a", Type(dt.f32, (33,)), "shared"), Array("b", Type(dt.u8, (1,)), "shared")]
    kernel = Kernel("k", (OUT,), (n,), (nest((3,)), nest((7,), shared=tiles)))
    found = geometry(kernel)
    assert (found.grid, found.threads, found.shared) == (7, 128, 384)
    assert places(kernel.body[1].body) == [0, 256, 384]


def test_nests_of_several_numbers_of_threads_are_refused():
    with pytest.raises(CompileError, match=r"the nests of kernel k want \[64, 128\] threads in a block"):
        geometry(Kernel("k", (OUT,), (n,), (nest((3,)), nest((3,), 64))))


def test_launches_on_gpus_read_back():
    launches = (Launch("k", ("x",), (n,), n * 4, 128, 384), Launch("k", ("x",), (), 7, 32), Launch("k", ("x",)))
    program = Program("p", Signature((), (), ("n",)), (), (), launches)
    assert "launch @k(x) dims(n) grid n*4 threads 128 shared 384\n" in str(program) and parse(str(program)) == program


def test_archs_have_what_their_capability_says():
    assert GPUS["cuda:sm_90a"].has_warpgroups and not GPUS["cuda:sm_100"].has_warpgroups
    assert GPUS["cuda:sm_80"].has_async_copies and not GPUS["cuda:sm_75"].has_async_copies
    assert GPUS["cuda-emulated:sm_90a"].is_emulated and not GPUS["cuda:sm_90a"].is_emulated
