"""``gradients``: derivatives of tensors with respect to tensors and variables, as tensors of the same graph."""

from __future__ import annotations

from graphc.api.operators import Operators
from graphc.api.shape import TensorShape
from graphc.api.sparse import IndexedSlices
from graphc.errors import DtypeError, GraphError, ShapeError, StateError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib.dims import measuring
from graphc.lib.shape import shape as measured_shape
from graphc.lib.shape import zeros, zeros_like
from graphc.v1.define import graph_of
from graphc.v1.differentiate import ancestors, differentiate
from graphc.v1.slices import slices_of
from graphc.v1.tensor import Differentiate, Operation, Read, Tensor

_CUT = ("StopGradient", "ArgMax", "ArgMin", "Floor", "Ceil", "Round", "Rint", "Sign", "Equal", "Cast", "PyFunc",
        "PyFuncStateless")  # fmt: skip
_LOOKUPS = ("Gather", "GatherV2", "ResourceGather", "embedding_lookup")  # which take a table and indices
_WITH_LOOKUPS = (*_LOOKUPS, "GatherNd", "BooleanMask", "nce_loss", "sampled_softmax_loss", "EmbeddingLookupSparse")


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
    if graph.is_eager:
        raise StateError(explain("gradients: there is no graph in eager mode; use tf.GradientTape"))
    with graph.control_dependencies(None):
        targets = tuple(graph.convert(y) for y in ys)
        sources = tuple(_source(graph, x) for x in xs)
        stops = tuple(graph.convert(_source(graph, s)) for s in _list(stop_gradients))
        for t in targets:
            if not t.dtype.is_inexact:
                raise DtypeError(explain(f"gradients: y {t.name} has dtype {t.dtype.name}, which is not floating"))
        seeds = tuple(_seeds(graph, targets, _list(grad_ys)))
        floating = tuple(x for x in sources if x.dtype.is_inexact)
        reached = iter(_forms(graph, Differentiate(targets, floating, stops, seeds)) if floating else [])
        forms = [next(reached) if x.dtype.is_inexact else NOTHING for x in sources]
        kept = [(x, form) for x, form in zip(sources, forms) if form is not NOTHING]
        found = iter(_operation(graph, name, targets, kept, stops, seeds) if kept else [])
    out = [None if form is NOTHING else next(found) for form in forms]
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
        found.append(jacobian(graph_of([x]).convert(slope), x, name))
    return found


def jacobian(y, x, name="jacobian") -> Tensor:
    """``[*y.shape, *x.shape]``: the derivative of each element of ``y`` by each of ``x``; zeros if unconnected."""
    graph = graph_of([y])
    with graph.control_dependencies(None):
        (target,), source = [graph.convert(y)], _source(graph, x)
        effect = Differentiate((target,), (source,), (), (None,), True)
        if _forms(graph, effect)[0] is NOTHING:
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


NOTHING = "nothing"  # reaches a source; else the dtype of the places of its rows, or None for one tensor


def _forms(graph, effect: Differentiate) -> list:
    """The form of each gradient: found by differentiating, or by following operations where ranks are unknown."""
    path = ancestors(effect.ys, lambda t: False)
    every = [t for op in path for t in (*op.inputs, *op.outputs)] + [x for x in effect.xs if isinstance(x, Tensor)]
    if all(t.node is not None for t in every) and all(s is None or s.node is not None for s in effect.seeds):
        values = {t: t.node for t in every}
        values.update((s, s.node) for s in effect.seeds if s is not None)
        with measuring():
            found = differentiate(graph.identifier("probe"), effect, values, lambda t: False)
        return [NOTHING if g is None else _form(g, path, x) for g, x in zip(found, effect.xs)]
    return [_looked_up(path, x) if _reaches(path, x, effect) else NOTHING for x in effect.xs]


def _form(gradient: Node, path: list[Operation], x):
    if gradient.op not in ("scatter", "add") or any(op.type not in _WITH_LOOKUPS for op in _users(path, x)):
        return None  # what else takes rows (a sparse product, say) has a dense gradient
    found = slices_of(gradient)
    return None if found is None else found[1].dtype


def _users(path: list[Operation], x) -> list[Operation]:
    """The operations on the way that use a tensor or the value of a variable."""
    reads = {x} if isinstance(x, Tensor) else set()
    for op in path:  # a read of a read is one, too
        is_read = isinstance(op.effect, Read) and op.effect.variable is x
        if is_read or (op.type == "Identity" and op.operands and op.operands[0] in reads):
            reads.update(op.outputs)
    return [op for op in path if op.type != "Identity" and any(t in reads for t in op.operands)]


def _looked_up(path: list[Operation], x):
    """The dtype of the indices, if on the way only lookups use a variable."""
    users = _users(path, x)
    if not users or any(op.type not in _LOOKUPS or len(op.inputs) != 2 for op in users):
        return None
    dtypes = {op.inputs[1].dtype for op in users}
    return dt.i32 if dtypes == {dt.i32} else dt.i64


def _reaches(path: list[Operation], x, effect: Differentiate) -> bool:
    reached: set = {x} if isinstance(x, Tensor) else set()
    for op in path:
        if isinstance(op.effect, Read) and op.effect.variable is x:
            reached.update(op.outputs)
        elif op.type not in _CUT or (op.type == "Cast" and op.inputs[0].dtype.is_inexact):
            if any(t in reached for t in op.inputs):
                reached.update(t for t in op.outputs if t.dtype.is_inexact and t not in effect.stops)
    return any(y in reached for y in effect.ys)


def _operation(graph, name: str, ys, kept: list, stops, seeds) -> list:
    """One operation for the gradients of all ``kept`` sources: a tensor each, IndexedSlices where only rows matter."""
    xs, forms = (tuple(part) for part in zip(*kept))
    effect = Differentiate(ys, xs, stops, seeds, places=forms if any(f is not None for f in forms) else ())
    full = graph.unique_name(name or "gradients")
    tensors = [x for x in xs if isinstance(x, Tensor)]
    inputs = (*ys, *(s for s in seeds if s is not None), *tensors)
    outputs: list = []
    for x, form in kept:
        sizes = None if x.shape.dims is None else _sizes(x)
        if form is None:
            outputs.append((x.dtype, sizes))
        else:
            row = TensorShape(x.shape).as_list()[1:]
            outputs += [(x.dtype, [None, *row]), (form, [None])]
    made = iter(graph.create("Gradients", full, inputs, None, effect, outputs).outputs)
    return [next(made) if form is None else _rows(graph, x, next(made), next(made)) for x, form in kept]


def _rows(graph, x, values: Tensor, indices: Tensor) -> IndexedSlices:
    """The gradient of what was looked up."""
    sizes = TensorShape(x.shape).as_list()
    if None in sizes:
        shape = graph.call("Shape", "Shape", measured_shape, (x,), ("input",))
    else:
        shape = graph.convert(sizes, dt.i32, "gradients/Shape")
    return IndexedSlices(values, indices, shape)


def _sizes(x):
    return x.node if isinstance(x, Tensor) else TensorShape(x.shape).as_list()
