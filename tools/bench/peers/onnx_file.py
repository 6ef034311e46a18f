"""A workload as an ONNX file."""

from __future__ import annotations

import onnx
from onnx import helper

from ..workload import Workload, as_tuple
from . import onnx_model, onnx_quantised

OPSET, IR_VERSION = 21, 10


def write(workload: Workload, path: str, fused_attention: bool) -> None:
    """Put the model into a file.

    Raises:
        NotImplementedError: the workload wants a gradient.
    """
    if workload.gradient or workload.training:
        raise NotImplementedError("no gradients")
    inputs, weights = workload.data()
    ops = onnx_quantised.Ops(False) if workload.quantised else onnx_model.Ops(fused_attention)
    given = []
    for k, a in enumerate(inputs):
        shape = [a.shape[d] for d in (0, 3, 1, 2)] if a.ndim == 4 else list(a.shape)
        given.append(helper.make_tensor_value_info(f"x{k}", helper.np_dtype_to_tensor_dtype(a.dtype), shape))
    if workload.quantised:
        values = [onnx_quantised.Value(ops, f"x{k}", a.ndim, a) for k, a in enumerate(inputs)]
    else:
        values = [onnx_model.Value(ops, f"x{k}", a.ndim) for k, a in enumerate(inputs)]
    results = as_tuple(workload.program(ops, values, {k: w.array for k, w in weights.items()}))
    outputs = [helper.make_tensor_value_info(r.name, r.type, [None] * r.rank) for r in results]
    graph = helper.make_graph(ops.nodes, workload.name, given, outputs, ops.initializers)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(onnx_model.OURS, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION), path)
