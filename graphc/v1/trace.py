"""From fetches and feeds to one pure graph: operations in order, variables as inputs and outputs."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from graphc.api.effect import Effect, first_token
from graphc.api.transfers import on_device
from graphc.errors import FeedError, GraphcError, GraphError, ShapeError, explain, located
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph as PureGraph
from graphc.ir.graph import input_node
from graphc.ir.node import Node, const
from graphc.ir.origin import built
from graphc.ir.type import Type
from graphc.lib.dims import measuring
from graphc.lib.promote import broadcast_to
from graphc.lib.shape import ensure_shape, zeros
from graphc.prims.table import apply
from graphc.v1.differentiate import differentiate, refine
from graphc.v1.infer import nodes_of
from graphc.v1.slices import split
from graphc.v1.tensor import (
    Differentiate, Feed, Initialised, Operation, Random, Read, ReadOr, Tensor, Update, Write,
)  # fmt: skip
from graphc.v1.upstream import Upstream, Wanted

EMPTY: Mapping = MappingProxyType({})
COUNTER, BOOL = Type(dt.u64, ()), Type(dt.b1, ())
COUNTERS = {True: "random_step", False: "random_step_unseeded"}


def counter_node(seeded: bool) -> Node:
    """How many random runs the session has made; with or without a seed."""
    return input_node(COUNTERS[seeded], COUNTER)


@dataclass(frozen=True)
class Traced:
    """A pure graph and what its places mean.

    Attributes:
        graph: inputs are the feeds, then ``state``; outputs are the fetches, then the new values of ``written``.
        state: Variables and counters (True: seeded, False: unseeded) in the order of the inputs after the feeds.
        read: Variables whose value at the start of the run is used.
        written: Variables and counters in the order of the donated outputs.
        has_effects: there is one more output after the fetches, the token of the operations with effects.
    """

    graph: PureGraph
    state: tuple
    read: tuple
    written: tuple
    has_effects: bool = False


def needed(targets, is_fed, done=frozenset(), more: Mapping = EMPTY, lazily: bool = False) -> list[Operation]:
    """The operations that must run for the targets (Operations), in an order that respects every dependency.

    Args:
        done: operations that have run in an earlier part of the run; nobody waits for them.
        more: for some operations others that they need besides.
        lazily: leave out what only gradients name, which may not need its value.

    Raises:
        GraphError: control dependencies form a cycle; the message names it.
    """
    waiting: dict[Operation, set] = {}
    users: dict[Operation, list] = {}
    stack = list(targets)
    while stack:
        op = stack.pop()
        if op in waiting:
            continue
        before = {t.op for t in op.operands if not is_fed(t)} | set(op.control_inputs) - done
        if lazily and isinstance(op.effect, Differentiate):
            before = set(op.control_inputs) - done
        before.update(more.get(op, ()))
        waiting[op] = before
        stack.extend(before)
    for first, second in _unordered_writes(waiting):
        if not _depends(first, second, waiting):
            waiting[second].add(first)
    for op, before in waiting.items():
        for b in before:
            users.setdefault(b, []).append(op)
    ready = [(op.id, op) for op, before in waiting.items() if not before]
    heapq.heapify(ready)
    order, left = [], {op: len(before) for op, before in waiting.items()}
    while ready:
        _, op = heapq.heappop(ready)
        order.append(op)
        for user in users.get(op, ()):
            left[user] -= 1
            if not left[user]:
                heapq.heappush(ready, (user.id, user))
    if len(order) < len(waiting):
        raise GraphError(explain(f"dependencies form a cycle: {_cycle(waiting, set(order))}"))
    return order


def _unordered_writes(waiting: dict) -> list[tuple[Operation, Operation]]:
    """Assignments to a variable, each with what changes its current value in the same run.

    TensorFlow leaves their order open. The assignment goes first here, as the change would be lost otherwise: a step of
    an optimizer that is run together with ``v.assign(tf.clip_by_value(v, -1, 1))``.
    """
    plain: dict[object, list] = {}
    changing: dict[object, list] = {}
    for op in waiting:
        match op.effect:
            case Write(variable, False):
                plain.setdefault(variable, []).append(op)
            case Write(variable, True):
                changing.setdefault(variable, []).append(op)
            case Update(variables):
                for variable in variables:
                    changing.setdefault(variable, []).append(op)
    return [(a, b) for v, firsts in plain.items() for a in firsts for b in changing.get(v, ())]


def _depends(op: Operation, on: Operation, waiting: dict) -> bool:
    stack, seen = [op], {op}
    while stack:
        for before in waiting[stack.pop()]:
            if before is on:
                return True
            if before not in seen:
                seen.add(before)
                stack.append(before)
    return False


def _cycle(waiting: dict, done: set) -> str:
    op = min((o for o in waiting if o not in done), key=lambda o: o.id)
    seen: list = []
    while op not in seen:
        seen.append(op)
        op = min((b for b in waiting[op] if b not in done), key=lambda o: o.id)
    loop = seen[seen.index(op) :][::-1]
    first = min(range(len(loop)), key=lambda k: loop[k].id)
    loop = loop[first:] + loop[:first]
    return " -> ".join(o.name for o in [*loop, loop[0]])


class _MoreNeeded(Exception):
    """Gradients need the values of operations that are not part of the run yet."""

    def __init__(self, op: Operation, operations: tuple):
        super().__init__()
        self.op, self.operations = op, operations


class _Run:
    """One pass over the operations: values so far, writes so far, and which of them each operation sees."""

    def __init__(self, fed: dict, done, place: Callable[[Operation], str]):
        self.fed, self.done, self.place = fed, done, place
        self.values: dict[Tensor | Operation, Node] = dict(fed)  # of operations with effects the token before
        self.views: dict[Operation, dict] = {}
        self.read: dict = {}
        self.peeked: dict = {}
        self.latest: dict = {}
        self.counters: dict = {}
        self.token = first_token()
        self.upstream = Upstream(any(not isinstance(t.op.effect, Feed) for t in fed))

    def is_fed(self, tensor: Tensor) -> bool:
        return tensor in self.fed

    def start(self, variable) -> Node:
        self.read.setdefault(variable)
        return variable.start

    def peek(self, key) -> Node:
        """The state of a variable's flag, or of a variable that may have no value."""
        self.peeked.setdefault(key)
        return key.start

    def read_or(self, op: Operation, variable) -> Node:
        """The value of a variable, or the operand of ``op`` where it has none."""
        flag, value = self.peek(variable.flag), self.peek(variable)
        known = broadcast_to(flag, value.shape)
        return apply("select", known, value, ensure_shape(self.values[op.operands[0]], value.shape))

    def view(self, op: Operation) -> dict:
        """Variable -> (write number, value) as ordered before ``op`` by its inputs and control inputs."""
        merged: dict = {}
        before = [t.op for t in op.operands if t not in self.fed] + [c for c in op.control_inputs if c not in self.done]
        for view in {id(v): v for v in (self.views[b] for b in before)}.values():
            if not merged:
                merged = view
            elif view and view is not merged:
                newer = {k: v for k, v in view.items() if k not in merged or merged[k][0] < v[0]}
                merged = {**merged, **newer}
        return merged

    def visit(self, op: Operation) -> None:
        view = self.views[op] = self.view(op)
        match op.effect:
            case Feed():
                results = () if op.outputs[0] in self.fed else self.upstream.stand_in(op)
            case Read(variable):
                results = (view[variable][1] if variable in view else self.start(variable),)
            case Initialised(variable):
                results = (const(True, BOOL) if variable in view else self.peek(variable.flag),)
            case ReadOr(variable):
                results = (view[variable][1] if variable in view else self.read_or(op, variable),)
            case Write(variable, uses_current):
                new = self.write(op, variable, uses_current)
                self.views[op] = {**view, variable: (len(self.views), new)}
                results = (new,)
            case Update(variables):
                results = self.update(op, variables)
                self.views[op] = {**view, **{v: (len(self.views), n) for v, n in zip(variables, results)}}
            case Differentiate():
                found = self.differentiated(op)
                results = split(self.connected(op, found), op.effect.places)
            case Effect(drawn):
                self.values[op] = self.token  # to build the operation again where it is differentiated
                self.token, *results = self.built(op, (self.token,), ("",))
                if drawn is not None:
                    self.counters[drawn.seeded] = counter_node(drawn.seeded)
            case effect:
                if isinstance(effect, Random):
                    self.counters[effect.seeded] = counter_node(effect.seeded)
                results = nodes_of(self.built(op)) if op.build else ()
        for tensor, node in zip(op.outputs, results):
            if tensor not in self.fed:
                self.values[tensor] = refine(tensor, node)

    def differentiated(self, op: Operation) -> list[Node | None]:
        """The gradients of an operation that asks for them.

        Raises:
            _MoreNeeded: they need the values of operations that are not part of the run.
        """
        try:
            return differentiate(op.name, op.effect, self.values, self.is_fed, self.upstream, self.place)
        except Wanted as wanted:
            raise _MoreNeeded(op, wanted.operations) from None

    def connected(self, op: Operation, found: list) -> list[Node]:
        """The gradients that have an output; zeros where feeding cut the connection."""
        effect, out = op.effect, []
        for x, g in zip(effect.xs, found):
            if g is None:
                like = self.start(x) if not isinstance(x, Tensor) else self.values[x]
                lead = self.values[effect.ys[0]].shape if effect.whole else ()
                g = zeros((*lead, *like.shape), like.dtype)
            out.append(g)
        return out

    def built(self, op: Operation, before=(), of=()):
        """What an operation makes of Nodes that it takes before its operands' values; ``of``: what they are of."""
        nodes = [*before, *[self.values[t] for t in op.operands]]
        place = "" if isinstance(op.effect, Effect) else self.place(op)
        return on_device(place, lambda *given: built(op.build, (*of, *op.operands), given), nodes)

    def write(self, op: Operation, variable, uses_current: bool) -> Node:
        of = (variable,) if uses_current else ()
        current = [self.latest[v] if v in self.latest else self.start(v) for v in of]
        return self.keep(op, variable, self.built(op, current, of))

    def update(self, op: Operation, variables: tuple) -> list[Node]:
        current = [self.latest[v] if v in self.latest else self.start(v) for v in variables]
        new = self.built(op, current, variables)
        return [self.keep(op, v, n) for v, n in zip(variables, new)]

    def keep(self, op: Operation, variable, new: Node) -> Node:
        if new.dtype is not variable.dtype or len(new.shape) != len(variable.type.shape):
            raise ShapeError(explain(f"{op.name}: {new.type} does not fit variable {variable.name} of {variable.type}"))
        new = ensure_shape(new, variable.type.shape)
        self.latest[variable] = new
        return new


