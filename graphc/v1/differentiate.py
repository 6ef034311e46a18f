"""Gradients over operations: evaluate again what lies between, with the values asked about marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from graphc.api.effect import Effect, any_token
from graphc.api.gradient import gradients, jacobian_at, mark
from graphc.api.transfers import on_device
from graphc.errors import located
from graphc.ir.node import Node
from graphc.lib.linalg import tensordot
from graphc.lib.shape import ensure_shape, ones_like
from graphc.prims.table import apply
from graphc.v1.fed_results import rule
from graphc.v1.infer import nodes_of
from graphc.v1.slices import split
from graphc.v1.tensor import Differentiate, Operation, Random, Read, Tensor
from graphc.v1.upstream import Upstream, Wanted, crossed


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


def differentiate(
    op_name: str, effect: Differentiate, values, is_fed: Callable[[Tensor], bool], upstream: Upstream | None = None,
    place: Callable[[Operation], str] | None = None,
) -> list[Node | None]:
    """For each of ``effect.xs`` the gradient, or None where nothing connects it.

    A fed tensor has the value that it is fed, but the derivative of what it would be computed from.

    Args:
        op_name: makes the names of marks unique.
        values: Node of each tensor, and the token before each operation with effects, by ``[]``.
        is_fed: whether a tensor's value comes from outside.
        upstream: stands in for what has no value because it lies before fed tensors; if None, gradients end there.
        place: the device of an operation, see ``trace``; None where that does not matter.

    Raises:
        Wanted: something has no value that must have one.
    """
    path = ancestors(effect.ys, is_fed)
    across: set[Tensor] = set()
    if upstream is not None and upstream.has_cuts:
        everything = ancestors(effect.ys, lambda t: False)
        across = crossed(everything, effect, is_fed)
        if across:
            path = ancestors(effect.ys, lambda t: is_fed(t) and t not in across)
            values = _completed(path, values, is_fed, upstream, place)
    marks = _Marks(op_name, effect, values, is_fed)
    inside = set(path)
    for x in effect.xs:
        if isinstance(x, Tensor) and (x.op not in inside or is_fed(x)):
            marks.touch(x, x)
        elif not isinstance(x, Tensor) and is_fed(x.as_element()):
            marks.touch(x.as_element(), x)
    for op in path:
        marks.visit(op, across, upstream, place)
    if effect.whole:
        found = _whole(marks, effect.ys[0])
    else:
        found = _summed(marks, effect)
    if upstream is not None:
        wanted = upstream.behind(list(found.values()))
        if wanted:
            raise Wanted(wanted)
    return [found.get(x) for x in effect.xs]


class _Marks:
    """The values of one path with all that is differentiated by marked.

    Attributes:
        local: values that depend on a mark, others as outside.
        deltas: what to differentiate by, for each source.
        bridges: (delta, operation, its result that is fed, what this is computed from) in order.
    """

    def __init__(self, op_name: str, effect: Differentiate, values, is_fed):
        self.local = Scope(values)
        self.values, self.is_fed = values, is_fed
        self.deltas: dict = {}
        self.bridges: list = []
        self._name, self._count = op_name, 0
        self._wanted, self._stops = set(effect.xs), set(effect.stops)

    def touch(self, tensor: Tensor, key) -> None:
        """Mark a tensor as the source ``key``, which others may be, too."""
        fixed = tensor in self._stops or key is not tensor
        start = self.values[tensor] if fixed else self.local[tensor]
        if key in self.deltas:
            self.local[tensor], _ = mark(start, self.deltas[key].attr("name"))
        else:
            self.local[tensor], self.deltas[key] = self._mark(start)

    def _mark(self, value: Node) -> tuple[Node, Node]:
        self._count += 1
        return mark(value, f"delta_{self._name}_{self._count}")

    def visit(self, op: Operation, across: set, upstream: Upstream | None, place: Callable | None) -> None:
        """Evaluate an operation again, if it depends on a mark."""
        local, stops = self.local, self._stops
        if isinstance(op.effect, Read) and op.effect.variable in self._wanted and op.outputs[0] not in stops:
            self.touch(op.outputs[0], op.effect.variable)
        elif any(t in local for t in op.operands) and op.outputs and (_is_pure(op) or isinstance(op.effect, Effect)):
            for t, node in zip(op.outputs, _evaluate(op, local, self.is_fed, upstream, place)):
                if node is None or t in stops:
                    continue
                if t in across:
                    self._bridge(op, t, refine(t, node))
                elif not self.is_fed(t):
                    local[t] = refine(t, node)
        for t in op.outputs:
            if t in self._wanted and not self.is_fed(t):
                self.touch(t, t)

    def _bridge(self, op: Operation, tensor: Tensor, node: Node) -> None:
        delta = self.deltas.get(tensor)
        if delta is None:
            self.local[tensor], delta = self._mark(self.values[tensor])
        self.bridges.append((delta, op, tensor, node))

    def before(self, bridge: tuple, slope: Node) -> tuple[Node, Node]:
        """A value before a fed tensor, and the slope by it for the slope by the fed tensor."""
        _, op, tensor, node = bridge
        by_result = rule(op)
        if by_result is not None:
            node, slope = self.local[op.operands[0]], by_result(slope, self.values[tensor])
        lead = len(slope.shape) - len(node.shape)
        return node, ensure_shape(slope, (*slope.shape[:lead], *node.shape))

    def sources(self) -> list[Node]:
        """Everything to differentiate by."""
        return list(dict.fromkeys([*self.deltas.values(), *(delta for delta, *_ in self.bridges)]))


def _summed(marks: _Marks, effect: Differentiate) -> dict:
    """For each source the derivative of the sum of ``ys``; fed tensors are left behind last to first."""
    local, sources = marks.local, marks.sources()
    seeds = [marks.values[s] if s is not None else ones_like(local[y]) for y, s in zip(effect.ys, effect.seeds)]
    slopes = dict(zip(sources, gradients([local[y] for y in effect.ys], sources, seeds)))
    for bridge in reversed(marks.bridges):
        if slopes[bridge[0]] is not None:
            node, seed = marks.before(bridge, slopes[bridge[0]])
            _accumulate(slopes, zip(sources, gradients([node], sources, [seed])))
    return {x: slopes[delta] for x, delta in marks.deltas.items()}


def _whole(marks: _Marks, y: Tensor) -> dict:
    """For each source the derivative of every element of ``y``."""
    sources = marks.sources()
    slopes = {delta: jacobian_at(marks.local[y], delta, sources) for delta in sources}
    for bridge in reversed(marks.bridges):
        if slopes[bridge[0]] is not None:
            node, slope = marks.before(bridge, slopes[bridge[0]])
            further = [(delta, jacobian_at(node, delta, sources)) for delta in sources]
            axes = len(node.shape)
            _accumulate(slopes, [(d, None if j is None else tensordot(slope, j, axes)) for d, j in further])
    return {x: slopes[delta] for x, delta in marks.deltas.items()}


def _accumulate(slopes: dict, more: Iterable) -> None:
    for delta, slope in more:
        if slope is not None:
            slopes[delta] = slope if slopes[delta] is None else apply("add", slopes[delta], slope)


def _completed(path: list[Operation], values, is_fed, upstream: Upstream, place: Callable | None) -> "Scope":
    """The values with those before fed tensors: computed, or stood in for."""
    known = Scope(values)
    for op in path:
        missing = [t for t in op.outputs if not _has(known, t)]
        if missing and (op.effect is None or isinstance(op.effect, Differentiate)):
            nodes = _evaluate(op, known, is_fed, upstream, place)
        elif missing:
            nodes = upstream.stand_in(op)
        for t in missing:
            if nodes[t.index] is None:  # a gradient that nothing connects
                raise Wanted([op])
            known[t] = refine(t, nodes[t.index])
    return known


def _has(values, tensor: Tensor) -> bool:
    try:
        values[tensor]
    except KeyError:
        return False
    return True


def _is_pure(op: Operation) -> bool:
    return op.effect is None or isinstance(op.effect, (Random, Differentiate))


def _evaluate(op: Operation, values, is_fed, upstream: Upstream | None, place: Callable | None) -> tuple:
    with located(op.location):
        if isinstance(op.effect, Differentiate):
            return tuple(split(differentiate(op.name, op.effect, values, is_fed, upstream, place), op.effect.places))
        operands = [values[t] for t in op.operands]
        if isinstance(op.effect, Effect):
            if upstream is not None and not _has(values, op):
                raise Wanted([op])
            return nodes_of(op.build(_token_before(op, values), *operands))[1:]
        return nodes_of(on_device(place(op) if place is not None else "", op.build, operands))


def _token_before(op: Operation, values) -> Node:
    """The token that an operation with effects was given; any where only types are asked for."""
    try:
        return values[op]
    except KeyError:
        return any_token()
