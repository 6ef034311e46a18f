"""Control flow: cond, while, loop and call as program steps over nested graphs, without leaving native code."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.ir.kernel import Array, For, Kernel, Store, load
from graphc.ir.node import INDEX, Node
from graphc.ir.type import Type
from graphc.lower.map_nest import index_vars
from graphc.lower.step import Step
from graphc.lower.schedule import symbols_of, vectorise


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


def _while(lowering, node: Node, operands: list, results: list) -> list:
    start = _copies(lowering, operands, results)
    test, (condition,) = _nested(lowering, node.attr("test"), results)
    held = lowering.storage(Type(dt.b1, ()), "condition")
    test = tuple(test + _copies(lowering, [condition], [held]))
    body, values = _nested(lowering, node.attr("body"), results)
    body = tuple(body + _copies(lowering, values, results))
    repeat = Step(
        "repeat", reads=(held,), writes=tuple(results), parts=(body, test), extra={"condition": held}
    )
    return [*start, repeat]


def _loop(lowering, node: Node, operands: list, results: list) -> list:
    carries, scanned, count = node.attr("carries"), node.attr("scanned"), node.attr("count")
    body_graph: Graph = node.attr("body")
    start = _copies(lowering, operands[:carries], results[:carries])
    counter = lowering.storage(INDEX, "counter")
    body: list = []
    slices = []
    for whole, x in zip(operands[carries : carries + scanned], body_graph.inputs[1 + carries :]):
        slices.append(lowering.storage(x.type, "slice"))
        body.append(_slice(lowering, whole, slices[-1], counter, x.type, count))
    inner, values = _nested(lowering, body_graph, [counter, *results[:carries], *slices, *operands[carries + scanned :]])
    body += inner
    for value, whole in zip(values[carries:], results[carries:]):
        body.append(_stack(lowering, value, whole, counter, count))
    body += _copies(lowering, values[:carries], results[:carries])
    repeat = Step(
        "repeat",
        reads=tuple(operands),
        writes=(*results, counter),
        parts=(tuple(body), ()),
        extra={"count": count, "counter": counter},
    )
    return [*start, repeat]


def _slice(lowering, whole, part, counter, type: Type, count):
    """Copy row ``counter`` of ``whole`` to ``part``."""
    return _row_copy(lowering, "slice", {"x0": whole, "x1": counter}, {"out0": part}, type, count, reading=True)


def _stack(lowering, part, whole, counter, count):
    """Copy ``part`` to row ``counter`` of ``whole``."""
    return _row_copy(lowering, "stack", {"x0": part, "x1": counter}, {"out0": whole}, part.type, count, reading=False)


def _row_copy(lowering, name: str, inputs: dict, outputs: dict, type: Type, count, reading: bool):
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


CONTROL = {"call": _call, "cond": _cond, "while": _while, "loop": _loop}
