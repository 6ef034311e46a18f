"""Every row of the table against its samples: types, NumPy meaning, gradients, index maps."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graphc import prims
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.ir.node import INDEX, const, symbol, var
from graphc.prims.interpret import interpret
from graphc.prims.pullback import fresh_inputs, pullback
from graphc.prims.random import philox
from graphc.prims.table import TABLE

from samples import FLAT, SAMPLES

NO_SLOPE = {"item", "stop", "while", "eig", "python", *FLAT}  # their differences say nothing here (eig: phases)


def ids(samples):
    seen = {}
    return [f"{s.id}-{seen.setdefault(s.id, []).append(0) or len(seen[s.id])}" for s in samples]


def each(condition):
    chosen = [s for s in SAMPLES if condition(s)]
    return pytest.mark.parametrize("sample", chosen, ids=ids(chosen))


def close(a, b, ulp: float, scale=1.0):
    """Equal up to some units in the last place; NaN equals NaN."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind not in "fV" and a.dtype != dt.bf16.numpy:
        return np.array_equal(a, b)
    eps = {2: 2.0**-10, 4: 2.0**-23, 8: 2.0**-52}[a.dtype.itemsize] if a.dtype != dt.bf16.numpy else 2.0**-7
    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.allclose(a, b, rtol=ulp * eps, atol=ulp * eps * scale, equal_nan=True)


def test_every_row_has_samples():
    sampled = {s.op for s in SAMPLES}
    # Host rows without a gradient (strings, effects, sizes) are tested by tests/ops, tests/api and test_host_steps.
    elsewhere = {name for name, row in TABLE.items() if not row.native and row.vjp is None}
    missing = set(TABLE) - sampled - elsewhere - {"item", "python"}  # callbacks: tests/api/test_callbacks.py
    assert not missing
    smooth = {s.op for s in SAMPLES if s.smooth}
    assert not {name for name, row in TABLE.items() if row.vjp} - smooth - NO_SLOPE


@each(lambda s: True)
def test_type_is_that_of_the_value(sample):
    graph = sample.graph()
    values = interpret(graph, *sample.arrays)  # raises where the declared dtype or shape differs
    assert [v.shape for v in values] == [y.shape for y in graph.outputs]


@each(lambda s: s.expected is not None)
def test_numpy_meaning(sample):
    values = interpret(sample.graph(), *sample.arrays)
    expected = sample.expected if isinstance(sample.expected, tuple) else (sample.expected,)
    for value, right in zip(values, expected):
        assert close(value, right, sample.ulp), (value, right)


@each(lambda s: s.unique)
def test_symbolic_sizes(sample):
    graph = sample.graph(symbolic=True)
    if graph is None:
        assert sample.symbolic is None
        return
    for value, right in zip(interpret(graph, *sample.arrays), interpret(sample.graph(), *sample.arrays)):
        assert close(value, right, 0)


# -------------------------------------------------------------------------------------------- gradients


class Slopes:
    """A sample as a scalar function: its outputs weighted and added up, with its first and second gradient graphs."""

    def __init__(self, sample, seed: int = 1):
        random = np.random.default_rng(seed)
        graph, arrays = sample.graph(), sample.arrays
        self.graph, self.arrays = graph, arrays
        self.weights = [random.uniform(0.5, 1.5, v.shape) for v in interpret(graph, *arrays)]
        self.wrt = [k for k, x in enumerate(graph.inputs) if x.dtype.is_inexact]
        self.directions = [self._direction(random, arrays[k]) for k in self.wrt]
        if sample.symmetric:
            self.directions = [d + np.swapaxes(d, -1, -2) for d in self.directions]
        inputs = [graph.inputs[k] for k in self.wrt]
        outputs = [y for y in graph.outputs if y.dtype.is_inexact]
        self.first = self._back(outputs, [w for w, y in zip(self.weights, graph.outputs) if y.dtype.is_inexact], inputs)
        self.slope = self._slope(self.first, self.directions)

    @staticmethod
    def _direction(random, array):
        real = random.uniform(-1, 1, array.shape)
        return real + 1j * random.uniform(-1, 1, array.shape) if array.dtype.kind == "c" else real

    @staticmethod
    def _back(outputs, weights, inputs):
        return pullback(outputs, [const(w, y.type) for w, y in zip(weights, outputs)], inputs)

    @staticmethod
    def _slope(gradients, directions):
        total = const(0.0, prims.const(0.0).type)
        for g, d in zip(gradients, directions):
            if g is not None:
                part = g * const(np.conj(d), g.type)
                part = prims.real(part) if part.dtype.is_complex else part
                total = total + prims.reduce(part, "sum", tuple(range(part.type.rank)))
        return total

    def moved(self, step):
        arrays = list(self.arrays)
        for k, d in zip(self.wrt, self.directions):
            arrays[k] = arrays[k] + step * d
        return arrays

    def value(self, arrays):
        values = interpret(self.graph, *arrays)
        terms = zip(self.weights, values, self.graph.outputs)
        return sum((w * v).sum().real for w, v, y in terms if y.dtype.is_inexact)

    def run(self, node, arrays):
        return interpret(Graph("slope", self.graph.inputs, (node,)), *arrays)[0]


