"""Random kernels by seed, each done by one thread: every kind of loop, register arrays, branches and accesses, against the Python oracle."""

from dataclasses import replace

import numpy as np
import pytest
from emitted import Emitted
from emulated_kernels import needs_compiler

from graphc.codegen.python import run_kernel
from graphc.ir.kernel import PARALLEL, SERIAL, For, If, Kernel
from graphc.ir.node import INDEX, compare, const, var
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
def emitted(kernels):
    return Emitted(list(kernels.values()))


@needs_compiler
@pytest.mark.parametrize("seed", SEEDS)
def test_random_kernel(seed, made, kernels, emitted):
    maker, kernel, data = made[seed], kernels[seed], np.random.default_rng(seed)
    n, m = maker.n, maker.m
    sizes = {"x": n * (m + 8), "z": n * (2 * m + 9), "row": m + 8, "column": n, "o": n * m}
    arrays = {name: data.standard_normal(size).astype(np.float32) for name, size in sizes.items()}
    arrays["index"] = data.integers(0, m + 8, m).astype(np.int32)
    dims = {} if maker.fixed else {"n": n, "m": m}
    expected = {name: array.copy() for name, array in arrays.items()}
    run_kernel(Maker(seed).kernel(), expected, dims, FUNCTIONS)
    np.testing.assert_array_equal(emitted.run(kernel.name, arrays, **dims)["o"], expected["o"])
