"""Control flow: cond, while, loop and call as program steps over nested graphs, without leaving native code."""

from __future__ import annotations

import functools

from graphc.ir import dtype as dt
from graphc.ir.dtype import real_of
from graphc.ir.graph import Graph
from graphc.ir.kernel import Array, For, Kernel, Store, load
from graphc.ir.node import INDEX, Node
from graphc.ir.type import Type
from graphc.lower.buffers import share
from graphc.lower.fuse import is_native, role
from graphc.lower.map_nest import index_vars
from graphc.lower.nests import NESTS
from graphc.lower.step import Step, with_inner
from graphc.lower.schedule import symbols_of, vectorise
from graphc.prims.table import TABLE


def _nested(lowering, graph: Graph, operands: list):
    """Steps of a nested graph over the given storages, and the storages of its results."""
    return lowering.lower_graph(graph, dict(zip(graph.inputs, operands)))


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
        if roots.count(value.root()) == 1 and _may_replace(steps, value.root(), state.root(), roots):
            share(value, state)
    return steps + _copies(lowering, values, states)


def _may_replace(steps: list, value, state, roots: list) -> bool:
    """True if ``value`` is made in these steps, and no step after the first one that writes it reads the old ``state``."""
    writes = [{s.root() for inner in with_inner(step) for s in inner.writes} for step in steps]
    first = next((k for k, written in enumerate(writes) if value in written), None)
    if first is None or value.place is not None or state in roots or value.bytes != state.bytes:
        return False
    reads = [{s.root() for inner in with_inner(step) for s in inner.reads} for step in steps[first:]]
    in_place = any((old.root(), new.root()) == (state, value) for old, new in steps[first].reusable)
    return state not in set().union(*reads[1:]) and (state not in reads[0] or in_place)


def _hoist(steps: list, changing: list) -> tuple[list, list]:
    """The launches whose operands and results no other step writes, to run once before the loop; and the other steps."""
    writers: dict = {s.root(): 2 for s in changing}  # written by others as well
    for step in steps:
        for root in {s.root() for inner in with_inner(step) for s in inner.writes}:
            writers[root] = writers.get(root, 0) + 1
    before, inside = [], []
    for step in steps:
        written = {s.root() for s in step.writes}
        free = step.kind == "launch" and all(s.root() not in writers for s in step.reads)
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
    body = _renew(lowering, *_nested(lowering, node.attr("body"), results), results)
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
    row, body = counter, []
    if dict(node.attrs).get("backwards"):
        row = lowering.storage(INDEX, "row")
        body.append(_mirrored(lowering, counter, row, count))
    slices = []
    for whole, x in zip(operands[carries : carries + scanned], body_graph.inputs[1 + carries :]):
        slices.append(lowering.storage(x.type, "slice"))
        body.append(_slice(lowering, whole, slices[-1], row, x.type, count))
    steps, values = _nested(lowering, body_graph, [row, *states, *slices, *operands[carries + scanned :]])
    stacked = [(v.root(), _stack(lowering, v, whole, row, count)) for v, whole in zip(values[carries:], stacks)]
    old = {s.root() for s in states}
    body += [step for root, step in stacked if root in old]  # at once, so that the old states may be written over
    body += steps
    body += [step for root, step in stacked if root not in old]
    body = _renew(lowering, body, values[:carries], states)
    before, body = _hoist(body, [*states, counter])
    repeat = Step(
        "repeat",
        reads=tuple(operands),
        writes=(*results, counter),
        parts=(tuple(body), ()),
        extra={"count": count, "counter": counter},
    )
    return [*start, *before, repeat]


def _mirrored(lowering, counter, row, count):
    """Set ``row`` to the row that is as far from the last as ``counter`` is from the first."""
    arrays = (Array("x0", INDEX), Array("out0", INDEX, written=True))
    body = (Store("out0", (), count - 1 - load("x0", (), dt.i64)),)
    return lowering.launch(("mirrored", count), lambda: Kernel("mirrored", arrays, symbols_of(body, arrays), body),
                           {"x0": counter}, {"out0": row})  # fmt: skip


def _slice(lowering, whole, part, counter, type: Type, count):
    """Copy row ``counter`` of ``whole`` to ``part``."""
    return _row_copy(lowering, "slice", {"x0": whole, "x1": counter}, {"out0": part}, type, count, reading=True)


def _stack(lowering, part, whole, counter, count):
    """Copy ``part`` to row ``counter`` of ``whole``."""
    return _row_copy(lowering, "stack", {"x0": part, "x1": counter}, {"out0": whole}, part.type, count, reading=False)


def _in_parts(lowering, storage):
    """Memory of complex values as that of pairs of real ones; other memory as it is."""
    kind = storage.type
    return lowering.view(storage, Type(real_of(kind.dtype), (*kind.shape, 2))) if kind.dtype.is_complex else storage


def _row_copy(lowering, name: str, inputs: dict, outputs: dict, type: Type, count, reading: bool):
    if type.dtype.is_complex:  # no register holds one: copied as two parts
        type = Type(real_of(type.dtype), (*type.shape, 2))
        inputs, outputs = ({k: _in_parts(lowering, s) for k, s in places.items()} for places in (inputs, outputs))

    def make() -> Kernel:
        index = index_vars(type.shape)
        row = (load("x1", (), dt.i64), *index)
        value = load("x0", row if reading else index, type.dtype)
        body: tuple = (Store("out0", index if reading else row, value),)
        for k, (v, d) in reversed(list(enumerate(zip(index, type.shape)))):
            loop = For(v, d, body)
            body = (vectorise(loop) if k == len(index) - 1 else loop,)
        stacked = Type(type.dtype, (count, *type.shape))
        source, target = (stacked, type) if reading else (type, stacked)
        arrays = (Array("x0", source), Array("x1", INDEX), Array("out0", target, written=True))
        return Kernel(name, arrays, symbols_of(body, arrays), body)

    return lowering.launch((name, type, count), make, inputs, outputs)


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
