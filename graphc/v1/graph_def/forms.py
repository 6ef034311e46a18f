"""How operations look as TensorFlow's nodes: one function or one table entry for each type.

A form is a function of a Writer and of the arguments of the call that made the operation (tensors and other values); it
answers with False where the arguments are such that TensorFlow has no node for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from graphc.ir import dtype as dt
from graphc.v1.graph_def.summary_forms import SUMMARY_FORMS
from graphc.v1.graph_def.writer import Writer, ref
from graphc.v1.tensor import Tensor

# Types whose nodes have the operation's inputs: dtype attributes T, of the first input ("T"), or none ("").
_LIKE_FIRST = """
 Abs Acos Acosh AddV2 Add Asin Asinh Atan Atan2 Atanh BesselI0e BesselI1e BitwiseAnd BitwiseOr BitwiseXor Ceil
Cholesky Cos Cosh Cross Diag DiagPart Digamma DivNoNan Elu Erf Erfc Erfinv Exp Expm1 Floor FloorDiv FloorMod Greater
GreaterEqual Identity Igamma Igammac Inv Invert InvertPermutation IsFinite IsInf IsNan L2Loss LeftShift Less
LessEqual Lgamma Log Log1p MatrixDeterminant Maximum Minimum Mul MulNoNan Ndtri Neg NextAfter Polygamma Pow
Reciprocal Relu Relu6 RightShift Rint Round Rsqrt Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Square
SquaredDifference StopGradient Sub Tan Tanh TruncateDiv TruncateMod Xdivy Xlog1py Xlogy ZerosLike OnesLike Zeta
Betainc
"""
_WITHOUT = "LogicalAnd LogicalOr LogicalNot NoOp"


_BINARY = frozenset(
    """
 AddV2 Add Atan2 BitwiseAnd BitwiseOr BitwiseXor Cross DivNoNan FloorDiv FloorMod Greater GreaterEqual Igamma
