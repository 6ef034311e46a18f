"""One operator as a model: compiled, interpreted, compared with ONNX Runtime, its gradients checked."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_models import model, node

import graphc
from graphc.autodiff.check import check_gradients
from graphc.onnx.values import ELEMENTS
from graphc.prims.interpret import interpret

NAMES = {e.numpy: e.name for e in ELEMENTS.values()}


def operator_model(op: str, arrays, outputs: int = 1, opset: int = 18, constants=(), symbolic: bool = False,
                   **attributes):  # fmt: skip
    """A model of one operator on arrays (None for an input that is left out), and what it is fed with.

    Args:
        constants: numbers of the inputs that are initialisers.
        symbolic: whether sizes of the others, but 1, are unknown.
    """
    names = [f"x{k}" if a is not None else "_" for k, a in enumerate(arrays)]
    fed, initialisers, inputs = {}, {}, []
    for k, (name, array) in enumerate(zip(names, arrays)):
        if array is None:
            continue
        array = np.asarray(array)
        if k in constants:
            initialisers[name] = array
            continue
        sizes = [f"n{k}_{a}" if symbolic and n != 1 else n for a, n in enumerate(array.shape)]
        inputs.append(f"{name}: {NAMES[array.dtype]}[{', '.join(map(str, sizes))}]")
        fed[name] = array
    results = [f"y{k}" for k in range(outputs)]
    one = node(op, " ".join(names), " ".join(results), **attributes)
    return model([one], inputs, results, initialisers, opset), fed


def interpreted(made, fed: dict) -> list:
    """The results of a model by the definitions of its primitives."""
    traced = graphc.onnx.load(made).trace(fed)
    return list(interpret(traced.graph, *[fed[name] for name in traced.fed]))


def run(op: str, *arrays, compiled: bool = True, **setting):
    """The results of one operator, compiled for sizes that are not known; the result itself if there is one.

    The interpreter must answer the same for sizes that are known.

    Args:
        compiled: False to interpret what is traced for unknown sizes too: for one more form of what another call compiles.
    """
    expected = interpreted(*operator_model(op, arrays, **setting))
    made, fed = operator_model(op, arrays, symbolic=True, **setting)
    found = graphc.onnx.load(made).run(fed) if compiled else interpreted(made, fed)
    for a, b in zip(found, expected):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        if a.dtype.kind == "f":
            np.testing.assert_allclose(a, b, 1e-2 if a.dtype.itemsize == 2 else 1e-4, 1e-5)
        else:
            np.testing.assert_array_equal(a, b)
    return found if setting.get("outputs", 1) > 1 else found[0]


def beside_ort(op: str, *arrays, rtol: float = 1e-4, atol: float = 1e-5, compiled: bool = True, **setting) -> None:
    """Compare results with those of ONNX Runtime."""
    runtime = pytest.importorskip("onnxruntime")
    runtime.set_default_logger_severity(4)
    made, fed = operator_model(op, arrays, **setting)
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    found = run(op, *arrays, compiled=compiled, **setting)
    for a, b in zip(found if isinstance(found, list) else [found], session.run(None, fed)):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol, atol)


def check_slopes(op: str, *arrays, **setting) -> None:
    """Compare gradients with finite differences."""
    made, fed = operator_model(op, arrays, **setting)
    traced = graphc.onnx.load(made).trace(fed)
    check_gradients(traced.graph, [fed[name] for name in traced.fed], modes=("reverse",), samples=8)
