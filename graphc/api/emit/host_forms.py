"""Strings, decompositions and other steps of the host as TensorFlow's nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.api.emit.emitter import Emitter, Form, NoForm, Value
from graphc.api.emit.tokens import answer
from graphc.ir import dtype as dt
from graphc.ir.node import Node

_AS_THEY_ARE = {  # attributes have the same names, or these: our name -> TensorFlow's
    "string_lower": ("StringLower", {"encoding": "encoding"}),
    "string_upper": ("StringUpper", {"encoding": "encoding"}),
    "string_strip": ("StringStrip", {}), "string_length": ("StringLength", {"unit": "unit"}),
    "string_match": ("StaticRegexFullMatch", {"pattern": "pattern"}),
    "string_replace": ("StaticRegexReplace", {"pattern": "pattern", "rewrite": "rewrite", "every": "replace_global"}),
    "string_to_number": ("StringToNumber", {"dtype": "out_type"}), "encode_base64": ("EncodeBase64", {"pad": "pad"}),
    "decode_base64": ("DecodeBase64", {}),
}  # fmt: skip
_MATRICES = {
    "qr": ("Qr", {"full": "full_matrices"}), "solve": ("MatrixSolve", {"adjoint": "adjoint"}),
    "triangular_solve": ("MatrixTriangularSolve", {"lower": "lower", "adjoint": "adjoint"}),
    "slogdet": ("LogMatrixDeterminant", {}),
}  # fmt: skip
_FUNCTIONS = {"sqrt": "MatrixSquareRoot", "log": "MatrixLogarithm"}


def _same(kind: str, names: dict[str, str], typed: bool) -> Callable:
    def write(e: Emitter, node: Node) -> Value:
        attrs = {theirs: node.attr(own) for own, theirs in names.items()}
        attrs |= {"T": node.inputs[0].dtype} if typed else {}
        return answer(node, e.add(kind, [e.full(x) for x in node.inputs], **attrs))

    return write


def _as_string(e: Emitter, node: Node) -> Value:
    (x,) = node.inputs
    kind = node.attr("kind")
    attrs = {"precision": node.attr("precision"), "scientific": kind == "e", "shortest": kind == "g",
             "width": node.attr("width"), "fill": node.attr("fill")}  # fmt: skip
    return answer(node, e.add("AsString", [e.full(x)], T=x.dtype, **attrs))


def _join(e: Emitter, node: Node) -> Value:
    names = [e.full(x) for x in node.inputs]
    return answer(node, e.add("StringJoin", names, N=len(names), separator=node.attr("separator")))


def _reduce_join(e: Emitter, node: Node) -> Value:
    axes = e.const(np.array(node.attr("axes"), np.int32), dt.i32)
    name = e.add("ReduceJoin", [e.full(node.inputs[0]), axes], keep_dims=False, separator=node.attr("separator"))
    return answer(node, name)


def _segment_join(e: Emitter, node: Node) -> Value:
    x, ids = node.inputs
    names = [e.full(x), e.full(ids), e.size(node.attr("number"))]
    return answer(node, e.add("UnsortedSegmentJoin", names, Tindices=ids.dtype, Tnumsegments=dt.i32,
                              separator=node.attr("separator")))  # fmt: skip


def _part(e: Emitter, node: Node) -> Value:
    x, pos, length = node.inputs
    names = [e.full(x), _cast(e, pos, dt.i64), _cast(e, length, dt.i64)]
    return answer(node, e.add("Substr", names, T=dt.i64, unit=node.attr("unit")))


def _cast(e: Emitter, x: Node, dtype) -> str:
    return e.cast(e.full(x), x.dtype, dtype)


def _bucket(e: Emitter, node: Node) -> Value:
    kind = {"plain": "StringToHashBucket", "fast": "StringToHashBucketFast", "strong": "StringToHashBucketStrong"}
    attrs = {"num_buckets": node.attr("buckets")}
    attrs |= {"key": list(node.attr("key"))} if node.attr("kind") == "strong" else {}
    return answer(node, e.add(kind[node.attr("kind")], [e.full(node.inputs[0])], **attrs))


def _format(e: Emitter, node: Node) -> Value:
    names, parts = [e.full(x) for x in node.inputs], node.attr("parts")
    hole = next(mark for mark in ("{}", "%s", "@@", "<#>") if not any(mark in part for part in parts))
    return answer(node, e.add("StringFormat", names, T=[x.dtype for x in node.inputs], template=hole.join(parts),
                              placeholder=hole, summarize=node.attr("summarize")))  # fmt: skip


def _lu(e: Emitter, node: Node) -> Value:
    (x,) = node.inputs
    if len(node.type.items) != 2:
        raise NoForm("an LU decomposition that tells the exchanges of rows")
    if node.type.items[1].dtype not in (dt.i32, dt.i64):
        raise NoForm("an LU decomposition with other indices")
    return answer(node, e.add("Lu", [e.full(x)], T=x.dtype, output_idx_type=node.type.items[1].dtype))


def _matrix_function(e: Emitter, node: Node) -> Value:
    kind = _FUNCTIONS.get(node.attr("kind"))
    if kind is None:
        raise NoForm(f"the matrix function {node.attr('kind')}")
    return answer(node, e.add(kind, [e.full(node.inputs[0])], T=node.dtype))


def _fft(e: Emitter, node: Node) -> Value:
    (x,), kind, axes = node.inputs, node.attr("kind"), node.attr("axes")
    if axes != (len(x.shape) - 1,):
        raise NoForm(f"{kind} over other axes than the last one")
    if kind in ("fft", "ifft"):
        return answer(node, e.add(kind.upper(), [e.full(x)], Tcomplex=x.dtype))
    real, complex_ = (x.dtype, node.dtype) if kind == "rfft" else (node.dtype, x.dtype)
    length = e.shape((x.shape[-1] if kind == "rfft" else node.attr("length"),))
    return answer(node, e.add(kind.upper(), [e.full(x), length], Treal=real, Tcomplex=complex_))


# --------------------------------------------------------------------------- results in another form than theirs


def _split(e: Emitter, node: Node, index: int) -> Value:
    """The pieces, or where those of each string begin."""
    source = node.inputs[0]
    (x,) = source.inputs
    separator = e.const(source.attr("separator").encode("utf-8", "surrogateescape"), dt.string)
    found = e.add("StringSplitV2", [e.full(x), separator], maxsplit=source.attr("most"))
    if index == 0:
        return Value(f"{found}:1", node.shape)
    column = [e.const(v, dt.i32) for v in ([0, 0], [0, 1], [1, 1])]
    rows = e.add("StridedSlice", [found, *column], T=dt.i64, Index=dt.i32, begin_mask=1, end_mask=1, ellipsis_mask=0,
                 new_axis_mask=0, shrink_axis_mask=2)  # fmt: skip
    count = e.cast(e.size(node.shape[0]), dt.i32, dt.i64)
    ends = e.add("Range", [e.const(0, dt.i64), count, e.const(1, dt.i64)], Tidx=dt.i64)
    line = e.const([1, -1], dt.i32)
    pair = [e.add("Reshape", [name, line], T=dt.i64, Tshape=dt.i32) for name in (rows, ends)]
    starts = e.add("LowerBound", pair, T=dt.i64, out_type=dt.i64)
    return Value(e.reshaped(starts, node.shape, dt.i64), node.shape)


def _svd(e: Emitter, node: Node, index: int) -> Value:
    source = node.inputs[0]
    (x,) = source.inputs
    found = e.add("Svd", [e.full(x)], compute_uv=True, full_matrices=source.attr("full"), T=x.dtype)
    if index < 2:
        return Value(f"{found}:{index}" if index else found, node.shape)
    rank = len(node.shape)  # ours is v transposed
    perm = e.const([*range(rank - 2), rank - 1, rank - 2], dt.i32)
    name = e.add("Transpose", [f"{found}:2", perm], T=x.dtype, Tperm=dt.i32)
    return Value(e.add("Conj", [name], T=x.dtype) if x.dtype.is_complex else name, node.shape)


def _eigh(e: Emitter, node: Node, index: int) -> Value:
    (x,) = node.inputs[0].inputs
    found = e.add("SelfAdjointEigV2", [e.full(x)], compute_v=True, T=x.dtype)
    return Value(e.cast(f"{found}:1" if index else found, x.dtype, node.dtype), node.shape)


def _unique(e: Emitter, node: Node, index: int) -> Value:
    source = node.inputs[0]
    (x,) = source.inputs
    if index == 2:
        raise NoForm("the counts of unique values")
    axis = e.const([source.attr("axis")], dt.i32)
    found = e.add("UniqueV2", [e.full(x), axis], T=x.dtype, Taxis=dt.i32, out_idx=dt.i64)
    return Value(f"{found}:1" if index else found, node.shape)


HOST_FORMS: dict[str, Callable[[Emitter, Node], Value]] = {
    **{op: _same(*form, False) for op, form in _AS_THEY_ARE.items()},
    **{op: _same(*form, True) for op, form in _MATRICES.items()},
    "string_of": _as_string, "string_join": _join, "string_reduce_join": _reduce_join, "string_part": _part,
    "string_segment_join": _segment_join, "string_bucket": _bucket, "string_format": _format, "lu": _lu,
    "matrix_function": _matrix_function, "fft": _fft,
}  # fmt: skip
ITEM_FORMS: dict[str, Callable[[Emitter, Node, int], Value]] = {
    "string_split": _split, "svd": _svd, "eigh": _eigh, "unique": _unique,
}  # fmt: skip


def plan_item(node: Node) -> Form | None:
    """One result of a step whose results TensorFlow has in another form; None for others."""
    source = node.inputs[0]
    write = ITEM_FORMS.get(source.op)
    return None if write is None else Form(source.inputs, lambda e, n: write(e, n, n.attr("index")))
