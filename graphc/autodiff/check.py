"""Checking gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphc.autodiff.forward import jvp
from graphc.autodiff.reverse import grad
from graphc.errors import GraphcError, UsageError, explain
from graphc.ir.dtype import as_dtype
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node, const
from graphc.ir.type import Type
from graphc.prims import ensure
from graphc.prims.interpret import interpret

_STEPS = {"f64": 1e-5, "f32": 4e-3, "f16": 6e-2, "bf16": 1e-1}
_TOLERANCES = {"f64": 1e-5, "f32": 2e-2, "f16": 1e-1, "bf16": 2e-1}


class GradientError(GraphcError, AssertionError):
    """A gradient disagrees with finite differences."""


def check_gradients(function: Graph | Callable, arrays: Sequence, order: int = 1, modes=("reverse", "forward"),
                    tolerance: float | None = None, step: float | None = None, samples: int = 64,
                    seed: int = 0) -> None:  # fmt: skip
    """Compare gradients with central differences through the interpreter.

    Args:
        function: a Graph, or a function of Nodes that answers with a Node or several.
        arrays: where to look, one array per input; float64 gives sharp answers.
        order: 2 also checks the gradient of the (reverse) gradient.
        modes: ``reverse`` compares single elements, and one random direction of an input with more of them than
            are moved; ``forward`` one random direction of all inputs.
        tolerance: allowed difference, relative to max(1, the value); by default by dtype.
        step: width of the difference; by default by dtype.
        samples: at most this many elements of each input are moved.

    Raises:
        GradientError: names the input and the element with the largest difference.
    """
    if order not in (1, 2) or not set(modes) <= {"reverse", "forward"}:
        raise UsageError(explain(f"check_gradients: order {order} or modes {tuple(modes)} do not exist"))
    arrays = [np.asarray(a) for a in arrays]
    graph = function if isinstance(function, Graph) else _traced(function, arrays)
    random = np.random.default_rng(seed)
    weights = [_weights(y, random) for y in interpret(graph, *arrays)]
    names = [x.dtype.short for x in graph.inputs if x.dtype.is_float]
    if not names:
        raise UsageError(explain("check_gradients: no input is floating"))
    names += [y.dtype.short for y in graph.outputs if y.dtype.is_float]
    coarse = max(names, key=lambda name: _STEPS[name])
    setting = (tolerance or _TOLERANCES[coarse], step or _STEPS[coarse], samples, random)
    if "reverse" in modes:
        _check_reverse(graph, arrays, weights, setting)
    if "forward" in modes:
        _check_forward(graph, arrays, weights, setting)
    if order == 2:
        found = _gradient(graph, weights)
        check_gradients(found, arrays, 1, modes, tolerance, step, samples, seed + 1)


def _traced(function: Callable, arrays) -> Graph:
    inputs = tuple([input_node(f"x{k}", Type(as_dtype(a.dtype), a.shape)) for k, a in enumerate(arrays)])
    outputs = function(*inputs)
    return Graph("checked", inputs, (outputs,) if isinstance(outputs, Node) else tuple(outputs))


def _weights(y: np.ndarray, random) -> np.ndarray:
    return random.uniform(0.5, 1.5, y.shape) * random.choice([-1.0, 1.0], y.shape)


def _loss(graph: Graph, arrays, weights) -> float:
    return _weighted(graph, interpret(graph, *arrays), weights)


def _weighted(graph: Graph, values, weights) -> float:
    """Sum of all elements of the floating outputs (or of their tangents) times their weights."""
    terms = [v.astype(np.float64) * w for y, v, w in zip(graph.outputs, values, weights) if y.dtype.is_float]
    return sum(float(np.sum(t)) for t in terms)


def _gradient(graph: Graph, weights) -> Graph:
    """The Graph of the gradients of the weighted outputs by the floating inputs."""
    pairs = [(y, ensure(const(w, Type(y.dtype, w.shape)), y.shape)) for y, w in zip(graph.outputs, weights) if y.dtype.is_float]
    wrt = [x for x in graph.inputs if x.dtype.is_float]
    found = grad([y for y, _ in pairs], wrt, [s for _, s in pairs])
    return Graph(f"{graph.name}_gradient", graph.inputs, tuple(found))


def _moved(arrays, k: int, delta) -> list:
    """The arrays with number ``k`` moved by ``delta``, rounded to its dtype."""
    moved = list(arrays)
    moved[k] = (arrays[k].astype(np.float64) + delta).astype(arrays[k].dtype)
    return moved


def _check_reverse(graph: Graph, arrays, weights, setting):
    tolerance, step, samples, random = setting
    found = iter(interpret(_gradient(graph, weights), *arrays))
    for k, x in enumerate(graph.inputs):
        if not x.dtype.is_float:
            continue
        analytic, worst = next(found), (0.0, None)
        places = np.arange(arrays[k].size)
        if places.size > samples:
            _check_slope(graph, arrays, weights, k, analytic, setting)
            places = random.choice(places, samples, replace=False)
        for place in places:
            index = np.unravel_index(place, arrays[k].shape)
            delta = np.zeros(arrays[k].shape)
            delta[index] = step
            up, down = _moved(arrays, k, delta), _moved(arrays, k, -delta)
            width = float(up[k][index]) - float(down[k][index])
            numeric = (_loss(graph, up, weights) - _loss(graph, down, weights)) / width
            exact = float(analytic[index])
            error = _difference(exact, numeric)
            if error > worst[0]:
                worst = error, (tuple(map(int, index)), exact, numeric)
        if worst[0] > tolerance:
            index, exact, numeric = worst[1]
            what = f"reverse gradient of {graph.name} by {x.attr('name')}: {x.type} at {index}"
            raise GradientError(explain(f"{what} is {exact:.6g}, finite differences give {numeric:.6g}"))


def _check_slope(graph: Graph, arrays, weights, k: int, analytic: np.ndarray, setting):
    """Compare all elements of the gradient by one input at once: what they say of a random direction."""
    tolerance, step, _, random = setting
    direction = step * random.uniform(0.5, 1, arrays[k].shape) * random.choice([-1.0, 1.0], arrays[k].shape)
    up, down = _moved(arrays, k, direction), _moved(arrays, k, -direction)
    numeric = (_loss(graph, up, weights) - _loss(graph, down, weights)) / (2 * step)
    width = up[k].astype(np.float64) - down[k].astype(np.float64)
    exact = float(np.sum(analytic.astype(np.float64) * width)) / (2 * step)
    if _difference(exact, numeric) > tolerance:
        x = graph.inputs[k]
        what = f"reverse gradient of {graph.name} by {x.attr('name')}: {x.type} along a random direction"
        raise GradientError(explain(f"{what} is {exact:.6g}, finite differences give {numeric:.6g}"))


def _check_forward(graph: Graph, arrays, weights, setting):
    tolerance, step, _, random = setting
    directions = [random.uniform(-1, 1, a.shape) if x.dtype.is_float else None for x, a in zip(graph.inputs, arrays)]
    types = [Type(x.dtype, a.shape) for x, a in zip(graph.inputs, arrays)]
    tangents = [const(0 if d is None else d, t) for d, t in zip(directions, types)]
    moved = jvp(graph.outputs, graph.inputs, tangents)
    values = interpret(Graph(f"{graph.name}_forward", graph.inputs, tuple(moved)), *arrays)
    exact = _weighted(graph, values, weights)
    sides = []
    for sign in (1, -1):
        there = arrays
        for k, d in enumerate(directions):
            there = there if d is None else _moved(there, k, sign * step * d)
        sides.append(_loss(graph, there, weights))
    numeric = (sides[0] - sides[1]) / (2 * step)
    if _difference(exact, numeric) > tolerance:
        what = f"forward derivative of {graph.name} along a random direction"
        raise GradientError(explain(f"{what} is {exact:.6g}, finite differences give {numeric:.6g}"))


def _difference(exact: float, numeric: float) -> float:
    error = abs(exact - numeric) / max(1.0, abs(exact), abs(numeric))
    return error if np.isfinite(error) else float("inf")
