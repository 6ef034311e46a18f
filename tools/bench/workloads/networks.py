"""Inference of perceptrons and convolutional networks, with weights at random that keep activations of order one."""

from __future__ import annotations

import numpy as np

from ..workload import Weight, Workload, bias, dense, normal

RESNET = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # width, blocks, stride of each stage
MOBILENET = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def filter_(rng, kernel: int, inputs: int, outputs: int) -> Weight:
    return Weight(normal(rng, kernel, kernel, inputs, outputs, scale=(2 / (kernel * kernel * inputs)) ** 0.5), "filter")


def mlp_weights(rng):
    return {"w1": dense(rng, 784, 256), "b1": bias(rng, 256), "w2": dense(rng, 256, 10), "b2": bias(rng, 10)}


def mlp(ops, x, w):
    return ops.dense(ops.relu(ops.dense(x, w["w1"], w["b1"])), w["w2"], w["b2"])


def _mlp(batch: int, goal: float) -> Workload:
    return Workload(
        f"mlp-{batch}",
        "MLP 784-256-10, inference",
        lambda rng: ([normal(rng, batch, 784)], mlp_weights(rng)),
        lambda ops, x, w: mlp(ops, x[0], w),
        flops=2 * batch * (784 * 256 + 256 * 10),
        limit="fma" if batch > 1 else None,
        goal=goal,
        bytes=4 * (784 * 256 + 2560),
    )


def lenet_weights(rng):
    return {
        "w1": filter_(rng, 5, 1, 6),
        "b1": bias(rng, 6),
        "w2": filter_(rng, 5, 6, 16),
        "b2": bias(rng, 16),
        "w3": dense(rng, 400, 120),
        "b3": bias(rng, 120),
        "w4": dense(rng, 120, 84),
        "b4": bias(rng, 84),
        "w5": dense(rng, 84, 10),
        "b5": bias(rng, 10),
    }


def lenet(ops, x, w):
    x = ops.max_pool(ops.relu(ops.conv(x, w["w1"], w["b1"], padding=2)), 2, 2)
    x = ops.flatten(ops.max_pool(ops.relu(ops.conv(x, w["w2"], w["b2"])), 2, 2))
    x = ops.relu(ops.dense(x, w["w3"], w["b3"]))
    return ops.dense(ops.relu(ops.dense(x, w["w4"], w["b4"])), w["w5"], w["b5"])


LENET_FLOPS = 2 * (28 * 28 * 25 * 6 + 10 * 10 * 150 * 16 + 400 * 120 + 120 * 84 + 840)  # of one image


def _lenet(batch: int, goal: float) -> Workload:
    return Workload(
        f"lenet-{batch}",
        "LeNet, inference",
        lambda rng: ([normal(rng, batch, 28, 28, 1)], lenet_weights(rng)),
        lambda ops, x, w: lenet(ops, x[0], w),
        flops=batch * LENET_FLOPS,
        limit="fma",
        goal=goal,
    )


class Layers:
    """Convolutions with their normalisation by name; where a normalisation is folded already, with a bias."""

    def __init__(self, ops, weights):
        self._ops, self._weights = ops, weights

    def conv(self, x, name: str, stride: int = 1, padding: int = 0, depthwise: bool = False):
        ops, w = self._ops, self._weights
        apply = ops.depthwise if depthwise else ops.conv
        if f"{name}_b" in w:
            return apply(x, w[name], w[f"{name}_b"], stride=stride, padding=padding)
        x = apply(x, w[name], stride=stride, padding=padding)
        return ops.batch_norm(x, *(w[f"{name}_{part}"] for part in ("scale", "offset", "mean", "variance")))


class Maker:
    """Weights of convolutions with their normalisation, by name."""

    def __init__(self, rng):
        self._rng, self.weights = rng, {}

    def conv(
        self, name: str, kernel: int, inputs: int, outputs: int, gain: float = 1.0, depthwise: bool = False
    ) -> None:
        rng = self._rng
        if depthwise:
            self.weights[name] = Weight(normal(rng, kernel, kernel, inputs, 1, scale=2**0.5 / kernel), "depthwise")
        else:
            self.weights[name] = filter_(rng, kernel, inputs, outputs)
        self.weights[f"{name}_scale"] = Weight(gain * (1 + normal(rng, outputs, scale=0.1)))
        self.weights[f"{name}_offset"], self.weights[f"{name}_mean"] = bias(rng, outputs), bias(rng, outputs)
        self.weights[f"{name}_variance"] = Weight(rng.uniform(0.5, 1.5, outputs).astype(np.float32))


