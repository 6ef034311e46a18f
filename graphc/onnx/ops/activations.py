"""Activations: element-wise functions of neural networks, and those along an axis such as softmax."""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import math, nn, shape
from graphc.lib.dims import size
from graphc.lib.math import full_like
from graphc.lib.promote import broadcast_to
from graphc.onnx.call import Call
from graphc.onnx.ops.axes import axis_in, with_ones
from graphc.onnx.ops.precision import widened
from graphc.onnx.ops.sizes import differ
from graphc.onnx.registry import operator
from graphc.prims.table import apply


def hard_sigmoid(x: Node, alpha: float = 0.2, beta: float = 0.5) -> Node:
    """``alpha * x + beta``, limited to [0, 1]."""
    line = math.add(math.multiply(x, alpha), beta)
    return math.minimum(math.maximum(line, 0.0), 1.0)


def thresholded_relu(x: Node, alpha: float = 1.0) -> Node:
    """``x`` where it exceeds ``alpha``, else 0."""
    return apply("select", math.greater(x, alpha), x, full_like(x, 0))


def leaky_relu(x: Node, alpha: float = 0.01) -> Node:
    """``x``, times ``alpha`` where negative."""
    return apply("select", math.less(x, 0.0), math.multiply(x, alpha), x)


def celu(x: Node, alpha: float = 1.0) -> Node:
    """``x``, and ``alpha * (exp(x / alpha) - 1)`` where negative."""
    below = apply("expm1", math.realdiv(math.minimum(x, 0.0), alpha))
    return math.add(math.maximum(x, 0.0), math.multiply(below, alpha))


def selu(x: Node, alpha: float = nn.SELU_ALPHA, gamma: float = nn.SELU_SCALE) -> Node:
    """``gamma`` times ``x``, where negative times ``alpha * (exp(x) - 1)``."""
    return math.multiply(nn.scaled_elu(x, alpha), gamma)


def mish(x: Node) -> Node:
    """``x * tanh(log(1 + exp(x)))``."""
    return math.multiply(x, math.tanh(nn.softplus(x)))


def hard_swish(x: Node) -> Node:
    """``x * hard_sigmoid(x)`` with a slope of 1/6."""
    return math.multiply(x, hard_sigmoid(x, 1 / 6, 0.5))


_PLAIN = {
    "Relu": nn.relu, "Sigmoid": math.sigmoid, "Softplus": nn.softplus, "Softsign": nn.softsign, "Mish": mish,
    "HardSwish": hard_swish,
}  # fmt: skip
_WITH_NUMBERS = {
    "Elu": (nn.scaled_elu, {"alpha": 1.0}), "Celu": (celu, {"alpha": 1.0}), "LeakyRelu": (leaky_relu, {"alpha": 0.01}),
    "ThresholdedRelu": (thresholded_relu, {"alpha": 1.0}), "HardSigmoid": (hard_sigmoid, {"alpha": 0.2, "beta": 0.5}),
    "Selu": (selu, {"alpha": nn.SELU_ALPHA, "gamma": nn.SELU_SCALE}),
}  # fmt: skip


def _plain(function: Callable) -> Callable:
    return lambda call: function(call[0])


def _with_numbers(function: Callable, numbers: dict) -> Callable:
    return lambda call: function(call[0], *[call.float(name, default) for name, default in numbers.items()])


for _name, _function in _PLAIN.items():
    operator(_name)(_plain(_function))
for _name, (_function, _numbers) in _WITH_NUMBERS.items():
    operator(_name)(_with_numbers(_function, _numbers))


@operator("Gelu")
def gelu(call: Call):
    """``x`` times the probability of a standard normal number below it."""
    return nn.gelu(call[0], call.choice("approximate", "none", "tanh") == "tanh")


@operator("Swish")
def swish(call: Call):
    """``x * sigmoid(alpha * x)``."""
    return nn.silu(call[0], call.float("alpha", 1.0))


@operator("SwiGLU")
def swiglu(call: Call):
    """The first operand's ``Swish`` times the second operand, which is of the same shape."""
    x, y = call[0], call[1]
    if differ(x.shape, y.shape):
        raise call.wrong("both operands must have one shape")
    return math.multiply(nn.silu(x, call.float("alpha", 1.0)), y)


@operator("PRelu")
def prelu(call: Call):
    """``x``, times a slope where negative; the slope is broadcast to the shape of ``x``."""
    x, slope = call[0], call[1]
    if call.version < 7 and len(slope.shape) == 1 and slope.shape != (1,) and len(x.shape) > 1:
        slope = with_ones(slope, len(x.shape) - 2)  # one for each channel
    slope = broadcast_to(slope, x.shape, "PRelu")
    return apply("select", apply("lt", x, full_like(x, 0)), math.multiply(x, slope), x)


@operator("Shrink")
def shrink(call: Call):
    """``x`` moved by ``bias`` towards zero where its size exceeds ``lambd``, else 0."""
    x, bias, limit = call[0], call.float("bias", 0.0), call.float("lambd", 0.5)
    wide = math.cast(x, dt.f64) if x.dtype.is_integer else x
    inner = apply("select", math.greater(wide, limit), math.subtract(wide, bias), full_like(wide, 0))
    found = apply("select", math.less(wide, -limit), math.add(wide, bias), inner)
    return math.cast(found, x.dtype)


# ------------------------------------------------------------------------------------------ along an axis


def _along(call: Call, function: Callable) -> Node:
    """A function of a tensor and an axis; before version 13 all axes from ``axis`` on count as one."""
    x = call[0]
    axis = call.int("axis", -1 if call.version >= 13 else 1)
    k = axis_in(call, axis, len(x.shape) + (1 if axis >= 0 and call.version < 13 else 0))
    if call.version >= 13 or k == len(x.shape) - 1:
        return function(x, k)
    flat = shape.reshape(x, (size(x.shape[:k]), size(x.shape[k:])))
    return shape.reshape(function(flat, 1), x.shape)


def _in_wide(function: Callable) -> Callable:
    """The function with 16-bit floats as float32 inside."""

    def run(x: Node, axis: int) -> Node:
        return math.cast(function(widened(x), axis), x.dtype)

    return run


@operator("Softmax")
def softmax(call: Call):
    """``exp(x) / sum(exp(x))`` along an axis; step by step in the type of ``x``, as the standard's answers are."""
    return _along(call, nn.softmax)


@operator("LogSoftmax")
def log_softmax(call: Call):
    """The logarithm of ``Softmax``."""
    return _along(call, _in_wide(nn.log_softmax))


def _hardmax(x: Node, axis: int) -> Node:
    best = apply("argreduce", x, kind="max", axis=axis, dtype=dt.i64)
    spread = apply("broadcast", best, shape=x.shape, axes=tuple(a for a in range(len(x.shape)) if a != axis))
    hit = apply("eq", spread, apply("iota", shape=x.shape, axis=axis, dtype=dt.i64))
    return math.cast(hit, x.dtype)


@operator("Hardmax")
def hardmax(call: Call):
    """1 at the first largest element along an axis, 0 elsewhere."""
    return _along(call, _hardmax)
