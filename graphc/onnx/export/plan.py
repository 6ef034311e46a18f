"""What each Node is written as: patterns first, then the table of primitives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.ir.node import Node
from graphc.ir.type import TupleType
from graphc.onnx.export.control import called, write_cond, write_loop, write_while
from graphc.onnx.export.elements import ELEMENT_FORMS, ELEMENT_PLANS
from graphc.onnx.export.emitter import WITH_BODIES, Emitter, Form, NoForm, Several, Value, as_itself
from graphc.onnx.export.movement import MOVEMENT_FORMS
from graphc.onnx.export.patterns import matched
from graphc.onnx.export.places import (
    plan_gather,
    plan_scatter,
    plan_unwindow,
    write_nonzero,
    write_unique,
)  # fmt: skip
from graphc.onnx.export.products import plan_conv, write_dot
from graphc.onnx.export.reductions import REDUCTION_FORMS, plan_cumulate, write_sorted
from graphc.onnx.export.text import TEXT_FORMS


def _det(e: Emitter, node: Node) -> Value:
    return Value(e.typed("Det", [e.full(node.inputs[0])], node.dtype), node.shape)


_FORMS: dict[str, Callable[[Emitter, Node], Value | Several]] = {
    **ELEMENT_FORMS, **MOVEMENT_FORMS, **REDUCTION_FORMS, **TEXT_FORMS, "dot": write_dot, "nonzero": write_nonzero,
    "det": _det, "cond": write_cond, "while": write_while, "loop": write_loop,
}  # fmt: skip
_PLANS: dict[str, Callable[[Emitter, Node], Form]] = {
    **ELEMENT_PLANS, "gather": plan_gather, "scatter": plan_scatter, "unwindow": plan_unwindow, "conv": plan_conv,
    "cumulate": plan_cumulate,
}  # fmt: skip
_PICKED = {"sort": write_sorted, "unique": write_unique}  # operations of several results that are written one by one


def plan(e: Emitter, node: Node) -> Form:
    """How a Node is written.

    Raises:
        NoForm: ONNX has nothing for it.
    """
    if _is_empty(node):
        return Form((), _nothing)
    found = matched(e, node)
    if found is not None:
        return found
    if node.op == "item":
        return _item(node)
    if node.op == "call":
        results = called(node)
        return as_itself(results[0]) if len(results) == 1 else Form(tuple(results), lambda e, _: _several(e, results))
    if node.op in _PLANS:
        return _PLANS[node.op](e, node)
    if node.op in _FORMS:
        return Form(node.inputs, _FORMS[node.op])
    raise NoForm(_described(node))


def _is_empty(node: Node) -> bool:
    """Whether a result is known to have no elements, whatever it is made of; what has effects is not."""
    if isinstance(node.type, TupleType) or node.op in WITH_BODIES or not (node.op in _FORMS or node.op in _PLANS):
        return False
    return node.type.is_static and 0 in node.shape


def _nothing(e: Emitter, node: Node) -> Value:
    """A tensor without elements."""
    return Value(e.writer.const(np.zeros(node.shape, node.dtype.numpy)), node.shape)


def _several(e: Emitter, results: list[Node]) -> Several:
    return Several(tuple(e.found[x] for x in results))


def _item(node: Node) -> Form:
    source, index = node.inputs[0], node.attr("index")
    if source.op in _PICKED:
        write = _PICKED[source.op]
        return Form(source.inputs, lambda e, _: write(e, source, index))
    return Form((source,), lambda e, n: _picked(e, n, source, index))


def _picked(e: Emitter, node: Node, source: Node, index: int) -> Value:
    found = e.found[source]
    return found.values[index] if isinstance(found, Several) else Value(found.name, node.shape)


def _described(node: Node) -> str:
    """What an operation without a form is called."""
    detail = {"special": "function", "act": "method", "host": "function"}.get(node.op)
    name = dict(node.attrs).get(detail) if detail else None
    if not isinstance(name, str):
        return node.op
    return f"{name}" if node.op == "special" else f"{node.op} {name}"


FORMS = frozenset((*_FORMS, *_PLANS, *_PICKED, "call", "item", "measure", "input"))
