"""From fetches and feeds to one pure graph: operations in order, variables as inputs and outputs."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from graphc.api.effect import Effect, first_token
from graphc.errors import FeedError, GraphError, ShapeError, explain, located
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph as PureGraph
from graphc.ir.graph import input_node
from graphc.ir.node import Node, const
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


def needed(targets, is_fed, done=frozenset()) -> list[Operation]:
    """The operations that must run for the targets (Operations), in an order that respects every dependency.

    Args:
        done: operations that have run in an earlier part of the run; nobody waits for them.

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
        waiting[op] = before
        for b in before:
            users.setdefault(b, []).append(op)
        stack.extend(before)
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


class _Run:
    """One pass over the operations: values so far, writes so far, and which of them each operation sees."""

    def __init__(self, fed: dict, done=frozenset()):
        self.fed, self.done = fed, done
        self.values: dict[Tensor | Operation, Node] = dict(fed)  # of operations with effects the token before
        self.views: dict[Operation, dict] = {}
        self.read: dict = {}
        self.peeked: dict = {}
        self.latest: dict = {}
        self.counters: dict = {}
        self.token = first_token()

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
                results = ()
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
                found = differentiate(op.name, op.effect, self.values, self.is_fed)
                results = split(self.connected(op, found), op.effect.places)
            case Effect(drawn):
                self.values[op] = self.token  # to build the operation again where it is differentiated
                self.token, *results = op.build(self.token, *[self.values[t] for t in op.operands])
                if drawn is not None:
                    self.counters[drawn.seeded] = counter_node(drawn.seeded)
            case effect:
                if isinstance(effect, Random):
                    self.counters[effect.seeded] = counter_node(effect.seeded)
                results = nodes_of(op.build(*[self.values[t] for t in op.operands])) if op.build else ()
        for tensor, node in zip(op.outputs, results):
            if tensor not in self.fed:
                self.values[tensor] = refine(tensor, node)

    def connected(self, op: Operation, found: list) -> list[Node]:
        """The gradients that have an output; zeros where feeding cut the connection."""
        effect, out = op.effect, []
        for x, g in zip(effect.xs, found):
            like = self.start(x) if not isinstance(x, Tensor) else self.values[x]
            lead = self.values[effect.ys[0]].shape if effect.whole else ()
            out.append(g if g is not None else zeros((*lead, *like.shape), like.dtype))
        return out

    def write(self, op: Operation, variable, uses_current: bool) -> Node:
        operands = [self.values[t] for t in op.operands]
        if uses_current:
            operands.insert(0, self.latest[variable] if variable in self.latest else self.start(variable))
        return self.keep(op, variable, op.build(*operands))

    def update(self, op: Operation, variables: tuple) -> list[Node]:
        current = [self.latest[v] if v in self.latest else self.start(v) for v in variables]
        new = op.build(*current, *[self.values[t] for t in op.operands])
        return [self.keep(op, v, n) for v, n in zip(variables, new)]

    def keep(self, op: Operation, variable, new: Node) -> Node:
        if new.dtype is not variable.dtype or len(new.shape) != len(variable.type.shape):
            raise ShapeError(explain(f"{op.name}: {new.type} does not fit variable {variable.name} of {variable.type}"))
        new = ensure_shape(new, variable.type.shape)
        self.latest[variable] = new
        return new


def trace(name: str, fetches, targets, fed: dict, inputs: tuple, done=frozenset()) -> Traced:
    """The pure graph that computes ``fetches`` and runs ``targets``.

    Args:
        fetches: Tensors; targets: Operations run for their effects.
        fed: Tensor -> Node for every fed tensor; ``inputs``: the input Nodes in the order of the feeds.
        done: Operations that are not run again though others are ordered after them; see ``needed``.

    Raises:
        FeedError: a placeholder that is needed is not fed; the message names them all.
        GraphError: dependencies form a cycle.
        ShapeError, DtypeError: from the operations, at the lines that made them.
    """
    run = _Run(fed, done)
    order = needed([t.op for t in fetches if t not in fed] + list(targets), run.is_fed, done)
    missing = [op for op in order if isinstance(op.effect, Feed) and op.outputs[0] not in fed]
    if missing:
        raise FeedError(_missing_text(missing))
    with measuring():
        for op in order:
            with located(op.location):
                run.visit(op)
    token = [] if run.token.op == "const" else [run.token]
    state = [*dict.fromkeys([*run.read, *run.peeked, *run.latest]), *run.counters]
    places = {v: len(inputs) + k for k, v in enumerate(state)}
    written = [*run.latest, *run.counters]
    new = [*run.latest.values(), *(apply("add", c, const(1, COUNTER)) for c in run.counters.values())]
    outputs = [run.values[t] for t in fetches] + token
    donated = tuple((len(outputs) + k, places[v]) for k, v in enumerate(written))
    starts = tuple(counter_node(v) if isinstance(v, bool) else v.start for v in state)
    graph = PureGraph(name, (*inputs, *starts), (*outputs, *new), (), donated)
    return Traced(graph, tuple(state), tuple(run.read), tuple(written), bool(token))


def _missing_text(missing) -> str:
    named = ", ".join(f"{op.name} ({op.outputs[0].dtype.name} {op.outputs[0].shape})" for op in missing)
    plural = "placeholders are" if len(missing) > 1 else "placeholder is"
    made = [(op.name, f"placeholder   {op.location}") for op in missing if op.location is not None]
    return explain(f"run: {len(missing)} {plural} needed but not fed: {named}", made)