Igammac LeftShift Less LessEqual Maximum Minimum Mul MulNoNan NextAfter Polygamma Pow RightShift SquaredDifference
Sub TruncateDiv TruncateMod Xdivy Xlog1py Xlogy Zeta LogicalAnd LogicalOr
""".split()
)

# Rows of the catalogue, by type, that are the same as the node; other rows of these types do more.
_ROWS = {
    "DivNoNan": "math.divide_no_nan", "Mul": "math.multiply", "Sin": "math.sin", "Sqrt": "math.sqrt",
    "Sub": "math.subtract", "Sum": "math.reduce_sum", "RealDiv": "math.divide math.truediv realdiv classic_div",
    "Reshape": "reshape", "Transpose": "transpose", "ConcatV2": "concat", "GatherV2": "gather",
    "Fill": "zeros ones fill", "MatMul": "matmul", "DepthwiseConv2dNative": "nn.depthwise_conv2d",
    "Conv2DBackpropInput": "nn.conv2d_transpose", "MaxPool": "nn.max_pool2d", "AvgPool": "nn.avg_pool2d",
    "ResizeBilinear": "compat.v1.image.resize_bilinear",
}  # fmt: skip
_WITHOUT_CALL = frozenset("LogicalAnd LogicalOr LogicalNot NoOp Pack".split())  # closures that are surely the node


def fits(kind: str, function: str | None) -> bool:
    """Whether an operation of a type that a function made is the node of this type.

    Args:
        function: the row's name, or that of the function if it is in no row; None if it is not known.
    """
    if function is None:
        return kind in _WITHOUT_CALL or kind not in _KNOWN
    return function in _ROWS[kind].split() if kind in _ROWS else True


def _first(w: Writer) -> Tensor:
    return w.op.operands[0]


def _inputs(w: Writer) -> list[str]:
    return [ref(t) for t in w.op.operands]


def _like_first(w: Writer, a: Mapping):
    wanted = 3 if w.op.type == "Betainc" else 2 if w.op.type in _BINARY else 1
    if len(w.op.operands) != wanted or any(not isinstance(v, Tensor) and v not in (None, False) for v in a.values()):
        return False
    if len({t.dtype for t in w.op.operands}) > 1 and w.op.type not in ("LeftShift",):
        return False
    if w.op.outputs[0].dtype is not _first(w).dtype and w.op.type in ("ZerosLike", "OnesLike"):
        return False
    w.node(w.op.type, _inputs(w), T=_first(w).dtype)


def _without(w: Writer, a: Mapping):
    if w.op.type != "NoOp" and any(t.dtype is not dt.b1 for t in w.op.operands):
        return False
    w.node(w.op.type, _inputs(w))


def _equality(w: Writer, a: Mapping):
    w.node(w.op.type, _inputs(w), T=_first(w).dtype, incompatible_shape_error=True)


def _quotient(w: Writer, a: Mapping):
    out, names = w.op.outputs[0].dtype, []
    if not out.is_inexact or len(w.op.operands) != 2:
        return False
    for t, label in zip(w.op.operands, "xy"):
        cast = t.dtype is not out
        names.append(w.node("Cast", [ref(t)], f"Cast_{label}", SrcT=t.dtype, DstT=out) if cast else ref(t))
    w.node("RealDiv", names, T=out)


def _cast(w: Writer, a: Mapping):
    w.node("Cast", _inputs(w), SrcT=_first(w).dtype, DstT=w.op.outputs[0].dtype, Truncate=False)


def _add_n(w: Writer, a: Mapping):
    w.node("AddN", _inputs(w), N=len(w.op.operands), T=_first(w).dtype)


def _axes(w: Writer, axis, tensor: Tensor, label="reduction_indices") -> str | None:
    """The axes of a reduction; None where they are all and the rank is not known."""
    if isinstance(axis, Tensor):
        return ref(axis)
    if axis is None:
        if tensor.shape.ndims is None:
            return None
        axis = list(range(tensor.shape.ndims))
    return w.const(label, axis, dt.i32)


def _reduction(w: Writer, a: Mapping):
    x = _first(w)
    axes = _axes(w, a.get("axis"), x)
    if axes is None:
        return False
    tidx = a["axis"].dtype if isinstance(a.get("axis"), Tensor) else dt.i32
    kind = {} if w.op.type in ("All", "Any") else {"T": x.dtype}
    w.node(w.op.type, [ref(x), axes], keep_dims=bool(a.get("keepdims")), Tidx=tidx, **kind)


def _arg(w: Writer, a: Mapping):
    axis = 0 if a.get("axis") is None else a["axis"]
    name = w.given(axis, "dimension", dt.i32)
    w.node(w.op.type, [ref(_first(w)), name], T=_first(w).dtype, Tidx=dt.i32, output_type=w.op.outputs[0].dtype)


def _cumulative(w: Writer, a: Mapping):
    axis = w.given(a["axis"], "axis", dt.i32)
    w.node(w.op.type, [ref(_first(w)), axis], T=_first(w).dtype, Tidx=dt.i32, exclusive=bool(a["exclusive"]),
           reverse=bool(a["reverse"]))  # fmt: skip


def _with(*labels: str, kind: str | None = None, index: str = "Tshape", T: str = "T") -> Callable:  # noqa: N803
    """A form of the first input and of int32 arguments, which are constants or tensors."""

    def form(w: Writer, a: Mapping):
        parts = [a[label] for label in labels]
        if any(p is None for p in parts):
            return False
        names = [w.given(p, label, dt.i32) for p, label in zip(parts, labels)]
        found = next((p.dtype for p in parts if isinstance(p, Tensor)), dt.i32)
        if any(isinstance(p, Tensor) and p.dtype is not found for p in parts):
            return False
        if found is not dt.i32 and not all(isinstance(p, Tensor) for p in parts):
            return False
        w.node(kind or w.op.type, [ref(_first(w)), *names], **{T: _first(w).dtype, index: found})

    return form


def _transpose(w: Writer, a: Mapping):
    x, perm = _first(w), a.get("perm")
    if a.get("conjugate") or (perm is None and x.shape.ndims is None):
        return False
    perm = list(range(x.shape.ndims))[::-1] if perm is None else perm
    index = perm.dtype if isinstance(perm, Tensor) else dt.i32
    w.node("Transpose", [ref(x), w.given(perm, "perm", dt.i32)], T=x.dtype, Tperm=index)


def _squeeze(w: Writer, a: Mapping):
    axis = a.get("axis")
    axes = [] if axis is None else [int(v) for v in np.atleast_1d(axis)]
    w.node("Squeeze", _inputs(w), T=_first(w).dtype, squeeze_dims=axes)


def _concat(w: Writer, a: Mapping):
    values = a["values"]
    names = [ref(t) for t in values]
    w.node("ConcatV2", [*names, w.given(a["axis"], "axis", dt.i32)], N=len(names), T=values[0].dtype, Tidx=dt.i32)


def _pack(w: Writer, a: Mapping):
    w.node("Pack", _inputs(w), N=len(w.op.operands), T=_first(w).dtype, axis=int(a.get("axis", 0)))


def _unpack(w: Writer, a: Mapping):
    w.node("Unpack", _inputs(w), num=len(w.op.outputs), T=_first(w).dtype, axis=int(a["axis"]))


def _split(w: Writer, a: Mapping):
    x, parts = _first(w), a["num_or_size_splits"]
    count = len(w.op.outputs)
    if not isinstance(parts, Tensor) and np.ndim(parts) == 0:
        w.node("Split", [w.given(a["axis"], "split_dim", dt.i32), ref(x)], num_split=count, T=x.dtype)
        return None
    sizes, axis = w.given(parts, "Const", dt.i32), w.given(a["axis"], "split_dim", dt.i32)
    w.node("SplitV", [ref(x), sizes, axis], num_split=count, T=x.dtype, Tlen=dt.i32)


def _pad(w: Writer, a: Mapping):
    x, mode = _first(w), str(a.get("mode", "CONSTANT")).upper()
    pads, value = w.given(a["paddings"], "paddings", dt.i32), a.get("constant_values", 0)
    index = a["paddings"].dtype if isinstance(a["paddings"], Tensor) else dt.i32
    if mode != "CONSTANT":
        w.node("MirrorPad", [ref(x), pads], T=x.dtype, Tpaddings=index, mode=mode)
    elif not isinstance(value, Tensor) and not value:
        w.node("Pad", [ref(x), pads], T=x.dtype, Tpaddings=index)
    else:
        w.node("PadV2", [ref(x), pads, w.given(value, "constant_values", x.dtype)], T=x.dtype, Tpaddings=index)


def _strided_slice(w: Writer, a: Mapping):
    """``x[key]``: parts that are ints shrink, newaxis, ellipsis and open ends are masks."""
    if "template" not in a:
        return _strided(w, a)
    operands, masks = list(a["nodes"]), dict.fromkeys(("begin", "end", "ellipsis", "new_axis", "shrink_axis"), 0)
    columns: list[list] = [[], [], []]
    for k, (is_slice, places) in enumerate(a["template"]):
        values = [operands[at] if at is not None else field for at, field in places]
        begin, end, step = _bounds(k, is_slice, values, masks)
        if begin is _ARRAY:
            return False
        for column, value in zip(columns, (begin, end, step)):
            column.append(value)
    names = [_index_vector(w, c, label) for c, label in zip(columns, ("begin", "end", "strides"))]
    if None in names:
        return False
    w.node("StridedSlice", [ref(operands[0]), *names], T=operands[0].dtype, Index=dt.i32,
           **{f"{k}_mask": v for k, v in masks.items()})  # fmt: skip


_ARRAY = object()


def _bounds(k: int, is_slice: bool, values: list, masks: dict) -> tuple:
    if is_slice:
        begin, end, step = values
        masks["begin"] |= (begin is None) << k
        masks["end"] |= (end is None) << k
        return 0 if begin is None else begin, 0 if end is None else end, 1 if step is None else step
    (value,) = values
    if value is Ellipsis:
        masks["ellipsis"] |= 1 << k
        return 0, 0, 1
    if value is None:
        masks["new_axis"] |= 1 << k
        return 0, 0, 1
    rank = value.shape.ndims if isinstance(value, Tensor) else np.ndim(value)
    if isinstance(value, (bool, np.bool_)) or rank != 0:
        return _ARRAY, None, None
    masks["shrink_axis"] |= 1 << k
    return value, _Next(value), 1


class _Next:
    """The index after one."""

    def __init__(self, value):
        self.value = value


def _index_vector(w: Writer, column: list, label: str) -> str | None:
    """The bounds of a slice as a vector: a constant, or packed tensors."""
    tensors = [v.value if isinstance(v, _Next) else v for v in column]
    if not any(isinstance(v, Tensor) for v in tensors):
        whole = [_next(v) if isinstance(v, _Next) else int(v) for v in column]
        return w.const(label, whole, dt.i32)
    parts = []
    for v, inner in zip(column, tensors):
        if not isinstance(inner, Tensor):
            parts.append(w.const(f"{label}/value", _next(v) if isinstance(v, _Next) else int(v), dt.i32))
            continue
        if inner.dtype is not dt.i32:
            return None
        name = ref(inner)
        if isinstance(v, _Next):
            name = w.node("AddV2", [name, w.const(f"{label}/one", 1, dt.i32)], f"{label}/next", T=dt.i32)
        parts.append(name)
    return w.node("Pack", parts, label, N=len(parts), T=dt.i32, axis=0)


def _next(v: _Next) -> int:
    """The end of a part that is one index; -1 ends at 0, which means the end for TensorFlow's shrinking, too."""
    return int(v.value) + 1