def difference(function, slopes, step=1e-5):
    """Five-point finite difference along the direction."""
    f = [function(slopes.moved(k * step)) for k in (-2, -1, 1, 2)]
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * step)


@each(lambda s: s.smooth)
def test_gradient(sample):
    slopes = Slopes(sample)
    expected = difference(slopes.value, slopes)
    np.testing.assert_allclose(slopes.run(slopes.slope, sample.arrays), expected, rtol=1e-6, atol=1e-8)


@each(lambda s: s.smooth)
def test_second_gradient(sample):
    slopes = Slopes(sample)
    inputs = [slopes.graph.inputs[k] for k in slopes.wrt]
    second = pullback([slopes.slope], [const(1.0, slopes.slope.type)], inputs)
    expected = difference(lambda arrays: slopes.run(slopes.slope, arrays), slopes, 1e-4)
    actual = slopes.run(slopes._slope(second, slopes.directions), sample.arrays)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7)


@each(lambda s: s.smooth)
def test_gradient_with_symbolic_sizes(sample):
    graphs = sample.graph(), sample.graph(symbolic=True)
    if graphs[1] is None or sample.op == "qr":  # which needs to know the longer side
        return
    found = []
    for graph in graphs:
        outputs = [y for y in graph.outputs if y.dtype.is_inexact]
        seeds = fresh_inputs([y.type for y in outputs], graph.inputs, "g")
        wrt = [x for x in graph.inputs if x.dtype.is_inexact]
        all_gradients = pullback(outputs, seeds, wrt)
        assert all(g is None or g.type == x.type for g, x in zip(all_gradients, wrt))
        gradients = [g for g in all_gradients if g is not None]
        values = interpret(graph, *sample.arrays)
        weights = [np.ones(v.shape, v.dtype) for v, y in zip(values, graph.outputs) if y.dtype.is_inexact]
        found.append(interpret(Graph("back", graph.inputs + seeds, tuple(gradients)), *sample.arrays, *weights))
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


# ------------------------------------------------------------------------------------------- index maps


def at_all_points(node, env: dict):
    """The values of an index expression at many points at once: {var: array}."""
    if node not in env:
        if node.op == "const":
            return node.attr("value").array
        env[node] = TABLE[node.op].numpy(*[at_all_points(x, env) for x in node.inputs])
    return env[node]


@each(lambda s: TABLE[s.op].index is not None)
@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
def test_index_map(sample, symbolic):
    graph = sample.graph(symbolic)
    if graph is None:
        return
    (node,) = graph.outputs
    if node.op != sample.op:
        return
    (value,) = interpret(graph, *sample.arrays)
    index = tuple([var(f"i{k}", INDEX, n) for k, n in enumerate(value.shape)])
    row = TABLE[sample.op]
    pieces = row.index(index, node.type, *[x.type for x in node.inputs], **dict(node.attrs))
    n = symbol("n")
    points = np.indices(value.shape).reshape(len(index), value.size) if index else np.zeros((0, 1), np.int64)
    env = {**dict(zip(index, points)), n: np.int64(sample.arrays[0].shape[0] if sample.arrays[0].ndim else 0)}
    filled, result = np.zeros(value.size, bool), np.zeros(value.size, value.dtype)
    for piece in pieces:
        alone = np.broadcast_to(True if piece.guard is None else at_all_points(piece.guard, env), value.size)
        places = [np.broadcast_to(at_all_points(i, env), value.size) for i in piece.index]
        source = sample.arrays[piece.input]
        inside = [(w[alone] >= 0).all() and (w[alone] < size).all() for w, size in zip(places, source.shape)]
        assert all(inside), "a guard alone must keep reads inside of the operand"
        holds = ~filled & alone
        where = [w[holds] for w in places]
        result[holds] = source[tuple(where)] if where else source[()]
        filled |= holds
    assert filled.all()
    np.testing.assert_array_equal(result.reshape(value.shape), value)


def test_philox_known_answer():
    ones = np.array(0xFFFFFFFF, np.uint64)
    words = philox((ones,) * 4, (ones,) * 2)
    assert [int(w) for w in words] == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


def test_every_row_is_there_as_soon_as_the_table_is():
    """A program that is loaded from a file finds the meaning of its host steps without the library."""
    code = "import sys, graphc.prims; print(*[m for m in sys.modules if m.startswith('graphc.prims.')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    folder = Path(prims.__file__).parent
    declaring = {p.stem for p in folder.glob("*.py") if re.search(r"^\s*(\w+ = )?(declare|register_callback)\(", p.read_text(), re.M)}
    assert declaring <= {name.rpartition(".")[2] for name in loaded} | {"table", "host"}
