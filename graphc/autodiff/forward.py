"""Forward mode: tangents carried along, as the transpose of the transpose."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.autodiff.reverse import grad
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir.graph import substitute
from graphc.ir.node import Node, origins
from graphc.prims.dims import zeros
from graphc.prims.pullback import fresh_inputs


def jvp(outputs: Sequence[Node], inputs: Sequence[Node], tangents: Sequence[Node]) -> list[Node]:
    """The directional derivative of ``outputs`` when ``inputs`` move along ``tangents``.

    Reverse mode gives cotangents that are linear in the seeds; its own gradient by the seeds is forward mode. What
    reverse mode computed on the way is not part of the result.

    Args:
        tangents: one Node per input, of its type. Those of integer and bool inputs are not looked at.

    Returns:
        One Node per output, of its type; zeros for outputs that are not floating or do not depend on the inputs.

    Raises:
        DtypeError, ShapeError: a tangent is not of its input's type.
        GraphError: an operation without a derivative lies on the way.
    """
    outputs, inputs, tangents = list(outputs), list(inputs), list(tangents)
    if len(inputs) != len(tangents):
        raise UsageError(explain(f"jvp: {len(tangents)} tangents given for {len(inputs)} inputs"))
    moved = [(x, t) for x, t in zip(inputs, tangents) if x.dtype.is_inexact]
    for x, t in moved:
        if x.type != t.type:
            error = DtypeError if x.dtype is not t.dtype else ShapeError
            what = f"jvp: a tangent of type {t.type} given for an input of type {x.type}"
            raise error(explain(what, origins(x=x, tangent=t)))
    floating = [y for y in outputs if y.dtype.is_inexact]
    taken = [n for n in inputs if n.op == "input"]
    seeds = fresh_inputs([y.type for y in floating], taken, "cotangent of jvp ")
    back = grad(floating, [x for x, _ in moved], seeds, unconnected=None)
    reached = [(g, t) for g, (_, t) in zip(back, moved) if g is not None]
    found = grad([g for g, _ in reached], seeds, [t for _, t in reached])
    # Linear in the seeds, so the derivative does not depend on them; a row that multiplies by 0 may still mention them.
    found = iter(substitute(found, {s: zeros(s.type) for s in seeds}))
    return [next(found) if y.dtype.is_inexact else zeros(y.type) for y in outputs]
