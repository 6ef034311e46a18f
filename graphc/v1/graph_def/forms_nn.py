"""How products, convolutions, pooling, normalizations, losses and random numbers look as TensorFlow's nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from graphc.ir import dtype as dt
from graphc.v1.graph_def.writer import Writer, ref
from graphc.v1.tensor import Tensor


def _matmul(w: Writer, a: Mapping):
    x, y = w.op.operands
    kind = w.op.outputs[0].dtype
    if x.dtype is not kind or y.dtype is not kind or None in (x.shape.ndims, y.shape.ndims):
        return False
    turned = {k: bool(a.get(k)) for k in ("transpose_a", "transpose_b", "adjoint_a", "adjoint_b")}
    if kind.is_complex and (turned["transpose_a"] or turned["transpose_b"]):
        return False
    first, second = turned["transpose_a"] or turned["adjoint_a"], turned["transpose_b"] or turned["adjoint_b"]
    names = [ref(x), ref(y)]
    if x.shape.ndims == y.shape.ndims == 2 and not kind.is_complex:
        w.node("MatMul", names, T=kind, transpose_a=first, transpose_b=second)
    else:
        w.node("BatchMatMulV2", names, T=kind, adj_x=first, adj_y=second)


def _every_axis(value, data_format: str, count: int) -> list[int]:
    """Sizes for every axis of a window, of those for the spatial ones, or of one number."""
    given = [1] * count if value is None else [int(v) for v in np.atleast_1d(value)]
    if len(given) == count + 2:
        return given
    if len(given) == 1:
        given = given * count
    return [1, *given, 1] if data_format[-1] == "C" else [1, 1, *given]


def _padding(a: Mapping, data_format: str) -> dict:
    """The attributes of a padding: a word, or pairs for every axis."""
    padding = a["padding"]
    if isinstance(padding, str):
        return {"padding": padding.upper()}
    pairs = [[int(v) for v in pair] for pair in padding]
    if len(pairs) == 2:
        pairs = [[0, 0], *pairs, [0, 0]] if data_format[-1] == "C" else [[0, 0], [0, 0], *pairs]
    return {"padding": "EXPLICIT", "explicit_paddings": [v for pair in pairs for v in pair]}


def _conv(count: int, default: str, kind: str | None = None) -> Callable:
    def form(w: Writer, a: Mapping):
        x, filters = w.op.operands[:2]
        data_format = a.get("data_format") or default
        w.node(kind or w.op.type, [ref(x), ref(filters)], T=x.dtype, data_format=data_format,
               strides=_every_axis(a["strides"], data_format, count),
               dilations=_every_axis(a.get("dilations"), data_format, count), **_padding(a, data_format))  # fmt: skip

    return form


def _conv_transpose(w: Writer, a: Mapping):
    x, filters = a["input"], a["filters"]
    data_format = a.get("data_format") or "NHWC"
    sizes = w.given(a["output_shape"], "input_sizes", dt.i32)
    w.node("Conv2DBackpropInput", [sizes, ref(filters), ref(x)], T=x.dtype, data_format=data_format,
           strides=_every_axis(a["strides"], data_format, 2),
           dilations=_every_axis(a.get("dilations"), data_format, 2), **_padding(a, data_format))  # fmt: skip


def _pool(count: int, default: str) -> Callable:
    def form(w: Writer, a: Mapping):
        x = w.op.operands[0]
        data_format = a.get("data_format") or default
        w.node(w.op.type, [ref(x)], T=x.dtype, data_format=data_format,
               ksize=_every_axis(a["ksize"], data_format, count), strides=_every_axis(a["strides"], data_format, count),
               **_padding(a, data_format))  # fmt: skip

    return form


def _bias(w: Writer, a: Mapping):
    x, bias = w.op.operands
    shown = str(a.get("data_format") or "NHWC")
    w.node("BiasAdd", [ref(x), ref(bias)], T=x.dtype, data_format="NCHW" if shown.startswith("NC") else "NHWC")


def _leaky(w: Writer, a: Mapping):
    if isinstance(a["alpha"], Tensor):
        return False
    x = w.op.operands[0]
    w.node("LeakyRelu", [ref(x)], T=x.dtype, alpha=float(a["alpha"]))


def _softmax(w: Writer, a: Mapping):
    x, axis = w.op.operands[0], a.get("axis")
    if axis is not None and axis != -1 and axis + 1 != x.shape.ndims:
        return False
    w.node(w.op.type, [ref(x)], T=x.dtype)


def _batch_norm(w: Writer, a: Mapping):
    """Expanded, as TensorFlow does it: x * scale / sqrt(variance + epsilon) + what is left."""
    x, mean, variance = a["x"], a["mean"], a["variance"]
    kind = x.dtype
    if isinstance(a["variance_epsilon"], Tensor):
        return False
    epsilon = w.const("add/y", a["variance_epsilon"], kind)
    factor = w.node("Rsqrt", [w.node("AddV2", [ref(variance), epsilon], "add", T=kind)], "Rsqrt", T=kind)
    if a.get("scale") is not None:
        factor = w.node("Mul", [factor, ref(a["scale"])], "mul", T=kind)
    shift = w.node("Mul", [ref(mean), factor], "mul_2", T=kind)
    scaled = w.node("Mul", [ref(x), factor], "mul_1", T=kind)
    if a.get("offset") is None:
        w.node("Sub", [scaled, shift], T=kind)
    else:
        left = w.node("Sub", [ref(a["offset"]), shift], "sub", T=kind)
        w.node("AddV2", [scaled, left], T=kind)


def _fused_norm(w: Writer, a: Mapping):
    x, given = a["x"], [a["scale"], a["offset"]]
    moments = [a.get("mean"), a.get("variance")]
    if not a["is_training"] and None in moments or a.get("exponential_avg_factor", 1.0) != 1.0:
        return False
    names = [ref(t) for t in given]
    names += [w.const("Const", np.zeros(0), dt.f32) if t is None or a["is_training"] else ref(t) for t in moments]
    w.node("FusedBatchNormV3", [ref(x), *names], T=x.dtype, U=given[0].dtype, epsilon=float(a["epsilon"]),
           data_format=a.get("data_format") or "NHWC", is_training=bool(a["is_training"]))  # fmt: skip


def _lrn(w: Writer, a: Mapping):
    x = w.op.operands[0]
    numbers = {k: float(a[k]) for k in ("bias", "alpha", "beta")}
    w.node("LRN", [ref(x)], T=x.dtype, depth_radius=int(a["depth_radius"]), **numbers)


def _softmax_loss(w: Writer, a: Mapping):
    labels, logits = a["labels"], a["logits"]
    kind, rank = logits.dtype, logits.shape.ndims
    if labels.dtype is not kind or rank is None or a.get("axis", -1) not in (-1, rank - 1):
        return False
    if rank == 2:
        w.node("SoftmaxCrossEntropyWithLogits", [ref(logits), ref(labels)], T=kind)
        return None
    if rank < 2:
        return False
    shape = w.node("Shape", [ref(logits)], "Shape", T=kind, out_type=dt.i32)
    rows = _rows(w, shape, rank)
    flat = [
        w.node("Reshape", [ref(t), rows], f"Reshape_{k}", T=kind, Tshape=dt.i32) for k, t in enumerate((logits, labels))
    ]
    loss = w.node("SoftmaxCrossEntropyWithLogits", flat, "loss", T=kind)
    bounds = [w.const(f"lead/{n}", v, dt.i32) for n, v in (("begin", [0]), ("size", [rank - 1]))]
    lead = w.node("Slice", [shape, *bounds], "lead", T=dt.i32, Index=dt.i32)
    w.node("Reshape", [loss, lead], T=kind, Tshape=dt.i32)


def _rows(w: Writer, shape: str, rank: int) -> str:
    """``[-1, size of the last axis]``."""
    bounds = [w.const(f"classes/{n}", v, dt.i32) for n, v in (("begin", [rank - 1]), ("size", [1]))]
    last = w.node("Slice", [shape, *bounds], "classes", T=dt.i32, Index=dt.i32)
    parts = [w.const("rows/lead", [-1], dt.i32), last, w.const("rows/axis", 0, dt.i32)]
    return w.node("ConcatV2", parts, "rows", N=2, T=dt.i32, Tidx=dt.i32)


def _sparse_softmax_loss(w: Writer, a: Mapping):
    labels, logits = a["labels"], a["logits"]
    kind, rank = logits.dtype, logits.shape.ndims
    if rank is None or rank < 2 or labels.dtype not in (dt.i32, dt.i64):
        return False
    attrs = {"T": kind, "Tlabels": labels.dtype}
    if rank == 2:
        w.node("SparseSoftmaxCrossEntropyWithLogits", [ref(logits), ref(labels)], **attrs)
        return None
    shape = w.node("Shape", [ref(logits)], "Shape", T=kind, out_type=dt.i32)
    flat = w.node("Reshape", [ref(logits), _rows(w, shape, rank)], "Reshape", T=kind, Tshape=dt.i32)
    line = w.const("line", [-1], dt.i32)
    numbers = w.node("Reshape", [ref(labels), line], "Reshape_1", T=labels.dtype, Tshape=dt.i32)
    loss = w.node("SparseSoftmaxCrossEntropyWithLogits", [flat, numbers], "loss", **attrs)
    lead = w.node("Shape", [ref(labels)], "lead", T=labels.dtype, out_type=dt.i32)
    w.node("Reshape", [loss, lead], T=kind, Tshape=dt.i32)


def _logistic_loss(w: Writer, a: Mapping):
    """max(x, 0) - x * z + log(1 + exp(-abs(x)))."""
    x, z = a["logits"], a["labels"]
    kind = {"T": x.dtype}
    if z.dtype is not x.dtype:
        return False
    product = w.node("Mul", [ref(x), ref(z)], "mul", **kind)
    positive = w.node("Sub", [w.node("Relu", [ref(x)], "Relu", **kind), product], "sub", **kind)
    size = w.node("Neg", [w.node("Abs", [ref(x)], "Abs", **kind)], "Neg", **kind)
    rest = w.node("Log1p", [w.node("Exp", [size], "Exp", **kind)], "Log1p", **kind)
    w.node("AddV2", [positive, rest], **kind)


def _moments(w: Writer, a: Mapping):
    """Mean and variance; the operation's own node is an IdentityN of both."""
    x, axes = a["x"], a["axes"]
    if a.get("shift") is not None or isinstance(axes, Tensor) or x.dtype in (dt.f16, dt.bf16):
        return False
    kind, kept = {"T": x.dtype}, bool(a.get("keepdims"))
    at = w.const("mean/reduction_indices", [int(v) for v in np.atleast_1d(axes)], dt.i32)
    mean = w.node("Mean", [ref(x), at], "mean", Tidx=dt.i32, keep_dims=True, **kind)
    held = w.node("StopGradient", [mean], "StopGradient", **kind)
    square = w.node("SquaredDifference", [ref(x), held], "SquaredDifference", **kind)
    variance = w.node("Mean", [square, at], "variance", Tidx=dt.i32, keep_dims=kept, **kind)
    if not kept:
        mean = w.node("Mean", [ref(x), at], "mean_1", Tidx=dt.i32, keep_dims=False, **kind)
    w.node("IdentityN", [mean, variance], T=[x.dtype, x.dtype])


