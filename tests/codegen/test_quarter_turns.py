"""The reduction of angles in f32 is a function with a branch: neighbours, lanes and targets change nothing about a result."""

import numpy as np
import pytest

from tests.codegen.jit import evaluate
from tests.machine_code import host_targets

HOST = host_targets()
EDGES = np.float32([0.0, -0.0, 0.78539819, 1.5707964, 65535.996, 65536.0, 65536.008, 1e8, 3e38, np.inf, np.nan])


def bits(array):
    return np.where(np.isnan(array), np.float32(np.nan), array).view(np.int32)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
@pytest.mark.parametrize("target", [t for t in HOST if t.fma], ids=lambda t: t.name)
def test_large_neighbours_change_nothing(name, target):
    small = np.random.default_rng(0).uniform(-70000, 70000, 1600).astype(np.float32)
    small[:160:16] = EDGES[:10]
    lanes = 16 if "v4" in target.name else 8
    mixed = small.copy()
    mixed[::lanes] = 1e30
    alone, beside = evaluate(target, name, small, lanes=lanes), evaluate(target, name, mixed, lanes=lanes)
    kept = np.arange(1600) % lanes != 0
    np.testing.assert_array_equal(bits(alone[kept]), bits(beside[kept]))
    np.testing.assert_array_equal(bits(alone), bits(evaluate(target, name, small)))


@pytest.mark.parametrize("target", HOST, ids=lambda t: t.name)
def test_both_sides_of_the_branch_are_accurate(target):
    x = np.concatenate([np.geomspace(1, 1e6, 4000), np.arange(1, 4000) * (np.pi / 2)]).astype(np.float32)
    exact = np.sin(x.astype(np.longdouble))
    for lanes in (1, 8):
        error = np.abs(evaluate(target, "sin", x, lanes=lanes) - exact) / np.spacing(np.abs(exact).astype(np.float32))
        assert error.max() < 1.7
    assert np.isnan(evaluate(target, "sin", EDGES)[-2:]).all()
