"""Products of matrices: square, with constant right operand, few rows, with bias and activation."""

from __future__ import annotations

from ..workload import Workload, bias, dense, normal


def _fresh(n: int) -> Workload:
    return Workload(
        f"gemm-{n}",
        "GEMM, both operands fresh",
        lambda rng: ([normal(rng, n, n), normal(rng, n, n)], {}),
        lambda ops, x, _: ops.matmul(*x),
        flops=2 * n**3,
        bytes=12 * n * n,
        limit="fma",
        goal=0.95 if n >= 512 else None,
    )


def _constant(m: int, k: int, n: int, name: str, group: str, goal: float, limit: str = "fma") -> Workload:
    return Workload(
        name,
        group,
        lambda rng: ([normal(rng, m, k)], {"w": dense(rng, k, n)}),
        lambda ops, x, w: ops.dense(x[0], w["w"]),
        flops=2 * m * k * n,
        bytes=4 * (m * k + k * n + m * n),
        limit=limit,
        goal=goal,
    )


def _activated(rng):
    return [normal(rng, 128, 768)], {"w": dense(rng, 768, 3072), "b": bias(rng, 3072)}


WORKLOADS = [
    *(_fresh(n) for n in (256, 512, 1024, 2048)),
    *(_constant(n, n, n, f"gemm-{n}-constant", "GEMM, constant weights", 1.05) for n in (512, 1024, 2048)),
    _constant(1, 4096, 4096, "gemv-1x4096x4096", "few rows, constant weights", 1.05, "read"),
    _constant(8, 4096, 4096, "gemm-8x4096x4096", "few rows, constant weights", 1.05, "read"),
    Workload(
        "dense-128x768x3072-gelu",
        "GEMM 128x768x3072 + bias + GELU",
        _activated,
        lambda ops, x, w: ops.gelu(ops.dense(x[0], w["w"], w["b"])),
        flops=2 * 128 * 768 * 3072,
        limit="fma",
        goal=1.05,
        bytes=4 * (128 * 768 + 768 * 3072 + 128 * 3072),
    ),
]