def _random(kind: str, low: str, high: str) -> Callable:
    """Random numbers of TensorFlow, which are others: times a width, plus a lowest one."""

    def form(w: Writer, a: Mapping):
        dtype, shape = w.op.outputs[0].dtype, a["shape"]
        if not dtype.is_float:
            return False
        index = shape.dtype if isinstance(shape, Tensor) else dt.i32
        dims = w.given(shape, "shape", dt.i32)
        first = 0 if a.get(low) is None else a[low]
        width = 1 if a.get(high) is None else a[high]
        if kind == "RandomUniform" and not isinstance(first, Tensor) and not isinstance(width, Tensor):
            width = width - first
        elif kind == "RandomUniform":
            return False
        raw = w.node(kind, [dims], kind, T=index, dtype=dtype, seed=0, seed2=0)
        wide = w.node("Mul", [raw, w.given(width, "stddev", dtype)], "mul", T=dtype)
        w.node("AddV2", [wide, w.given(first, "mean", dtype)], T=dtype)

    return form


def _resize(w: Writer, a: Mapping):
    if "align_corners" not in a:
        return False
    x = w.op.operands[0]
    w.node(w.op.type, [ref(x), w.given(a["size"], "size", dt.i32)], T=x.dtype, align_corners=bool(a["align_corners"]),
           half_pixel_centers=bool(a["half_pixel_centers"]))  # fmt: skip


