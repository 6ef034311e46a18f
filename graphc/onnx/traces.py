"""Traces of a model for kinds of calls: which inputs' values or sizes are a part of them is found out while tracing."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Values
from dataclasses import dataclass

from graphc.errors import UnimplementedError, UsageError
from graphc.formats.onnx_file import OnnxFile
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.onnx.draws import KEY, key_node
from graphc.onnx.feeds import Feed
from graphc.onnx.limits import check_graph
from graphc.onnx.report import Problem, report
from graphc.onnx.results import Results, flattened
from graphc.onnx.signature import Declared, Signature, symbols_of
from graphc.onnx.stand_ins import any_value, declared_shape, node_names, stand_in
from graphc.onnx.static import NeedsValue
from graphc.onnx.trace import Tracer
from graphc.onnx.values import UNKNOWN

_CONSTANT = 1 << 16  # elements of an input whose value may be a part of the program


@dataclass(frozen=True)
class Traced:
    """A trace for one kind of call: its Graph, which feeds are its inputs, and what its outputs mean."""

    graph: Graph
    fed: tuple[str, ...]
    results: tuple[Results, ...]


class Traces:
    """Traces one model, for as many kinds of calls as there are.

    Args:
        file: an OnnxFile. name: of the model, for messages.

    Attributes:
        by_value: names of inputs whose values are constants of every trace, as what is computed depends on them.
        by_shape: names of inputs whose sizes are.
    """

    def __init__(self, file: OnnxFile, name: str, signature: Signature):
        self.file, self.name, self.signature = file, name, signature
        self.by_value: set[str] = set()
        self.by_shape: set[str] = set()

    def key(self, feeds: dict[str, Feed], exact: bool = False) -> tuple:
        """What calls have in common that one trace serves.

        Args:
            exact: for these very sizes.
        """
        return tuple([(name, feed.key(name in self.by_value, exact or name in self.by_shape)) for name, feed in feeds.items()])

    def has_open_sizes(self, feeds: dict[str, Feed]) -> bool:
        """Whether knowing the sizes of this call could help: some are open, and all others are those declared."""
        found = False
        for item in self.signature.by_name.values():
            if item.name in feeds and feeds[item.name].kind == "tensor":
                pairs = list(zip(declared_shape(item, feeds[item.name]), feeds[item.name].arrays[0].shape))
                if any(isinstance(d, int) and d != n for d, n in pairs):
                    return False
                found |= any(not isinstance(d, int) for d, _ in pairs) and item.name not in self.by_shape
        return found

    # ---------------------------------------------------------------------------------------------- tracing

    def trace(self, feeds: dict[str, Feed], stand_ins: frozenset[str] = frozenset(),
              parameters: dict[str, Node] | None = None, exact: bool = False) -> Traced:  # fmt: skip
        """The trace that serves a call.

        Args:
            stand_ins: names of the feeds whose values and sizes are not known.
            parameters: Nodes that stand for initialisers, by name; they are the last inputs of the Graph.
            exact: for the very sizes of the feeds.

        Raises:
            UsageError: it depends on the value or the sizes of a stand-in.
            NeedsValue: the value of one of the parameters must be known.
            UnimplementedError: parts of the model are not supported; the message lists all of them.
        """
        while True:
            self._expect_values(stand_ins)
            try:
                traced, problems = self._attempt(feeds, parameters or {}, exact)
                break
            except NeedsValue as need:
                if parameters and {n.attr("name") for n in parameters.values()} & set(need.names):
                    raise
                self._fix(need, feeds)
        if problems:
            raise UnimplementedError(report(self.name, problems))
        return traced

    def _expect_values(self, stand_ins: frozenset[str]) -> None:
        """Refuse a trace without the values that it depends on."""
        missing = sorted(stand_ins & (self.by_value | self.by_shape))
        if missing:
            what = f"what it computes depends on the value or the sizes of input {', '.join(missing)}: give it"
            what += f" (Model.trace({{{missing[0]!r}: array}}), or --input {missing[0]}=FILE.npy)"
            raise UsageError(f"{self.name}: {what}")

    def _fix(self, need: NeedsValue, feeds: dict[str, Feed]) -> None:
        """Make the values, or the sizes, of some inputs constants of the trace.

        Raises:
            UnimplementedError: what is needed is no input, or a large one.
        """
        if need.sizes:
            items = self.signature.by_name
            sized = {name for name, feed in feeds.items() if feed.kind == "tensor"
                     and set(symbols_of(items[name], declared_shape(items[name], feed)).values()) & set(need.sizes)}  # fmt: skip
            if sized <= self.by_shape:
                raise UnimplementedError(f"{self.name}: {need.why} must be known before running")
            self.by_shape |= sized
            return
        names = {name for name, feed in feeds.items() if need.names and set(need.names) & set(node_names(name, feed))}
        if not names or names <= self.by_value or sum(a.size for n in names for a in feeds[n].arrays) > _CONSTANT:
            raise UnimplementedError(f"{self.name}: {need.why} must be known before running")
        self.by_value |= names

    def _attempt(self, feeds: dict[str, Feed], parameters: dict[str, Node], exact: bool) -> tuple[Traced, list[Problem]]:
        tracer = Tracer(self.file, self.name, parameters)
        items = self.signature.by_name
        nodes, fed, given = [], [], {}
        for name, feed in feeds.items():
            given[name], made = stand_in(items[name], feed, name in self.by_value, exact or name in self.by_shape)
            nodes += made
            fed += [name] * bool(made)
        values = tracer.run(given)
        if tracer.problems:
            return Traced(Graph("main", (), ()), (), ()), tracer.problems
        if tracer.draws:
            nodes.append(key_node)
            fed.append(KEY)
        nodes += parameters.values()
        parts = [flattened(v) for v in values]
        outputs = tuple(n for _, found in parts for n in found)
        names = tuple(_output_names(self.signature.outputs, [len(found) for _, found in parts]))
        graph = Graph("main", tuple(nodes), outputs, names)
        check_graph(graph)
        return Traced(graph, tuple(fed), tuple(r for r, _ in parts)), []

    def problems(self) -> list[Problem]:
        """Everything in the model that is not supported; empty if there is nothing.

        Raises:
            GraphcError: the model is wrong; the message names the node.
        """
        tracer = Tracer(self.file, self.name, lenient=True)
        given = {}
        for item in self.signature.inputs:
            known = item.kind == "tensor" and item.shape is not None and item.element is not None
            given[item.name] = stand_in(item, any_value(self.name, item), False)[0] if known else UNKNOWN
        tracer.run(given)
        return tracer.problems


def _output_names(outputs: Values[Declared], counts: Values[int]) -> Iterator[str]:
    for item, count in zip(outputs, counts):
        yield from [item.name] if count == 1 else [f"{item.name}.{k}" for k in range(count)]
