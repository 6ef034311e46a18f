"""What a trace computes as TensorFlow's operations: looked at by name, and as a GraphDef."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from graphc.api.emit.functions import Functions
from graphc.api.emit.output_names import in_graph, output_count
from graphc.api.function.definition import write_traced
from graphc.api.function.trace import Traced
from graphc.api.node_def.attrs import value_of
from graphc.api.spec import TensorSpec
from graphc.errors import UsageError, explain
from graphc.formats import protos
from graphc.formats.tensors import dtype_of
from graphc.ir.dtype import DType
from graphc.ir.graph import Graph


def definitions_of(ending: str, name: str, traced: Traced, arguments: Sequence[TensorSpec]) -> tuple:
    """The FunctionDef of a trace, and those that it calls.

    Raises:
        UsageError: TensorFlow has nothing for parts of it; the message lists them.
    """
    library, full = Functions(f"_{ending}"), f"__inference_{ending}"
    write_traced(library, full, traced, [s.name for s in arguments])
    library.expect_forms(f"function {name!r}")
    return library.definitions.pop(full), list(library.definitions.values())


class GraphLookupError(UsageError, KeyError, ValueError):
    """A graph has nothing of that name."""

    __str__ = Exception.__str__


class OutputView:
    """An output of an operation.

    Attributes:
        op: the operation. index: which of its outputs; name: of both.
    """

    def __init__(self, op: OperationView, index: int):
        self.op, self.index, self.name = op, index, f"{op.name}:{index}"

    @property
    def dtype(self) -> DType | None:
        """Of its elements, where the node tells."""
        return self.op.dtypes[self.index] if self.index < len(self.op.dtypes) else None

    def consumers(self) -> list[OperationView]:
        """The operations that take it."""
        return [op for op in self.op.graph.get_operations() if any(t.name == self.name for t in op.inputs)]

    def __eq__(self, other):
        return isinstance(other, OutputView) and other.op is self.op and other.index == self.index

    def __hash__(self):
        return hash((id(self.op), self.index))

    def __repr__(self):
        return f"<tensor {self.name!r} of {self.op.type}>"


class OperationView:
    """A node of a GraphDef.

    Attributes:
        graph: what it is in. node_def: the NodeDef. name, type: of it. device: always empty.
    """

    def __init__(self, graph: GraphView, node_def):
        self.graph, self.node_def = graph, node_def
        self.name, self.type, self.device = node_def.name, node_def.op, ""

    @property
    def inputs(self) -> tuple[OutputView, ...]:
        """What it takes."""
        return tuple([self.graph.get_tensor_by_name(n) for n in self.node_def.input if not n.startswith("^")])

    @property
    def control_inputs(self) -> list[OperationView]:
        """What is done before it."""
        return [self.graph.get_operation_by_name(n[1:]) for n in self.node_def.input if n.startswith("^")]

    @functools.cached_property
    def dtypes(self) -> list[DType]:
        """Of its outputs, as far as the node tells."""
        attrs = self.node_def.attr
        for key in ("Tout", "DstT", "out_type", "output_type", "dtype", "T"):
            if key in attrs:
                kinds = attrs[key].list.type or [attrs[key].type]
                return [None if k in (0, 20) else dtype_of(k) for k in kinds]
        return []

    @property
    def outputs(self) -> list[OutputView]:
        """What it makes."""
        return [OutputView(self, k) for k in range(output_count(self.node_def))]

    def get_attr(self, name: str):
        """The value of an attribute.

        Raises:
            GraphLookupError: it has none of that name.
        """
        if name not in self.node_def.attr:
            raise GraphLookupError(explain(f"operation {self.name!r} ({self.type}) has no attribute {name!r}"))
        return value_of(self.node_def.attr[name])

    def __repr__(self):
        return f"<operation {self.name!r} of type {self.type}>"


class GraphView:
    """A pure Graph, whose attributes it has, and what it is for TensorFlow.

    Args:
        ir: the Graph. define: answers with its FunctionDef and those that it calls.

    Attributes:
        ir: the Graph; ``str`` is its text.
    """

    def __init__(self, ir: Graph, define: Callable):
        self.ir, self._define = ir, define

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.ir, name)

    @functools.cached_property
    def _graph_def(self):
        definition, called = self._define()
        made = protos.GraphDef()
        made.versions.producer = 1087
        kinds = {n.name: n.op for n in definition.node_def}
        for k, argument in enumerate(definition.signature.input_arg):
            node = made.node.add(name=argument.name, op="Placeholder")
            node.attr["dtype"].type = argument.type
            described = definition.arg_attr[k].attr
            if "_output_shapes" in described:
                node.attr["shape"].shape.CopyFrom(described["_output_shapes"].list.shape[0])
        for node in definition.node_def:
            copy = made.node.add()
            copy.CopyFrom(node)
            copy.input[:] = [in_graph(name, kinds) for name in node.input]
            for private in [key for key in copy.attr if key.startswith("_graphc_")]:
                del copy.attr[private]
        made.library.function.extend(called)
        return made

    def as_graph_def(self, from_version=None, add_shapes: bool = False):
        """The nodes as a GraphDef; both arguments are for compatibility."""
        made = protos.GraphDef()
        made.CopyFrom(self._graph_def)
        return made

    @functools.cached_property
    def _operations(self) -> dict[str, OperationView]:
        return {n.name: OperationView(self, n) for n in self._graph_def.node}

    def get_operations(self) -> list[OperationView]:
        """All operations, each after those that it takes from."""
        return list(self._operations.values())

    def get_operation_by_name(self, name: str) -> OperationView:
        """The operation of a name.

        Raises:
            GraphLookupError: there is none.
        """
        if name not in self._operations:
            raise GraphLookupError(explain(f"the graph of {self.ir.name!r} has no operation {name!r}"))
        return self._operations[name]

    def get_tensor_by_name(self, name: str) -> OutputView:
        """The output of an operation, named such as ``x:0``.

        Raises:
            GraphLookupError: there is none.
        """
        op, _, index = name.partition(":")
        outputs = self.get_operation_by_name(op).outputs
        if not (index or "0").isdigit() or int(index or 0) >= len(outputs):
            raise GraphLookupError(explain(f"operation {op!r} has {len(outputs)} outputs, there is no {name!r}"))
        return outputs[int(index or 0)]

    def __str__(self) -> str:
        return str(self.ir)

    def _repr_html_(self) -> str:
        return self.ir._repr_html_()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return self.ir._repr_mimebundle_()