def _strided(w: Writer, a: Mapping):
    strides = a["strides"] if a.get("strides") is not None else [1] * len(np.atleast_1d(a["begin"]))
    names = [
        w.given(v, label, dt.i32) for v, label in zip((a["begin"], a["end"], strides), ("begin", "end", "strides"))
    ]
    masks = {k: int(a[k]) for k in a if k.endswith("_mask")}
    w.node("StridedSlice", [ref(_first(w)), *names], T=_first(w).dtype, Index=dt.i32, **masks)


def _gather(w: Writer, a: Mapping):
    params, indices, batch = a["params"], a["indices"], a.get("batch_dims") or 0
    axis = a.get("axis") if a.get("axis") is not None else batch
    w.node("GatherV2", [ref(params), ref(indices), w.given(axis, "axis", dt.i32)], Tparams=params.dtype,
           Tindices=indices.dtype, Taxis=dt.i32, batch_dims=int(batch))  # fmt: skip


def _one_hot(w: Writer, a: Mapping):
    kind = w.op.outputs[0].dtype
    on, off = (1 if a.get("on_value") is None else a["on_value"]), (0 if a.get("off_value") is None else a["off_value"])
    names = [w.given(a["depth"], "depth", dt.i32), w.given(on, "on_value", kind), w.given(off, "off_value", kind)]
    axis = -1 if a.get("axis") is None else int(a["axis"])
    w.node("OneHot", [ref(a["indices"]), *names], T=kind, TI=a["indices"].dtype, axis=axis)


