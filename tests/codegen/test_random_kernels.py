"""Random kernels by seed, on every target this CPU can run, against the Python oracle."""

import numpy as np
import pytest
from native import agree

from tests.codegen.random_kernels import Maker


@pytest.mark.parametrize("seed", range(60))
def test_random_kernel(seed):
    maker = Maker(seed)
    kernel, data = maker.kernel(), np.random.default_rng(seed)
    n, m = maker.n, maker.m
    sizes = {"x": n * (m + 8), "z": n * (2 * m + 9), "row": m + 8, "column": n, "o": n * m}
    arrays = {name: data.standard_normal(size).astype(np.float32) for name, size in sizes.items()}
    arrays["index"] = data.integers(0, m + 8, m).astype(np.int32)
    agree(kernel, arrays, **({} if maker.fixed else {"n": n, "m": m}))
