"""Exported models in ONNX Runtime (or the reference, where that has no kernel), beside the interpreter."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnx.checker
import onnxruntime
from onnx.reference import ReferenceEvaluator

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, close, input_node, substitute
from graphc.onnx.export import export
from graphc.onnx.export.source import source_of
from graphc.prims.interpret import interpret
from graphc.prims.table import apply

onnxruntime.set_default_logger_severity(4)
_EPSILON = {"float16": 4e-3, "float32": 1e-5, "float64": 1e-10}
_TINY = {"float16": 1e-3, "float32": 2e-6, "float64": 1e-12}


def checked(model):
    """The onnx package's form of an exported model, which its checker holds with."""
    found = onnx.load_model_from_string(model.SerializeToString())
    onnx.checker.check_model(found, full_check=True)
    return found


def session(model):
    """ONNX Runtime's session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def answers(model, arrays) -> list:
    """What ONNX Runtime answers; the reference, where that lacks a kernel."""
    whole = checked(model)
    names = [i.name for i in whole.graph.input]
    feeds = dict(zip(names, [np.asarray(a) for a in arrays]))
    try:
        return session(model).run(None, feeds)
    except Exception as error:
        if "NOT_IMPLEMENTED" not in str(error):
            raise
        return [np.asarray(a) for a in ReferenceEvaluator(whole).run(None, feeds)]


def operators(model) -> Counter:
    """How often each operator occurs, in the graph and in those inside it."""
    found, stack = Counter(), [model.graph]
    while stack:
        for node in stack.pop().node:
            found[node.op_type] += 1
            stack.extend(a.g for a in node.attribute if a.HasField("g"))
    return found


def differs(a, b, epsilon: float | None = None) -> str | None:
    """How one array is another one than the other; None where they are equal within rounding."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or (a.dtype != b.dtype and b.dtype != object):
        return f"{a.dtype}{list(a.shape)} is not {b.dtype}{list(b.shape)}"
    if b.dtype.kind not in "f":
        if b.dtype == object:
            a, b = ([s.decode() if isinstance(s, bytes) else s for s in v.reshape(-1).tolist()] for v in (a, b))
            return None if a == b else f"{a} is not {b}"
        wrong = a != b
        return f"{a[wrong][:4]} is not {b[wrong][:4]}" if wrong.any() else None
    scale = epsilon or _EPSILON[str(b.dtype)]
    tiny = max(_TINY[str(b.dtype)], epsilon or 0)
    x, y = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(all="ignore"):
        right = (np.isnan(x) & np.isnan(y)) | (x == y) | (np.abs(x - y) <= tiny + scale * np.abs(y))
    return None if right.all() else f"{x[~right][:4]} is not {y[~right][:4]}"


def meaning(subject, arrays, inputs=None) -> list:
    """What the interpreter answers for a function or Graph."""
    source = source_of(subject, inputs)
    inside = (*[x for x, _ in source.inputs], *source.values)
    graph = close(Graph("meaning", inside, tuple(y for y, _ in source.outputs)))
    arrays = [_bytes(a) if a.dtype == object else a for a in map(np.asarray, arrays)]
    with np.errstate(all="ignore"):
        return list(interpret(graph, *arrays, *[a for _, a in source.values.values()]))


def expect_same(subject, arrays, inputs=None, epsilon: float | None = None, **options):
    """Export, run, and compare with the interpreter; the model."""
    model = export(subject, inputs=inputs, **options)
    for k, (a, b) in enumerate(zip(answers(model, arrays), meaning(subject, arrays, inputs), strict=True)):
        assert (wrong := differs(a, b, epsilon)) is None, f"output {k}: {wrong}"
    return model


def _bytes(array):
    found = np.empty(array.shape, object)
    found.reshape(-1)[:] = [s.encode() for s in array.reshape(-1)]
    return found


def without_bfloat16(graph: Graph) -> Graph:
    """The graph with float32 in the place of bfloat16 inputs and outputs, which arrays of ONNX Runtime cannot hold."""
    if all(x.dtype is not dt.bf16 for x in (*graph.inputs, *graph.outputs)):
        return graph
    inputs = [input_node(x.attr("name"), x.type.with_dtype(dt.f32)) if x.dtype is dt.bf16 else x for x in graph.inputs]
    given = {x: apply("cast", n, dtype=dt.bf16) for x, n in zip(graph.inputs, inputs) if n is not x}
    outputs = substitute(graph.outputs, given)
    outputs = [apply("cast", y, dtype=dt.f32) if y.dtype is dt.bf16 else y for y in outputs]
    return Graph(graph.name, tuple(inputs), tuple(outputs))
