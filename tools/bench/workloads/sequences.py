"""An LSTM, a block of a transformer's encoder, and an encoder of the size of BERT-base."""

from __future__ import annotations

from ..workload import Weight, Workload, bias, dense, normal

STEPS, UNITS = 100, 128
LENGTH, WIDTH, HEADS, INNER = 128, 768, 12, 3072
BLOCK_FLOPS = 2 * (4 * LENGTH * WIDTH * WIDTH + 2 * LENGTH * WIDTH * INNER + 2 * LENGTH * LENGTH * WIDTH)


def _lstm_data(batch: int):
    def make(rng):
        weights = {k: Weight(dense(rng, UNITS, 4 * UNITS).array, "gates") for k in ("w", "r")}
        return [normal(rng, STEPS, batch, UNITS)], weights | {"b": bias(rng, 4 * UNITS)}

    return make


def _lstm(batch: int, goal: float) -> Workload:
    return Workload(
        f"lstm-128x100-{batch}",
        "LSTM 128, 100 steps",
        _lstm_data(batch),
        lambda ops, x, w: ops.lstm(x[0], w["w"], w["r"], w["b"]),
        flops=2 * STEPS * batch * 8 * UNITS * UNITS,
        limit="fma" if batch > 1 else None,
        goal=goal,
    )


def block_weights(rng, prefix: str = ""):
    weights = {}
    for name in ("q", "k", "v", "o"):
        weights[name], weights[f"{name}_b"] = dense(rng, WIDTH, WIDTH), bias(rng, WIDTH)
    for name, inputs, outputs in (("up", WIDTH, INNER), ("down", INNER, WIDTH)):
        weights[name], weights[f"{name}_b"] = dense(rng, inputs, outputs), bias(rng, outputs)
    for name in ("n1", "n2"):
        weights[f"{name}_g"], weights[f"{name}_b"] = Weight(1 + normal(rng, WIDTH, scale=0.1)), bias(rng, WIDTH)
    return {prefix + k: v for k, v in weights.items()}


def block(ops, x, w, prefix: str = ""):
    def linear(x, name):
        return ops.dense(x, w[prefix + name], w[f"{prefix}{name}_b"])

    def norm(x, name):
        return ops.layer_norm(x, w[f"{prefix}{name}_g"], w[f"{prefix}{name}_b"])

    mixed = ops.attention(linear(x, "q"), linear(x, "k"), linear(x, "v"), HEADS)
    x = norm(x + linear(mixed, "o"), "n1")
    return norm(x + linear(ops.gelu(linear(x, "up")), "down"), "n2")


def _encoder_data(rng):
    weights = {}
    for k in range(12):
        weights |= block_weights(rng, f"l{k}_")
    return [normal(rng, 1, LENGTH, WIDTH)], weights


def _encoder(ops, inputs, w):
    x = inputs[0]
    for k in range(12):
        x = block(ops, x, w, f"l{k}_")
    return x


WORKLOADS = [
    _lstm(1, 1.3),
    _lstm(16, 1.5),
    Workload(
        "transformer-block",
        "transformer encoder",
        lambda rng: ([normal(rng, 1, LENGTH, WIDTH)], block_weights(rng)),
        lambda ops, x, w: block(ops, x[0], w),
        flops=BLOCK_FLOPS,
        limit="fma",
        goal=1.05,
        without=("numpy",),
    ),
    Workload(
        "bert-base",
        "transformer encoder",
        _encoder_data,
        _encoder,
        flops=12 * BLOCK_FLOPS,
        limit="fma",
        goal=1.05,
        tolerance=1e-3,
        without=("numpy",),
    ),
]
