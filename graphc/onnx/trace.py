"""An ONNX graph becomes Nodes: names in scopes, functions inlined, every node handed to its handler."""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Sequence as Values
from dataclasses import dataclass, field

import numpy as np

from graphc.errors import FormatError, GraphcError, Location, ResourceExhaustedError, UnimplementedError, located
from graphc.ir.node import Node, const
from graphc.lib.dims import DataDependent, measuring
from graphc.onnx.call import Call
from graphc.onnx.limits import at_node, check_values, misfit
from graphc.onnx.registry import HANDLERS, handler_of
from graphc.onnx.report import Problem
from graphc.onnx.static import NeedsValue, static_value
from graphc.onnx.values import UNKNOWN, Narrow, constant

_STANDARD = ("", "ai.onnx")
_NO_NAME = re.compile(r"[^\w./:-]")
_DEEPEST = 64  # of graphs in graphs and functions in functions
_MOST_INSIDE = 20_000  # nodes traced in graphs inside of nodes, each time that they are
_FOLDED = 1 << 12  # elements of a result that is computed while tracing where it follows from constants


class Lines:
    """The nodes of a model as lines of text, for messages: ``y = Conv(x, w)  [conv1]``; made when they are read."""

    def __init__(self):
        self.nodes: list = []

    def number(self, node) -> int:
        """The line of one more node, counted from 1."""
        self.nodes.append(node)
        return len(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, k):
        return [line_of(n) for n in self.nodes[k]] if isinstance(k, slice) else line_of(self.nodes[k])


def line_of(node) -> str:
    """A node as one line of text."""
    named = f"  [{node.name}]" if node.name else ""
    text = f"{', '.join(node.output)} = {node.op_type}({', '.join(node.input)}){named}"
    return text if len(text) < 200 else text[:190] + " ..."


class Tracer:
    """Traces one model for one kind of call.

    Args:
        file: an OnnxFile. name: of the model, for messages.
        parameters: Nodes to use for initialisers, by name.
        lenient: go on where the value of an input would be needed, to see what else there is.

    Attributes:
        problems: what could not be traced.
        draws: how many nodes have drawn numbers by the key of the run.
    """

    def __init__(self, file, name: str, parameters: dict[str, Node] | None = None, lenient: bool = False):
        self.file, self.name, self.lenient = file, name, lenient
        self.parameters = parameters or {}
        self.problems: list[Problem] = []
        self.draws = self.inside = 0
        self.functions = {(f.domain if f.domain not in _STANDARD else "", f.name, f.overload): f for f in file.model.functions}
        self.lines = Lines()
        self.path = name if os.path.exists(name) else f"onnx:{(file.digest() or name)[:8]}"
        linecache.cache[self.path] = (0, None, self.lines, self.path)

    def run(self, given: dict[str, object]) -> list:
        """The values of the graph's outputs for values of its inputs.

        Raises:
            NeedsValue: the value of an input must be a constant.
            FormatError, ShapeError, DtypeError: the model is wrong; the message names the node.
        """
        imports = {("" if o.domain in _STANDARD else o.domain): o.version for o in self.file.model.opset_import}
        frame = Frame(self, imports, {}, 0)
        with measuring():
            return frame.run(self.file.model.graph, given)

    def enter(self, graph) -> None:
        """Count the nodes of a graph inside of a node, each time that it is traced.

        Raises:
            ResourceExhaustedError: steps of loops that are traced one by one have become too many.
        """
        self.inside += len(graph.node)
        if self.inside > _MOST_INSIDE:
            what = f"{self.name}: loops that are traced step by step have more than {_MOST_INSIDE:,} nodes"
            raise ResourceExhaustedError(what)

    def function(self, domain: str, name: str, overload: str):
        """The FunctionProto of the model with this name, None if there is none."""
        return self.functions.get((domain, name, overload))

    def report(self, call: Call, why: str) -> None:
        """Enter a node that cannot be traced."""
        where = call.name or next((o for o in call.outputs if o), "")
        self.problems.append(Problem(f"{call.domain}::{call.op}" if call.domain else call.op, why, where))


