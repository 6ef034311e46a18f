"""Control flow: cond, while, loop and call as program steps over nested graphs, without leaving native code."""

from __future__ import annotations

import functools

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.ir.kernel import Array, Kernel, Store, load
from graphc.ir.node import INDEX, Node
from graphc.ir.type import Type
from graphc.lower import reasons
from graphc.lower.buffers import share
from graphc.lower.role import is_native, role
from graphc.lower.nests import NESTS
from graphc.lower.step import Step, with_inner
from graphc.lower.schedule import symbols_of
from graphc.prims.table import TABLE


def _nested(lowering, graph: Graph, operands: list):
    """Steps of a nested graph over the given storages, and the storages of its results."""
    return lowering.lower_graph(graph, dict(zip(graph.inputs, operands)))


def _repeated(lowering, graph: Graph, operands: list, still: list):
    """The same for a graph that runs again and again, and that does not change ``still``."""
    outside, lowering.still = lowering.still, {s.root() for s in still}
    lowering.repeats += 1
    found = _nested(lowering, graph, operands)
    lowering.repeats -= 1
    lowering.still = outside
    return found


def _copies(lowering, sources: list, targets: list) -> list:
    """Copies that may be done one after the other: a source that is another copy's target is saved first."""
    first, second = [], []
    overwritten = {t.root() for t in targets}
    for source, target in zip(sources, targets):
        if source.root() is target.root():
            continue
        if source.root() in overwritten:
            held = lowering.storage(source.type, "held")
            first.append(Step("copy", reads=(source,), writes=(held,)))
            source = held
        second.append(Step("copy", reads=(source,), writes=(target,)))
    return first + second


def _call(lowering, node: Node, operands: list, results: list) -> list:
    steps, values = _nested(lowering, node.attr("graph"), operands)
    return steps + _copies(lowering, values, results)


def _cond(lowering, node: Node, operands: list, results: list) -> list:
    parts = []
    for name in ("then", "orelse"):
        steps, values = _nested(lowering, node.attr(name), operands[1:])
        parts.append(tuple(steps + _copies(lowering, values, results)))
    return [Step("branch", reads=(operands[0],), writes=tuple(results), parts=tuple(parts))]


def _renew(lowering, steps: list, values: list, states: list) -> list:
    """``steps`` and what makes their ``values`` the new ``states``: written in place where nobody needs the old ones."""
    roots = [v.root() for v in values]
    for value, state in zip(values, states):
        if value.root() is state.root():
            continue
        why = _why_not_over(steps, value.root(), state.root(), roots)
        if why is None:
            lowering.notes.memory[value.root().name, state.name] = reasons.NEW_STATE
            share(value, state)
        else:
            lowering.notes.separate[value.root().name, state.name] = why
    return steps + _copies(lowering, values, states)


def _why_not_over(steps: list, value, state, roots: list) -> str | None:
    """Why ``value``, the new ``state``, cannot be written over the old one.

    None if it is made in these steps, and no step after the first one that writes it reads the old ``state``.
    """
    if roots.count(value) != 1:
        return reasons.SEVERAL_STATES
    writes = [{s.root() for inner in with_inner(step) for s in inner.writes} for step in steps]
    first = next((k for k, written in enumerate(writes) if value in written), None)
    if first is None or value.place is not None:
        return reasons.MADE_OUTSIDE
    if state in roots:
        return reasons.OLD_IS_OUTPUT
    if value.bytes != state.bytes:
        return reasons.OTHER_SIZE
    reads = [{s.root() for inner in with_inner(step) for s in inner.reads} for step in steps[first:]]
    in_place = any((old.root(), new.root()) == (state, value) for old, new in steps[first].reusable)
    if state in set().union(*reads[1:]):
        return reasons.OLD_STILL_READ
    return None if state not in reads[0] or in_place else reasons.OLD_READ_MOVED


def _hoist(steps: list, changing: list) -> tuple[list, list]:
    """The launches whose operands and results no other step writes, to run once before the loop; and the other steps."""
    writers: dict = {s.root(): 2 for s in changing}  # written by others as well
    writers |= {s.found_by()[1].root(): 2 for step in steps for s in (*step.reads, *step.writes) if s.found_by()}
    for step in steps:
        for root in {s.root() for inner in with_inner(step) for s in inner.writes}:
            writers[root] = writers.get(root, 0) + 1
    before, inside = [], []
    for step in steps:
        written = {s.root() for s in step.writes}
        rows = any(s.found_by() for s in (*step.reads, *step.writes))
        free = step.kind == "launch" and not rows and all(s.root() not in writers for s in step.reads)
        if free and all(writers[root] == 1 for root in written):
            before.append(step)
            for root in written:
                del writers[root]
        else:
            inside.append(step)
    return before, inside