def at_home(op: Operation) -> str:
    """Every operation runs on the device of the session."""
    return ""


def trace(
    name: str, fetches, targets, fed: dict, inputs: tuple, done=frozenset(), place: Callable[[Operation], str] = at_home
) -> Traced:  # fmt: skip
    """The pure graph that computes ``fetches`` and runs ``targets``.

    Args:
        fetches: Tensors; targets: Operations run for their effects.
        fed: Tensor -> Node for every fed tensor; ``inputs``: the input Nodes in the order of the feeds.
        done: Operations that are not run again though others are ordered after them; see ``needed``.
        place: the device of an operation, empty for that of the session.

    Raises:
        FeedError: a placeholder that is needed is not fed; the message names them all.
        GraphError: dependencies form a cycle.
        ShapeError, DtypeError: from the operations, at the lines that made them.
    """
    targets = [t.op for t in fetches if t not in fed] + list(targets)
    run = _visited(targets, fed, done, place)
    token = [] if run.token.op == "const" else [run.token]
    state = [*dict.fromkeys([*run.read, *run.peeked, *run.latest]), *run.counters]
    places = {v: len(inputs) + k for k, v in enumerate(state)}
    written = [*run.latest, *run.counters]
    new = [*run.latest.values(), *(apply("add", c, const(1, COUNTER)) for c in run.counters.values())]
    outputs = [run.values[t] for t in fetches] + token
    unfed = run.upstream.behind([*outputs, *new])
    if unfed:
        raise FeedError(_missing_text(unfed))
    donated = tuple((len(outputs) + k, places[v]) for k, v in enumerate(written))
    starts = tuple(counter_node(v) if isinstance(v, bool) else v.start for v in state)
    graph = PureGraph(name, (*inputs, *starts), (*outputs, *new), (), donated)
    return Traced(graph, tuple(state), tuple(run.read), tuple(written), bool(token))