@dataclass(eq=False)
class Frame:
    """What the nodes of a graph or function see: opset versions, the function's attributes, names of values."""

    tracer: Tracer
    imports: dict[str, int]
    attributes: dict
    depth: int
    names: dict[str, object] = field(default_factory=dict)
    outer: Frame | None = None
    is_repeated: bool = False  # the nodes are traced once for all steps of a loop
    nodes: Values = ()  # its NodeProtos

    def lookup(self, name: str):
        """The value of a name here or further out.

        Raises:
            FormatError: there is none.
        """
        frame = self
        while frame is not None:
            if name in frame.names:
                found = frame.names[name]
                if isinstance(found, _Initialiser):
                    found = frame.names[name] = found.value()
                return found
            frame = frame.outer
        raise FormatError(f"there is no value {name!r} before this node")

    def subgraph(self, graph) -> Subgraph:
        """A graph inside a node of this one."""
        if self.depth >= _DEEPEST:
            raise FormatError(f"graphs are nested more than {_DEEPEST} deep")
        return Subgraph(graph, self)

    def inside(self, names: dict[str, object]) -> Frame:
        """A frame in this one, in which some names stand for other values."""
        if self.depth >= _DEEPEST:
            raise FormatError(f"gradients are nested more than {_DEEPEST} deep")
        return Frame(self.tracer, self.imports, self.attributes, self.depth + 1, dict(names), self, self.is_repeated)

    def run(self, graph, given: dict[str, object]) -> list:
        """Trace the nodes of a GraphProto; the values of its outputs."""
        for tensor in graph.initializer:
            self.names[tensor.name] = _Initialiser(self.tracer, tensor, self.depth == 0)
        for tensor in graph.sparse_initializer:
            self.names[tensor.values.name] = _Initialiser(self.tracer, tensor, False)
        self.names.update(given)
        self.run_nodes(graph.node)
        return [self.lookup(o.name) for o in graph.output]

    def run_nodes(self, nodes) -> None:
        """Trace nodes in order."""
        self.nodes = nodes
        for node in nodes:
            with located(Location(self.tracer.path, self.tracer.lines.number(node), _scope(node.name))):
                values = self._traced(node)
            for name, value in zip(node.output, values):
                if name:
                    self.names[name] = value

    def _traced(self, node) -> Values:
        domain = "" if node.domain in _STANDARD else node.domain
        if node.op_type == "Constant" and self.depth == 0 and node.output and node.output[0] in self.tracer.parameters:
            return [self.tracer.parameters[node.output[0]]]
        attributes = self._resolved(node)
        inputs = tuple([self.lookup(name) if name else None for name in node.input])
        unknown = [UNKNOWN] * len(node.output)
        call = Call(node.op_type, domain, node.name, self.imports.get(domain, 1), inputs, tuple(node.output), attributes, self)
        body = self.tracer.function(domain, node.op_type, node.overload)
        handler = None if body is not None else handler_of(domain, node.op_type, call.version)
        if body is None and handler is None:
            known = (domain, node.op_type) in HANDLERS
            self.tracer.report(call, f"not in version {call.version}" if known else "not implemented")
            return unknown
        if any(x is UNKNOWN for x in inputs):
            return unknown
        try:
            found = self._inlined(body, call) if body is not None else handler(call)
            found = found if isinstance(found, (list, tuple)) else (found,)
            check_values(node.op_type, found)
        except (UnimplementedError, DataDependent) as error:
            self.tracer.report(call, str(error).split("\n")[0])
            return unknown
        except NeedsValue:
            if self.tracer.lenient:
                return unknown
            raise
        except GraphcError as error:
            raise at_node(error)
        except RecursionError:
            raise at_node(FormatError(f"{node.op_type}: nested too deeply")) from None
        except MemoryError:
            what = f"{node.op_type}: its result needs more memory than there is"
            raise at_node(ResourceExhaustedError(what)) from None
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError) as error:
            raise at_node(misfit(call, error)) from error
        return [_folded(v) for v in found]

    def _resolved(self, node) -> dict:
        """The attributes of a node, those of the function around it in the places that refer to them."""
        found = {}
        for a in node.attribute:
            if not a.ref_attr_name:
                found[a.name] = a
            elif a.ref_attr_name in self.attributes:
                found[a.name] = self.attributes[a.ref_attr_name]
        return found

    def _inlined(self, function, call: Call) -> list:
        if self.depth >= _DEEPEST:
            raise FormatError(f"functions are nested more than {_DEEPEST} deep; does {function.name} call itself?")
        if len(call.inputs) > len(function.input):
            raise FormatError(f"{function.name} takes {len(function.input)} inputs, {len(call.inputs)} are given")
        imports = {("" if o.domain in _STANDARD else o.domain): o.version for o in function.opset_import}
        attributes = {a.name: a for a in function.attribute_proto} | call.attributes
        inner = Frame(self.tracer, {**self.imports, **imports}, attributes, self.depth + 1, is_repeated=self.is_repeated)
        inner.names.update(zip(function.input, call.inputs))
        inner.names.update((name, None) for name in function.input[len(call.inputs) :])
        inner.run_nodes(function.node)
        return [inner.lookup(name) for name in function.output]


