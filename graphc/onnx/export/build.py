"""A source as a ModelProto: its graph is written, pruned and declared."""

from __future__ import annotations

import json
from collections.abc import Sequence

from graphc.errors import UnimplementedError, explain
from graphc.formats import onnx_protos as protos
from graphc.formats.onnx_write import tensor_proto
from graphc.ir.node import Node
from graphc.onnx.export.declare import declare
from graphc.onnx.export.emitter import Emitter, Problem, Settings, Value
from graphc.onnx.export.plan import plan
from graphc.onnx.export.prune import prune, rename
from graphc.onnx.export.source import Source
from graphc.onnx.export.writer import Writer
from graphc.options import VERSION

OPSETS = range(13, 27)
_IR_VERSIONS = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12, 25: 13, 26: 13}
_KEY = "?key"  # stands for the key and the counter of random numbers, which no node may use
_DOMAINS = {"ai.onnx.ml": 3}  # the version of operators of other domains
_SHOWN = 3  # lines of the user's that are told of each operation


def model_of(source: Source, settings: Settings):
    """The ModelProto.

    Raises:
        UnimplementedError: something of it has no meaning in ONNX; the message lists all of it.
    """
    writer = Writer(source.name, labels=source.labels)
    e = Emitter(writer, settings, plan)
    taken = _give_inputs(e, source)
    wanted = [writer.fresh(name) for _, name in source.outputs]
    nodes = [node for node, _ in source.outputs]
    e.write([*nodes, *source.effects])
    for node in dict.fromkeys([*[x for x, _ in source.inputs], *source.values, *nodes]):
        if node.dtype.is_complex:
            e.problems.setdefault(Problem(f"{node.op} of complex numbers", node.location), 1)
    if e.problems:
        raise UnimplementedError(_told(source.name, settings.opset, e.problems))
    _finish(e, nodes, wanted)
    for (node, _), name in zip(source.outputs, wanted):
        declare(writer.graph.output.add(), name, node.type)
    used = prune(writer.graph)
    if _KEY in used:
        raise UnimplementedError(
            explain(f"onnx.export: {source.name} uses the key of its random numbers, which ONNX has not")
        )
    used = _with_plain_names(writer, used)
    for node, name in taken:
        declare(writer.graph.input.add(), name, node.type)
    for name, array in writer.arrays.items():
        if name in used:
            writer.graph.initializer.append(tensor_proto(array, name))
    return _model(writer, source, settings.opset)


def _give_inputs(e: Emitter, source: Source) -> list[tuple[Node, str]]:
    """Let inputs and parameters stand for their Nodes; the inputs with their names."""
    taken = []
    for node, name in source.inputs:
        name = e.writer.fresh(name)
        taken.append((node, name))
        e.give(node, Value(name, node.shape))
    for node, (name, array) in source.values.items():
        e.found[node] = Value(e.writer.parameter(name, array), array.shape)
    for node in source.drawn:
        e.found[node] = Value(_KEY, node.shape)
    return taken


def _finish(e: Emitter, nodes: Sequence[Node], wanted: Sequence[str]) -> None:
    """Call the outputs as is wanted; what is no result of a node of its own becomes one."""
    made = {name for node in e.writer.graph.node for name in node.output}
    names: dict[str, str] = {}
    for node, name in zip(nodes, wanted):
        before = len(e.writer.graph.node)
        with e.writer.at(node.location):
            found = e.full(node)
        made.update(name for node in e.writer.graph.node[before:] for name in node.output)
        if found in made and found not in names:
            names[found] = name
        else:
            e.writer.graph.node.add(op_type="Identity", name=name, input=[found], output=[name])
    rename(e.writer.graph, names)


def _with_plain_names(writer: Writer, used: set[str]) -> set[str]:
    """The names that are used, after parameters that are needed in another layout only got their own names."""
    made: dict[str, list[str]] = {}
    for name, like in writer.derived.items():
        if name in used:
            made.setdefault(like, []).append(name)
    names = {found[0]: like for like, found in made.items() if len(found) == 1 and like not in used}
    rename(writer.graph, names)
    for name, like in names.items():
        writer.arrays[like] = writer.arrays.pop(name)
    return {names.get(name, name) for name in used}


def _model(writer: Writer, source: Source, opset: int):
    model = protos.ModelProto(ir_version=_IR_VERSIONS[opset], producer_name="graphc", producer_version=VERSION)
    model.graph.CopyFrom(writer.graph)
    model.opset_import.add(domain="", version=opset)
    for domain in sorted(writer.domains):
        model.opset_import.add(domain=domain, version=_DOMAINS[domain])
    if source.state:
        model.metadata_props.add(key="graphc.state", value=json.dumps(dict(source.state)))
    return model


def _told(name: str, opset: int, problems: dict[Problem, int]) -> str:
    """All that has no meaning in ONNX, with counts and lines."""
    kinds: dict[str, list] = {}
    for problem, count in problems.items():
        kinds.setdefault(problem.what, []).append((problem.location, count))
    total = sum(problems.values())
    many = "operations have" if total > 1 else "operation has"
    what = f"onnx.export: {name}: {total} {many} no meaning in ONNX (opset {opset}); "
    lines = []
    for kind, places in sorted(kinds.items(), key=lambda item: (-sum(c for _, c in item[1]), item[0])):
        where = [str(p) for p, _ in places if p is not None]
        more = f" and {len(where) - _SHOWN} more" if len(where) > _SHOWN else ""
        lines.append(
            (f"{sum(c for _, c in places)} x", kind + (f"   {', '.join(where[:_SHOWN])}{more}" if where else ""))
        )
    return explain(what + "nothing was written", lines)