def _visited(targets, fed: dict, done, place: Callable[[Operation], str]) -> _Run:
    """All the operations that the targets need, evaluated; once more with what gradients turn out to need."""
    more: dict[Operation, set] = {}
    while True:
        run = _Run(fed, done, place)
        order = needed(targets, run.is_fed, done, more)
        unfed = _unfed(order, targets, run, done, more)
        try:
            with measuring():
                for op in order:
                    with located(op.location):
                        run.visit(op)
            return run
        except _MoreNeeded as found:
            more.setdefault(found.op, set()).update(found.operations)
        except GraphcError as error:
            if not unfed:
                raise
            raise FeedError(_missing_text(unfed)) from error  # what stands in for them may not fit


def _unfed(order: list[Operation], targets, run: _Run, done, more: dict) -> list[Operation]:
    """The placeholders that are not fed; only gradients name them, and may not need their values.

    Raises:
        FeedError: the message names them all.
    """
    missing = [op for op in order if isinstance(op.effect, Feed) and op.outputs[0] not in run.fed]
    if not missing:
        return []
    surely = set(needed(targets, run.is_fed, done, more, lazily=True))
    if any(op in surely or op.outputs[0].node is None for op in missing):
        raise FeedError(_missing_text(missing))
    return missing


def _missing_text(missing) -> str:
    named = ", ".join(f"{op.name} ({op.outputs[0].dtype.name} {op.outputs[0].shape})" for op in missing)
    plural = "placeholders are" if len(missing) > 1 else "placeholder is"
    made = [(op.name, f"placeholder   {op.location}") for op in missing if op.location is not None]
    return explain(f"run: {len(missing)} {plural} needed but not fed: {named}", made)
