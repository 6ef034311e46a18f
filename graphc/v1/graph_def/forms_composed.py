"""How operations that TensorFlow builds of several nodes look as these."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from graphc.ir import dtype as dt
from graphc.v1.graph_def.writer import Writer, ref
from graphc.v1.tensor import Tensor


def _axes(w: Writer, axis, rank: int | None) -> str | None:
    """Axes as a constant; None where they are not known."""
    if isinstance(axis, Tensor) or (axis is None and rank is None):
        return None
    return w.const("axis", list(range(rank)) if axis is None else [int(v) for v in np.atleast_1d(axis)], dt.i32)


def _lookup(w: Writer, a: Mapping):
    params = a["params"] if isinstance(a["params"], list) else [a["params"]]
    if len(params) != 1 or a.get("max_norm") is not None:
        return False
    ids = a["ids"]
    w.node("GatherV2", [ref(params[0]), ref(ids), w.const("axis", 0, dt.i32)], Tparams=params[0].dtype,
           Tindices=ids.dtype, Taxis=dt.i32, batch_dims=0)  # fmt: skip


def _affine(w: Writer, a: Mapping):
    """``x @ weights + biases``, and relu of it."""
    x, kind = a["x"], {"T": a["x"].dtype}
    product = w.node("MatMul", [ref(x), ref(a["weights"])], "MatMul", **kind)
    added = w.node("BiasAdd", [product, ref(a["biases"])], "BiasAdd" if w.op.type == "relu_layer" else None, **kind)
    if w.op.type == "relu_layer":
        w.node("Relu", [added], **kind)


def _swish(w: Writer, a: Mapping):
    x, beta = a["features"], a.get("beta", 1.0)
    kind = {"T": x.dtype}
    inner = ref(x)
    if isinstance(beta, Tensor) or beta != 1.0:
        inner = w.node("Mul", [w.given(beta, "beta", x.dtype), inner], "mul_1", **kind)
    w.node("Mul", [ref(x), w.node("Sigmoid", [inner], "Sigmoid", **kind)], **kind)


def _normalized(w: Writer, a: Mapping):
    """x * rsqrt(max(sum of squares, epsilon))."""
    x, epsilon = a["x"], a.get("epsilon", 1e-12)
    kind, axes = {"T": x.dtype}, _axes(w, a.get("axis"), x.shape.ndims)
    if axes is None or not x.dtype.is_float:
        return False
    total = w.node(
        "Sum", [w.node("Square", [ref(x)], "Square", **kind), axes], "Sum", keep_dims=True, Tidx=dt.i32, **kind
    )
    least = w.node("Maximum", [total, w.given(epsilon, "Maximum/y", x.dtype)], "Maximum", **kind)
    w.node("Mul", [ref(x), w.node("Rsqrt", [least], "Rsqrt", **kind)], **kind)


def _log_sum_exp(w: Writer, a: Mapping):
    """log(sum(exp(x - m))) + m with the largest element m where it is finite."""
    x = a["input_tensor"]
    kind, axes = {"T": x.dtype}, _axes(w, a.get("axis"), x.shape.ndims)
    if axes is None:
        return False
    largest = w.node("Max", [ref(x), axes], "Max", keep_dims=True, Tidx=dt.i32, **kind)
    known = w.node("IsFinite", [largest], "IsFinite", **kind)
    zero = w.node("ZerosLike", [largest], "zeros_like", **kind)
    shift = w.node("SelectV2", [known, largest, zero], "SelectV2", **kind)
    powers = w.node("Exp", [w.node("Sub", [ref(x), shift], "Sub", **kind)], "Exp", **kind)
    total = w.node("Sum", [powers, axes], "Sum", keep_dims=True, Tidx=dt.i32, **kind)
    logs = w.node("AddV2", [w.node("Log", [total], "Log", **kind), shift], "add", **kind)
    w.node("Sum", [logs, axes], keep_dims=bool(a.get("keepdims")), Tidx=dt.i32, **kind)  # of one element each


def _spread(w: Writer, a: Mapping):
    """Variance, and its root."""
    x = a["input_tensor"]
    kind, axes = {"T": x.dtype}, _axes(w, a.get("axis"), x.shape.ndims)
    if axes is None or not x.dtype.is_float:
        return False
    mean = w.node("Mean", [ref(x), axes], "Mean", keep_dims=True, Tidx=dt.i32, **kind)
    square = w.node("SquaredDifference", [ref(x), mean], "SquaredDifference", **kind)
    is_root = w.op.type == "Std"
    spread = w.node("Mean", [square, axes], "Variance" if is_root else None, keep_dims=bool(a.get("keepdims")),
                    Tidx=dt.i32, **kind)  # fmt: skip
    if is_root:
        w.node("Sqrt", [spread], **kind)


COMPOSED_FORMS: dict[str, Callable] = {
    "embedding_lookup": _lookup, "xw_plus_b": _affine, "relu_layer": _affine, "Swish": _swish,
    "L2Normalize": _normalized, "LogSumExp": _log_sum_exp, "Variance": _spread, "Std": _spread,
}  # fmt: skip
