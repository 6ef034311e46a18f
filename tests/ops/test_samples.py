"""Every sample line: TensorFlow's value, the same compiled and interpreted, gradients, symbolic sizes."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import pytest

import graphc as tf
from graphc import errors
from graphc.api.eager import EAGER
from graphc.api.recorder import RECORDERS
from graphc.autodiff.check import check_gradients
from graphc.compile import compile_graph
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, close
from graphc.prims.interpret import interpret
from tests.e2e.test_rows_compiled import merged, per_sample
from tests.ops import expected_values
from tests.ops.sampling import Operands, leaves, lines
from tests.ops.tracing import traced

pytestmark = pytest.mark.filterwarnings("ignore::graphc.errors.GraphcWarning")  # every sample has another shape
LINES = lines()
GROUP = 16  # lines of one program, as making programs takes the time; those that do not go together go alone
RELATIVE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-5, "float64": 1e-9, "complex64": 5e-5, "complex128": 1e-9}


def recorded(line) -> list:
    """The tensors of a sample, recorded by eager evaluation and not computed yet."""
    tf.random.set_seed(1)
    with RECORDERS.entering(EAGER):  # also what tf.compat.v1 has
        result = eval(line.text, {"tf": tf, **Operands(line.text).scope()})
    return [tf.convert_to_tensor(x) for x in leaves(result)]


def grouped(some: list) -> dict:
    """The group of each line."""
    return {line: k // GROUP for k, line in enumerate(some)}


GROUPS = grouped(LINES)


@lru_cache(maxsize=2)
def computed(group: int) -> dict:
    """The tensors of the lines of a group, computed by one program where that can be."""
    found = {}
    for line in [x for x in GROUPS if GROUPS[x] == group]:
        try:
            found[line] = recorded(line)
        except Exception:  # the line's own test meets it again
            continue
    values = [t.record for tensors in found.values() for t in tensors]
    try:
        EAGER._compute(list(dict.fromkeys(values)))
    except Exception:  # each is computed when its own test asks for it
        return found
    return found


def evaluated(line) -> list[np.ndarray]:
    """The tensors of a sample, computed eagerly: compiled code."""
    tensors = computed(GROUPS[line]).get(line)
    return [_array(t) for t in (recorded(line) if tensors is None else tensors)]


def _array(tensor) -> np.ndarray:
    """The value; strings stay objects, so that NumPy does not strip their zero bytes."""
    value = tensor.numpy()
    return np.asarray(value, dtype=object if isinstance(value, bytes) else None)


def assert_close(found: np.ndarray, wanted: np.ndarray, tolerance: float | None, what: str):
    kind = str(wanted.dtype)
    if wanted.dtype.kind in "biuOSU":
        assert found.tolist() == wanted.tolist(), what
        return
    if kind in ("float16", "bfloat16"):
        found, wanted = found.astype(np.float32), wanted.astype(np.float32)
    relative = tolerance or RELATIVE[kind]
    np.testing.assert_allclose(found, wanted, rtol=relative, atol=relative, err_msg=what)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_value_is_tensorflows(line):
    found = evaluated(line)
    if "norecord" in line.flags:
        assert all(isinstance(a, np.ndarray) for a in found)
        return
    wanted = expected_values.read_once(line.topic).get(line.text)
    assert wanted is not None, "no recorded value: run tools/record_tensorflow.py, or flag the line norecord"
    assert [(str(a.dtype) if a.dtype.kind not in "OSU" else "string", list(a.shape)) for a in found] == [
        (e["dtype"], e["shape"]) for e in wanted
    ]
    for array, entry in zip(found, wanted):
        assert_close(expected_values.picked(array), expected_values.values_of(entry), line.flags.get("tol"), line.text)


def floats(line) -> bool:
    """Whether the line has floating operands."""
    return bool(re.search(r"\b(f16|bf16|f32|f64|c64|c128)\(", line.text))


def real_slopes(line) -> bool:
    """Whether real numbers come out of real operands, so that finite differences say something."""
    if "nograd" in line.flags or not re.search(r"\b(f32|f64)\(", line.text) or re.search(r"\bc(64|128)\(", line.text):
        return False
    recorded = expected_values.read_once(line.topic).get(line.text)
    return recorded is None or any(e["dtype"] in ("float32", "float64") for e in recorded)


SYMBOLIC = grouped([x for x in LINES if "static" not in x.flags and floats(x)])


@lru_cache(maxsize=2)
def compiled(group: int) -> dict:
    """What one compiled program answers for the lines of a group; lines with sizes that only a run knows go alone."""
    made = {}
    for line in [x for x in SYMBOLIC if SYMBOLIC[x] == group]:
        graph, arrays = traced(line, True, False, tf)
        if graph.inputs and graph.outputs and not close(graph).measures:
            made[line] = graph, arrays
    graphs = [graph for graph, _ in made.values()]
    try:
        found = compile_graph(merged(graphs))(*[a for _, arrays in made.values() for a in arrays])
    except Exception:  # the line's own test meets it again
        return {}
    return dict(zip(made, per_sample([graph.outputs for graph in graphs], found)))


@pytest.mark.parametrize("line", list(SYMBOLIC), ids=lambda line: line.id)
def test_symbolic_sizes_compile_to_the_same(line):
    graph, arrays = traced(line, True, False, tf)
    if not graph.inputs or not graph.outputs:
        pytest.skip("its operands decide sizes only")
    wanted = interpret(graph, *arrays)
    found = compiled(SYMBOLIC[line]).get(line) or compile_graph(graph)(*arrays)
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        assert_close(np.asarray(a), np.asarray(b), line.flags.get("tol"), line.text)


@pytest.mark.parametrize("line", [x for x in LINES if real_slopes(x)], ids=lambda line: line.id)
def test_gradients_are_the_slopes(line):
    graph, arrays = traced(line, False, True, tf)
    if any(y.dtype is dt.f32 for y in graph.outputs):  # the operation itself works in single precision
        graph, arrays = traced(line, False, False, tf)
    outputs = tuple(y for y in graph.outputs if y.dtype.is_float)
    if not outputs or not graph.inputs:
        pytest.skip("its operands decide sizes only")
    check_gradients(Graph(graph.name, graph.inputs, outputs), arrays, samples=12)


REFUSALS = [(line, *re.split(r"\s+=>\s+", line.text)) for line in lines("refusals")]


@pytest.mark.parametrize("line, expression, wanted", REFUSALS, ids=lambda x: getattr(x, "id", ""))
def test_bad_operands_are_refused_before_anything_is_compiled(line, expression, wanted, monkeypatch):
    monkeypatch.setattr("graphc.api.eager.compile_graph", lambda *given: pytest.fail("compiled"))
    kind, _, words = wanted.partition(":")
    with pytest.raises(getattr(errors, kind)) as caught:
        eval(expression, {"tf": tf, **Operands(expression).scope()})
    assert words.strip() in str(caught.value)
    assert "at <string>:1" in str(caught.value) or "at " in str(caught.value)
