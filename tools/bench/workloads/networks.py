"""Inference of small and large networks with weights at random."""

from __future__ import annotations

from ..workload import Workload, bias, dense, normal


def mlp_weights(rng):
    return {"w1": dense(rng, 784, 256), "b1": bias(rng, 256), "w2": dense(rng, 256, 10), "b2": bias(rng, 10)}


def mlp(ops, x, w):
    return ops.dense(ops.relu(ops.dense(x, w["w1"], w["b1"])), w["w2"], w["b2"])


def _mlp(batch: int, goal: float) -> Workload:
    return Workload(f"mlp-{batch}", "MLP 784-256-10, inference", lambda rng: ([normal(rng, batch, 784)], mlp_weights(rng)),
                    lambda ops, x, w: mlp(ops, x[0], w), flops=2 * batch * (784 * 256 + 256 * 10), limit="fma" if batch > 1 else None, goal=goal,
                    bytes=4 * (784 * 256 + 2560))  # fmt: skip


WORKLOADS = [_mlp(1, 2), _mlp(32, 1.5), _mlp(256, 1.15)]
