"""Calls of next to nothing, chains of elementwise operations, movement."""

from __future__ import annotations

import numpy as np

from ..workload import Workload, normal


def _scalars(rng):
    return [np.array(rng.standard_normal(), np.float32) for _ in range(2)], {}


def _two(rng):
    return [normal(rng, 10_000_000), normal(rng, 10_000_000)], {}


def _chain(ops, inputs, _):
    x, w = inputs
    return ops.tanh(x * w + 0.5) * ops.sigmoid(x) + ops.exp(-x * x) + ops.sqrt(ops.abs(x))


def _wave(rng):
    return [normal(rng, 1_000_000), np.ones(1_000_000, np.float32)], {}


def _square(rng):
    return [normal(rng, 4096, 4096)], {}


WORKLOADS = [
    Workload(
        "scalar-add",
        "scalar call, NumPy in and out",
        _scalars,
        lambda ops, x, _: x[0] + x[1],
        numpy_io=True,
        goal=5,
        aside=("numpy",),
    ),
    Workload("chain-10m", "fused chain, 10M", _two, _chain, bytes=12e7, limit="copy", goal=1.3, rotate=True),
    Workload(
        "gradient-sin-1m",
        "gradient of sin(2x), 1M",
        _wave,
        lambda ops, x, _: ops.sin(x[0] * 2.0),
        bytes=12e6,
        limit="copy",
        goal=1.2,
        gradient=(0,),
        reference=lambda x, _: [2 * np.cos(2 * x[0]) * x[1]],
        rotate=True,
    ),
    Workload(
        "transpose-4096",
        "transpose 4096x4096",
        _square,
        lambda ops, x, _: ops.transpose(x[0]),
        bytes=2 * 4 * 4096**2,
        limit="copy",
        goal=1.5,
        rotate=True,
    ),
]
