"""How far rounding may move each value of a graph: the same values again, with noise after every rounding step."""

from __future__ import annotations

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.prims.interpret import bind_symbols, concrete, value_of
from graphc.prims.table import TABLE

EPSILON = {dt.f16: 2.0**-10, dt.bf16: 2.0**-7, dt.f32: 2.0**-23, dt.f64: 2.0**-52, dt.c64: 2.0**-23, dt.c128: 2.0**-52}
ULPS = 24  # noise after one step: far more than any implementation rounds differently
FACTOR = 3  # by which results may be away further than the largest effect of noise that was seen
SHADOWS = 3  # values with noise beside each value
EXACT = frozenset(
    "const symbol input iota cast bitcast view reshape broadcast transpose slice pad reverse concat ensure stop window "
    "gather sort item neg abs sign floor ceil round trunc max min and or xor not shl shr eq ne lt le select isfinite "
    "popcount add sub mul div sqrt floordiv mod "
    "argreduce random_bits swaps complex real imag conj nonzero unique measure "
    "text host call cond while loop print check act".split()
)  # every implementation gives the same bits
SUMS = frozenset({"reduce", "cumulate", "scatter"})
_COMPLEX = frozenset({"add", "sub", "mul", "div", "abs", "sqrt", "fma", "sign"})  # exact for real operands only
ORDERED = frozenset({"max", "min", "all", "any", "set"})  # kinds of SUMS that round nothing


def rounds(node: Node) -> bool:
    """True if implementations may differ in the last bits of what ``node`` answers."""
    if node.op in SUMS:
        return node.attr("kind") not in ORDERED
    if node.op in _COMPLEX:
        return any(getattr(x.type, "dtype", dt.b1).is_complex for x in node.inputs)
    return node.op not in EXACT


def shaken(array, random) -> np.ndarray:
    """Rounding noise on inexact elements: for some by their own magnitude, for some by the largest one."""
    if isinstance(array, tuple):
        return tuple([shaken(a, random) for a in array])
    epsilon = EPSILON.get(dt.as_dtype(array.dtype)) if array.dtype != object else None
    if epsilon is None or not array.size:
        return array
    wide = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    steps = random.integers(-1, 2, array.shape) * (epsilon * (ULPS if epsilon < 1e-4 else 2))
    return (wide * (1 + steps)).astype(array.dtype)


class NoisyBody:
    """A graph in an attribute as what control rows call, with noise inside."""

    def __init__(self, graph: Graph, symbols: dict, random):
        self.graph, self.symbols, self.random = graph, symbols, random

    @property
    def outputs(self) -> list:
        return [(concrete(y.type, self.symbols).shape, y.dtype) for y in self.graph.outputs]

    def __call__(self, *arrays):
        env = {x: np.asarray(a) for x, a in zip(self.graph.inputs, arrays)}
        for node in toposort(self.graph.roots, env):
            env[node] = noisy_value(node, [env[x] for x in node.inputs], self.symbols, self.random)
        return tuple([env[y] for y in self.graph.outputs])


def noisy_value(node: Node, arrays: list, symbols: dict, random):
    """The value of one Node from (noisy) values of its operands, shaken if the Node rounds."""
    bodies = any(isinstance(v, Graph) for _, v in node.attrs)
    if bodies:
        attrs = {
            k: NoisyBody(v, symbols, random) if isinstance(v, Graph) else concrete(v, symbols) for k, v in node.attrs
        }
        value = TABLE[node.op].numpy(*arrays, **attrs)
        value = tuple(map(np.asarray, value)) if isinstance(value, tuple) else np.asarray(value)
    else:
        value = value_of(node, arrays, symbols)
    return shaken(value, random) if rounds(node) else value


def has_noise(node: Node, operands: bool, memo: dict) -> bool:
    """Does noise reach the answer of ``node``, given whether it reached its operands?"""
    if operands or rounds(node):
        return True
    return any(_body_rounds(v, memo) for _, v in node.attrs if isinstance(v, Graph))


def _body_rounds(graph: Graph, memo: dict) -> bool:
    if graph not in memo:
        memo[graph] = any(has_noise(n, False, memo) for n in graph.nodes)
    return memo[graph]


def distance(value, shadow) -> float:
    """How far an inexact value was moved; infinity where a discrete one, a shape, or what is finite was changed."""
    if isinstance(value, tuple):
        return max([distance(a, b) for a, b in zip(value, shadow)], default=0.0)
    if value.shape != shadow.shape:
        return float("inf")
    if value.dtype == object or value.dtype.kind in "biu":
        return 0.0 if np.array_equal(value, shadow) else float("inf")
    if not value.size:
        return 0.0
    wide = np.complex128 if value.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        a, b = value.astype(wide), shadow.astype(wide)
        far = np.where((a == b) | ((a != a) & (b != b)), 0.0, np.abs(a - b)).max()
    return float(far) if far == far else float("inf")


def epsilon_of(node: Node) -> float:
    """The unit of rounding of a Node's type; 0 for discrete ones."""
    return max([EPSILON.get(t.dtype, 0.0) for t in getattr(node.type, "items", (node.type,))], default=0.0)


def tolerances(graph: Graph, arrays, seed: int = 0) -> tuple:
    """How far each output may be away for these arrays; 0 where every bit is defined."""
    random, memo = np.random.default_rng(seed), {}
    symbols = bind_symbols(graph.inputs, arrays)
    values, noisy = dict(zip(graph.inputs, arrays)), dict.fromkeys(graph.inputs, False)
    shadows = [dict(values) for _ in range(SHADOWS)]
    their = [dict(symbols) for _ in range(SHADOWS)]
    with np.errstate(all="ignore"):
        for node in toposort(graph.roots, values):
            values[node] = value_of(node, [values[x] for x in node.inputs], symbols)
            noisy[node] = has_noise(node, any(noisy[x] for x in node.inputs), memo)
            for shadow, sizes in zip(shadows, their):
                operands = [shadow[x] for x in node.inputs]
                shadow[node] = noisy_value(node, operands, sizes, random) if noisy[node] else values[node]
                if not noisy[node]:
                    sizes.update(symbols)
    return tuple([_allowed(y, values[y], [s[y] for s in shadows]) if noisy[y] else 0.0 for y in graph.outputs])


def _allowed(node: Node, value, shadows) -> float:
    return allowed(node, magnitude(value), max(distance(value, s) for s in shadows))


def allowed(node: Node, scale: float, far: float) -> float:
    """The tolerance of a value that noise has moved by ``far``."""
    return FACTOR * far + 8 * epsilon_of(node) * max(scale, 2.0**-20)


def magnitude(value) -> float:
    """The largest magnitude of inexact elements that are finite."""
    if isinstance(value, tuple):
        return max(map(magnitude, value), default=0.0)
    if value.dtype == object or value.dtype.kind in "biu" or not value.size:
        return 0.0
    wide = np.abs(value.astype(np.complex128))
    return float(np.max(wide, where=np.isfinite(wide), initial=0.0))
