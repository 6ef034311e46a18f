"""Steps of training: linear regression with a tape, and Adam for networks."""

from __future__ import annotations

import numpy as np

from ..workload import Weight, Workload, normal
from .networks import mlp, mlp_weights

RATE = 0.01


def _line(rng):
    x = normal(rng, 100)
    return [x, 3 * x + 2], {"w": Weight(np.array(0.5, np.float32)), "b": Weight(np.array(0.1, np.float32))}


def _line_loss(ops, inputs, p):
    x, y = inputs
    return ops.mean(ops.square(x * p["w"] + p["b"] - y))


def _line_step(inputs, p):
    x, y = inputs
    d = x * p["w"] + p["b"] - y
    return [(d * d).mean(), p["w"] - RATE * 2 * (d * x).mean(), p["b"] - RATE * 2 * d.mean()]


def labels(rng, rows: int, classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[rng.integers(0, classes, rows)]


def adam(p, g):
    """The first step of Adam from a parameter and its gradient."""
    return p - RATE * g / (np.abs(g) + 1e-8)


def softmax_gradient(z, t):
    """Loss, and its gradient with respect to the logits."""
    z = z - z.max(1, keepdims=True)
    e = np.exp(z)
    s = e.sum(1, keepdims=True)
    return (t * (np.log(s) - z)).sum(1).mean(), (e / s - t) / len(z)


def _mlp_step(inputs, p):
    x, t = inputs
    h = np.maximum(x @ p["w1"] + p["b1"], 0)
    loss, d = softmax_gradient(h @ p["w2"] + p["b2"], t)
    dh = (d @ p["w2"].T) * (h > 0)
    gradients = {"w1": x.T @ dh, "b1": dh.sum(0), "w2": h.T @ d, "b2": d.sum(0)}
    return [loss, *(adam(p[k], gradients[k]) for k in p)]


def _mlp_data(rng):
    return [normal(rng, 128, 784), labels(rng, 128, 10)], mlp_weights(rng)


WORKLOADS = [
    Workload("linear-regression-step", "linear-regression step, compiled", _line, _line_loss, goal=5, training=("sgd", RATE),
             reference=_line_step, aside=("numpy",)),
    Workload("mlp-adam-128", "MLP Adam step, batch 128", _mlp_data, lambda ops, x, p: ops.cross_entropy(mlp(ops, x[0], p), x[1]),
             flops=6 * 128 * (784 * 256 + 256 * 10) - 2 * 128 * 784 * 256, limit="fma", goal=1.5, tolerance=5e-3,
             training=("adam", RATE), reference=_mlp_step),
]  # fmt: skip
