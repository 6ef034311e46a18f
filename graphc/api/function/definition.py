"""Traces as TensorFlow's FunctionDefs, with the graph itself beside the nodes, and back."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.api.effect import TOKEN
from graphc.api.emit.effects import fresh_key
from graphc.api.emit.emitter import Value
from graphc.api.emit.functions import FunctionMaker, Functions
from graphc.api.emit.tokens import NOTHING
from graphc.api.function.trace import COUNT, KEY, Traced
from graphc.api.node_def.attrs import attr_of
from graphc.errors import DataLossError, GraphcError, explain
from graphc.formats import protos
from graphc.formats.tensors import array_of, shape_proto, tensor_proto
from graphc.ir.dtype import NUMBERS
from graphc.ir.graph import Graph, close
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text

RESOURCE = 20  # TensorFlow's number of the dtype of variables
_TEXT, _DIGESTS, _BLOBS, _WRITTEN, _READ = ("_graphc_graph", "_graphc_digests", "_graphc_blobs", "_graphc_written",
                                            "_graphc_read")  # fmt: skip


def write_traced(library: Functions, name: str, traced: Traced, arguments: Sequence[str]) -> None:
    """Add a trace to FunctionDefs under a name: arguments, what is captured, then variables as resources.

    Args:
        arguments: their names. What TensorFlow has nothing for is noted in ``library.problems``.
    """
    inputs = list(traced.graph.inputs)
    first = traced.arguments + len(traced.captured)
    names = [*arguments, *["captured"] * len(traced.captured)]
    maker = FunctionMaker(library, inputs[:first], names=names)
    starts = dict(zip(traced.variables, inputs[first:]))
    resources, reads = {}, []
    for variable, start in starts.items():
        resources[variable] = own = maker.argument(start.attr("name"), RESOURCE, ())
        described = maker.signature.input_arg[-1].handle_data.add(dtype=NUMBERS[variable.dtype])
        described.shape.CopyFrom(_shape(variable.type.shape))
        if variable in traced.read:
            read = maker.writer.node("ReadVariableOp", [own], "ReadVariableOp", dtype=variable.dtype)
            maker.emitter.learn(start, Value(read, start.shape))
            reads.append(f"^{read}")
    rest = inputs[first + len(starts) :]
    if traced.draws:
        key, count = rest[:2]
        maker.emitter.learn(key, Value(fresh_key(maker.emitter), KEY.shape))
        maker.emitter.learn(count, Value(maker.emitter.const(0, COUNT.dtype), ()))
    if traced.acts:
        maker.emitter.found[rest[-1]] = NOTHING
    outputs = traced.graph.outputs
    count = int(traced.acts) + traced.results
    maker.results(outputs[:count])
    before = [*reads, *([maker.emitter.found[outputs[0]].name] if traced.acts else [])]
    values = outputs[count : count + len(traced.written)]
    maker.emitter.write(values)
    for variable, value in zip(traced.written, values):
        inside = [resources[variable], maker.emitter.full(value), *filter(None, before)]
        kind = "AssignVariableOp"
        maker.must_run(maker.writer.node(kind, inside, kind, dtype=variable.dtype, validate_shape=False))
    definition = maker.finished(name)
    _keep_graph(definition, traced)
    library.definitions[name] = definition


def _shape(sizes) -> object:
    return shape_proto([d if type(d) is int else None for d in sizes])


def _keep_graph(definition, traced: Traced) -> None:
    """Write the graph itself beside the nodes: what is loaded here computes the same bits."""
    blobs: dict = {}
    text = graph_text(close(traced.graph), blobs, locations=False)
    order = {v: k for k, v in enumerate(traced.variables)}
    told = {_TEXT: text, _WRITTEN: [order[v] for v in traced.written], _READ: sorted(order[v] for v in traced.read)}
    if blobs:
        told |= {_DIGESTS: list(blobs), _BLOBS: [tensor_proto(a).SerializeToString() for a in blobs.values()]}
    taken = {n.name for n in definition.node_def} | {a.name for a in definition.signature.input_arg}
    name = next(n for n in (f"graphc_{k}" if k else "graphc" for k in range(len(taken) + 1)) if n not in taken)
    node = definition.node_def.add(name=name, op="NoOp")  # TensorFlow lets nodes have private attributes, not functions
    for key, value in told.items():
        node.attr[key].CopyFrom(attr_of(value))


def _kept_graph(definition):
    """The node that has the graph, or None."""
    return next((n for n in reversed(definition.node_def) if n.op == "NoOp" and _TEXT in n.attr), None)


def has_graph(definition) -> bool:
    """Whether a FunctionDef has the graph beside its nodes."""
    return _kept_graph(definition) is not None


def read_traced(definition, arguments: int, captured: Sequence, variables: Sequence) -> Traced:
    """The trace that a FunctionDef with a graph has.

    Args:
        arguments: how many there are. captured, variables: what it is bound to.

    Raises:
        DataLossError: it makes no sense.
    """
    attrs, name = _kept_graph(definition).attr, definition.signature.name
    try:
        data = attrs[_BLOBS].list.s if _BLOBS in attrs else ()
        arrays = [array_of(protos.TensorProto.FromString(d)) for d in data]
        digests = [d.decode() for d in attrs[_DIGESTS].list.s] if arrays else []
        graph = parse(attrs[_TEXT].s.decode(), dict(zip(digests, arrays)))
        written, read = ([variables[k] for k in attrs[key].list.i] for key in (_WRITTEN, _READ))
    except (GraphcError, ValueError, IndexError, KeyError) as error:
        raise DataLossError(explain(f"function {name!r} of the SavedModel is damaged: {error}")) from error
    first = arguments + len(captured) + len(variables)
    is_whole = isinstance(graph, Graph) and len(graph.inputs) >= first
    rest = [x.type for x in graph.inputs[first:]] if is_whole else None
    if rest not in ([], [TOKEN], [KEY, COUNT], [KEY, COUNT, TOKEN]):
        raise DataLossError(explain(f"function {name!r} of the SavedModel is damaged: its graph has other inputs"))
    draws, acts = KEY in rest, TOKEN in rest
    results = len(graph.outputs) - len(written) - int(draws) - int(acts)
    return Traced(graph, arguments, tuple(captured), tuple(variables), frozenset(read), tuple(written), results, acts,
                  draws)  # fmt: skip
