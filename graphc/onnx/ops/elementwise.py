"""Element-wise operators: arithmetic, comparison, logic, activations."""

from __future__ import annotations

import functools
from collections.abc import Callable

from graphc.lib import math, nn
from graphc.onnx.call import Call
from graphc.onnx.registry import operator

_UNARY = {
    "Abs": math.abs, "Neg": math.negative, "Exp": math.exp, "Log": math.log, "Sqrt": math.sqrt, "Floor": math.floor,
    "Ceil": math.ceil, "Round": math.round, "Sin": math.sin, "Cos": math.cos, "Tan": math.tan, "Tanh": math.tanh,
    "Sigmoid": math.sigmoid, "Erf": math.erf, "Sign": math.sign, "Relu": nn.relu, "Softplus": nn.softplus,
    "Softsign": nn.softsign, "Reciprocal": math.reciprocal, "Not": math.logical_not,
}  # fmt: skip
_BINARY = {"Add": math.add, "Sub": math.subtract, "Mul": math.multiply}


def _unary(function: Callable) -> Callable:
    return lambda call: function(call[0])


def _binary(function: Callable) -> Callable:
    return lambda call: function(call[0], call[1])


for _name, _function in _UNARY.items():
    operator(_name)(_unary(_function))
for _name, _function in _BINARY.items():
    operator(_name)(_binary(_function))


@operator("Max")
def maximum(call: Call):
    """The largest of any number of tensors."""
    return functools.reduce(math.maximum, call.tensors())


@operator("Sum")
def total(call: Call):
    """The sum of any number of tensors."""
    return functools.reduce(math.add, call.tensors())
