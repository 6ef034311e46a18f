"""Sums, softmax, layer normalisation, and the gradients of the last two."""

from __future__ import annotations

import numpy as np

from ..workload import Weight, Workload, normal

SQUARE, ROWS, WIDTH, LARGE = 4096, 8192, 768, 8192
EPSILON = 1e-5


def _square(rng):
    return [normal(rng, SQUARE, SQUARE)], {}


def _square_gradient(rng):
    return [normal(rng, SQUARE, SQUARE), normal(rng, SQUARE, SQUARE)], {}


def _softmax_gradient(inputs, _):
    x, g = inputs
    e = np.exp(x - x.max(-1, keepdims=True))
    y = e / e.sum(-1, keepdims=True)
    return [y * (g - (g * y).sum(-1, keepdims=True))]


def _rows(rng):
    weights = {"gamma": Weight(1 + normal(rng, WIDTH, scale=0.1)), "beta": Weight(normal(rng, WIDTH, scale=0.1))}
    return [normal(rng, ROWS, WIDTH)], weights


def _rows_gradient(rng):
    return [
        normal(rng, ROWS, WIDTH),
        1 + normal(rng, WIDTH, scale=0.1),
        normal(rng, WIDTH, scale=0.1),
        normal(rng, ROWS, WIDTH),
    ], {}


def _layer_norm_gradient(inputs, _):
    x, gamma, _, g = inputs
    d = x - x.mean(-1, keepdims=True)
    scale = 1 / np.sqrt((d * d).mean(-1, keepdims=True) + EPSILON)
    y, h = d * scale, g * gamma
    dx = scale * (h - h.mean(-1, keepdims=True) - y * (h * y).mean(-1, keepdims=True))
    return [dx, (g * y).sum(0), g.sum(0)]


def _large(rng):
    return [normal(rng, LARGE, LARGE)], {}


def _sum(axis):
    name = "all" if axis is None else str(axis)
    return Workload(
        f"sum-8192-{name}",
        "sums of 8192x8192",
        _large,
        lambda ops, x, _: ops.sum(x[0], axis),
        flops=8192**2,
        bytes=4 * 8192**2,
        limit="read",
        goal=1.0,
        rotate=False,
    )


WORKLOADS = [
    Workload(
        "softmax-4096",
        "softmax 4096x4096",
        _square,
        lambda ops, x, _: ops.softmax(x[0]),
        bytes=8 * SQUARE**2,
        limit="copy",
        goal=1.2,
        rotate=True,
    ),
    Workload(
        "softmax-4096-gradient",
        "softmax 4096x4096",
        _square_gradient,
        lambda ops, x, _: ops.softmax(x[0]),
        bytes=12 * SQUARE**2,
        limit="copy",
        goal=1.2,
        gradient=(0,),
        reference=_softmax_gradient,
        rotate=True,
    ),
    Workload(
        "layernorm-8192x768",
        "layer norm 8192x768",
        _rows,
        lambda ops, x, w: ops.layer_norm(x[0], w["gamma"], w["beta"]),
        bytes=8 * ROWS * WIDTH,
        limit="copy",
        goal=1.2,
        rotate=True,
    ),
    Workload(
        "layernorm-8192x768-gradient",
        "layer norm 8192x768",
        _rows_gradient,
        lambda ops, x, _: ops.layer_norm(*x[:3]),
        bytes=12 * ROWS * WIDTH,
        limit="copy",
        goal=1.2,
        gradient=(0, 1, 2),
        reference=_layer_norm_gradient,
        rotate=True,
    ),
    _sum(0),
    _sum(1),
    _sum(None),
]