def _fill(w: Writer, a: Mapping):
    """Zeros and ones, or a value."""
    kind, out = w.op.outputs[0].dtype, w.op.outputs[0]
    dims = a["dims"] if "dims" in a else a["shape"]
    if "value" not in a and out.node is None:
        return False
    value = a["value"] if "value" in a else _single(w)
    if value is None:
        return False
    if not isinstance(dims, Tensor) and not isinstance(value, Tensor):
        filled = np.asarray(value, kind.numpy)  # stands in the file once
        w.const(None, np.broadcast_to(filled, tuple(np.atleast_1d(dims))), kind)
        return None
    index = dims.dtype if isinstance(dims, Tensor) else dt.i32
    w.node("Fill", [w.given(dims, "dims", dt.i32), w.given(value, "value", kind)], T=kind, index_type=index)


def _single(w: Writer):
    """The value of zeros or ones."""
    node = w.op.outputs[0].node
    while node.op != "const" and len(node.inputs) == 1:
        node = node.inputs[0]
    return None if node.op != "const" else node.attr("value").array.ravel()[0]


def _range(w: Writer, a: Mapping):
    start, limit, delta = a["start"], a.get("limit"), a.get("delta", 1)
    start, limit = (0, start) if limit is None else (start, limit)
    kind = w.op.outputs[0].dtype
    names = [w.given(v, label, kind) for v, label in zip((start, limit, delta), ("start", "limit", "delta"))]
    if any(isinstance(v, Tensor) and v.dtype is not kind for v in (start, limit, delta)):
        return False
    w.node("Range", names, Tidx=kind)


def _shape(w: Writer, a: Mapping):
    w.node(w.op.type, _inputs(w), T=_first(w).dtype, out_type=w.op.outputs[0].dtype)


