"""Random kernels by seed, each done by one thread: every kind of loop, register arrays, branches and accesses, against the Python oracle."""

from dataclasses import replace

import numpy as np
import pytest
from host_text import launch, library, needs_cxx

from graphc.codegen.cuda.module import kernels_source
from graphc.codegen.python import run_kernel
from graphc.ir.gpu import GPUS
from graphc.ir.kernel import PARALLEL, SERIAL, For, If, Kernel
from graphc.ir.node import INDEX, compare, const, var
from graphc.ir.verify_kernel import verify_kernel
from tests.codegen.native import FUNCTIONS
from tests.codegen.random_kernels import Maker

SEEDS = range(60)


def by_one_thread(kernel: Kernel, name: str) -> Kernel:
    body = tuple([replace(s, kind=SERIAL) if isinstance(s, For) and s.kind == PARALLEL else s for s in kernel.body])
    thread = var("thread", extent=32)
    alone = If(compare("eq", thread, const(3, INDEX)), body)
    return Kernel(name, kernel.arrays, kernel.dims, (For(var("block", extent=1), 1, (For(thread, 32, (alone,), "thread"),), "block"),))


@pytest.fixture(scope="module")
def made():
    return {seed: Maker(seed) for seed in SEEDS}


@pytest.fixture(scope="module")
def kernels(made):
    return {seed: by_one_thread(maker.kernel(), f"random{seed}") for seed, maker in made.items()}


@pytest.fixture(scope="module")
def compiled(kernels, tmp_path_factory):
    for kernel in kernels.values():
        verify_kernel(kernel)
    return library(kernels_source(tuple(kernels.values()), GPUS["cuda-emulated:sm_90a"], {}), tmp_path_factory.mktemp("random"))


@needs_cxx
@pytest.mark.parametrize("seed", SEEDS)
def test_random_kernel(seed, made, kernels, compiled):
    maker, kernel, data = made[seed], kernels[seed], np.random.default_rng(seed)
    n, m = maker.n, maker.m
    sizes = {"x": n * (m + 8), "z": n * (2 * m + 9), "row": m + 8, "column": n, "o": n * m}
    arrays = {name: data.standard_normal(size).astype(np.float32) for name, size in sizes.items()}
    arrays["index"] = data.integers(0, m + 8, m).astype(np.int32)
    dims = {} if maker.fixed else {"n": n, "m": m}
    expected = {name: array.copy() for name, array in arrays.items()}
    run_kernel(Maker(seed).kernel(), expected, dims, FUNCTIONS)
    launch(compiled, kernel.name, 1, 32, *[arrays[a.name] for a in kernel.arrays], *dims.values())
    np.testing.assert_array_equal(arrays["o"], expected["o"])
