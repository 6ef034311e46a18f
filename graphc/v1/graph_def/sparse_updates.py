"""Updates of the rows of a variable as TensorFlow's nodes, which want every row once."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.v1.graph_def.writer import Writer, ref

_KNOWN = frozenset(
    """
 SparseApplyAdadelta SparseApplyAdagrad SparseApplyAdagradDA SparseApplyCenteredRMSProp SparseApplyFtrl
SparseApplyFtrlV2 SparseApplyMomentum SparseApplyProximalAdagrad SparseApplyProximalGradientDescent
SparseApplyRMSProp
""".split()
)
_DESCENT = ("SparseApplyGradientDescent", "ScatterSub")


def sparse_update(w: Writer) -> bool:
    """The nodes of an operation ``SparseApply...``; False where TensorFlow has no such operation."""
    op = w.op
    if op.type not in _KNOWN and op.type not in _DESCENT:
        return False
    at = next((k for k, t in enumerate(op.operands) if t.dtype in (dt.i32, dt.i64)), None)
    if not at:
        return False
    rate = op.operands[0] if at > 1 else op.operands[-1]
    rows, places = op.operands[at - 1], op.operands[at]
    variables = [v.op.name for v in op.effect.variables]
    kinds = {"T": op.effect.variables[0].dtype, "Tindices": places.dtype, "use_locking": False}
    if op.type in _DESCENT:
        change = w.node("Mul", [ref(rows), ref(rate)], "mul", T=rows.dtype)
        w.node(_DESCENT[1], [*variables, ref(places), change], **kinds)
        return True
    total, once = _added_up(w, rows, places)
    names = [ref(t) for t in op.operands]
    names[at - 1 : at + 1] = [total, once]
    w.node(op.type, [*variables, *names], **kinds, **dict(op.effect.attrs))
    return True


def _added_up(w: Writer, rows, places) -> tuple[str, str]:
    """Rows of equal places added up, and the places, each once."""
    once = w.node("Unique", [ref(places)], "Unique", T=places.dtype, out_idx=dt.i32)
    shape = w.node("Shape", [once], "Shape", T=places.dtype, out_type=dt.i32)
    bounds = [w.const(f"strided_slice/stack_{k}", [k], dt.i32) for k in (0, 1)]
    count = w.node("StridedSlice", [shape, bounds[0], bounds[1], bounds[1]], "strided_slice", T=dt.i32, Index=dt.i32,
                   shrink_axis_mask=1, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0)  # fmt: skip
    total = w.node("UnsortedSegmentSum", [ref(rows), f"{once}:1", count], "UnsortedSegmentSum", T=rows.dtype,
                   Tindices=dt.i32, Tnumsegments=dt.i32)  # fmt: skip
    return total, once
