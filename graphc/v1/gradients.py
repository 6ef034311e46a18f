"""``gradients``: derivatives of tensors with respect to tensors and variables, as tensors of the same graph."""

from __future__ import annotations

from graphc.errors import DtypeError, GraphError, ShapeError, UsageError, explain
from graphc.lib.shape import zeros_like
from graphc.lib.shape import zeros
from graphc.v1.define import graph_of
from graphc.v1.differentiate import ancestors, differentiate
from graphc.api.operators import Operators
from graphc.api.shape import TensorShape
from graphc.v1.tensor import Differentiate, Operation, Read, Tensor

_CUT = ("StopGradient", "ArgMax", "ArgMin", "Floor", "Ceil", "Round", "Rint", "Sign", "Equal", "Cast", "PyFunc",
        "PyFuncStateless")  # fmt: skip


def gradients(ys, xs, grad_ys=None, name="gradients", colocate_gradients_with_ops=False, gate_gradients=False,
              aggregation_method=None, stop_gradients=None, unconnected_gradients="none") -> list:  # fmt: skip
    """For each of ``xs`` the sum of derivatives of all ``ys``; None where no ``y`` depends on it or it is not floating.

    Args:
        grad_ys: for each of ``ys`` the derivative to start from; ones where None.
        stop_gradients: tensors held constant.
        unconnected_gradients: ``zero`` for zeros instead of None.

    Raises:
        GraphError: something is not in the graph of ``ys``. DtypeError: one of ``ys`` is not floating.
        ShapeError: a derivative to start from has another shape than its ``y``.
    """
    ys, xs = _list(ys), _list(xs)
    if not ys:
        raise GraphError(explain("gradients: ys is empty"))
    if str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower() not in ("none", "zero"):
        what = f"gradients: unconnected_gradients must be none or zero, got {unconnected_gradients!r}"
        raise UsageError(explain(what))
    graph = graph_of(ys)
    with graph.control_dependencies(None):
        targets = tuple(graph.convert(y) for y in ys)
        sources = tuple(_source(graph, x) for x in xs)
        stops = tuple(graph.convert(_source(graph, s)) for s in _list(stop_gradients))
        for t in targets:
            if not t.dtype.is_inexact:
                raise DtypeError(explain(f"gradients: y {t.name} has dtype {t.dtype.name}, which is not floating"))
        seeds = tuple(_seeds(graph, targets, _list(grad_ys)))
        floating = tuple(x for x in sources if x.dtype.is_inexact)
        reached = iter(_connected(graph, Differentiate(targets, floating, stops, seeds)) if floating else [])
        connected = [x.dtype.is_inexact and next(reached) for x in sources]
        kept = [x for x, yes in zip(sources, connected) if yes]
        found = iter(_operation(graph, name, Differentiate(targets, tuple(kept), stops, seeds)) if kept else [])
    out = [next(found) if yes else None for yes in connected]
    if str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower() == "zero":
        return [
            graph.call("ZerosLike", "zeros_like", zeros_like, (x,), "x") if g is None else g for x, g in zip(xs, out)
        ]
    return out


def hessians(ys, xs, name="hessians", colocate_gradients_with_ops=False, gate_gradients=False,
             aggregation_method=None) -> list:  # fmt: skip
    """For each of ``xs`` the second derivatives of the sum of ``ys``: ``[*x.shape, *x.shape]``.

    Raises:
        GraphError: no ``y`` depends on one of ``xs``, besides what ``gradients`` raises.
    """
    found = []
    for x, slope in zip(_list(xs), gradients(ys, xs, name=name)):
        if slope is None:
            raise GraphError(explain(f"hessians: ys do not depend on {x.name}"))
        found.append(jacobian(slope, x, name))
    return found


def jacobian(y, x, name="jacobian") -> Tensor:
    """``[*y.shape, *x.shape]``: the derivative of each element of ``y`` by each of ``x``; zeros where nothing connects."""
    graph = graph_of([y])
    with graph.control_dependencies(None):
        (target,), source = [graph.convert(y)], _source(graph, x)
        effect = Differentiate((target,), (source,), (), (None,), True)
        if not _connected(graph, effect)[0]:
            def nothing(a, b):
                return zeros((*a.shape, *b.shape), a.dtype)

            return graph.call("ZerosLike", name, nothing, (target, x), "yx", alike=False)
        full = graph.unique_name(name)
        tensors = [source] if isinstance(source, Tensor) else []
        ranks = [t.shape.dims for t in (target, source)]
        sizes = None if None in ranks else (*target.shape.as_list(), *TensorShape(source.shape).as_list())
        outputs = [(target.dtype, sizes)]
        return graph.create("Jacobian", full, (target, *tensors), None, effect, outputs).outputs[0]


def _list(value) -> list:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _source(graph, x):
    if not isinstance(x, Operators):
        raise GraphError(explain(f"gradients: {x!r} of type {type(x).__name__} is neither a tensor nor a variable"))
    if x.graph is not graph:
        raise GraphError(explain(f"gradients: {x.name} belongs to another graph than ys"))
    return x


def _seeds(graph, ys, grad_ys):
    if grad_ys and len(grad_ys) != len(ys):
        raise GraphError(explain(f"gradients: {len(grad_ys)} grad_ys for {len(ys)} ys"))
    for y, g in zip(ys, grad_ys or [None] * len(ys)):
        seed = None if g is None else graph.convert(g, y.dtype)
        if seed is not None and not seed.shape.is_compatible_with(y.shape):
            raise ShapeError(explain(f"gradients: grad_ys of shape {seed.shape} for {y.name} of shape {y.shape}"))
        yield seed


def _connected(graph, effect: Differentiate) -> list[bool]:
    """Which sources have a gradient: found by differentiating, or by following operations where ranks are unknown."""
    path = ancestors(effect.ys, lambda t: False)
    every = [t for op in path for t in (*op.inputs, *op.outputs)] + [x for x in effect.xs if isinstance(x, Tensor)]
    if all(t.node is not None for t in every) and all(s is None or s.node is not None for s in effect.seeds):
        values = {t: t.node for t in every}
        values.update((s, s.node) for s in effect.seeds if s is not None)
        found = differentiate(graph.identifier("probe"), effect, values, lambda t: False)
        return [g is not None for g in found]
    return [_reaches(path, x, effect) for x in effect.xs]


def _reaches(path: list[Operation], x, effect: Differentiate) -> bool:
    reached: set = {x} if isinstance(x, Tensor) else set()
    for op in path:
        if isinstance(op.effect, Read) and op.effect.variable is x:
            reached.update(op.outputs)
        elif op.type not in _CUT or (op.type == "Cast" and op.inputs[0].dtype.is_inexact):
            if any(t in reached for t in op.inputs):
                reached.update(t for t in op.outputs if t.dtype.is_inexact and t not in effect.stops)
    return any(y in reached for y in effect.ys)


def _operation(graph, name: str, effect: Differentiate) -> list[Tensor]:
    full = graph.unique_name(name or "gradients")
    tensors = [x for x in effect.xs if isinstance(x, Tensor)]
    inputs = (*effect.ys, *(s for s in effect.seeds if s is not None), *tensors)
    outputs = [(x.dtype, None if x.shape.dims is None else _sizes(x)) for x in effect.xs]
    return graph.create("Gradients", full, inputs, None, effect, outputs).outputs


def _sizes(x):
    return x.node if isinstance(x, Tensor) else TensorShape(x.shape).as_list()
