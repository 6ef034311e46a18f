"""Gradients over operations: evaluate again what lies between, with the values asked about marked."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.effect import Effect, any_token
from graphc.api.gradient import gradients, jacobian_at, mark
from graphc.errors import located
from graphc.ir.node import Node
from graphc.lib.shape import ones_like
from graphc.lib.shape import ensure_shape
from graphc.v1.infer import nodes_of
from graphc.v1.slices import split
from graphc.v1.tensor import Differentiate, Operation, Random, Read, Tensor


class Scope(dict):
    """Values of tensors, those of an outer scope where there is no own."""

    def __init__(self, outer):
        super().__init__()
        self.outer = outer

    def __missing__(self, tensor):
        return self.outer[tensor]


def ancestors(tensors, is_fed: Callable[[Tensor], bool]) -> list[Operation]:
    """The operations that the tensors are computed from, in the order they were made; fed tensors need none."""
    found: set[Operation] = set()
    stack = [t.op for t in tensors if not is_fed(t)]
    while stack:
        op = stack.pop()
        if op not in found:
            found.add(op)
            stack.extend(t.op for t in op.operands if not is_fed(t))
    return sorted(found, key=lambda op: op.id)


def refine(tensor: Tensor, node: Node) -> Node:
    """``node`` with the sizes promised by ``set_shape``."""
    return node if tensor.refined is None else ensure_shape(node, tensor.refined)


def differentiate(op_name: str, effect: Differentiate, values, is_fed: Callable[[Tensor], bool]) -> list[Node | None]:
    """For each of ``effect.xs`` the gradient, or None where nothing connects it.

    Args:
        op_name: makes the names of marks unique.
        values: Node of each tensor, and the token before each operation with effects, by ``[]``.
        is_fed: whether a tensor's value comes from outside.
    """
    local = Scope(values)
    deltas: dict = {}
    wanted, stops = set(effect.xs), set(effect.stops)
    path = ancestors(effect.ys, is_fed)
    inside = set(path)

    def touch(tensor: Tensor, key) -> None:
        start = values[tensor] if tensor in stops or key is not tensor else local[tensor]
        if key not in deltas:
            local[tensor], deltas[key] = mark(start, f"delta_{op_name}_{len(deltas)}")
        else:
            local[tensor], _ = mark(start, deltas[key].attr("name"))

    for x in effect.xs:
        if isinstance(x, Tensor) and (x.op not in inside or is_fed(x)):
            touch(x, x)
        elif not isinstance(x, Tensor) and is_fed(x.as_element()):
            touch(x.as_element(), x)
    for op in path:
        if isinstance(op.effect, Read) and op.effect.variable in wanted and op.outputs[0] not in stops:
            if not is_fed(op.outputs[0]):
                touch(op.outputs[0], op.effect.variable)
        elif any(t in local for t in op.operands) and op.outputs and (_is_pure(op) or isinstance(op.effect, Effect)):
            for t, node in zip(op.outputs, _evaluate(op, local, is_fed)):
                if node is not None and t not in stops and not is_fed(t):
                    local[t] = refine(t, node)
        for t in op.outputs:
            if t in wanted and not is_fed(t):
                touch(t, t)
    if effect.whole:
        found = {x: jacobian_at(local[effect.ys[0]], d, deltas.values()) for x, d in deltas.items() if x in wanted}
        return [found.get(x) for x in effect.xs]
    seeds = [values[s] if s is not None else ones_like(local[y]) for y, s in zip(effect.ys, effect.seeds)]
    asked = [x for x in effect.xs if x in deltas]
    found = dict(zip(asked, gradients([local[y] for y in effect.ys], [deltas[x] for x in asked], seeds)))
    return [found.get(x) for x in effect.xs]


def _is_pure(op: Operation) -> bool:
    return op.effect is None or isinstance(op.effect, (Random, Differentiate))


def _evaluate(op: Operation, values, is_fed) -> tuple:
    with located(op.location):
        if isinstance(op.effect, Differentiate):
            return tuple(split(differentiate(op.name, op.effect, values, is_fed), op.effect.places))
        operands = [values[t] for t in op.operands]
        if isinstance(op.effect, Effect):
            return nodes_of(op.build(_token_before(op, values), *operands))[1:]
        return nodes_of(op.build(*operands))


def _token_before(op: Operation, values) -> Node:
    """The token that an operation with effects was given; any where only types are asked for."""
    try:
        return values[op]
    except KeyError:
        return any_token()