@dataclass(frozen=True, eq=False)
class Subgraph:
    """A graph in an attribute, which sees the names of the graph around it."""

    graph: object
    frame: Frame

    @property
    def inputs(self) -> list[str]:
        """The names of its inputs."""
        return [v.name for v in self.graph.input]

    @property
    def outputs(self) -> list:
        """Its ValueInfoProtos."""
        return list(self.graph.output)

    @property
    def captured(self) -> list[str]:
        """Names that it uses of the graphs around it, in order of first use."""
        found: dict[str, None] = {}
        graphs = [(self.graph, ())]
        while graphs:
            graph, outer = graphs.pop()
            own = {v.name for v in graph.input} | {t.name for t in graph.initializer}
            own |= {t.values.name for t in graph.sparse_initializer}
            own.update(name for node in graph.node for name in node.output)
            scopes = (own, *outer)
            used = [name for node in graph.node for name in node.input if name] + [o.name for o in graph.output]
            found.update((name, None) for name in used if not any(name in scope for scope in scopes))
            graphs += [(a.g, scopes) for node in graph.node for a in node.attribute if a.type == 5]
        return list(found)

    def __call__(self, *given, outer: dict | None = None, is_repeated: bool = False) -> list:
        """The values of its outputs.

        Args:
            given: values of its inputs. outer: of names around it, instead of those that they stand for there.
            is_repeated: the trace serves every step of a loop.
        """
        if len(given) != len(self.graph.input):
            raise FormatError(f"the graph {self.graph.name!r} takes {len(self.graph.input)} inputs, not {len(given)}")
        frame = self.frame
        frame.tracer.enter(self.graph)
        around = Frame(frame.tracer, frame.imports, frame.attributes, frame.depth, outer, frame) if outer else frame
        again = is_repeated or frame.is_repeated
        inner = Frame(frame.tracer, frame.imports, frame.attributes, frame.depth + 1, {}, around, again)
        return inner.run(self.graph, dict(zip(self.inputs, given)))


class _Initialiser:
    """A tensor of the file that becomes a constant when something uses it."""

    def __init__(self, tracer: Tracer, tensor, is_outermost: bool):
        self.tracer, self.tensor, self.is_outermost = tracer, tensor, is_outermost

    def value(self):
        """The constant, or the Node that stands for it."""
        if self.is_outermost and self.tensor.name in self.tracer.parameters:
            return self.tracer.parameters[self.tensor.name]
        return constant(self.tracer.file.array(self.tensor))


def _scope(name: str) -> str:
    """Whose part a node is, by a name such as ``/layer1/conv1/Conv``: exporters put the names of modules in front."""
    return _NO_NAME.sub("_", name.strip("/").rpartition("/")[0])


def _folded(value):
    """A small result that follows from constants, as a constant: shapes are computed from such."""
    if isinstance(value, Narrow):
        node = _folded(value.node)
        return value if node is value.node else Narrow(node, value.element)
    if not isinstance(value, Node) or value.op in ("const", "input") or not value.type.is_static:
        return value
    if value.type.size > _FOLDED or not all(_is_constant(x) for x in value.inputs):
        return value
    try:
        found = static_value(value, None)
    except GraphcError:
        return value  # it will fail while running, as the model says
    return value if found is None else const(np.ascontiguousarray(found).reshape(found.shape))


def _is_constant(x: Node) -> bool:
    return x.op == "const" or (x.inputs and all(y.op == "const" for y in x.inputs))
