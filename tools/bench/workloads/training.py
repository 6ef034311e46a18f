"""Steps of training: linear regression with a tape, and Adam for networks."""

from __future__ import annotations

import numpy as np

from ..peers.numpy import Ops
from ..workload import Weight, Workload, normal
from .networks import LENET_FLOPS, lenet, lenet_weights, mlp, mlp_weights

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


def _conv_back(x, w, d, padding: int):
    """Gradients of a convolution with respect to its input and its filter."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    dx, dw, (rows, columns) = np.zeros_like(x), np.zeros_like(w), d.shape[1:3]
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            seen = np.s_[:, i : i + rows, j : j + columns]
            dw[i, j] = np.tensordot(x[seen], d, ((0, 1, 2), (0, 1, 2)))
            dx[seen] += d @ w[i, j].T
    return dx[:, padding : x.shape[1] - padding, padding : x.shape[2] - padding], dw


def _pooled(x):
    """Largest of every 2x2 and where it is."""
    n, rows, columns, channels = x.shape
    parts = (
        x.reshape(n, rows // 2, 2, columns // 2, 2, channels)
        .transpose(0, 1, 3, 5, 2, 4)
        .reshape(n, rows // 2, columns // 2, channels, 4)
    )
    return parts.max(-1), parts.argmax(-1)


def _unpooled(d, where, shape):
    n, rows, columns, channels = shape
    parts = (where[..., None] == np.arange(4)) * d[..., None]
    return parts.reshape(n, rows // 2, columns // 2, channels, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(shape)


def _lenet_step(inputs, p):
    (x, t), ops = inputs, Ops()
    a1 = ops.relu(ops.conv(x, p["w1"], p["b1"], padding=2))
    p1, at1 = _pooled(a1)
    a2 = ops.relu(ops.conv(p1, p["w2"], p["b2"]))
    p2, at2 = _pooled(a2)
    h2 = p2.reshape(len(x), -1)
    h3 = np.maximum(h2 @ p["w3"] + p["b3"], 0)
    h4 = np.maximum(h3 @ p["w4"] + p["b4"], 0)
    loss, d5 = softmax_gradient(h4 @ p["w5"] + p["b5"], t)
    d4 = (d5 @ p["w5"].T) * (h4 > 0)
    d3 = (d4 @ p["w4"].T) * (h3 > 0)
    d2 = _unpooled((d3 @ p["w3"].T).reshape(p2.shape), at2, a2.shape) * (a2 > 0)
    back, dw2 = _conv_back(p1, p["w2"], d2, 0)
    d1 = _unpooled(back, at1, a1.shape) * (a1 > 0)
    dw1 = _conv_back(x, p["w1"], d1, 2)[1]
    found = {
        "w1": dw1,
        "b1": d1.sum((0, 1, 2)),
        "w2": dw2,
        "b2": d2.sum((0, 1, 2)),
        "w3": h2.T @ d3,
        "b3": d3.sum(0),
        "w4": h3.T @ d4,
        "b4": d4.sum(0),
        "w5": h4.T @ d5,
        "b5": d5.sum(0),
    }
    return [loss, *(adam(p[k], found[k]) for k in p)]


def _lenet_data(rng):
    return [normal(rng, 64, 28, 28, 1), labels(rng, 64, 10)], lenet_weights(rng)


WORKLOADS = [
    Workload(
        "linear-regression-step",
        "linear-regression step, compiled",
        _line,
        _line_loss,
        goal=5,
        training=("sgd", RATE),
        reference=_line_step,
        aside=("numpy",),
    ),
    Workload(
        "mlp-adam-128",
        "MLP Adam step, batch 128",
        _mlp_data,
        lambda ops, x, p: ops.cross_entropy(mlp(ops, x[0], p), x[1]),
        flops=6 * 128 * (784 * 256 + 256 * 10) - 2 * 128 * 784 * 256,
        limit="fma",
        goal=1.5,
        tolerance=5e-3,
        training=("adam", RATE),
        reference=_mlp_step,
    ),
    Workload(
        "lenet-adam-64",
        "LeNet, training step, batch 64",
        _lenet_data,
        lambda ops, x, p: ops.cross_entropy(lenet(ops, x[0], p), x[1]),
        flops=3 * 64 * LENET_FLOPS,
        limit="fma",
        goal=2.5,
        tolerance=5e-3,
        training=("adam", RATE),
        reference=_lenet_step,
    ),
]