def _blocks(w: Writer, a: Mapping):
    x = w.op.operands[0]
    w.node(w.op.type, [ref(x)], T=x.dtype, block_size=int(a["block_size"]), data_format=a["data_format"])


NN_FORMS: dict[str, Callable] = {
    "MatMul": _matmul, "Conv2D": _conv(2, "NHWC"), "DepthwiseConv2dNative": _conv(2, "NHWC"),
    "Conv3D": _conv(3, "NDHWC"), "Conv2DBackpropInput": _conv_transpose, "MaxPool": _pool(2, "NHWC"),
    "AvgPool": _pool(2, "NHWC"), "MaxPool3D": _pool(3, "NDHWC"), "AvgPool3D": _pool(3, "NDHWC"), "BiasAdd": _bias,
    "LeakyRelu": _leaky, "Softmax": _softmax, "LogSoftmax": _softmax, "BatchNormalization": _batch_norm,
    "FusedBatchNormV3": _fused_norm, "LRN": _lrn, "SoftmaxCrossEntropyWithLogits": _softmax_loss,
    "SparseSoftmaxCrossEntropyWithLogits": _sparse_softmax_loss, "SigmoidCrossEntropyWithLogits": _logistic_loss,
    "Moments": _moments, "RandomUniform": _random("RandomUniform", "minval", "maxval"),
    "RandomStandardNormal": _random("RandomStandardNormal", "mean", "stddev"),
    "TruncatedNormal": _random("TruncatedNormal", "mean", "stddev"), "ResizeBilinear": _resize,
    "ResizeNearestNeighbor": _resize, "SpaceToDepth": _blocks, "DepthToSpace": _blocks,
}  # fmt: skip
