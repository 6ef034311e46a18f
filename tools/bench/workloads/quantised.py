"""Products of bytes, a quantised layer, ResNet-50 quantised as ONNX Runtime's static quantisation does it."""

from __future__ import annotations

import numpy as np

from ..workload import Weight, Workload, bias, normal
from .networks import resnet, resnet_weights

FLOATS = ("numpy", "torch", "torch.compile", "jax", "tensorflow", "tensorflow-xla")
X_SCALE, Y_SCALE, ZERO = 1 / 40, 1 / 25, 128


def _bytes(rng, *shape: int) -> np.ndarray:
    return rng.integers(0, 256, shape).astype(np.uint8)


def _signed(rng, *shape: int) -> np.ndarray:
    return rng.integers(-127, 128, shape).astype(np.int8)


def _product(rng):
    return [_bytes(rng, 1024, 1024)], {"w": Weight(_signed(rng, 1024, 1024))}


def _layer(rng):
    scale = (768**-0.5 / 60 * rng.uniform(0.5, 1.5, 3072)).astype(np.float32)
    x = np.clip(np.rint(normal(rng, 128, 768) / X_SCALE) + ZERO, 0, 255).astype(np.uint8)
    return [x], {"w": Weight(_signed(rng, 768, 3072)), "scale": Weight(scale), "b": bias(rng, 3072)}


def _folded(weights: dict[str, Weight]) -> dict[str, Weight]:
    """Convolutions with their normalisation folded into filter and bias."""
    made = {}
    for name, weight in weights.items():
        if f"{name}_scale" in weights:
            scale, offset, mean, variance = (
                weights[f"{name}_{p}"].array for p in ("scale", "offset", "mean", "variance")
            )
            factor = scale / np.sqrt(variance + np.float32(1e-3))
            made[name] = weight._replace(array=weight.array * factor)
            made[f"{name}_b"] = Weight(offset - mean * factor)
        elif name.rpartition("_")[2] not in ("scale", "offset", "mean", "variance"):
            made[name] = weight
    return made


WORKLOADS = [
    Workload(
        "int8-gemm-1024",
        "int8",
        _product,
        lambda ops, x, w: ops.product(x[0], w["w"]),
        flops=2 * 1024**3,
        limit="int8",
        goal=1.0,
        tolerance=0,
        without=FLOATS,
        quantised=True,
    ),
    Workload(
        "int8-dense-128x768x3072",
        "int8",
        _layer,
        lambda ops, x, w: ops.quantised_dense(x[0], w["w"], w["scale"], w["b"], X_SCALE, Y_SCALE, ZERO),
        flops=2 * 128 * 768 * 3072,
        limit="int8",
        goal=1.0,
        tolerance=1 / 200,
        without=FLOATS,
        quantised=True,
    ),
    Workload(
        "int8-resnet50-1",
        "int8",
        lambda rng: ([normal(rng, 1, 224, 224, 3)], _folded(resnet_weights(rng))),
        lambda ops, x, w: resnet(ops, x[0], w),
        flops=8.18e9,
        limit="int8",
        goal=1.0,
        tolerance=0.2,
        without=FLOATS,
        quantised=True,
    ),
]
