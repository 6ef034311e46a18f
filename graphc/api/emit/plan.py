"""What each Node of the compiler's graphs is written as: control flow resolved, everything else by tables."""

from __future__ import annotations

from graphc.api.emit.elements import ELEMENT_FORMS
from graphc.api.emit.emitter import Emitter, Form, NoForm, Value
from graphc.api.emit.products import (
    PRODUCT_FORMS, as_itself, filter_gradient, plan_conv, plan_scatter, pool_gradient,
)  # fmt: skip
from graphc.api.emit.windows import plan_unwindow, plan_window
from graphc.ir.graph import substitute
from graphc.ir.node import INDEX, Node, const
from graphc.ir.order import toposort
from graphc.prims.shape import concat, reshape, slice_
from graphc.prims.table import apply

_FORMS = {**ELEMENT_FORMS, **PRODUCT_FORMS}
_LEAVES = ("const", "symbol", "iota", "random_bits")  # random bits: the key and the counter are ours alone
_UNROLLED = 6000  # Nodes that a loop may become


def plan(e: Emitter, node: Node) -> Form:
    """How a Node is written.

    Raises:
        NoForm: TensorFlow has nothing for it.
    """
    match node.op:
        case "conv":
            return plan_conv(e, node)
        case "scatter":
            return plan_scatter(e, node)
        case "transpose":
            return filter_gradient(node) or Form(node.inputs, _FORMS["transpose"])
        case "call":
            return pool_gradient(e, node) or as_itself(_called(node)[0])
        case "cond":
            return as_itself(_chosen(node)[0])
        case "loop":
            return as_itself(unrolled(node)[0])
        case "item":
            return _item(node)
        case "window" | "unwindow":
            found = plan_window(node) if node.op == "window" else plan_unwindow(node)
            return found if isinstance(found, Form) else as_itself(found)
    form = _FORMS.get(node.op)
    if form is None:
        raise NoForm(f"the primitive {node.op}")
    return Form(() if node.op in _LEAVES else node.inputs, form)


def _item(node: Node) -> Form:
    source, index = node.inputs[0], node.attr("index")
    resolve = {"call": _called, "cond": _chosen, "loop": unrolled}.get(source.op)
    if resolve is not None:
        return as_itself(resolve(source)[index])
    if source.op == "sort":
        return _sorted(node, source, index)
    raise NoForm(f"the primitive {source.op}")


def _sorted(node: Node, source: Node, index: int) -> Form:
    (x,) = source.inputs
    if source.attr("axis") != len(x.shape) - 1:
        raise NoForm("sorting along an axis that is not the last one")

    def write(e: Emitter, _: Node) -> Value:
        kind, upwards = {"T": x.dtype}, not source.attr("descending")
        given = e.add("Neg", [e.full(x)], **kind) if upwards else e.full(x)
        found = e.add("TopKV2", [given, e.size(x.shape[-1])], sorted=True, **kind)
        if index == 1:
            return Value(f"{found}:1", node.shape)
        return Value(e.add("Neg", [found], **kind) if upwards else found, node.shape)

    return Form((x,), write)


def _called(node: Node) -> list[Node]:
    """The results of a call, as what its body computes."""
    graph = node.attr("graph")
    return substitute(graph.outputs, dict(zip(graph.inputs, node.inputs)))


def _chosen(node: Node) -> list[Node]:
    """The results of both branches, of which one is taken."""
    p, *arguments = node.inputs
    branches = [node.attr(name) for name in ("then", "orelse")]
    for branch in branches:
        if any(n.op in ("while", "check", "host", "python") for n in branch.nodes):
            raise NoForm("a branch with a loop or an effect")
    then, orelse = (substitute(b.outputs, dict(zip(b.inputs, arguments))) for b in branches)
    return [apply("select", apply("broadcast", p, shape=a.shape, axes=()) if a.shape else p, a, b)
            for a, b in zip(then, orelse)]  # fmt: skip


def unrolled(node: Node) -> list[Node]:
    """The results of a loop whose steps are written one after the other."""
    count, carries, scanned, body = (node.attr(k) for k in ("count", "carries", "scanned", "body"))
    backwards = dict(node.attrs).get("backwards", False)
    if type(count) is not int or count * len(toposort(body.outputs)) > _UNROLLED:
        raise NoForm("a loop of many steps, or of a number that is known only while running")
    state, rows = list(node.inputs[:carries]), node.inputs[carries : carries + scanned]
    constants, found = node.inputs[carries + scanned :], {}
    for step in range(count)[:: -1 if backwards else 1]:
        arguments = [const(step, INDEX), *state, *[_row(x, step) for x in rows], *constants]
        results = substitute(body.outputs, dict(zip(body.inputs, arguments)))
        state, found[step] = results[:carries], results[carries:]
    stacked = [
        concat(*[reshape(found[step][k], (1, *y.shape)) for step in range(count)], axis=0)
        if count else const(0, y.type.with_shape((0, *y.shape)))
        for k, y in enumerate(body.outputs[carries:])
    ]  # fmt: skip
    return [*state, *stacked]


def _row(x: Node, step: int) -> Node:
    """One row; of what was stacked the part itself."""
    if x.op == "concat" and x.attr("axis") == 0 and len(x.inputs) == x.shape[0]:
        part = x.inputs[step]
        return reshape(part.inputs[0] if part.op == "reshape" else part, x.shape[1:])
    first = slice_(x, [step] + [0] * (len(x.shape) - 1), [step + 1, *x.shape[1:]])
    return reshape(first, x.shape[1:])
