"""Training inside of a model (ai.onnx.preview.training): gradients, and steps of Adagrad, Adam and momentum."""

from __future__ import annotations

from collections.abc import Callable

from graphc.autodiff import grad
from graphc.errors import DtypeError, FormatError
from graphc.ir.graph import input_node, substitute
from graphc.ir.node import Node
from graphc.lib import math
from graphc.lib.math import full_like
from graphc.onnx.call import Call
from graphc.onnx.registry import TRAINING, operator
from graphc.onnx.values import describe
from graphc.prims.table import apply

# ------------------------------------------------------------------------------------------------ gradients


@operator("Gradient", domain=TRAINING)
def gradient(call: Call):
    """The derivatives of the tensor named ``y`` by those named ``xs``, at the values that the inputs are."""
    wrt, fixed, y = call.texts("xs"), call.texts("zs", []), call.text("y")
    if len(call.inputs) != len(wrt) + len(fixed):
        raise FormatError(f"Gradient: {len(call)} inputs are given for the {len(wrt) + len(fixed)} names of xs and zs")
    if len({*wrt, *fixed}) != len(wrt) + len(fixed):
        raise FormatError(f"Gradient: a name of xs and zs is there twice: {', '.join([*wrt, *fixed])}")
    given = call.tensors()
    there = [call.frame.lookup(name) for name in (*wrt, *fixed)]
    variables = there[: len(wrt)]
    are_free = len(set(variables)) == len(wrt) and all(v.op != "const" for v in variables)
    if are_free and all(a is b for a, b in zip(there, given)):
        return grad(_tensor(call.frame.lookup(y), y), variables)
    fresh = [input_node(f"{call.op}.{name}", x.type) for name, x in zip((*wrt, *fixed), given)]
    found = grad(_tensor(_again(call, dict(zip((*wrt, *fixed), fresh)), y), y), fresh[: len(wrt)])
    return substitute(found, dict(zip(fresh, given)))


def _tensor(value, name: str) -> Node:
    if not isinstance(value, Node) or not value.dtype.is_float:
        raise DtypeError(f"Gradient: y, which is {name!r}, must be a tensor of floats, got {describe(value)}")
    return value


def _again(call: Call, names: dict[str, Node], y: str):
    """The value of a name where others have these values: what lies between is traced once more."""
    wanted, needed = {y} - set(names), []
    changed = set(names)
    for node in call.frame.nodes:
        if not changed.isdisjoint(node.input):
            changed.update(o for o in node.output if o and o not in names)
    for node in reversed(call.frame.nodes):
        if not wanted.isdisjoint(node.output):
            needed.append(node)
            wanted.update(name for name in node.input if name in changed and name not in names)
    frame = call.frame.inside(names)
    frame.run_nodes(needed[::-1])
    return frame.lookup(y)


# ---------------------------------------------------------------------------------------------------- steps


def _steps(call: Call, kinds: int, step: Callable) -> list[Node]:
    """New values for every tensor: ``step(rate, count, *values)`` of its value, gradient and states.

    Args:
        kinds: how many inputs there are for each tensor.
    """
    count, rest = divmod(len(call.inputs) - 2, kinds)
    if rest or count < 1:
        what = f"takes a rate, a count and {kinds} inputs for each tensor, {len(call)} are given"
        raise FormatError(f"{call.op}: {what}")
    values = call.tensors(2)
    rate, turn = (apply("reshape", call[k], shape=()) for k in (0, 1))
    found = []
    for k in range(count):
        own = values[k::count]
        if any(v.type != own[0].type for v in own) and all(v.type.is_static for v in own):
            raise call.wrong(f"value, gradient and states of tensor {k} differ in type")
        found.append(step(math.cast(rate, own[0].dtype), math.cast(turn, own[0].dtype), *own))
    return [v for group in zip(*found) for v in group]


def _regularized(call: Call, x: Node, g: Node) -> Node:
    factor = call.float("norm_coefficient", 0.0)
    return math.add(math.multiply(x, factor), g) if factor else g


@operator("Adagrad", domain=TRAINING)
def adagrad(call: Call):
    """Steps divided by the root of the sum of squared gradients."""
    decay, epsilon = call.float("decay_factor", 0.0), call.float("epsilon", 1e-6)

    def step(rate, turn, x, g, squares):
        rate = math.realdiv(rate, math.add(math.multiply(turn, decay), 1.0))
        g = _regularized(call, x, g)
        squares = math.add(squares, math.square(g))
        return math.subtract(x, math.realdiv(math.multiply(rate, g), math.add(math.sqrt(squares), epsilon))), squares

    return _steps(call, 3, step)


@operator("Adam", domain=TRAINING)
def adam(call: Call):
    """Steps by running means of the gradients and of their squares, corrected for the first turns."""
    alpha, beta, epsilon = call.float("alpha", 0.9), call.float("beta", 0.999), call.float("epsilon", 1e-6)
    shrink = 1.0 - call.float("norm_coefficient_post", 0.0)

    def step(rate, turn, x, g, mean, squares):
        g = _regularized(call, x, g)
        mean = math.add(math.multiply(mean, alpha), math.multiply(g, 1 - alpha))
        squares = math.add(math.multiply(squares, beta), math.multiply(math.square(g), 1 - beta))
        first, second = (math.subtract(1.0, math.pow(full_like(turn, v), turn)) for v in (alpha, beta))
        started = apply("lt", full_like(turn, 0), turn)
        safe = apply("select", started, first, full_like(first, 1))
        rate = apply("select", started, math.realdiv(math.multiply(rate, math.sqrt(second)), safe), rate)
        moved = math.subtract(x, math.multiply(rate, math.realdiv(mean, math.add(math.sqrt(squares), epsilon))))
        return (moved if shrink == 1 else math.multiply(moved, shrink)), mean, squares

    return _steps(call, 4, step)


@operator("Momentum", domain=TRAINING)
def momentum(call: Call):
    """Steps by a decaying sum of the gradients; of Nesterov's kind with ``mode`` nesterov."""
    alpha, beta = call.float("alpha"), call.float("beta")
    is_plain = call.choice("mode", "standard", "nesterov") == "standard"

    def step(rate, turn, x, g, sums):
        g = _regularized(call, x, g)
        started = apply("lt", full_like(turn, 0), turn)
        weight = apply("select", started, full_like(turn, beta), full_like(turn, 1))
        sums = math.add(math.multiply(sums, alpha), math.multiply(weight, g))
        move = sums if is_plain else math.add(g, math.multiply(sums, alpha))
        return math.subtract(x, math.multiply(rate, move)), sums

    return _steps(call, 3, step)
