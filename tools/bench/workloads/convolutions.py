"""Convolutions with constant filters, as in ResNet-50 and MobileNetV2."""

from __future__ import annotations

from ..workload import Weight, Workload, normal


def _make(size: int, kernel: int, inputs: int, outputs: int, kind: str):
    shape = (kernel, kernel, inputs, 1) if kind == "depthwise" else (kernel, kernel, inputs, outputs)
    scale = (kernel * kernel * (1 if kind == "depthwise" else inputs)) ** -0.5
    return lambda rng: ([normal(rng, 1, size, size, inputs)], {"w": Weight(normal(rng, *shape, scale=scale), kind)})


def _taps(size: int, kernel: int, stride: int) -> int:
    """Taps of all outputs along one axis that are inside of the image; those on the padding are no work."""
    pads = kernel // 2
    starts = range(-pads, size + 2 * pads - kernel + 1 - pads, stride)
    return sum(min(s + kernel, size) - max(s, 0) for s in starts)


def _conv(
    name: str, size: int, kernel: int, inputs: int, outputs: int, stride: int = 1, goal: float = 1.05
) -> Workload:
    padding, out = kernel // 2, size // stride
    return Workload(
        name,
        "convolutions",
        _make(size, kernel, inputs, outputs, "filter"),
        lambda ops, x, w: ops.conv(x[0], w["w"], stride=stride, padding=padding),
        flops=2 * _taps(size, kernel, stride) ** 2 * inputs * outputs,
        limit="fma",
        goal=goal,
        without=("numpy",),
        bytes=4 * (size * size * inputs + out * out * outputs + kernel * kernel * inputs * outputs),
    )


def _depthwise(name: str, size: int, channels: int, stride: int = 1) -> Workload:
    out = size // stride
    return Workload(
        name,
        "depthwise convolutions",
        _make(size, 3, channels, channels, "depthwise"),
        lambda ops, x, w: ops.depthwise(x[0], w["w"], stride=stride, padding=1),
        flops=2 * _taps(size, 3, stride) ** 2 * channels,
        goal=1.2,
        without=("numpy",),
        bytes=4 * (size * size + out * out + 9) * channels,
    )


WORKLOADS = [
    _conv("conv3x3-56x64", 56, 3, 64, 64),
    _conv("conv3x3-28x128", 28, 3, 128, 128),
    _conv("conv3x3-14x256", 14, 3, 256, 256),
    _conv("conv3x3-7x512", 7, 3, 512, 512),
    _conv("conv1x1-56x64-256", 56, 1, 64, 256),
    _conv("conv1x1-14x1024-256", 14, 1, 1024, 256),
    _conv("conv3x3-56x128-stride2", 56, 3, 128, 128, 2),
    _conv("conv7x7-224x3-64-stride2", 224, 7, 3, 64, 2),
    _depthwise("depthwise-112x96-stride2", 112, 96, 2),
    _depthwise("depthwise-56x144", 56, 144),
    _depthwise("depthwise-14x576", 14, 576),
]
