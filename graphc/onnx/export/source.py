"""What is exported: a function, model or Graph as one Graph, with the values of its parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from graphc.api.function.concrete import ConcreteFunction
from graphc.api.function.function import function
from graphc.api.function.pure import result_names
from graphc.api.spec import TensorSpec
from graphc.api.structure import map_structure
from graphc.api.tensor import Tensor
from graphc.errors import UsageError, explain
from graphc.formats.onnx_elements import ELEMENTS
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.onnx.export.writer import content
from graphc.onnx.model import Model

_SMALL = 8  # elements of a constant that has no name of its own: sizes, axes


@dataclass(frozen=True)
class Source:
    """What is exported.

    Attributes:
        inputs, outputs: pairs of a Node and its name.
        values: inputs of the graph that are parameters, each with its name and value.
        effects: what is done besides computing.
        state: names of an input and of the output that is its next value.
        drawn: inputs that make random numbers, others of which may be drawn in their place.
        labels: names of constants, by their ``content``.
    """

    name: str
    inputs: tuple[tuple[Node, str], ...]
    outputs: tuple[tuple[Node, str], ...]
    values: dict[Node, tuple[str, np.ndarray]] = field(default_factory=dict)
    effects: tuple[Node, ...] = ()
    state: tuple[tuple[str, str], ...] = ()
    drawn: frozenset = frozenset()
    labels: dict[tuple, str] = field(default_factory=dict)


def source_of(subject, inputs=None) -> Source:
    """A Graph, a function, or an object that has a Graph.

    Args:
        inputs: what a function is traced for: TensorSpecs or arrays, by position or by name.

    Raises:
        UsageError: it is something else, or the function needs ``inputs``.
    """
    if isinstance(subject, ConcreteFunction):
        return _of_concrete(subject)
    if isinstance(subject, Model) and subject.is_changed:
        return _of_trained(subject)
    graph = _graph_of(subject)
    if graph is not None:
        if inputs is not None:
            raise UsageError(explain("onnx.export: inputs are for functions; a graph has its own"))
        return replace(_of_graph(graph), labels=_labels(subject) if isinstance(subject, Model) else {})
    found = _function_of(subject)
    if found is None:
        what = f"onnx.export: {type(subject).__name__} is neither a function nor a model; give a function, "
        raise UsageError(explain(what + "a ConcreteFunction, a Graph, or an object with one as its attribute graph"))
    args, kwargs = _arguments(inputs)
    if inputs is None and found.input_signature is None and _needs_arguments(found):
        what = f"onnx.export: {found.name} has no input_signature: say by inputs= what it takes, TensorSpecs or arrays"
        raise UsageError(explain(what))
    concrete = found.get_concrete_function(*args, **kwargs)
    if not isinstance(concrete, ConcreteFunction):
        raise UsageError(explain(f"onnx.export: {found.name} takes a tensor of unknown rank; give its rank by inputs="))
    return _of_concrete(concrete)


def _graph_of(subject) -> Graph | None:
    """The Graph that something is or offers as ``graph``, perhaps with the Graph as ``ir`` of that."""
    if isinstance(subject, Graph):
        return subject
    if (
        isinstance(subject, type)
        or not hasattr(type(subject), "graph")
        and "graph" not in getattr(subject, "__dict__", {})
    ):
        return None
    offered = subject.graph
    offered = getattr(offered, "ir", offered)
    return offered if isinstance(offered, Graph) else None


def _function_of(subject):
    """The function that something is, or that calling it means."""
    if hasattr(subject, "get_concrete_function"):
        return subject
    if not callable(subject):
        return None
    call = getattr(subject, "__call__", None)  # noqa: B004  the bound method, which may be a function of ours
    if hasattr(call, "get_concrete_function"):
        return call
    return function(subject)


def _needs_arguments(found) -> bool:
    kinds = [p for p in found.python_signature.parameters.values() if p.default is p.empty]
    return any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in kinds)


def _arguments(inputs) -> tuple[tuple, dict]:
    if inputs is None:
        return (), {}
    if isinstance(inputs, Mapping):
        return (), {name: map_structure(_described, value) for name, value in inputs.items()}
    if not isinstance(inputs, (list, tuple)):
        inputs = (inputs,)
    return tuple([map_structure(_described, value) for value in inputs]), {}


def _described(value):
    """The description of an array; everything else as it is."""
    if isinstance(value, (np.ndarray, np.generic, Tensor)):
        return TensorSpec(tuple(value.shape), value.dtype)
    return value


def _of_graph(graph: Graph) -> Source:
    inputs = tuple([(x, x.attr("name")) for x in graph.inputs])
    state = tuple([(inputs[b][1], graph.names[a]) for a, b in graph.donated])
    return Source(graph.name, inputs, tuple(zip(graph.outputs, graph.names)), state=state)


def _of_concrete(concrete: ConcreteFunction) -> Source:
    traced = concrete.traced
    graph, first = traced.graph, traced.arguments + len(traced.captured)
    own = graph.inputs[traced.arguments : first]
    values = {x: (x.attr("name"), _array(tensor)) for x, tensor in zip(own, traced.captured)}
    written = set(traced.written)
    inputs = [(x, x.attr("name")) for x in graph.inputs[: traced.arguments]]
    changing: dict = {}
    for x, variable in zip(graph.inputs[first:], traced.variables):
        name = x.attr("name")
        if variable in written:
            changing[variable] = name
            if variable in traced.read:
                inputs.append((x, name))
        else:
            values[x] = (name, np.asarray(variable.numpy()))
    at = int(traced.acts)
    names = result_names(concrete)
    outputs = list(zip(graph.outputs[at : at + traced.results], names))
    state = []
    for variable, node in zip(traced.written, graph.outputs[at + traced.results :]):
        state.append((changing[variable], f"{changing[variable]}:next"))
        outputs.append((node, state[-1][1]))
    last = first + len(traced.variables)
    drawn = frozenset(graph.inputs[last : last + 2]) if traced.draws else frozenset()
    return Source(concrete.name, tuple(inputs), tuple(outputs), values, tuple(graph.outputs[:at]), tuple(state), drawn)


def _labels(model: Model) -> dict[tuple, str]:
    """The names of a model's initialisers, by what they hold."""
    found: dict[tuple, str] = {}
    for tensor in model.file.model.graph.initializer:
        if tensor.data_type in ELEMENTS and ELEMENTS[tensor.data_type].bits >= 8 and math.prod(tensor.dims) > _SMALL:
            found.setdefault(content(np.asarray(model.file.array(tensor))), tensor.name)
    return found


def _of_trained(model: Model) -> Source:
    """A model whose weights are not those of its file any more: as a function of tensors that uses its variables."""
    specs = [TensorSpec([d if type(d) is int else None for d in i.shape], i.dtype, i.name) for i in model.inputs]

    def run(*tensors):
        return model(*tensors)

    source = _of_concrete(function(run).get_concrete_function(*specs))
    inputs = tuple([(x, i.name) for (x, _), i in zip(source.inputs, model.inputs)])
    outputs = tuple([(y, o.name) for (y, _), o in zip(source.outputs, model.outputs)])
    return replace(source, name=model.name, inputs=inputs, outputs=outputs)


def _array(tensor) -> np.ndarray:
    if not hasattr(tensor, "numpy"):
        raise UsageError(explain("onnx.export: the function uses a tensor of a function around it, which has no value"))
    return np.asarray(tensor.numpy())