def _while(lowering, node: Node, operands: list, results: list) -> list:
    start = _copies(lowering, operands, results)
    test, (condition,) = _nested(lowering, node.attr("test"), results)
    held = lowering.storage(Type(dt.b1, ()), "condition")
    test = tuple(test + _copies(lowering, [condition], [held]))
    graph = node.attr("body")
    still = [s for s, a, b in zip(results, graph.inputs, graph.outputs) if a is b]
    body = _renew(lowering, *_repeated(lowering, node.attr("body"), results, still), results)
    before, body = _hoist(body, [*results, *(s for step in test for inner in with_inner(step) for s in inner.writes)])
    repeat = Step(
        "repeat", reads=(held,), writes=tuple(results), parts=(tuple(body), test), extra={"condition": held}
    )
    return [*start, *before, repeat]


def _loop(lowering, node: Node, operands: list, results: list) -> list:
    carries, scanned, count = node.attr("carries"), node.attr("scanned"), node.attr("count")
    body_graph: Graph = node.attr("body")
    states, stacks = results[:carries], results[carries:]
    start = _copies(lowering, operands[:carries], states)
    counter = lowering.storage(INDEX, "counter")
    number, body = counter, []
    if dict(node.attrs).get("backwards"):
        number = lowering.storage(INDEX, "number")
        body.append(_mirrored(lowering, counter, number, count))
    wholes = operands[carries : carries + scanned]
    slices = [lowering.row(w, number, x.type) for w, x in zip(wholes, body_graph.inputs[1 + carries :])]
    steps, values = _repeated(lowering, body_graph, [number, *states, *slices, *operands[carries + scanned :]],
                               operands[carries + scanned :])  # fmt: skip
    rows = [lowering.row(whole, number, v.type) for v, whole in zip(values[carries:], stacks)]
    stacked = [(v.root(), Step("copy", (v, number), (row,))) for v, row in zip(values[carries:], rows)]
    old = {s.root() for s in states}
    body += [step for root, step in stacked if root in old]  # at once, so that the old states may be written over
    body += steps
    body += [step for root, step in stacked if root not in old]
    body = _renew(lowering, body, values[:carries], states)
    before, body = _hoist(body, [*states, counter])
    body = _written_in_rows(lowering, body, [step for _, step in stacked], {s.root() for s in (*states, *stacks, number)})
    repeat = Step(
        "repeat",
        reads=tuple(operands),
        writes=(*results, counter),
        parts=(tuple(body), ()),
        extra={"count": count, "counter": counter},
    )
    return [*start, *before, repeat]


def _written_in_rows(lowering, steps: list, copies: list, taken: set) -> list:
    """The steps without those copies to rows of results that are needless, as the value is computed where it goes.

    Args:
        taken: memory that is used otherwise.
    """
    ids = set(map(id, copies))
    made = {s.root() for step in steps if id(step) not in ids for inner in with_inner(step) for s in inner.writes}
    left = []
    for step in steps:
        if id(step) in ids:
            value, row = step.reads[0].root(), step.writes[0]
            free = value.place is None and value not in taken and value in made
            if free and value.bytes == row.bytes and value.type.size == step.reads[0].type.size:
                value.become_row(*row.row)
                lowering.notes.memory[value.name, row.row[0].name] = reasons.AS_ROW
                continue
        left.append(step)
    return left


def _mirrored(lowering, counter, number, count):
    """Set ``number`` to the row that is as far from the last as ``counter`` is from the first."""
    arrays = (Array("x0", INDEX), Array("out0", INDEX, written=True))
    body = (Store("out0", (), count - 1 - load("x0", (), dt.i64)),)
    return lowering.launch(("mirrored", count), lambda: Kernel("mirrored", arrays, symbols_of(body, arrays), body),
                           {"x0": counter}, {"out0": number})  # fmt: skip


def is_hosted(node: Node) -> bool:
    """True for control flow that Python drives: something inside it runs on the host."""
    if any(x.dtype is dt.string for x in node.inputs):
        return True
    return any(_has_host_steps(value) for _, value in node.attrs if isinstance(value, Graph))


@functools.lru_cache(256)
def _has_host_steps(graph: Graph) -> bool:  # the depth is that of control flow
    for node in graph.nodes:
        if node.op in CONTROL:
            if is_hosted(node):
                return True
        elif node.op == "const":
            if node.dtype is dt.string:
                return True
        elif role(node) == "single" and node.op != "item" and not (is_native(node) and TABLE[node.op].nest in NESTS):
            return True
    return False


CONTROL = {"call": _call, "cond": _cond, "while": _while, "loop": _loop}