def _rank(w: Writer, a: Mapping):
    w.node("Rank", _inputs(w), T=_first(w).dtype)


def _clip(w: Writer, a: Mapping):
    kind = w.op.outputs[0].dtype
    low, high = w.given(a["clip_value_min"], "y", kind), w.given(a["clip_value_max"], "Minimum/y", kind)
    least = w.node("Minimum", [ref(a["t"]), high], "Minimum", T=kind)
    w.node("Maximum", [least, low], T=kind)


def _select(w: Writer, a: Mapping):
    if a.get("x") is None or a.get("y") is None:
        return False
    given = [a[k] for k in ("condition", "x", "y")]
    kind = "Select" if w.op.type == "Select" and given[0].shape.ndims == 1 else "SelectV2"
    w.node(kind, [ref(t) for t in given], T=given[1].dtype)


def _slice(w: Writer, a: Mapping):
    return _with("begin", "size", index="Index")(w, a)


def _top_k(w: Writer, a: Mapping):
    w.node(
        "TopKV2", [ref(_first(w)), w.given(a["k"], "k", dt.i32)], T=_first(w).dtype, sorted=bool(a.get("sorted", True))
    )


def _identity_n(w: Writer, a: Mapping):
    w.node("IdentityN", _inputs(w), T=[t.dtype for t in w.op.operands])


def _gather_nd(w: Writer, a: Mapping):
    if a.get("batch_dims"):
        return False
    w.node("GatherNd", [ref(a["params"]), ref(a["indices"])], Tparams=a["params"].dtype, Tindices=a["indices"].dtype)


def _einsum(w: Writer, a: Mapping):
    w.node("Einsum", _inputs(w), N=len(w.op.operands), T=_first(w).dtype, equation=a["equation"])


def _linspace(w: Writer, a: Mapping):
    kind = w.op.outputs[0].dtype
    if a.get("axis", 0) != 0 or w.op.outputs[0].shape.ndims != 1:
        return False
    names = [w.given(a[k], k, kind) for k in ("start", "stop")]
    w.node("LinSpace", [*names, w.given(a["num"], "num", dt.i32)], T=kind, Tidx=dt.i32)


def _string(w: Writer, a: Mapping):
    attrs = {"StringJoin": {"N": len(w.op.operands)}}.get(w.op.type, {})
    given = {k: a[k] for k in ("separator", "encoding", "unit", "num_buckets") if k in a}
    w.node(w.op.type, _inputs(w), **attrs, **given)


_REDUCTIONS = "Sum Mean Max Min Prod All Any EuclideanNorm"

FORMS: dict[str, Callable] = {
    **SUMMARY_FORMS,
    **dict.fromkeys(_LIKE_FIRST.split(), _like_first),
    **dict.fromkeys(_WITHOUT.split(), _without),
    **dict.fromkeys(_REDUCTIONS.split(), _reduction),
    **dict.fromkeys("Equal NotEqual".split(), _equality),
    **dict.fromkeys("ArgMax ArgMin".split(), _arg),
    **dict.fromkeys("Cumsum Cumprod".split(), _cumulative),
    **dict.fromkeys("Shape Size".split(), _shape),
    **dict.fromkeys("Select SelectV2".split(), _select),
    **dict.fromkeys("StringJoin StringLower StringUpper StringLength StringToHashBucketFast".split(), _string),
    "RealDiv": _quotient, "Cast": _cast, "AddN": _add_n, "Reshape": _with("shape"),
    "ExpandDims": _with("axis", index="Tdim"), "BroadcastTo": _with("shape", index="Tidx"),
    "Tile": _with("multiples", index="Tmultiples"), "ReverseV2": _with("axis", index="Tidx"),
    "Transpose": _transpose, "Squeeze": _squeeze, "ConcatV2": _concat, "Pack": _pack, "Unpack": _unpack,
    "Split": _split, "PadV2": _pad, "StridedSlice": _strided_slice, "Slice": _slice, "GatherV2": _gather,
    "GatherNd": _gather_nd, "OneHot": _one_hot, "Fill": _fill, "Range": _range, "Rank": _rank, "ClipByValue": _clip,
    "TopKV2": _top_k, "IdentityN": _identity_n, "Einsum": _einsum, "LinSpace": _linspace,
}  # fmt: skip
_KNOWN = frozenset(FORMS)