def resnet_weights(rng):
    m, inputs = Maker(rng), 64
    m.conv("stem", 7, 3, 64)
    for s, (width, blocks, _) in enumerate(RESNET):
        for k in range(blocks):
            name = f"s{s}b{k}"
            m.conv(f"{name}a", 1, inputs, width)
            m.conv(f"{name}b", 3, width, width)
            m.conv(f"{name}c", 1, width, 4 * width, 0.3)
            if k == 0:
                m.conv(f"{name}d", 1, inputs, 4 * width, 0.7)
            inputs = 4 * width
    return m.weights | {"w": dense(rng, inputs, 1000), "b": bias(rng, 1000)}


def resnet(ops, x, w):
    layers = Layers(ops, w)
    x = ops.max_pool(ops.relu(layers.conv(x, "stem", 2, 3)), 3, 2, 1)
    for s, (_, blocks, stride) in enumerate(RESNET):
        for k in range(blocks):
            name, step = f"s{s}b{k}", stride if k == 0 else 1
            y = ops.relu(layers.conv(x, f"{name}a"))
            y = ops.relu(layers.conv(y, f"{name}b", step, 1))
            y = layers.conv(y, f"{name}c")
            x = ops.relu(y + (layers.conv(x, f"{name}d", step) if k == 0 else x))
    return ops.dense(ops.global_mean(x), w["w"], w["b"])


def _mobilenet_blocks():
    """Name, inputs, inner channels, outputs and stride of each block."""
    inputs = 32
    for s, (expand, outputs, blocks, stride) in enumerate(MOBILENET):
        for k in range(blocks):
            yield f"s{s}b{k}", inputs, expand * inputs, outputs, stride if k == 0 else 1
            inputs = outputs


def mobilenet_weights(rng):
    m = Maker(rng)
    m.conv("stem", 3, 3, 32)
    for name, inputs, inner, outputs, _ in _mobilenet_blocks():
        if inner != inputs:
            m.conv(f"{name}a", 1, inputs, inner)
        m.conv(f"{name}b", 3, inner, inner, depthwise=True)
        m.conv(f"{name}c", 1, inner, outputs, 0.7)
    m.conv("head", 1, outputs, 1280)
    return m.weights | {"w": dense(rng, 1280, 1000), "b": bias(rng, 1000)}


def mobilenet(ops, x, w):
    layers = Layers(ops, w)
    x = ops.relu6(layers.conv(x, "stem", 2, 1))
    for name, inputs, inner, outputs, stride in _mobilenet_blocks():
        y = ops.relu6(layers.conv(x, f"{name}a")) if inner != inputs else x
        y = ops.relu6(layers.conv(y, f"{name}b", stride, 1, depthwise=True))
        y = layers.conv(y, f"{name}c")
        x = x + y if inputs == outputs and stride == 1 else y
    x = ops.relu6(layers.conv(x, "head"))
    return ops.dense(ops.global_mean(x), w["w"], w["b"])


WORKLOADS = [
    _mlp(1, 2),
    _mlp(32, 1.5),
    _mlp(256, 1.15),
    _lenet(1, 1.5),
    _lenet(64, 1.2),
    Workload(
        "resnet50-1",
        "ResNet-50, MobileNetV2",
        lambda rng: ([normal(rng, 1, 224, 224, 3)], resnet_weights(rng)),
        lambda ops, x, w: resnet(ops, x[0], w),
        flops=8.18e9,
        limit="fma",
        goal=1.05,
        tolerance=1e-3,
        without=("numpy",),
    ),
    Workload(
        "mobilenetv2-1",
        "ResNet-50, MobileNetV2",
        lambda rng: ([normal(rng, 1, 224, 224, 3)], mobilenet_weights(rng)),
        lambda ops, x, w: mobilenet(ops, x[0], w),
        flops=0.60e9,
        limit="fma",
        goal=1.05,
        tolerance=1e-3,
        without=("numpy",),
    ),
]
