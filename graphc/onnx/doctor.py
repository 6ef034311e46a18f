"""What there is to know of a model before anything else: what it holds, what cannot be compiled, what runs on the host."""

from __future__ import annotations

import math
from collections.abc import Iterator

from graphc.compile import lower_graph, optimise
from graphc.errors import GraphcError, UsageError
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.ir.program import Branch, Host, Repeat
from graphc.onnx.model import Model, load
from graphc.onnx.report import kinds_of
from graphc.prims.table import TABLE

OK, NOTE, BAD = "ok", "note", "bad"


def examine(path: str) -> Iterator[tuple[str, str]]:
    """Findings about a model, the worst news first among those that matter: pairs of a level and a sentence.

    Args:
        path: of an ``.onnx`` file.

    Yields:
        ``("ok" | "note" | "bad", text)``; a bad one says that the model does not run, with every operator that is
        missing, how many nodes use it, and which.
    """
    try:
        model = load(path)
    except GraphcError as error:
        yield BAD, str(error)
        return
    yield OK, _content(model)
    for title, items in (("input", model.inputs), ("output", model.outputs)):
        for item in items:
            yield OK, f"{title} {item}"
    try:
        problems = model.problems()
    except UsageError as error:
        yield NOTE, f"its operators cannot be looked at without values: {error}"
        return
    except GraphcError as error:
        yield BAD, str(error)
        return
    for text in kinds_of(problems):
        yield BAD, text
    if not problems:
        yield from _compiled(model)


def _content(model: Model) -> str:
    proto = model.file.model
    opsets = ", ".join(f"{o.domain or 'ai.onnx'} {o.version}" for o in proto.opset_import)
    maker = f", made by {proto.producer_name} {proto.producer_version}".rstrip() if proto.producer_name else ""
    weights = sum(math.prod(t.dims) for t in proto.graph.initializer)
    return (f"{model.name}: operator sets {opsets}{maker}; {len(proto.graph.node)} nodes of "
            f"{len({n.op_type for n in proto.graph.node})} operators, {weights:,} numbers in initialisers")  # fmt: skip


def _compiled(model: Model) -> Iterator[tuple[str, str]]:
    try:
        graph = model.graph
    except UsageError as error:
        yield NOTE, str(error)
        return
    program = lower_graph(optimise(graph, model.options), model.options)
    hosts = _host_steps(program.steps)
    for (op, where), count in hosts.items():
        yield NOTE, f"{op} runs on the host{f' ({count} times)' if count > 1 else ''}{where}"
    yield OK, f"{'the rest' if hosts else 'everything'} is compiled: {len(program.kernels)} kernels"


def _is_native(node: Node) -> bool:
    """Whether compiled code can compute a Node."""
    types = [t for n in (node, *node.inputs) for t in getattr(n.type, "items", (n.type,))]
    return node.op not in TABLE or (TABLE[node.op].native and all(t.dtype.is_native for t in types))


def _host_steps(steps: tuple) -> dict[tuple[str, str], int]:
    """Operation and line of each host step -> how often it stands in the program; those of control flow on the host too."""
    found: dict[tuple[str, str], int] = {}

    def count(op: str, location) -> None:
        where = f"\n      at {location}: {location.source}" if location is not None else ""
        found[op, where] = found.get((op, where), 0) + 1

    waiting = list(reversed(steps))
    while waiting:
        match waiting.pop():
            case Host(op=op, location=location, attrs=attrs):
                count(op, location)
                for _, value in attrs:
                    if isinstance(value, Graph):
                        for node in toposort(value.outputs):
                            if not _is_native(node):
                                count(node.op, node.location)
            case Branch(then=then, orelse=orelse):
                waiting += [*reversed(orelse), *reversed(then)]
            case Repeat(body=body, test=test):
                waiting += [*reversed(body), *reversed(test)]
    return found
